"""Rocks that LuaRocks installed: the rockspec in `<rocks>/<name>/<version>/`, which LuaRocks keeps for each.

A rockspec is Lua. It is read token by token without evaluation, and it must say what its place says: rockspecs elsewhere are
sources. The checksum list `rock_manifest` beside it names no package, so it is not needed.
Format: LuaRocks' documentation "Rockspec format" and "File locations"; the Lua manual's lexical conventions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_TOKEN = re.compile(
    r"""
    (?P<long> (?:--)? \[ (?P<level> =*+ ) \[ ) | (?P<skip> \s++ | --[^\n]*+ )
    | "(?P<double> [^"\\\n]*+ (?: \\(?:z\s*+|.) [^"\\\n]*+ )*+ )"
    | '(?P<single> [^'\\\n]*+ (?: \\(?:z\s*+|.) [^'\\\n]*+ )*+ )'
    | (?P<name> [A-Za-z_]\w*+ ) | (?P<open> [{(] ) | (?P<close> [)}] ) | (?P<assign> = ) | (?P<other> [^"'] )
    """,
    re.VERBOSE | re.DOTALL,
)
_MOST_TOKENS = 500_000
"""Of one rockspec; real ones have some hundred."""
_KEPT = frozenset({"package", "version", "description.license"})
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Lua(Analyser):
    """Rocks of every rocks tree."""

    name = "lua"
    version = 1
    wanted = Wanted(suffixes=(".rockspec",))

    def confirm(self, path: str) -> bool:
        """`<name>/<version>/<name>-<version>.rockspec`, as LuaRocks keeps it."""
        parts = path.split("/")
        return len(parts) > 2 and parts[-1] == f"{parts[-3]}-{parts[-2]}.rockspec"

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the assignments.

        Raises:
            ParseError: no package or version in them, or no Lua.
        """
        if not data.strip():
            return Findings()
        fields = _assigned(data.decode("utf-8", "replace"))
        name, version, licence = (fields.get(key, "") for key in ("package", "version", "description.license"))
        if not name or not version:
            raise ParseError("a rockspec without a package or version")
        package = PackageFacts("luarocks", name.lower(), version, licences=(licence,) if licence else ())
        return Findings(packages=[package])


def _assigned(content: str) -> dict[str, str]:
    """Texts by the name they are assigned to, `table.name` within a table; the last assignment counts, as in Lua."""
    fields: dict[str, str] = {}
    tables: list[str] = []
    name, assigning = "", False
    for kind, value in _tokens(content):
        if kind == "string" and assigning and len(tables) <= 1:
            key = ".".join((*tables, name))
            if key in _KEPT:
                fields[key] = value.strip()
        elif kind == "open":
            tables.append(name if assigning else "")
        elif kind == "close" and tables:
            tables.pop()
        elif kind == "name":
            name = value
        assigning = kind == "assign"
    return fields


def _tokens(content: str) -> Iterator[tuple[str, str]]:
    """Tokens as kind and text, without comments and blanks.

    Raises:
        ParseError: a text that is never closed, or too many tokens.
    """
    position = count = 0
    while position < len(content):
        match = _TOKEN.match(content, position)
        count += 1
        if match is None or count > _MOST_TOKENS:
            raise ParseError("no Lua, or too much of it")
        kind, position = match.lastgroup or "", match.end()
        if kind == "long":
            closing = f"]{match['level']}]"
            end = content.find(closing, position)
            if end < 0:
                raise ParseError("a rockspec that ends within a long bracket")
            if not match["long"].startswith("--"):
                yield "string", content[position:end]
            position = end + len(closing)
        elif kind in ("double", "single"):
            yield "string", _ESCAPE.sub(r"\1", match[kind])
        elif kind != "skip":
            yield kind, match[kind]
