from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.erlang import Erlang
from tests.tasks.analyzers.hostile import survive, survive_truncation

PATH = "opt/app/lib/cowboy-2.9.0/ebin/cowboy.app"
RESOURCE = rb"""%% -*- coding: utf-8 -*-
{application, 'cowboy', [
    {description, "Small, \"fast\", {vsn, \"0\"} HTTP server."}, % {vsn, "1"}
    {vsn, "2.9.0"},
    {modules, ['cowboy','cowboy_app']},
    {env, [{vsn, "3"}, {k, <<"b">>}, {c, $"}, {h, 16#ff}, {f, -1.0e5}, {m, #{a => 1}}]},
    {licenses, ["Apache-2.0", "ISC"]},
    {mod, {cowboy_app, []}}
]}.
"""


def test_an_application_has_name_version_and_licences() -> None:
    (package,) = Erlang().analyse(PATH, RESOURCE).packages
    assert render_purl(package) == "pkg:hex/cowboy@2.9.0"
    assert package.licences == ("Apache-2.0", "ISC")


@pytest.mark.parametrize("name", ["kernel", "elixir"])
def test_erlangs_and_elixirs_own_are_otp(name: str) -> None:
    (package,) = Erlang().analyse(PATH, f'{{application,{name},[{{vsn,"8.5.3"}}]}}.'.encode()).packages
    assert render_purl(package) == f"pkg:otp/{name}@8.5.3"


def test_a_description_in_latin_1_is_read() -> None:
    (package,) = Erlang().analyse(PATH, RESOURCE.replace(b"Small", b"\xe9")).packages
    assert package.name == "cowboy"


@pytest.mark.parametrize("version", [b"", b"{vsn, git}", b'{vsn, {cmd, "git describe"}}', b'{vsn, ""}'])
def test_an_application_without_a_version_is_remarked(version: bytes) -> None:
    findings = Erlang().analyse(PATH, b"{application, x, [" + version + b"]}.")
    assert (findings.packages, len(findings.remarks)) == ([], 1)


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"x",
        b"{application, x}.",
        b"[application, x, []]",
        b"{application, '', []}.",
        b"\0",
        b'{application, x, ["',
    ],
)
def test_what_is_no_resource_is_a_failure(text: bytes) -> None:
    with pytest.raises(ParseError):
        Erlang().analyse(PATH, text)


def test_nesting_without_end_is_a_failure() -> None:
    with pytest.raises(ParseError):
        Erlang().analyse(PATH, b"{application, x, [" + b"[" * 100_000)


def test_an_emptied_file_has_no_application() -> None:
    assert Erlang().analyse(PATH, b"\n").packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(Erlang(), PATH, RESOURCE)


@given(st.binary(max_size=100) | st.text(alphabet="{}[]\"'\\%\n,.$<>#=ab1", max_size=100).map(str.encode))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Erlang(), PATH, data)
    survive(Erlang(), PATH, b'{application, x, [{vsn, "1"}, ' + data)


@pytest.mark.parametrize("part", [b'"', b"'", b"%", b"% \n", b"{a,", b'"\\', b"<<", b"1#"])
def test_hostile_texts_take_linear_time(part: bytes) -> None:
    survive(Erlang(), PATH, part * 50_000)
