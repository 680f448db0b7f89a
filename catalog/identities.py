"""How content names things: every identity that Longshore computes itself.

All are BLAKE2b (RFC 7693) over length-prefixed fields, so that no two different field lists give the same input; each
recipe has a versioned tag as its first field, held by golden vectors in the tests. Packages and platforms have 16 bytes;
chains and package sets 32, because whoever builds images chooses their input and a collision would let one image wear
another's composition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

PACKAGE_RECIPE = "package/1"
PLATFORM_RECIPE = "platform/1"
CHAIN_RECIPE = "chain/1"
SET_RECIPE = "package-set/1"
FINGERPRINT_RECIPE = "fingerprint/1"
FINGERPRINT_SET_RECIPE = "fingerprint-set/1"
SNAPSHOT_RECIPE = "advisory-snapshot/1"

ROOT_CHAIN = b""
"""The parent of a chain of one layer."""

_LENGTHS = tuple(length.to_bytes(8, "big") for length in range(256))
_PREFIXES = tuple(length.decode() for length in _LENGTHS[:128])
"""Those of them that are ASCII themselves."""

Field = str | bytes


def hash_fields(recipe: str, *fields: Field, size: int = 16) -> bytes:
    """Hash a recipe tag and its fields.

    Args:
        recipe: the versioned tag.
        fields: texts (as UTF-8; lone surrogates are kept apart) or bytes, each prefixed with its length in bytes (8, big-endian).
        size: bytes of the result.
    """
    return hashlib.blake2b(_framed(recipe, *fields), digest_size=size).digest()


def hash_texts(recipe: str, *texts: str) -> bytes:
    """The 16 bytes of `hash_fields` for fields that are all texts, in half the time: each package of each layer asks for them.

    Args:
        recipe: the versioned tag.
        texts: the fields.
    """
    fields = (recipe, *texts)
    if max(map(len, fields)) < len(_PREFIXES):
        framed = "".join([_PREFIXES[len(text)] + text for text in fields])
        if framed.isascii():
            return hashlib.blake2b(framed.encode(), digest_size=16).digest()
    return hash_fields(recipe, *texts)


def _framed(*fields: Field) -> bytes:
    parts: list[bytes] = []
    for part in fields:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        length = len(data)
        parts.append(_LENGTHS[length] if length < len(_LENGTHS) else length.to_bytes(8, "big"))
        parts.append(data)
    return b"".join(parts)


def platform_id(distribution: str, version: str, cpes: Iterable[str] = ()) -> bytes:
    """16 bytes that name a platform: distribution id, version id, product CPEs in any order."""
    return hash_fields(PLATFORM_RECIPE, distribution, version, *sorted(cpes))


def chain_id(parent: bytes, layer: str, composition_hash: bytes) -> bytes:
    """32 bytes that name a chain of layers.

    Args:
        parent: the chain below, `ROOT_CHAIN` for the lowest layer.
        layer: digest of the layer on top.
        composition_hash: 32 bytes over those of the layer's rows that composition reads.
    """
    return hash_fields(CHAIN_RECIPE, parent, layer, composition_hash, size=32)


def package_set_id(package_type: str, platform: bytes, packages: Iterable[bytes]) -> bytes:
    """32 bytes that name a package set: type, platform (empty for language types), package ids in any order, each once."""
    members = sorted(set(packages))
    head = _framed(SET_RECIPE, package_type, platform)
    if len(set(map(len, members))) == 1:
        length = len(members[0]).to_bytes(8, "big")
        return hashlib.blake2b(head + length + length.join(members), digest_size=32).digest()
    return hashlib.blake2b(head + _framed(*members), digest_size=32).digest()


def fingerprint(analyser: str, version: int, configuration: str) -> bytes:
    """16 bytes that name an analyser's behaviour: name, version, canonical configuration with hashes of its data files."""
    return hash_fields(FINGERPRINT_RECIPE, analyser, str(version), configuration)


def fingerprint_set_id(fingerprints: Iterable[bytes]) -> bytes:
    """16 bytes that name the set of analyser fingerprints that produced a layer result."""
    return hash_fields(FINGERPRINT_SET_RECIPE, *sorted(set(fingerprints)))


def advisory_snapshot_id(feeds: Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]]) -> bytes:
    """32 bytes that name an advisory snapshot.

    Args:
        feeds: (feed, content hashes of its objects, what it declares complete), in any order.
    """
    fields: list[str] = []
    for feed, objects, complete in sorted(feeds):
        fields += (feed, str(len(objects)), *objects, str(len(complete)), *sorted(complete))
    return hash_fields(SNAPSHOT_RECIPE, *fields, size=32)
