r"""Layers made from a mapping: what the demo's fleet and the tests' images are built of.

    layer = build_layer({
        "etc/os-release": "ID=debian\n",
        "var/lib/rpm": Symlink("../../usr/lib/sysimage/rpm"),
        "usr/share/doc": Whiteout(),
        "opt/app": Opaque(),
        "opt/app/run": File(b"…", mode=0o755),
    }, compression="zstd")

The same mapping gives the same bytes: no clock, no user, no host goes in. Entries come in the mapping's order.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import zstandard

from tasks.digests import sha256_digest

Compression = Literal["plain", "gzip", "zstd"]
"""How a layer's tar archive is stored."""

_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_SUFFIX = {"plain": "", "gzip": "+gzip", "zstd": "+zstd"}


@dataclass(frozen=True, slots=True)
class File:
    """A regular file; a plain `bytes` or `str` in a mapping is one with mode 0644."""

    data: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory."""

    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link to `target`, as written."""

    target: str


@dataclass(frozen=True, slots=True)
class HardLink:
    """A hard link to the path `target` of the same layer."""

    target: str


@dataclass(frozen=True, slots=True)
class Whiteout:
    """Removes the path it stands at from the layers below: stored as `.wh.<name>` beside it."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Empties the directory it stands at of what lower layers put there: stored as `.wh..wh..opq` in it."""


@dataclass(frozen=True, slots=True)
class Fifo:
    """A named pipe, as real images sometimes have."""


Member = bytes | str | File | Directory | Symlink | HardLink | Whiteout | Opaque | Fifo
"""What can stand at a path."""


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer's stored bytes and their names.

    Args:
        data: as stored.
        digest: `sha256:<hex>` of `data`.
        diff_id: `sha256:<hex>` of the tar archive.
        media_type: as a manifest names it.
    """

    data: bytes = field(repr=False)
    digest: str
    diff_id: str
    media_type: str

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return len(self.data)


def build_layer(members: Mapping[str, Member], *, compression: Compression = "gzip") -> BuiltLayer:
    """Build a layer from paths and what stands there.

    Args:
        members: paths as they are to be written, in order. Parent directories are not invented; the last of entries with
            the same path would win, so a mapping cannot hold two.
        compression: of the stored blob.
    """
    return layer_from_tar(build_tar(members), compression=compression)


def layer_from_tar(archive: bytes, *, compression: Compression = "gzip") -> BuiltLayer:
    """Make a layer of a tar archive that exists already.

    Args:
        archive: the uncompressed archive.
        compression: of the stored blob.
    """
    match compression:
        case "gzip":
            stored = gzip.compress(archive, 6, mtime=0)
        case "zstd":
            stored = zstandard.ZstdCompressor(level=3, write_content_size=True).compress(archive)
        case "plain":
            stored = archive
    return BuiltLayer(stored, sha256_digest(stored), sha256_digest(archive), _LAYER_TYPE + _SUFFIX[compression])


def build_tar(members: Mapping[str, Member]) -> bytes:
    """The tar archive (pax where a name needs it) of some members; see `build_layer`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, member in members.items():
            info, data = _entry(path, member)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _entry(path: str, member: Member) -> tuple[tarfile.TarInfo, bytes]:
    match member:
        case str():
            return _entry(path, File(member.encode()))
        case bytes():
            return _entry(path, File(member))
        case File(data, mode, uid, gid):
            return _information(path, tarfile.REGTYPE, size=len(data), mode=mode, uid=uid, gid=gid), data
        case Directory(mode, uid, gid):
            return _information(path, tarfile.DIRTYPE, mode=mode, uid=uid, gid=gid), b""
        case Symlink(target):
            return _information(path, tarfile.SYMTYPE, mode=0o777, target=target), b""
        case HardLink(target):
            return _information(path, tarfile.LNKTYPE, target=target), b""
        case Whiteout():
            parent, _, name = path.rstrip("/").rpartition("/")
            return _entry(f"{parent}/.wh.{name}" if parent else f".wh.{name}", b"")
        case Opaque():
            return _entry(f"{path.rstrip('/')}/.wh..wh..opq".lstrip("/"), b"")
        case Fifo():
            return _information(path, tarfile.FIFOTYPE), b""


def _information(
    path: str, kind: bytes, *, size: int = 0, mode: int = 0o644, uid: int = 0, gid: int = 0, target: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.size, info.mode, info.uid, info.gid, info.linkname = kind, size, mode, uid, gid, target
    return info
