"""The verbs, in the order a person meets them, and the group that finds them.

A verb's module is imported when the verb is used: `longshore show` does not wait for Ray, and `--help` for nothing at all.
A test holds this table, the modules and the README together.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the command.

    Args:
        name: as typed; two words for a noun with verbs of its own.
        usage: what follows the name.
        purpose: one line.
        module: the module of the command, which it holds as `command`.
        function: the public function behind it, `module:name`.
    """

    name: str
    usage: str
    purpose: str
    module: str
    function: str


VERBS = (
    Verb(
        "scan",
        "SOURCE…",
        "Analyse what is new in registries, layouts, archives, directories or SBOMs.",
        "pipelines.cli.scan",
        "pipelines.scan:scan",
    ),
    Verb(
        "rescan",
        "[SOURCE…]",
        "Apply changed advisories, and on request changed analysers, to what is known.",
        "pipelines.cli.rescan",
        "pipelines.rescan:rescan",
    ),
    Verb(
        "show",
        "IMAGE",
        "Show one image: packages, findings, secrets, configuration, layers.",
        "pipelines.cli.show",
        "pipelines.show:show",
    ),
    Verb(
        "sbom",
        "IMAGE",
        "Write one image's bill of materials as CycloneDX or SPDX.",
        "pipelines.cli.sbom",
        "pipelines.sbom:sbom",
    ),
    Verb("images", "", "List the fleet's images.", "pipelines.cli.images", "pipelines.fleet:images"),
    Verb("status", "", "Show the whole fleet in numbers.", "pipelines.cli.status", "pipelines.fleet:status"),
    Verb("runs", "", "List what was run, newest first.", "pipelines.cli.runs", "pipelines.fleet:runs"),
    Verb(
        "advisories import",
        "PATH",
        "Take in OSV advisories from a zip or a directory.",
        "pipelines.cli.advisories",
        "pipelines.advisories:import_advisories",
    ),
    Verb(
        "advisories list",
        "",
        "List the advisories at hand and what they are complete for.",
        "pipelines.cli.advisories",
        "pipelines.advisories:advisories",
    ),
    Verb(
        "cache status",
        "",
        "Show what this machine's cache of layers holds.",
        "pipelines.cli.cache",
        "pipelines.layer_cache:cache_status",
    ),
    Verb(
        "cache clear",
        "",
        "Remove what this machine's cache of layers holds.",
        "pipelines.cli.cache",
        "pipelines.layer_cache:clear_cache",
    ),
    Verb(
        "settings",
        "",
        "Show every setting as it holds.",
        "pipelines.cli.settings",
        "pipelines.settings:settings_report",
    ),
    Verb(
        "demo",
        "",
        "Scan this machine and a small made fleet, to see it work.",
        "pipelines.cli.demo",
        "pipelines.demo:demo",
    ),
)
"""Every verb there is."""

_NOUNS = {
    "advisories": "What is known of vulnerabilities: import, list.",
    "cache": "This machine's cache of layers: status, clear.",
}


class VerbGroup(click.Group):
    """The top of the command: knows its verbs from the table and loads one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The first words of the verbs, in the table's order."""
        return list(dict.fromkeys(verb.name.partition(" ")[0] for verb in VERBS))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of a verb, None where there is no such verb."""
        for verb in VERBS:
            if verb.name.partition(" ")[0] == cmd_name:
                command: click.Command = importlib.import_module(verb.module).command
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of verbs, without loading any."""
        rows = {verb.name.partition(" ")[0]: verb.purpose for verb in VERBS} | _NOUNS
        with formatter.section("Commands"):
            formatter.write_dl([(word, rows[word]) for word in self.list_commands(ctx)])
