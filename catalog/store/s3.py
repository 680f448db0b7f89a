"""The archive on S3, or on any server that speaks its protocol.

An object comes into being by one `PUT` with `If-None-Match: *` (412 means that it is there), which is all that is asked of
the server: conditional multipart uploads and `If-Match` are not enforced everywhere. Reading goes through local copies.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import itertools
import os
import random
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from catalog.errors import ObjectMissing, StoreDenied, StoreError, StoreUnreachable
from catalog.keys import check_key, check_prefix
from catalog.settings import ArchiveLocation
from catalog.store.copies import Copies
from catalog.store.interface import ObjectStat
from catalog.store.s3_errors import s3_errors
from catalog.store.scratch import file_errors, sweep

LARGEST_PUT = 5 << 30
"""Bytes of the largest object that one PUT may carry (Amazon S3, "Uploading objects")."""

_CHUNK = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0  # seconds
_MAKING = threading.Lock()

T = TypeVar("T")


class S3Store:
    """A store in a bucket.

    Args:
        location: `s3://bucket/prefix` and how to reach it.
        copies: directory of local copies; None for one in the system's directory for temporary files.

    Raises:
        StoreError: the endpoint or region cannot be used.
    """

    def __init__(self, location: ArchiveLocation, *, copies: Path | None = None) -> None:
        options = location.s3
        self.url = location.url.rstrip("/")
        self._bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._sse: dict[str, str] = {"ServerSideEncryption": options.sse} if options.sse else {}
        if options.kms_key:
            self._sse["SSEKMSKeyId"] = options.kms_key
        directory = copies or _own_directory()
        self._attempts = options.attempts
        self._copies = Copies(directory, location.copies_bytes)
        self._scratch = directory / ".scratch"
        sweep(self._scratch)
        # boto3 clients may be shared by threads, but not made by several at once.
        with _MAKING, s3_errors(self.url):
            self._client: Any = boto3.session.Session().client(
                "s3",
                endpoint_url=options.endpoint,
                region_name=options.region,
                config=Config(
                    s3={"addressing_style": "path" if options.path_style else "auto"},
                    retries={"mode": "standard", "total_max_attempts": options.attempts},
                    connect_timeout=min(10.0, options.timeout_seconds),
                    read_timeout=options.timeout_seconds,
                    # Trailing checksums are not understood by every server; PUT carries an MD5, which is.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )

    @property
    def scratch(self) -> Path:
        """Where files wait for their upload: beside the local copies."""
        return self._scratch

    def put_if_absent(self, key: str, data: bytes | Path) -> bool:
        """See `Store.put_if_absent`."""
        name, where = self._name(key), self._where(key)
        with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as body:
            md5 = hashlib.file_digest(body, lambda: hashlib.md5(usedforsecurity=False)).digest()
            size = body.seek(0, os.SEEK_END)
            if size > LARGEST_PUT:
                raise StoreError(f"{size} bytes are more than one PUT may carry", where=where)
            request = {
                "Bucket": self._bucket,
                "Key": name,
                "ContentLength": size,
                "ContentMD5": base64.b64encode(md5).decode(),
                "IfNoneMatch": "*",
                **self._sse,
            }
            return self._again(lambda: self._put(body, where, request))

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        return self._again(lambda: self._read(key, lambda _, chunks: b"".join(chunks)))

    def local_copy(self, key: str) -> Path:
        """See `Store.local_copy`; the copy's size is checked against what the server says it is."""
        where = self._where(check_key(key))
        return self._copies.find(where) or self._again(
            lambda: self._read(key, lambda size, chunks: self._copies.add(where, size, chunks))
        )

    def stat(self, key: str) -> ObjectStat | None:
        """See `Store.stat`."""
        try:
            with s3_errors(self._where(key)):
                answer = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        except ObjectMissing:
            return None
        return ObjectStat(key, int(answer["ContentLength"]), answer["LastModified"])

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self.stat(key) is not None

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        """See `Store.list`; one page at a time is held in memory."""
        wanted = self._prefix + check_prefix(prefix)
        pages = iter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=wanted))
        while True:
            with s3_errors(self.url):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", ()):
                yield ObjectStat(found["Key"].removeprefix(self._prefix), int(found["Size"]), found["LastModified"])

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        with s3_errors(self._where(key)):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))
        self._copies.drop(self._where(key))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"S3Store({self.url!r})"

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _where(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _put(self, body: BinaryIO, where: str, request: dict[str, Any]) -> bool:
        body.seek(0)
        try:
            with s3_errors(where):
                self._client.put_object(Body=body, **request)
        except StoreError as error:
            if isinstance(error.__cause__, ClientError) and _status(error.__cause__) == 412:
                return False
            if isinstance(error.__cause__, ClientError) and _status(error.__cause__) == 409:
                # Another one is writing this very object; botocore does not try again by itself.
                raise _InterruptedError(error) from error
            raise
        return True

    def _read(self, key: str, use: Callable[[int, Iterator[bytes]], T]) -> T:
        where = self._where(key)
        with s3_errors(where):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._name(key))
        try:
            with s3_errors(where), contextlib.closing(answer["Body"]) as body:
                return use(int(answer["ContentLength"]), body.iter_chunks(_CHUNK))
        except StoreUnreachable as error:
            # The answer broke off; botocore tries again only until an answer begins.
            raise _InterruptedError(error) from error

    def _again(self, attempt: Callable[[], T]) -> T:
        for tries in itertools.count(1):
            try:
                return attempt()
            except _InterruptedError as interrupted:
                if tries == self._attempts:
                    raise interrupted.error from interrupted.error.__cause__
                time.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries) * random.uniform(0.5, 1))  # noqa: S311
        raise AssertionError("the loop above ends by itself")


class _InterruptedError(Exception):
    """What may be tried again at once."""

    def __init__(self, error: StoreError) -> None:
        super().__init__(error)
        self.error = error


def _own_directory() -> Path:
    # A name that anyone can guess, where anyone may write: the directory must be ours, or its content could be another's.
    directory = Path(tempfile.gettempdir()) / f"longshore-copies-{os.geteuid()}"
    with file_errors(directory):
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise StoreDenied(
            "belongs to someone else, or others may write there", where=str(directory), advice="remove it"
        )
    return directory


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
