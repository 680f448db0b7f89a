"""Extended headers: what pax and GNU records before an entry say of it.

pax speaks first and GNU's long names win over it, as in Go. Global pax headers are passed over, as container engines do.
"""

from __future__ import annotations

from catalog.errors import MalformedLayer
from tasks.layers import headers as tar

_EXTENDED = frozenset({tar.PAX, tar.PAX_OLD, tar.PAX_GLOBAL, tar.LONG_NAME, tar.LONG_LINK})


class Extension:
    """What the extended headers before one entry say; None where they say nothing.

    Args:
        name: the entry's name.
        target: of a link.
        size: bytes of the data that follows.
        full_size: bytes of a sparse file with its holes.
        uid: the owner.
        gid: the group.
        sparse: the data is no plain copy of the file.
        any: there was an extended header at all.
    """

    __slots__ = ("_long_link", "_long_name", "any", "full_size", "gid", "name", "size", "sparse", "target", "uid")

    def __init__(self) -> None:
        self.any = False
        self._long_name: bytes | None = None
        self._long_link: bytes | None = None
        self.name: bytes | None = None
        self.target: bytes | None = None
        self.size: int | None = None
        self.full_size: int | None = None
        self.uid: int | None = None
        self.gid: int | None = None
        self.sparse = False

    @staticmethod
    def is_extension(header: bytes) -> bool:
        """Whether the header is an extended one."""
        return header[tar.FLAG] in _EXTENDED

    def add(self, header: bytes, data: bytes) -> None:
        """Read one extended header's data.

        Raises:
            MalformedLayer: its records cannot be read.
        """
        flag = header[tar.FLAG]
        self.any = True
        if flag == tar.LONG_NAME:
            self._long_name = data.partition(b"\0")[0]
        elif flag == tar.LONG_LINK:
            self._long_link = data.partition(b"\0")[0]
        elif flag != tar.PAX_GLOBAL:
            self._forget_pax()
            # Without any of these it holds nothing that is kept here (times, extended attributes).
            if b"path=" in data or b"size=" in data or b"id=" in data or b"sparse" in data:
                self._read_pax(tar.pax_records(data))
        self.name = self.name if self._long_name is None else self._long_name
        self.target = self.target if self._long_link is None else self._long_link

    def _forget_pax(self) -> None:
        self.name = self.target = self.size = self.full_size = self.uid = self.gid = None
        self.sparse = False

    def _read_pax(self, records: dict[bytes, bytes]) -> None:
        self.name = records.get(b"GNU.sparse.name") or records.get(b"path") or None
        self.target = records.get(b"linkpath") or None
        self.size = _whole_number(records, b"size")
        self.uid = _whole_number(records, b"uid")
        self.gid = _whole_number(records, b"gid")
        self.sparse = any(key.startswith(b"GNU.sparse.") for key in records)
        if self.sparse:
            size = _whole_number(records, b"GNU.sparse.realsize")
            self.full_size = _whole_number(records, b"GNU.sparse.size") if size is None else size


def _whole_number(records: dict[bytes, bytes], key: bytes) -> int | None:
    digits = records.get(key)
    if not digits:
        return None
    if not digits.isdigit() or len(digits) > 18:
        raise MalformedLayer(f"a pax header whose {key.decode()} is no whole number")
    return int(digits)
