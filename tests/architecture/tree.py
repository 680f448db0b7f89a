"""The project's modules as the syntax tree shows them, read once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("catalog", "tasks", "cluster", "pipelines")


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    path: Path
    lines: int
    syntax: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    @property
    def relative(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file of the project: what git tracks or would; all files in a tree without git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def modules(*tops: str) -> tuple[Module, ...]:
    """The Python modules below these folders, by default those of the four rooms."""
    found = []
    for path in tracked_files():
        relative = path.relative_to(ROOT)
        if path.suffix != ".py" or relative.parts[0] not in (tops or ROOMS):
            continue
        text = path.read_text()
        parts = relative.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path, len(text.splitlines()), ast.parse(text), is_package))
    return tuple(found)


def imported(module: Module, *, at_import_time: bool = False) -> Iterator[str]:
    """Absolute names that a module imports, members of `from` imports included.

    With `at_import_time`, only what runs while the module is imported: nothing inside functions or `TYPE_CHECKING`.
    """
    pending: list[ast.AST] = [module.syntax]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                depth = node.level - module.is_package
                package = module.name.split(".")[: len(module.name.split(".")) - depth]
                base = ".".join([*package, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif at_import_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
