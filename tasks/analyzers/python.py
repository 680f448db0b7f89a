"""Installed Python distributions: wheels (`*.dist-info/METADATA`), setuptools' and distutils' egg-info in both forms, eggs.

Format: PyPA core metadata, RFC 822 headers up to the first empty line; names are compared as PEP 503 says.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_FIELDS = re.compile(rb"^(Name|Version|License|License-Expression)[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_HEADERS_END = re.compile(rb"\n\r?\n")
_SEPARATORS = re.compile(r"[-_.]+")
_LONGEST_LICENCE = 200
"""Characters; what is longer is a licence's text in the wrong field, not its name."""


class Python(Analyser):
    """Python distributions as pip and its forebears leave them on disk."""

    name = "python"
    version = 1
    wanted = Wanted(names=("METADATA", "PKG-INFO"), suffixes=(".egg-info",))

    def confirm(self, path: str) -> bool:
        """METADATA of a dist-info folder, PKG-INFO of an egg-info folder or egg, or an egg-info file."""
        folder, _, base = path.rpartition("/")
        if base == "METADATA":
            return folder.endswith(".dist-info")
        if base == "PKG-INFO":
            return folder.endswith((".egg-info", "/EGG-INFO")) or folder == "EGG-INFO"
        return base.endswith(".egg-info")

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the headers.

        Raises:
            ParseError: no name or no version in them.
        """
        end = _HEADERS_END.search(data)
        fields: dict[bytes, str] = {}
        for found in _FIELDS.finditer(data, 0, end.start() + 1 if end else len(data)):
            key = found[1].lower()
            if key not in fields:
                fields[key] = found[2].strip(b" \t\r").decode("utf-8", "replace")
        name, version = fields.get(b"name", ""), fields.get(b"version", "")
        if not name or not version:
            if not data.strip():
                return Findings()
            raise ParseError("Python metadata without a name or version")
        package = PackageFacts(type="pypi", name=normalised_name(name), version=version, licences=_licences(fields))
        return Findings(packages=[package])


def normalised_name(name: str) -> str:
    """The name as PEP 503 compares it: lower case, runs of `-`, `_` and `.` are one `-`."""
    return _SEPARATORS.sub("-", name).lower()


def _licences(fields: dict[bytes, str]) -> tuple[str, ...]:
    declared = fields.get(b"license-expression") or fields.get(b"license", "")
    if not declared or declared.upper() == "UNKNOWN" or len(declared) > _LONGEST_LICENCE:
        return ()
    return (declared,)
