"""The verbs: the command's help, the README's table and the public functions agree."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipelines.cli.group import longshore
from pipelines.cli.verbs import VERBS, Verb
from tasks.sources.interface import SourceKind

README = Path(__file__).parents[2] / "README.md"
IDS = [verb.name for verb in VERBS]


def command_of(verb: Verb) -> click.Command:
    found: click.Command = longshore
    for word in verb.name.split():
        assert isinstance(found, click.Group)
        following = found.get_command(click.Context(found), word)
        assert following is not None
        found = following
    return found


def leaves(group: click.Group, prefix: str = "") -> list[str]:
    context = click.Context(group)
    names = []
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        names += leaves(command, f"{prefix}{word} ") if isinstance(command, click.Group) else [f"{prefix}{word}"]
    return names


def test_the_command_has_the_tables_verbs_and_no_others() -> None:
    assert sorted(leaves(longshore)) == sorted(IDS)


def test_help_lists_each_first_word_with_its_purpose() -> None:
    shown = CliRunner().invoke(longshore, ["--help"], terminal_width=200).output
    for verb in VERBS:
        assert re.search(rf"^  {verb.name.split()[0]}\s", shown, re.MULTILINE)
        assert " " in verb.name or verb.purpose in " ".join(shown.split())


@pytest.mark.parametrize("verb", VERBS, ids=IDS)
def test_a_verb_has_help_and_the_common_options(verb: Verb) -> None:
    command = command_of(verb)
    assert command.help
    flags = {flag for parameter in command.params for flag in parameter.opts}
    assert {"--json", "-q", "-v"} <= flags


@pytest.mark.parametrize("verb", VERBS, ids=IDS)
def test_a_verb_has_a_public_documented_function(verb: Verb) -> None:
    module, _, name = verb.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    assert not name.startswith("_")
    assert inspect.getdoc(function)
    assert "return" in inspect.get_annotations(function)


def test_the_readme_lists_the_verbs_and_no_others() -> None:
    listed = re.findall(r"^\| *`(?:longshore )?([a-z]+(?: [a-z]+)*)[^`]*`.*\|", README.read_text("utf-8"), re.MULTILINE)
    assert set(IDS) <= set(listed)
    assert not {name for name in listed if name.split()[0] in {i.split()[0] for i in IDS}} - set(IDS)


def test_the_help_of_scan_keeps_one_source_a_line() -> None:
    shown = CliRunner().invoke(longshore, ["scan", "--help"], terminal_width=80).output
    assert re.search(r"^ +rootfs:DIR +a directory tree: packages, privileged files$", shown, re.MULTILINE)
    assert "\\b" not in shown


def test_the_readme_and_the_help_of_scan_name_every_local_source() -> None:
    shown = CliRunner().invoke(longshore, ["scan", "--help"], terminal_width=100).output
    listed = README.read_text("utf-8")
    for kind in SourceKind:
        if kind is not SourceKind.REGISTRY:
            assert re.search(rf"^ +{kind}:[A-Z]+", shown, re.MULTILINE)
            assert re.search(rf"^\| `{kind}:[A-Z]+", listed, re.MULTILINE)


def test_no_purpose_is_cut_short() -> None:
    for words in (["--help"], ["advisories", "--help"]):
        assert "..." not in CliRunner().invoke(longshore, words, terminal_width=80).output.partition("\n\n")[2]
