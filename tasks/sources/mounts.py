"""Which kind of file system lies at a path, as the kernel's mount table says (proc(5), `mountinfo`)."""

from __future__ import annotations

import os
import re
from pathlib import Path

PSEUDO_FILE_SYSTEMS = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl",
    "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs",
})  # fmt: skip
"""File systems that the kernel makes up: no package is ever installed there."""

_TABLE = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")


class FileSystems:
    """The mounts below a directory.

    Args:
        root: the directory that paths are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.fsencode(root.resolve()).rstrip(b"/")
        self._kinds: dict[bytes, str] = {}
        try:
            table = _TABLE.read_bytes()
        except OSError:
            return  # not Linux: then nobody knows the kinds, and a mount is just another file system
        for line in table.splitlines():
            fields, _, source = line.partition(b" - ")
            place = _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 255]), fields.split(b" ")[4])
            self._kinds[place] = source.split(b" ")[0].decode("ascii", "replace")

    def kind_at(self, path: bytes) -> str:
        """The file system type mounted exactly at a raw path relative to the root; empty where no mount is known."""
        return self._kinds.get(self._root + b"/" + path, "")
