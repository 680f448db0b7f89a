"""Installed gems: the specification that RubyGems writes for each below `specifications`, default gems included.

The file is Ruby, but RubyGems writes it by rote: a stub comment with name, version and platform first, then one assignment a
line. Only these lines are read, nothing is evaluated. What neither says is taken from the file's name, which is
`name-version[-platform].gemspec`.
Format: RubyGems' `Gem::Specification#to_ruby` and `Gem::StubSpecification`; versions as `Gem::Version`.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.documents import qualifiers
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_STUB = re.compile(rb"^# stub: (\S+) (\S+) (\S+)", re.MULTILINE)
_STUB_REACH = 1_024
"""Bytes from the beginning within which the stub stands: RubyGems looks at the second line alone."""
_ASSIGNMENT = re.compile(
    rb"^[ \t]*[a-z_]\w*\.(name|version|platform|licenses?)[ \t]*=[ \t]*([^\r\n]{1,2000})", re.MULTILINE
)
_LITERAL = re.compile(
    rb""""((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)'"""
    rb"""|%[qQ]?(?:\{([^{}]*)\}|<([^<>]*)>|\(([^()]*)\)|\[([^\[\]]*)\])"""
)
_ESCAPE = re.compile(rb"\\(.)")
_INTERPOLATION = b"#{"
_CONSTANT = re.compile(rb"Gem::Platform::RUBY\b")
_FILE_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d[0-9A-Za-z.]*)(?:-(?P<platform>.+))?\.gemspec")
_VERSION = re.compile(r"\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_ANY_PLATFORM = "ruby"


class Ruby(Analyser):
    """Gems as RubyGems installs them; every version and platform of a name is kept."""

    name = "ruby"
    version = 1
    wanted = Wanted(suffixes=(".gemspec",))

    def confirm(self, path: str) -> bool:
        """A file in a `specifications` folder or in its folder of default gems; those inside gems are sources, not installed."""
        folder = path.rpartition("/")[0].removesuffix("/default")
        return folder == "specifications" or folder.endswith("/specifications")

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read the stub and the assignments.

        Raises:
            ParseError: no specification, or one that says neither name nor version.
        """
        if not data.strip():
            return Findings()
        stub = _STUB.search(data, 0, _STUB_REACH)
        if stub is None and b"Gem::Specification" not in data:
            raise ParseError("no gem specification")
        fields = _assigned(data)
        named = _FILE_NAME.fullmatch(path.rpartition("/")[2])
        if stub is not None:
            name, version, platform = (word.decode("utf-8", "replace") for word in stub.groups())
        else:
            name = _first(fields, b"name") or (named["name"] if named else "")
            version = _first(fields, b"version") or (named["version"] if named else "")
            platform = _first(fields, b"platform") or (named["platform"] or "" if named else "")
        if not name or not _VERSION.fullmatch(version):
            raise ParseError("a gem specification without a name or version")
        package = PackageFacts(
            type="gem",
            name=name,
            version=version,
            qualifiers=qualifiers(platform="" if platform == _ANY_PLATFORM else platform),
            licences=tuple(fields.get(b"licenses", ()) or fields.get(b"license", ())),
        )
        return Findings(packages=[package])


def _assigned(data: Data) -> dict[bytes, list[str]]:
    """The literals that each of the known attributes is given; the first assignment counts."""
    fields: dict[bytes, list[str]] = {}
    for found in _ASSIGNMENT.finditer(data):
        key, value = found.groups()
        if key not in fields:
            fields[key] = [] if _CONSTANT.match(value) else _literals(value)
    return fields


def _literals(value: bytes) -> list[str]:
    found = (next((group for group in match.groups() if group), b"") for match in _LITERAL.finditer(value))
    plain = (_ESCAPE.sub(rb"\1", literal) for literal in found if literal and _INTERPOLATION not in literal)
    return [literal.decode("utf-8", "replace") for literal in plain]


def _first(fields: dict[bytes, list[str]], key: bytes) -> str:
    return next(iter(fields.get(key, ())), "")
