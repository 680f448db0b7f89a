"""The archive's stores: one interface (`interface.py`), a local directory and S3 behind it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from catalog.errors import StoreError
from catalog.settings import ArchiveLocation
from catalog.store.interface import ObjectStat, Store
from catalog.store.local import LocalStore

__all__ = ["LocalStore", "ObjectStat", "Store", "open_store"]


def open_store(location: ArchiveLocation, *, copies: Path | None = None) -> Store:
    """Open the archive's store.

    Args:
        location: where it is.
        copies: directory for local copies of remote objects; None for one of the user's in the system's directory for
            temporary files. Unused by a local store.

    Raises:
        StoreError: the URL names no store.
    """
    url = urlsplit(location.url)
    if url.scheme == "s3" and url.netloc:
        # boto3 takes a third of a second to import, which whoever has a local archive need not pay.
        from catalog.store.s3 import S3Store

        return S3Store(location, copies=copies)
    if url.scheme == "file" and url.netloc in ("", "localhost"):
        return LocalStore(Path(unquote(url.path)))
    if Path(location.url).is_absolute():
        return LocalStore(Path(location.url))
    raise StoreError("is neither an absolute directory nor an s3:// URL", where=location.url)
