"""Pushes an OCI layout to a registry, as it is: odd manifests too, and without a process for each image."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError


class Pusher:
    """Pushes to one registry.

    Args:
        base: its URL.
        authorise: the Authorization header for a repository; empty for none.
        context: for TLS.
    """

    def __init__(self, base: str, authorise: Callable[[str], str], context: ssl.SSLContext | None = None) -> None:
        self._base = base
        self._authorise = authorise
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
        )
        self._there: set[tuple[str, str]] = set()

    def push(self, layout: Path, repository: str, *tags: str) -> None:
        """Push entries of a layout under their tags; all of them where none is named."""
        for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
            tag = entry["annotations"]["org.opencontainers.image.ref.name"]
            if not tags or tag in tags:
                self._manifest(layout, repository, entry, tag)

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest, and every tag that points to it."""
        self._send("DELETE", f"{self._base}/v2/{repository}/manifests/{digest}", repository)

    def _manifest(self, layout: Path, repository: str, entry: dict[str, Any], name: str) -> None:
        data = _blob(layout, entry["digest"])
        document = json.loads(data)
        for child in document.get("manifests", []):
            self._manifest(layout, repository, child, child["digest"])
        for blob in [*document.get("layers", []), *([document["config"]] if "config" in document else [])]:
            if not blob.get("urls"):
                self._blob(layout, repository, blob["digest"])
        url = f"{self._base}/v2/{repository}/manifests/{name}"
        self._send("PUT", url, repository, data, {"Content-Type": entry["mediaType"]})

    def _blob(self, layout: Path, repository: str, digest: str) -> None:
        if (repository, digest) in self._there:
            return
        place = self._send("POST", f"{self._base}/v2/{repository}/blobs/uploads/", repository, b"")["Location"]
        place = place if "://" in place else self._base + place
        separator = "&" if "?" in place else "?"
        headers = {"Content-Type": "application/octet-stream"}
        self._send("PUT", f"{place}{separator}digest={digest}", repository, _blob(layout, digest), headers)
        self._there.add((repository, digest))

    def _send(
        self, method: str, url: str, repository: str, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(url, data, headers or {}, method=method)
        if authorization := self._authorise(repository):
            request.add_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.headers
        except HTTPError as error:
            with error:
                raise AssertionError(f"{method} {url}: {error.code} {error.read()[:500]!r}") from None


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
