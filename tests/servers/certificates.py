"""Certificates for test servers on loopback, made with openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_DAYS = "2"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate authority, and a server certificate for `localhost` and 127.0.0.1 that it signed."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make both in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", _DAYS, "-subj", "/CN=Longshore tests",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", folder / "authority.key", "-out", made.authority)  # fmt: skip
    _openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        made.key,
        "-out",
        folder / "request.pem",
    )
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    _openssl("x509", "-req", "-in", folder / "request.pem", "-CA", made.authority, "-CAkey", folder / "authority.key",
             "-days", _DAYS, "-extfile", extensions, "-out", made.certificate)  # fmt: skip
    return made


def sign(key: Path, data: bytes) -> bytes:
    """An RSA signature (PKCS #1, SHA-256)."""
    return subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(key)], input=data, capture_output=True, check=True
    ).stdout


def der_of(certificate: Path) -> bytes:
    """A certificate in DER."""
    return subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-outform", "DER"], capture_output=True, check=True
    ).stdout


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=True)
