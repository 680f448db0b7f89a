"""Go programs: the modules that are linked into them, and the standard library they carry.

A replacement wins over the module that it replaces. One that is a folder of the builder's has no name that anybody else
knows: it stays under the name of what it replaces, as `(devel)`, which no advisory can be compared with.
Go stamps the main module with a version since 1.24. Before, it is `(devel)` unless somebody installed it by version: then the version
that the builder set by `-ldflags -X` counts, else the commit as Go's pseudo-version.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.binaries.elf import MAGIC, ElfFile, is_program
from tasks.analyzers.binaries.go_build_info import GoBuildInfo, GoModule, has_go_note, read_build_info
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted, at_most

UNKNOWN_VERSION = "(devel)"
"""How Go writes that it knows no version."""

_TOOLCHAIN = re.compile(
    r"go([0-9]{1,3}(?:\.[0-9]{1,4}){0,3}(?:(?:alpha|beta|rc)[0-9]{1,3})?)|devel go([0-9]{1,3}\.[0-9]{1,4}-[0-9a-f]{7,40})"
)
_SET_VARIABLE = re.compile(r"-X[ =]?['\"]?([^\s'\"=]{1,256})=([^\s'\"]{1,256})")
_VERSION_NAME = re.compile(r"(?:git|build|app|release|cli|current|program)?_?(?:version|ver|tag|semver)", re.IGNORECASE)
_VERSION = re.compile(r"v?([0-9]+\.[0-9]+(?:\.[0-9]+)*(?:[-+][0-9A-Za-z.+-]*)?)")
_COMMIT_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_COMMIT_LETTERS = 12
_FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})


class GoBinary(Analyser):
    """Go modules and Go's standard library."""

    name = "go-binary"
    version = 1
    wanted = Wanted(magics=(MAGIC,))

    def confirm(self, path: str) -> bool:  # noqa: ARG002
        """Any place."""
        return True

    def looks_right(self, path: str, head: Data) -> bool:
        """Programs, and libraries written in Go."""
        return has_go_note(head) or is_program(path, head)

    def size_cap(self, limits: Limits) -> int:
        """A program."""
        return limits.binary_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the build information, where there is one.

        Raises:
            ParseError: it cannot be read.
        """
        try:
            elf = ElfFile(data)
        except ParseError:
            return Findings()  # a file that only begins like a program
        built = read_build_info(elf)
        findings = Findings()
        if built is not None:
            findings.packages.extend(at_most(_packages(built), findings))
        return findings


def _packages(built: GoBuildInfo) -> list[PackageFacts]:
    packages = []
    toolchain = _TOOLCHAIN.match(built.toolchain)
    if toolchain:
        packages.append(PackageFacts(type="golang", name="stdlib", version=toolchain[1] or toolchain[2]))
    if built.main is not None:
        packages.append(_module(built.main, _main_version(built.main, built.settings)))
    packages.extend(_module(module, module.version) for module in built.dependencies)
    return list(dict.fromkeys(packages))


def _module(module: GoModule, version: str) -> PackageFacts:
    path = module.path
    if module.replaced and path.startswith(("./", "../", "/")):
        path, version = module.replaced, UNKNOWN_VERSION
    namespace, _, name = path.strip("/").rpartition("/")
    return PackageFacts(type="golang", namespace=namespace, name=name, version=version or UNKNOWN_VERSION)


def _main_version(main: GoModule, settings: dict[str, str]) -> str:
    if main.version not in ("", UNKNOWN_VERSION):
        return main.version
    return _linked_version(main.path, settings.get("-ldflags", "")) or _commit_version(settings)


def _linked_version(path: str, flags: str) -> str:
    """The version that the builder had the linker write into a variable of the program's own, or empty."""
    found: dict[int, str] = {}
    for variable, value in _SET_VARIABLE.findall(flags):
        package, _, name = variable.rpartition(".")
        version = _VERSION.fullmatch(value)
        nearness = _nearness(package, path)
        if version and nearness is not None and _VERSION_NAME.fullmatch(name):
            found.setdefault(nearness, f"v{version[1]}")
    return found[min(found)] if found else ""


def _nearness(package: str, path: str) -> int | None:
    """How near a package is to a main module: 0 its program, 1 within it, 2 of the same owner, None foreign."""
    if package == "main":
        return 0
    if package == path or package.startswith(f"{path}/"):
        return 1
    return 2 if _owner(package) == _owner(path) else None


def _owner(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple(parts[: 2 if parts[0] in _FORGES else 1])


def _commit_version(settings: dict[str, str]) -> str:
    """The commit as Go writes a version without a tag (Go modules reference, "Pseudo-versions"), or empty."""
    revision, time = settings.get("vcs.revision", ""), _COMMIT_TIME.fullmatch(settings.get("vcs.time", ""))
    if not time or not re.fullmatch(r"[0-9a-f]{40,64}", revision):
        return ""
    dirty = "+dirty" if settings.get("vcs.modified") == "true" else ""
    return f"v0.0.0-{''.join(time.groups())}-{revision[:_COMMIT_LETTERS]}{dirty}"
