"""What every analyser must stand: any bytes, any part of a good file, any JSON, with no error but `ParseError`."""

from __future__ import annotations

from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from catalog.purls import render_purl
from tasks.analyzers.interface import Analyser
from tasks.layers.package_rows import plain_length

PURL_TYPES = {"portage": "ebuild"}
json_values = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def survive(analyser: Analyser, path: str, data: bytes, limits: Limits | None = None) -> list[PackageFacts]:
    """The packages found, each of which has a purl where its texts can be kept; none where the file cannot be parsed."""
    try:
        packages = analyser.analyse_within(path, bytearray(data), limits or Limits()).packages
    except ParseError:
        return []
    for package in packages:
        assert package.name
        assert package.version
        assert plain_length(package) is None or render_purl(package).startswith(
            f"pkg:{PURL_TYPES.get(package.type, package.type)}/"
        )
    return packages


def survive_truncation(analyser: Analyser, path: str, data: bytes) -> None:
    """Read every beginning of a good file."""
    for end in range(len(data)):
        survive(analyser, path, data[:end])
