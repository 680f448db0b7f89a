"""Caps on what one layer may cost. What a cap cuts off is a recorded problem and makes the image partial, never silent."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps of a layer's analysis; every one is a setting.

    Args:
        layer_bytes: uncompressed bytes of one layer.
        layer_entries: tar entries of one layer.
        layer_links: symbolic and hard links of one layer; composition remembers them all, some hundred bytes each.
        layer_ratio: uncompressed over compressed bytes; looked at from `ratio_from_bytes` on (gzip's own ceiling is 1,032).
        ratio_from_bytes: uncompressed bytes below which any ratio is fine.
        header_bytes: bytes of one extended header (pax, GNU long name).
        headers_in_a_row: extended headers before one entry.
        path_bytes: bytes of one path.
        path_depth: components of one path.
        text_bytes: bytes of one text that an analyser reads (package lists, metadata).
        database_bytes: bytes of one package database that an analyser reads (rpm's).
        json_bytes: bytes of one JSON document that an analyser reads.
        binary_bytes: bytes of one program that an analyser reads; it is held in memory once.
        content_bytes: bytes of one small file that is kept as it is (os-release).
        archive_bytes: bytes of one zip archive in a layer that an analyser reads (jars); it is held in memory.
        archive_directory_bytes: of an archive's central directory that are read.
        archive_depth: archives within archives below the layer's own file.
        archive_members: members of one such file, those of archives within it included, that are read.
        archive_member_bytes: of one archive within an archive; one at each depth is held in memory.
        archive_unpacked_bytes: of all members read in one such file, whatever their depth.
        packages: packages of one layer.
        evidence_bytes: memory that the names and findings of one layer's evidence may take, about.
        privileged: files with a suid or sgid bit of one layer.
        secret_bytes: bytes of one text file that are searched for secrets, from its beginning.
        secrets: places in one layer that look like a secret.
        problems: problems recorded for one layer; what comes after them is counted in one last row.
        row_bytes: bytes of rows that a layer's entries come to; they wait for its digest to be verified, most on disk.
        spool_bytes: bytes of these rows that are held in memory; more goes to a scratch file.
        zstd_window_bytes: the largest zstd window that is decoded (it is held in memory).
        xz_bytes: memory that the xz decoder may take.
    """

    layer_bytes: int = 256 * GIB
    layer_entries: int = 20_000_000
    layer_links: int = 1_000_000
    layer_ratio: int = 1_000
    ratio_from_bytes: int = GIB
    header_bytes: int = MIB
    headers_in_a_row: int = 16
    path_bytes: int = 4_096
    path_depth: int = 256
    text_bytes: int = 64 * MIB
    database_bytes: int = 256 * MIB
    json_bytes: int = 8 * MIB
    binary_bytes: int = 256 * MIB
    content_bytes: int = 64 * KIB
    archive_bytes: int = GIB
    archive_directory_bytes: int = 64 * MIB
    archive_depth: int = 4
    archive_members: int = 50_000
    archive_member_bytes: int = 256 * MIB
    archive_unpacked_bytes: int = 2 * GIB
    packages: int = 1_000_000
    evidence_bytes: int = 256 * MIB
    privileged: int = 10_000
    secret_bytes: int = 4 * MIB
    secrets: int = 10_000
    problems: int = 1_000
    row_bytes: int = 8 * GIB
    spool_bytes: int = 8 * MIB
    zstd_window_bytes: int = 128 * MIB
    xz_bytes: int = 256 * MIB
