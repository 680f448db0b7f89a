"""Where things lie in the archive: the one module that knows its key layout.

    v1/<dataset>/retention=<class>/month=YYYY-MM/part-<content hash>.parquet     facts
    _manifests/<generation, 12 digits>.json                                      the commit log, mirrored

A key is relative to the archive's root, with `/` between its parts. The content hash names the object, the month is the
one that the work was planned in, the retention class is what a bucket's lifecycle rules can see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.errors import StoreError

LAYOUT = "v1"
"""The key layout's version, the first part of every fact's key."""
MANIFESTS = "_manifests/"
"""The prefix of all manifests."""
LONGEST_KEY = 1024
"""Bytes of the longest key (Amazon S3, "Object key naming guidelines")."""

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+-]*\Z", re.ASCII)
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
_FACT = re.compile(
    rf"{LAYOUT}/(?P<dataset>[a-z][a-z0-9_]*)/retention=(?P<retention>[a-z][a-z0-9_]*)"
    r"/month=(?P<month>[0-9]{4}-(0[1-9]|1[0-2]))/part-(?P<hash>[0-9a-f]{64})\.parquet\Z",
    re.ASCII,
)
_MANIFEST = re.compile(rf"{MANIFESTS}(?P<generation>[0-9]{{12,}})\.json\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """What a fact object's key says.

    Args:
        dataset: name of the dataset.
        content_hash: 64 hex digits over schema version and logical rows.
        month: `YYYY-MM`.
        retention: retention class, `warm` or `cold` (schemas.Dataset).
    """

    dataset: str
    content_hash: str
    month: str
    retention: str


def object_key(dataset: str, content_hash: str, month: str, retention: str) -> str:
    """The key of a fact object.

    Args:
        dataset: name of the dataset.
        content_hash: 64 hex digits.
        month: `YYYY-MM`, the one the work was planned in.
        retention: the dataset's retention class.

    Raises:
        ValueError: a part does not have its form.
    """
    for text, form in ((dataset, _WORD), (content_hash, _HASH), (month, _MONTH), (retention, _WORD)):
        if not form.match(text):
            raise ValueError(f"{text!r} cannot be part of an object key")
    return f"{LAYOUT}/{dataset}/retention={retention}/month={month}/part-{content_hash}.parquet"


def parse_object_key(key: str) -> ObjectKey | None:
    """What a fact object's key says, or None where it is no fact's key."""
    found = _FACT.match(key)
    return None if found is None else ObjectKey(found["dataset"], found["hash"], found["month"], found["retention"])


def manifest_key(generation: int) -> str:
    """The key of a commit's manifest; zero-padded, so that a listing is in the order of the commits.

    Raises:
        ValueError: generations count from one.
    """
    if generation < 1:
        raise ValueError(f"a generation is counted from one, not {generation}")
    return f"{MANIFESTS}{generation:012d}.json"


def parse_manifest_key(key: str) -> int | None:
    """The generation that a manifest's key names, or None where it is no manifest's key."""
    found = _MANIFEST.match(key)
    return None if found is None else int(found["generation"])


def check_key(key: str) -> str:
    """Return a key that is safe to use in any store.

    Keys are read back from manifests and the commit log, which others may have written: nothing that climbs out of the
    archive's root, starts a hidden file or needs quoting passes.

    Raises:
        StoreError: the key is none of ours.
    """
    if len(key) > LONGEST_KEY or not all(_PART.match(part) for part in key.split("/")):
        raise StoreError("not an object key", where=repr(key[:100]))
    return key


def check_prefix(prefix: str) -> str:
    """Return a key's beginning that is safe to list by: empty, or parts of a key of which the last may be cut off.

    Raises:
        StoreError: no key of ours begins so.
    """
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix
