"""Layers under attack: the tar walker over bytes as they are, and over what the decoders make of them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable, Iterator

import zstandard

from catalog.errors import LayerError
from catalog.limits import KIB
from tasks.layer_builder import Directory, Fifo, HardLink, Opaque, Symlink, Whiteout, build_tar
from tasks.layers.headers import BLOCK, LONG_LINK, LONG_NAME
from tasks.layers.paths import normalised, raw, text
from tests.fuzz.binaries import elf_seeds
from tests.fuzz.databases import rpm_seeds
from tests.fuzz.target import LIMITS, Target
from tests.tasks.analyzers.zip_writer import Member, write_zip
from tests.tasks.layers.reading import END, Drops, Read, entry, header, pax, raw_pax, read, resigned

Mutation = Callable[[bytes, int], bytes]

STATUS = b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
_SMALL = 4096
_KINDS = b"0\x001234567SxXgLKVZ"


def read_tar(data: bytes) -> None:
    """Read a layer, one in four by drops as well: the same rows, and nothing but a layer's own errors."""
    whole = _read(data)
    chosen = zlib.crc32(data)
    if len(data) <= _SMALL and chosen % 4 == 0:
        drops = _read(data, 700 if chosen & 4 else 13)
        assert (whole is None) == (drops is None), "how the bytes come decides whether a layer is one"
        if whole is not None and drops is not None:
            assert whole.records.composition_hash == drops.records.composition_hash
            assert whole.attributes == drops.attributes


def _read(data: bytes, drop: int = 0) -> Read | None:
    try:
        result = read(data, limits=LIMITS, stream=Drops(data, drop) if drop else None)
    except LayerError:
        return None
    # An analyser that fails by itself would only be a problem row; here it is a bug.
    assert "analyser-error" not in result.reasons
    assert result.records.loss is None or result.records.outcome == "partial"
    for path in result.paths:
        assert text(raw(path)) == path
        assert normalised(raw(path)) == raw(path)
        assert len(raw(path)) <= LIMITS.path_bytes
    for path, _ in result.evidence:
        assert path in result.paths
    return result


def tar_seeds() -> Iterator[bytes]:
    """Archives of every kind of entry, extended header and evidence."""
    yield build_tar(
        {
            "d/": Directory(),
            "d/f": "data",
            "d/s": Symlink("../f"),
            "d/h": HardLink("d/f"),
            "p": Fifo(),
            "gone": Whiteout(),
            "d": Opaque(),
        }
    )
    yield entry(b"etc/os-release", b"ID=debian\nVERSION_ID=12\n") + entry(b"var/lib/dpkg/status", STATUS) + END
    yield pax(path=b"x/node_modules/a/package.json", uid=b"7", size=b"30") + entry(
        b"y", b'{"name":"a","version":"1"}    '
    )
    yield raw_pax({b"comment": b"x"}, flag=b"g") + entry(b"n" * 100, b"1", prefix=b"p" * 155) + END
    yield _long(b"L", b"a/" * 20 + b"f" * 120) + _long(b"K", b"t" * 120) + header(b"l", flag=b"2") + END
    yield header(b"s", flag=b"S", size=512, magic=b"ustar  \0") + bytes(512) + entry(b"a", b"1") + END
    yield pax(GNU__sparse__major=b"1", GNU__sparse__name=b"lib/apk/db/installed", GNU__sparse__realsize=b"9") + entry(
        b"x"
    )
    yield (
        entry(b"lib/apk/db/installed", b"P:a\nV:1\n\n") + header(b"x", flag=b"1", target=b"lib/apk/db/installed") + END
    )
    yield (
        entry(b"big", b"1" * 3, size=b"\x80" + bytes(10) + b"\3")
        + header(b"c", flag=b"3")
        + header(b"o", flag=b"Z")
        + END
    )
    yield entry(
        b"a.jar", write_zip([Member(b"META-INF/MANIFEST.MF", b"Implementation-Title: a\nImplementation-Version: 1\n")])
    )
    yield entry(b"./../a\xff\\b//c/../d", b"1") + entry(b"a/.wh.b") + entry(b".wh..wh..opq") + END
    yield entry(b"usr/bin/tool", next(iter(elf_seeds()))) + END
    yield entry(b"var/lib/rpm/Packages.db", next(iter(rpm_seeds()))[:8192]) + END


