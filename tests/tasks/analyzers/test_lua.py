from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.lua import Lua
from tests.tasks.analyzers.hostile import survive, survive_truncation

PATH = "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec"
ROCKSPEC = b"""#!shebang = "no"
-- package = "not this"
--[==[ package = "nor this" ]] ]==]
package = "LPeg"
version = '1.0.2-1'
source = { url = "http://x", package = "no", version = "no" }
description = {
   summary = [[ license = "no" ]],
   license = "MIT/X11 \\"x\\"",
   deeper = { license = "no" },
}
build = f("version", { modules = { ["version"] = "x" } })
"""


def test_a_rock_has_name_version_and_licence() -> None:
    (package,) = Lua().analyse(PATH, ROCKSPEC).packages
    assert render_purl(package) == "pkg:luarocks/lpeg@1.0.2-1"
    assert package.licences == ('MIT/X11 "x"',)


@pytest.mark.parametrize(
    "text", [b'package = "x"', b"package = x version = y", b'package = "x" version = [[1', b"x --[[ y"]
)
def test_what_names_no_rock_is_a_failure(text: bytes) -> None:
    with pytest.raises(ParseError):
        Lua().analyse(PATH, text)


def test_an_emptied_file_has_no_rock() -> None:
    assert Lua().analyse(PATH, b"").packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(Lua(), PATH, ROCKSPEC)


@given(st.text(alphabet="package=version\"'[]-{}\\\n x1", max_size=100) | st.text())
def test_any_text_is_survived(text: str) -> None:
    survive(Lua(), PATH, text.encode())
    survive(Lua(), PATH, b'package = "x"\nversion = ' + text.encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Lua(), PATH, data)


@pytest.mark.parametrize("part", [b"--[[", b"[=[", b'"', b"--[==[ ]==]", b"{", b"a = "])
def test_hostile_texts_take_linear_time(part: bytes) -> None:
    survive(Lua(), PATH, part * 50_000)
