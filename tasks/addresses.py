"""Which hosts are this machine, which the user listed, and what a server's Retry-After says: small questions of HTTP."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(host: str) -> bool:
    """Whether a URL's host is written as loopback: `localhost`, 127.0.0.0/8 or `[::1]`. Nothing is resolved."""
    if host.lower() == "localhost":
        return True
    address = _literal(host)
    return address is not None and address.is_loopback


def is_listed(host: str, port: int | None, listed: Iterable[str]) -> bool:
    """Whether `host` or `host:port` is among the listed ones, in any case of letters."""
    names = {host.lower(), f"{host.lower()}:{port}"}
    return any(name.lower() in names for name in listed)


def leads_inside(host: str, *, loopback_allowed: bool) -> bool:
    """Whether a host is, or resolves to, an address that only this machine can mean: loopback, link-local, unspecified.

    Args:
        host: of a URL.
        loopback_allowed: loopback is fine (whoever names it is itself on loopback).
    """
    literal = _literal(host)
    return any(
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or (address.is_loopback and not loopback_allowed)
        for address in ([literal] if literal is not None else _resolve(host))
    )


def parse_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date), None where it says nothing usable."""
    if value is None or len(value) > 64:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _literal(host: str) -> Address | None:
    try:
        return _plain(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return None


def _resolve(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []  # the connection will say so better
    return [_plain(ipaddress.ip_address(str(where[0]).partition("%")[0])) for *_, where in found]


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
