"""Installed Python distributions: wheels (`*.dist-info/METADATA`), setuptools' and distutils' egg-info in both forms, and eggs,
unpacked or zipped.

What lies beside the metadata (INSTALLER, RECORD, direct_url.json) says how a distribution came and which files are its own, but
nothing of which it is; it is left to the steps that look at files. A licence is the expression, else the short text, else the
classifiers.
Format: PyPA core metadata, RFC 822 headers up to the first empty line; names are compared as PEP 503 says.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted
from tasks.analyzers.zip import ZipDirectory
from tasks.analyzers.zip.location import is_archive

_FIELDS = re.compile(
    rb"^(Name|Version|License|License-Expression|Classifier)[ \t]*:(.*)$", re.MULTILINE | re.IGNORECASE
)
_HEADERS_END = re.compile(rb"\n\r?\n")
_EGG_METADATA = b"EGG-INFO/PKG-INFO"
_EGG_METADATA_BYTES = 8 << 20
_LICENCE_CLASSIFIER = b"License :: "
_MOST_CLASSIFIERS = 64
_SEPARATORS = re.compile(r"[-_.]+")
_LONGEST_LICENCE = 200
"""Characters; what is longer is a licence's text in the wrong field, not its name."""


class Python(Analyser):
    """Python distributions as pip and its forebears leave them on disk."""

    name = "python"
    version = 2
    wanted = Wanted(names=("METADATA", "PKG-INFO"), suffixes=(".egg-info", ".egg"))

    def confirm(self, path: str) -> bool:
        """METADATA of a dist-info folder, PKG-INFO of an egg-info folder or egg, an egg-info file, or a zipped egg."""
        folder, _, base = path.rpartition("/")
        if base == "METADATA":
            # pip renames what it is about to remove to `~…`, and leaves it so where it is interrupted.
            return folder.endswith(".dist-info") and not folder.rpartition("/")[2].startswith("~")
        if base == "PKG-INFO":
            return folder.endswith((".egg-info", "/EGG-INFO")) or folder == "EGG-INFO"
        return base.endswith((".egg-info", ".egg"))

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read the headers.

        Raises:
            ParseError: no name or no version in them, or a broken archive.
        """
        if path.endswith(".egg"):
            data = _zipped_metadata(data)
        end = _HEADERS_END.search(data)
        fields: dict[bytes, str] = {}
        classified: dict[str, None] = {}
        for found in _FIELDS.finditer(data, 0, end.start() + 1 if end else len(data)):
            key, value = found[1].lower(), found[2].strip(b" \t\r")
            if key == b"classifier":
                if value.startswith(_LICENCE_CLASSIFIER) and len(classified) < _MOST_CLASSIFIERS:
                    classified[value.rpartition(b"::")[2].strip().decode("utf-8", "replace")] = None
            elif key not in fields:
                fields[key] = value.decode("utf-8", "replace")
        name, version = fields.get(b"name", ""), fields.get(b"version", "")
        if not name or not version:
            if not data.strip():
                return Findings()
            raise ParseError("Python metadata without a name or version")
        package = PackageFacts(
            type="pypi", name=normalised_name(name), version=version, licences=_licences(fields) or tuple(classified)
        )
        return Findings(packages=[package])


def normalised_name(name: str) -> str:
    """The name as PEP 503 compares it: lower case, runs of `-`, `_` and `.` are one `-`."""
    return _SEPARATORS.sub("-", name).lower()


def _zipped_metadata(data: Data) -> bytes:
    """An egg's metadata; nothing where it is no archive (other things are called `.egg` too) or has none."""
    if not is_archive(data):
        return b""
    archive = ZipDirectory(data)
    for entry in archive.ending(_EGG_METADATA.lower()):
        if entry.name == _EGG_METADATA:
            return archive.read(entry, _EGG_METADATA_BYTES)
    return b""


def _licences(fields: dict[bytes, str]) -> tuple[str, ...]:
    declared = fields.get(b"license-expression") or fields.get(b"license", "")
    if not declared or declared.upper() == "UNKNOWN" or len(declared) > _LONGEST_LICENCE:
        return ()
    return (declared,)
