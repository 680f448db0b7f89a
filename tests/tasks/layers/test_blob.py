from __future__ import annotations

import hashlib
import io

import pytest

from catalog.errors import (
    BlobTruncated,
    DigestMismatch,
    MalformedLayer,
    ProtocolViolation,
    RegistryUnreachable,
    SizeMismatch,
)
from tasks.layers.blob import BlobReader
from tests.tasks.layers.reading import END, entry, read_layer, sha256

BLOB = entry(b"a", b"1" * 5000) + END


def drained(data: bytes, digest: str, size: int) -> BlobReader:
    reader = BlobReader(io.BytesIO(data), digest, size)
    reader.finish()
    return reader


def test_the_right_bytes_pass() -> None:
    assert drained(BLOB, sha256(BLOB), len(BLOB)).count == len(BLOB)


def test_a_size_that_nobody_knows_is_not_checked() -> None:
    assert drained(BLOB, sha256(BLOB), -1).count == len(BLOB)


def test_sha512_digests_are_checked() -> None:
    drained(BLOB, f"sha512:{hashlib.sha512(BLOB).hexdigest()}", len(BLOB))
    with pytest.raises(DigestMismatch):
        drained(BLOB, "sha512:" + "0" * 128, len(BLOB))


@pytest.mark.parametrize("digest", ["md5:0", "sha256", "", "SHA256:0"])
def test_a_digest_of_an_unknown_algorithm_is_refused(digest: str) -> None:
    with pytest.raises(ProtocolViolation):
        BlobReader(io.BytesIO(BLOB), digest, -1)


def test_other_bytes_are_a_digest_mismatch() -> None:
    with pytest.raises(DigestMismatch):
        drained(BLOB, sha256(b"other"), len(BLOB))


def test_fewer_bytes_are_truncated() -> None:
    with pytest.raises(BlobTruncated):
        drained(BLOB[:-1], sha256(BLOB), len(BLOB))


def test_more_bytes_are_a_size_mismatch() -> None:
    with pytest.raises(SizeMismatch):
        drained(BLOB + b"x", sha256(BLOB), len(BLOB))


def test_a_size_that_contradicts_the_digest_is_a_size_mismatch() -> None:
    with pytest.raises(SizeMismatch):
        drained(BLOB, sha256(BLOB), len(BLOB) + 1)


def test_wrong_bytes_outrank_what_is_wrong_with_their_content() -> None:
    with pytest.raises(DigestMismatch):
        read_layer(BLOB, stream=io.BytesIO(b"no archive".ljust(len(BLOB))))


def test_a_cut_archive_of_the_right_bytes_is_the_layers_own_fault() -> None:
    with pytest.raises(MalformedLayer):
        read_layer(BLOB[:2000])


def test_what_follows_the_tars_end_counts_for_the_digest() -> None:
    with pytest.raises(DigestMismatch):
        read_layer(BLOB + b"tail", stream=io.BytesIO(BLOB + b"tale"))


class GoesAway(io.BytesIO):
    """A stream that breaks after its first bytes."""

    def readinto(self, buffer) -> int:
        got = super().readinto(buffer)
        if not got:
            raise RegistryUnreachable("gone", where="registry.example")
        return got


@pytest.mark.parametrize("first", [b"", b"tar", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\0"])
def test_what_the_stream_raises_comes_out_as_it_is(first: bytes) -> None:
    with pytest.raises(RegistryUnreachable):
        read_layer(BLOB, stream=GoesAway(first))
