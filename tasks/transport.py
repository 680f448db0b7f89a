"""HTTP for registries and advisory sources: the one module that speaks to the network.

A request passes three gates. The *address*: plain HTTP goes only to loopback or to hosts that the user listed as insecure. The
*way*: redirects are followed by us, hop by hop, so that credentials never leave the host they are for and no server can send
us to services of this machine or its metadata address. The *answer*: documents have a size cap and come unencoded; 429, 5xx
and broken connections are tried again with growing pauses, as long as the server's Retry-After is bearable.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError, NameResolutionError, SSLError
from urllib3.exceptions import TimeoutError as HTTPTimeout
from urllib3.util import Timeout, Url, parse_url

from catalog.errors import (
    ProtocolViolation,
    RegistryBusy,
    RegistryUnreachable,
    SettingsError,
)
from catalog.settings import LayerCacheLocation
from catalog.version import __version__
from tasks.addresses import is_listed, is_loopback, leads_inside, parse_retry_after

T = TypeVar("T")

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_REDIRECTS = 5
_SMALL_BODY = 64 << 10
_PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """How registries are spoken to: what a task is told. Holds no secret; credentials are found on the node that reads.

    Args:
        insecure: hosts (`name` or `name:port`) that may be spoken to in plain HTTP; loopback always may.
        ca_file: PEM file of authorities trusted beside the system's.
        docker_config: Docker's configuration file or its directory; None for where Docker looks.
        timeout_seconds: seconds without a byte until a request is given up.
        retries: further tries after a passing failure.
        backoff_seconds: pause before the first of them; it doubles each time, with jitter.
        longest_wait_seconds: a server that asks for a longer pause than this is left to the caller.
        concurrency: requests in flight while references are listed.
        layer_cache: where the node that reads keeps blobs; None for nowhere.
    """

    insecure: tuple[str, ...] = ()
    ca_file: str | None = None
    docker_config: str | None = None
    timeout_seconds: float = 60.0
    retries: int = 3
    backoff_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    concurrency: int = 8
    layer_cache: LayerCacheLocation | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """An answer read whole.

    Args:
        status: HTTP status.
        headers: by lower-case name.
        data: the body.
        elsewhere: a redirect led to another server than the one that was asked, and that one answered.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes
    elsewhere: bool = False