def _long(flag: bytes, name: bytes) -> bytes:
    return entry(b"././@LongLink", name + b"\0", flag=flag)


def mend_tar(data: bytes, longest: int, seed: int, mutate: Mutation) -> bytes:
    """Move whole blocks about, or mutate bytes; then mostly set the checksums right."""
    chance = random.Random(seed)
    if chance.random() < 0.3:
        data = _moved(data, chance)[:longest]
    else:
        data = mutate(data, longest)
    return data if chance.random() < 0.05 else signed(data)


def _moved(data: bytes, chance: random.Random) -> bytes:
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    at, length = chance.randrange(len(blocks) + 1), chance.randrange(1, 4)
    what = chance.randrange(4)
    if what == 0:
        del blocks[at : at + length]
    elif what == 1 and blocks:
        source = chance.randrange(len(blocks))
        blocks[at:at] = blocks[source : source + length]
    elif what == 2:
        part = chance.choice(list(tar_seeds()))
        start = BLOCK * chance.randrange(len(part) // BLOCK)
        blocks.insert(at, part[start : start + BLOCK * length])
    elif at < len(blocks) and len(blocks[at]) == BLOCK:
        flag = chance.choice(_KINDS)
        blocks[at] = blocks[at][:156] + bytes([flag]) + blocks[at][157:]
    return b"".join(blocks)


def signed(data: bytes) -> bytes:
    """The archive with the checksums of its headers set right, as far as it can be followed."""
    out, at = bytearray(data), 0
    while at + BLOCK <= len(out):
        block = bytes(out[at : at + BLOCK])
        if block.strip(b"\0"):
            out[at : at + BLOCK] = resigned(block)
            size = _size(block[124:136])
            if block[156] in (LONG_NAME, LONG_LINK, *b"0xXg\x007S") and at + size < len(out):
                at += size + BLOCK - 1 & -BLOCK
        at += BLOCK
    return bytes(out)


def _size(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field[4:], "big")
    digits = field.strip(b"\0 ")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else 0


PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: gzip.compress(data, 1, mtime=0),
    lambda data: gzip.compress(data[:BLOCK], 1, mtime=0) + gzip.compress(data[BLOCK:], 1, mtime=0),
    zstandard.ZstdCompressor().compress,
    lambda data: (
        zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(data)
        + b"\x50\x2a\x4d\x18\1\0\0\0x"
    ),
    bz2.compress,
    lambda data: lzma.compress(data, preset=0),
)


def packed_seeds() -> Iterator[bytes]:
    """Each archive in one packing, in turn, and one archive in all of them."""
    archives = list(tar_seeds())
    for number, archive in enumerate(archives):
        yield PACKERS[number % len(PACKERS)](archive)
    yield from (pack(archives[0]) for pack in PACKERS)


def mend_packed(data: bytes, longest: int, seed: int, mutate: Mutation) -> bytes:
    """Mutate the packed bytes, or those within and pack them again."""
    chance = random.Random(seed)
    within = _unpacked(data) if chance.random() < 0.5 else b""
    if not within:
        return mutate(data, longest)
    made = chance.choice(PACKERS)(mend_tar(within, 4 * longest, chance.randrange(1 << 30), mutate))
    return made if len(made) <= longest else mutate(data, longest)


def _unpacked(data: bytes) -> bytes:
    for unpack in (gzip.decompress, _unzstd, bz2.decompress, lzma.decompress):
        try:
            return unpack(data)[: LIMITS.ratio_from_bytes]
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError):
            continue
    return b""


def _unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(data)


_WORDS = (b"path=", b"linkpath=", b"size=", b"uid=", b"gid=", b"GNU.sparse.major", b"GNU.sparse.realsize=", b"ustar\x0000", b"ustar  \0",
          b".wh.", b".wh..wh..opq", b"../", b"./", b"package.json", b"var/lib/dpkg/status", b"lib/apk/db/installed",
          b"etc/os-release", b".egg-info", b"\x80\0\0\0", b"\xff\xff\xff\xff", b"\x7fELF", b"PK\3\4", b"00000000017\0")  # fmt: skip
_MAGICS = (b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"BZh9", b"\xfd7zXZ\0", b"1AY&SY")

TAR = Target("tar", read_tar, tar_seeds, _WORDS, longest=6 * KIB, mend=mend_tar)
COMPRESSED = Target("compressed", read_tar, packed_seeds, (*_WORDS, *_MAGICS), mend=mend_packed)
