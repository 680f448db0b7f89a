"""The walker and Python's tarfile read the same bytes: what both can read, they must read alike."""

from __future__ import annotations

import io
import tarfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import LayerError
from tasks.layers.paths import normalised, text
from tests.tasks.layers.reading import BLOCK, Read, read, resigned

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo",
}

part = st.text(st.characters(exclude_characters="\0/\n", exclude_categories=["Cs"]), min_size=1, max_size=70)
name = st.one_of(
    st.lists(part, min_size=1, max_size=5).map("/".join),
    st.sampled_from(["package.json", "a/node_modules/b/package.json", "etc/os-release", "./x", "/y", "a/../b", "d//e"]),
)
member = st.tuples(
    name,
    st.sampled_from(
        [tarfile.REGTYPE] * 6 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    ),
    st.one_of(st.integers(0, 3000), st.integers(0, 300_000)),
    name,
    st.integers(0, 0o7777),
    st.integers(0, 1 << 33),
)
archive_format = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


def written(members: list[tuple], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for path, kind, size, target, mode, owner in members:
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.uid, info.linkname = kind, mode, owner, target
            info.size = size if kind == tarfile.REGTYPE else 0
            try:
                archive.addfile(info, io.BytesIO(bytes(info.size)))
            except ValueError:
                continue  # longer than this format can say
    return buffer.getvalue()


def as_tarfile_reads(data: bytes) -> list[tuple[str, str, int, int]] | None:
    """Path, kind, mode and size of each entry by tarfile; None where it cannot read the archive to an end we agree on."""
    rows = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            for info in archive:
                if info.type not in KINDS:
                    continue
                path = text(normalised(info.name.encode("utf-8", "surrogateescape")))
                size = info.size if KINDS[info.type] == "file" else -1
                rows.append((path, KINDS[info.type], info.mode & 0o7777, size))
    except (tarfile.TarError, ValueError, OverflowError, IndexError, KeyError, EOFError, TypeError):
        return None
    return rows


def as_we_read(result: Read) -> list[tuple[str, str, int, int]]:
    return [
        (path, kind, row[0], row[3] if kind == "file" else -1)
        for (path, kind, _), row in zip(result.entries, result.attributes, strict=True)
    ]


@given(st.lists(member, max_size=12), archive_format)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_tarfile_writes_is_read_as_tarfile_reads_it(members: list[tuple], form: int) -> None:
    data = written([m for m in members if "/.wh." not in f"/{m[0]}"], form)
    assert as_we_read(read(data)) == as_tarfile_reads(data)


@given(st.lists(member, min_size=1, max_size=4), archive_format, st.integers(0, 1 << 20))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_cut_off_ends_in_a_reason_or_where_an_entry_ends(members: list[tuple], form: int, cut: int) -> None:
    data = written([m for m in members if "/.wh." not in f"/{m[0]}"], form)
    blob = data[: 1 + cut % len(data)]
    try:
        result = read(blob)
    except LayerError:
        return
    assert as_we_read(result) == as_tarfile_reads(blob)


@given(
    st.lists(member, min_size=1, max_size=4),
    archive_format,
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 511), st.integers(0, 255), st.booleans()), max_size=6),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_damaged_archives_end_in_rows_or_a_reason(members: list[tuple], form: int, damage: list[tuple]) -> None:
    data = bytearray(written(members, form))
    for block, at, value, signed in damage:
        start = block * BLOCK % len(data)
        data[start + at] = value
        if signed:
            # Damage that a checksum gives away is found at once; this goes deeper.
            data[start : start + BLOCK] = resigned(bytes(data[start : start + BLOCK]))
    try:
        read(bytes(data))
    except LayerError:
        return


@given(st.binary(max_size=3000))
def test_any_bytes_end_in_rows_or_a_reason(blob: bytes) -> None:
    try:
        read(blob)
    except LayerError:
        return
