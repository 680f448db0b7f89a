"""Every error Longshore raises, in one tree.

An error says what went wrong, where, and what to do next, on one line; its `reason` is a short stable word that ends up in
an image's state, and its `retry` class says whether trying again can help:

    LongshoreError
    ├── UsageError                   the command line or a reference cannot be understood (exit code 2)
    │   └── InvalidReference
    ├── SettingsError                a setting is wrong
    ├── SourceError                  an image source cannot be read
    │   ├── RegistryUnreachable      transient
    │   ├── RegistryBusy             transient: 429 or 5xx, with Retry-After in seconds
    │   ├── Unauthorised             401, 403
    │   ├── NotFound                 404, or a local file that is not there
    │   ├── NotAnImage               an artifact, an attestation, schema 1: the image is skipped
    │   └── ProtocolViolation, MalformedManifest: the server answered something the specification does not allow
    ├── BlobError                    the bytes are not those the digest promised: the true ones were never seen
    │   ├── BlobTruncated            transient
    │   ├── DigestMismatch, SizeMismatch
    │   └── SourceChanged            transient: a directory tree is not what it was when it was listed
    ├── LayerError                   the true bytes are no readable layer: permanent for this layer
    │   ├── MalformedLayer
    │   ├── LimitExceeded            a cap was reached (bytes, entries, ratio)
    │   └── ForeignLayer             not served, or encrypted
    ├── ParseError                   one piece of evidence cannot be parsed: a recorded problem, never more
    ├── StoreError                   the archive's store
    │   ├── StoreUnreachable         transient
    │   ├── StoreDenied, StoreFull, ObjectMissing, ObjectCorrupt
    │   └── ObjectTooNew             written by a newer Longshore
    ├── ActiveSetError               Postgres
    │   ├── DatabaseUnreachable      transient
    │   └── DatabaseFull, SchemaMismatch, ConnectionBudgetExceeded
    └── AdvisoryError                an advisory source or snapshot
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Retry(StrEnum):
    """Whether the same work may succeed when tried again."""

    TRANSIENT = "transient"
    """Network, 5xx, 429: again, later, with backoff."""
    PERMANENT = "permanent"
    """The same input gives the same failure: not again until something changes."""
    POISON = "poison"
    """It takes its worker down: alone, a few times, then quarantine."""


class LongshoreError(Exception):
    """The root of the tree.

    Args:
        what: what went wrong, a sentence without a full stop.
        where: the file, host, image or setting it concerns; empty when `what` says it.
        advice: what to do next; empty when there is nothing to do.
    """

    reason: ClassVar[str] = "error"
    retry: ClassVar[Retry] = Retry.PERMANENT

    def __init__(self, what: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(what, where, advice)
        self.what = what
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{line}; {self.advice}" if self.advice else line
        return " ".join(line.split())

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; keyword-only arguments need telling pickle how.
        return (_rebuild, (type(self), self.what, self.where, self.advice, self.__dict__))


def _rebuild(cls: type[LongshoreError], what: str, where: str, advice: str, state: dict[str, object]) -> LongshoreError:
    error = cls.__new__(cls)
    LongshoreError.__init__(error, what, where=where, advice=advice)
    error.__dict__.update(state)
    return error


class UsageError(LongshoreError):
    """The command line cannot be understood."""

    reason = "usage"


class InvalidReference(UsageError):
    """A string that names no image source."""

    reason = "invalid-reference"


class SettingsError(LongshoreError):
    """A setting is wrong."""

    reason = "settings"


class SourceError(LongshoreError):
    """An image source cannot be read."""

    reason = "source"


class RegistryUnreachable(SourceError):
    """No connection, a time-out, or TLS that cannot be verified."""

    reason = "registry-unreachable"
    retry = Retry.TRANSIENT


class RegistryBusy(SourceError):
    """429 or 5xx: the server asks us to come back.

    Args:
        retry_after: seconds the server asked for, or None.
    """

    reason = "registry-busy"
    retry = Retry.TRANSIENT

    def __init__(self, what: str, *, where: str = "", advice: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, where=where, advice=advice)
        self.retry_after = retry_after


class Unauthorised(SourceError):
    """401 or 403."""

    reason = "unauthorised"


class NotFound(SourceError):
    """404, or a local file that is not there."""

    reason = "not-found"


class ProtocolViolation(SourceError):
    """The server's answer breaks the Distribution specification."""

    reason = "protocol-violation"


class NotAnImage(SourceError):
    """A manifest that is no container image; the image is skipped, with this reason."""

    reason = "not-an-image"


class MalformedManifest(SourceError):
    """A manifest or configuration that cannot be read."""

    reason = "malformed-manifest"


class BlobError(LongshoreError):
    """The bytes served are not those the digest promised; what the layer really is was never seen."""

    reason = "blob"


class BlobTruncated(BlobError):
    """The stream ended early and could not be resumed."""

    reason = "blob-truncated"
    retry = Retry.TRANSIENT


class DigestMismatch(BlobError):
    """The bytes hash to something else."""

    reason = "digest-mismatch"


class SizeMismatch(BlobError):
    """More or fewer bytes than the descriptor says."""

    reason = "size-mismatch"


class SourceChanged(BlobError):
    """A directory tree is not what it was when it was listed."""

    reason = "source-changed"
    retry = Retry.TRANSIENT


class LayerError(LongshoreError):
    """The layer's true bytes cannot be read."""

    reason = "layer"


class MalformedLayer(LayerError):
    """Not a tar archive in a known compression, or a broken one."""

    reason = "malformed-layer"


class LimitExceeded(LayerError):
    """A documented cap was reached."""

    reason = "limit-exceeded"


class ForeignLayer(LayerError):
    """A layer whose bytes the registry does not serve, or that is encrypted."""

    reason = "foreign-layer"


class ParseError(LongshoreError):
    """A piece of evidence that its analyser cannot parse."""

    reason = "parse-error"


class StoreError(LongshoreError):
    """The archive's store failed."""

    reason = "store"


class StoreUnreachable(StoreError):
    """The object store does not answer."""

    reason = "store-unreachable"
    retry = Retry.TRANSIENT


class StoreDenied(StoreError):
    """The object store refuses our credentials or rights."""

    reason = "store-denied"


class StoreFull(StoreError):
    """No space is left."""

    reason = "store-full"


class ObjectMissing(StoreError):
    """An object that the commit log names is not there."""

    reason = "object-missing"


class ObjectCorrupt(StoreError):
    """An object's content is not what its name says."""

    reason = "object-corrupt"


class ObjectTooNew(StoreError):
    """An object whose schema version this Longshore does not know yet."""

    reason = "object-too-new"


class ActiveSetError(LongshoreError):
    """Postgres failed."""

    reason = "active-set"


class DatabaseUnreachable(ActiveSetError):
    """Postgres does not answer, or went away."""

    reason = "database-unreachable"
    retry = Retry.TRANSIENT


class DatabaseFull(ActiveSetError):
    """No space is left for Postgres."""

    reason = "database-full"


class SchemaMismatch(ActiveSetError):
    """The database's schema is not one this version knows."""

    reason = "schema-mismatch"


class ConnectionBudgetExceeded(ActiveSetError):
    """The server does not allow the connections that the settings ask for."""

    reason = "connection-budget"


class AdvisoryError(LongshoreError):
    """An advisory source or snapshot cannot be read."""

    reason = "advisories"
