"""Arch Linux packages: pacman's local database, a folder for each package.

Format: `be_local.c` of libalpm: `desc` is blocks of a `%FIELD%` line, the values a line each, and an empty line. The epoch is
part of the version, as with dpkg; `%BASE%` names the source package. `files` beside it lists the package's files below `%FILES%`,
relative, folders with a slash behind them; the folder of both is `<name>-<version>-<release>`.
"""

from __future__ import annotations

from io import BytesIO

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import claim_lines
from tasks.analyzers.interface import MOST_LICENCES, Analyser, Data, Findings, Wanted

DATABASE = "var/lib/pacman/local"

_DESCRIPTION, _FILES = "desc", "files"
_FILES_FIELD = b"\n%FILES%\n"
_FIELDS = frozenset({"NAME", "VERSION", "ARCH", "BASE", "LICENSE"})


class Alpm(Analyser):
    """Packages of Arch Linux and its kin."""

    name = "alpm"
    version = 2
    wanted = Wanted(names=(_DESCRIPTION, _FILES))
    claims = True

    def confirm(self, path: str) -> bool:
        """`desc` and `files` in a folder of the local database."""
        return path.startswith(f"{DATABASE}/") and path.count("/") == DATABASE.count("/") + 2

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read one package, or its list of files.

        Raises:
            ParseError: no name or no version, or no list.
        """
        if not data.strip():
            return Findings()
        folder, _, base = path.rpartition("/")
        if base == _FILES:
            return _file_list(folder.rpartition("/")[2], data)
        fields = _fields(data)
        name, version = _first(fields, "NAME"), _first(fields, "VERSION")
        if not name or not version:
            raise ParseError("a pacman package without a name or version")
        package = PackageFacts(
            type="alpm",
            name=name,
            version=version,
            architecture=_first(fields, "ARCH"),
            source_name=_first(fields, "BASE"),
            licences=tuple(fields.get("LICENSE", ())),
        )
        return Findings(packages=[package])


def _file_list(folder: str, data: Data) -> Findings:
    findings = Findings()
    _, field, rest = (b"\n" + data).partition(_FILES_FIELD)
    if not field and b"%BACKUP%" not in data:
        raise ParseError("a list of a pacman package's files that lists none")
    # The list ends with an empty line, which may be its first.
    lines = b"" if rest.startswith(b"\n") else rest.partition(b"\n\n")[0]
    claim_lines(findings, f"alpm/{folder.rsplit('-', 2)[0]}", lines, bytes)
    return findings


def _fields(data: Data) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    values: list[str] | None = None
    for raw in BytesIO(data):
        line = raw.decode("utf-8", "replace").strip()
        if not line:
            values = None
        elif values is not None:
            if len(values) < MOST_LICENCES:
                values.append(line)
        elif len(line) > 2 and line[0] == line[-1] == "%":
            # What stands twice is what it was first, as for pacman's other readers.
            name = line[1:-1]
            values = fields.setdefault(name, []) if name in _FIELDS and name not in fields else []
    return fields


def _first(fields: dict[str, list[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")
