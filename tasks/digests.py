"""Digests of blobs and manifests: sha256 only, the one that every registry and tool writes."""

from __future__ import annotations

import hashlib
import re

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether it is a digest that we can verify: `sha256:` and 64 lower-case hexadecimal digits. Only then may it become part of a path."""
    return _DIGEST.fullmatch(text) is not None


def sha256_digest(data: bytes) -> str:
    """`sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
