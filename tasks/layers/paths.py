"""Names in tar archives, and the one way each is written: the path rule of `catalog.schemas`."""

from __future__ import annotations

import re

_ESCAPED = re.compile(rb"[\\\0]")
_ODD_STARTS = (b".", b"/", b"")
_CODES = {byte: b"\\x%02x" % byte for byte in range(256)} | {ord("\\"): b"\\\\"}


def normalised(name: bytes) -> bytes:
    """The name relative to the root: no empty, `.` or `..` components; `..` never leaves the root; empty for the root."""
    if name[:1] not in _ODD_STARTS and b"/." not in name and b"//" not in name and name[-1:] != b"/":
        return name
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def text(name: bytes) -> str:
    r"""The name as text: backslash as `\\`, NUL and every byte that is not UTF-8 as `\xNN`."""
    if b"\\" not in name and b"\0" not in name:
        try:
            return name.decode()
        except UnicodeDecodeError:
            pass
    escaped = _ESCAPED.sub(lambda match: _CODES[match[0][0]], name)
    try:
        return escaped.decode()
    except UnicodeDecodeError:
        return escaped.decode("utf-8", "backslashreplace")


def raw(path: str) -> bytes:
    r"""The name that `text` wrote."""
    if "\\" not in path:
        return path.encode()
    return re.sub(
        rb"\\(\\|x([0-9a-f]{2}))",
        lambda match: b"\\" if match[1] == b"\\" else bytes([int(match[2], 16)]),
        path.encode(),
    )