class Reply:
    """An answer whose body is still to be read. Close it, or use it as a context manager."""

    def __init__(self, response: urllib3.BaseHTTPResponse, host: str) -> None:
        self._response = response
        self._host = host
        self.elsewhere = False
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as they were sent; empty at the end.

        Raises:
            RegistryUnreachable: the connection broke, or ended before the length that was announced.
        """
        try:
            return self._response.read(size, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise RegistryUnreachable(f"the connection broke ({_cause(error)})", where=self._host) from error

    def document(self, limit: int) -> Document:
        """The whole body, and the reply closed.

        Args:
            limit: bytes it may have at most.

        Raises:
            ProtocolViolation: it is larger, or encoded although we asked for it as it is.
            RegistryUnreachable: the connection broke.
        """
        with self:
            if self.headers.get("content-encoding", "identity") != "identity":
                raise ProtocolViolation("sends a document in an encoding that was not asked for", where=self._host)
            pieces, left = [], limit + 1
            while left > 0 and (piece := self.read(min(left, 1 << 20))):
                pieces.append(piece)
                left -= len(piece)
            if left <= 0:
                raise ProtocolViolation(f"sends a document of more than {limit:,} bytes", where=self._host)
            return Document(self.status, self.headers, b"".join(pieces), self.elsewhere)

    def close(self) -> None:
        """Let go of the connection; it is kept for the next request where little of the body is left."""
        left = self._response.length_remaining
        if left is not None and left <= _SMALL_BODY:
            self._response.drain_conn()
        else:
            self._response.close()
        self._response.release_conn()

    def __enter__(self) -> Reply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Transport:
    """Connections to any number of hosts, shared by threads.

    Args:
        access: addresses, authorities, patience.

    Raises:
        SettingsError: the file of authorities cannot be read.
    """

    def __init__(self, access: RegistryAccess) -> None:
        self.access = access
        context = ssl.create_default_context()
        if access.ca_file:
            try:
                context.load_verify_locations(access.ca_file)
            except OSError as error:  # an ssl.SSLError is one too
                raise SettingsError("is no PEM file of certificates", where=access.ca_file) from error
        self._pools = urllib3.PoolManager(num_pools=32, maxsize=64, ssl_context=context, retries=False)
        self._schemes: dict[str, str] = {}
        self._lock = threading.Lock()

    def base_url(self, host: str) -> str:
        """`https://host`, or `http://host` where that is allowed and the server speaks nothing better.

        Raises:
            RegistryUnreachable: its certificate cannot be verified.
        """
        if not self._allows_plain(parse_url(f"https://{host}")):
            return f"https://{host}"
        with self._lock:
            scheme = self._schemes.get(host)
        if scheme is None:
            scheme = next((found for found in ("https", "http") if self._answers(found, host)), None)
            if scheme is None:
                return f"https://{host}"  # not there now: whoever asks next is told why, and it may come back as either
            with self._lock:
                self._schemes[host] = scheme
        return f"{scheme}://{host}"

    def fetch(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, limit: int, body: bytes | None = None
    ) -> Document:
        """Send a request and read the answer whole.

        Args:
            method: GET, HEAD or POST; all are safe to repeat here.
            url: absolute.
            headers: to send; an Authorization goes to the URL's own host only.
            limit: bytes the answer may have.
            body: of a POST.

        Raises:
            RegistryUnreachable, RegistryBusy: after all tries, or the server asked for a long pause.
            ProtocolViolation: a redirect that we do not follow, or a document too large.
        """
        return self._patiently(lambda: self._open(method, url, headers or {}, body).document(limit))

    def stream(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a GET and leave the body to the caller; see `fetch` for the rest."""
        return self._patiently(lambda: self._open("GET", url, headers or {}, None))

    def admit(self, origin: str, target: str) -> str:
        """Check a URL that a server sent us to, and return it normalised.

        Args:
            origin: the URL whose answer named it.
            target: what it named, absolute or relative.

        Raises:
            ProtocolViolation: we do not go there.
        """
        source = parse_url(origin)
        try:
            if not target.isascii() or not target.isprintable() or "\\" in target:
                raise ProtocolViolation("sends us to what is no URL", where=source.netloc or "")
            url = parse_url(urljoin(origin, target))
        except (HTTPError, ValueError) as error:
            raise ProtocolViolation("sends us to what is no URL", where=source.netloc or "") from error
        if url.scheme not in {"http", "https"} or not url.host or url.auth:
            raise ProtocolViolation("sends us to what is no plain address", where=source.netloc or "")
        if url.scheme == "http" and not self._allows_plain(url):
            raise ProtocolViolation(
                f"sends us to {url.netloc} in plain HTTP",
                where=source.netloc or "",
                advice=f"list {url.netloc} as insecure if that is meant",
            )
        self._check_inside(source, url)
        return url.url

    def _check_inside(self, source: Url, url: Url) -> None:
        # A registry out there has no business with this machine's own services or the cloud's metadata address. Private
        # networks stay allowed: storage behind a public name is often there.
        same = url.host == source.host
        if same or is_listed(url.host or "", url.port, self.access.insecure):
            return
        if leads_inside(url.host or "", loopback_allowed=is_loopback(source.host or "")):
            raise ProtocolViolation(f"sends us to {url.netloc}, an address of this machine", where=source.netloc or "")

    def _allows_plain(self, url: Url) -> bool:
        return is_loopback(url.host or "") or is_listed(url.host or "", url.port, self.access.insecure)

    def _answers(self, scheme: str, host: str) -> bool:
        try:
            self._request("GET", f"{scheme}://{host}/v2/", {}, None, seconds=_PROBE_SECONDS).close()
        except RegistryUnreachable as error:
            if isinstance(_root(error), ssl.SSLCertVerificationError):
                raise
            return False
        return True

    def _patiently(self, action: Callable[[], T]) -> T:
        pause = self.access.backoff_seconds
        for left in range(self.access.retries, -1, -1):
            try:
                return action()
            except (RegistryUnreachable, RegistryBusy) as error:
                wish = getattr(error, "retry_after", None) or 0.0
                hopeless = isinstance(_root(error), ssl.SSLCertVerificationError)
                if left == 0 or hopeless or wish > self.access.longest_wait_seconds:
                    raise
                time.sleep(max(wish, pause * random.uniform(0.5, 1.0)))  # noqa: S311 (jitter, no secret)
                pause *= 2
        raise AssertionError("unreachable")

    def _open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        headers = {"User-Agent": f"longshore/{__version__}", "Accept-Encoding": "identity", **headers}
        asked = _origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            reply = self._request(method, url, headers, body)
            if reply.status in _PASSING:
                reply.close()
                raise RegistryBusy(
                    f"answers {reply.status}",
                    where=parse_url(url).netloc or "",
                    retry_after=parse_retry_after(reply.headers.get("retry-after")),
                )
            location = reply.headers.get("location")
            if reply.status not in _REDIRECTS or location is None or method == "POST":
                reply.elsewhere = _origin(url) != asked
                return reply
            reply.close()
            target = self.admit(url, location)
            if _origin(target) != _origin(url):
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            url = target
        raise ProtocolViolation("redirects in circles", where=parse_url(url).netloc or "")

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float | None = None
    ) -> Reply:
        seconds = seconds or self.access.timeout_seconds
        host = parse_url(url).netloc or ""
        try:
            response = self._pools.request(
                method,
                url,
                headers=dict(headers),
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=Timeout(connect=min(seconds, 15.0), read=seconds),
            )
        except (HTTPError, OSError, ValueError) as error:
            raise RegistryUnreachable(f"cannot be reached ({_cause(error)})", where=host) from error
        return Reply(response, host)


def _origin(url: str) -> tuple[str, str, int]:
    parts = parse_url(url)
    scheme = parts.scheme or ""
    return scheme, parts.host or "", parts.port or (443 if scheme == "https" else 80)


def _root(error: BaseException) -> BaseException:
    """The first cause of an error of ours; urllib3 keeps an SSL error as its argument."""
    while error.__cause__ is not None:
        error = error.__cause__
    inner = error.args[0] if isinstance(error, SSLError) and error.args else None
    return inner if isinstance(inner, BaseException) else error


def _cause(error: BaseException) -> str:
    """What went wrong in a few words, without the URL: a redirect's may hold a signature."""
    root = _root(error)
    if isinstance(error, NameResolutionError):
        return "its name is not known"
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified: {root.verify_message}"
    if isinstance(root, ssl.SSLError):
        return f"TLS failed: {root.reason or 'no reason given'}"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower()
    if isinstance(error, HTTPTimeout) or isinstance(root, TimeoutError):
        return "no answer in time"
    return type(root).__name__
