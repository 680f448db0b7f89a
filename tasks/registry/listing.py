"""Names page by page: catalogues and tag lists, following the Link header (RFC 8288; distribution-spec, "Listing Tags").

A server cannot lead us astray: the next page is asked of the same server, at the same path; only its query is taken from the
link. Nor can it keep us for ever: a page that was seen, and more pages than any registry has, end the listing with an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import orjson

from catalog.errors import ProtocolViolation
from tasks.transport import Document

PAGE_SIZE = 1000
"""Names asked for at once; a server may send fewer."""

_MOST_PAGES = 100_000
_MOST_NAMES = 50_000_000
_LINK = re.compile(r'<([^<>]{1,4096})>\s{0,8};[^<]{0,256}?rel="?next"?', re.IGNORECASE)


def pages(path: str, field: str, fetch: Callable[[str], Document]) -> Iterator[str]:
    """The names of all pages.

    Args:
        path: of the first page, on the registry.
        field: of the JSON object that holds the names; null counts as empty.
        fetch: reads a page by path and query; raises what is no 200.

    Raises:
        ProtocolViolation: a page that is no such object, or paging that leads elsewhere or nowhere.
    """
    query = f"n={PAGE_SIZE}"
    seen: set[int] = set()
    count = 0
    for _ in range(_MOST_PAGES):
        seen.add(hash(query))
        document = fetch(f"{path}?{query}")
        names = _names(document.data, field, path)
        yield from names
        count += len(names)
        if count > _MOST_NAMES:
            raise ProtocolViolation(f"has more than {_MOST_NAMES:,} names", where=path)
        following = _next_query(document.headers.get("link", ""), path)
        if following is None:
            return
        if hash(following) in seen:
            raise ProtocolViolation("its pages run in a circle", where=path)
        query = following
    raise ProtocolViolation(f"has more than {_MOST_PAGES:,} pages", where=path)


def _names(data: bytes, field: str, path: str) -> list[str]:
    try:
        page = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ProtocolViolation("a page of names is no JSON", where=path) from error
    names = page.get(field) if isinstance(page, dict) else False
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProtocolViolation(f"a page of names has no list of {field}", where=path)
    return names


def _next_query(link: str, path: str) -> str | None:
    match = _LINK.search(link)
    if match is None:
        return None
    try:
        # Resolved against a host of no one, a link with a host of its own shows; its name may be an inner one of the
        # registry's, so the path decides.
        target = urlsplit(urljoin(f"https://registry.invalid{path}", match[1]))
    except ValueError as error:
        raise ProtocolViolation("links to what is no URL", where=path) from error
    if target.path != path or not target.query.isascii() or not target.query.isprintable() or " " in target.query:
        raise ProtocolViolation("links to a next page elsewhere", where=path)
    return str(target.query)
