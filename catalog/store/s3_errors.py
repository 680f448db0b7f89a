"""What S3 servers and botocore say, in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidConfigError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnection

from catalog.errors import ObjectMissing, StoreDenied, StoreError, StoreFull, StoreUnreachable

# Error codes of the API reference, "List of error codes", and of servers other than Amazon's.
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "ServiceQuotaExceeded"})
_BUSY = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "Throttling"})
_CREDENTIALS = (
    CredentialRetrievalError,
    InvalidConfigError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)


@contextlib.contextmanager
def s3_errors(where: str) -> Iterator[None]:
    """Turn what botocore raises into errors of ours.

    Args:
        where: the object's or the store's URL.

    Raises:
        ObjectMissing: there is no such object.
        StoreDenied: no credentials, wrong ones, or no right.
        StoreFull: the server has no space, or the quota is used up.
        StoreUnreachable: no answer, or the server asks to come back.
        StoreError: anything else.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, where) from error
    except _CREDENTIALS as error:
        raise StoreDenied(str(error), where=where, advice="give credentials as AWS's own tools take them") from error
    except (NoConnection, HTTPClientError, IncompleteReadError) as error:
        # Connection refused, time-outs, TLS, a body that ends early.
        raise StoreUnreachable(str(error), where=where) from error
    except BotoCoreError as error:
        raise StoreError(str(error), where=where) from error


def _of_answer(error: ClientError, where: str) -> StoreError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = str(error.response.get("Error", {}).get("Message", "")) or "no message"
    what = f"{message} ({code or status})"
    if code in _MISSING:
        return ObjectMissing("there is no such object", where=where)
    if code == "NoSuchBucket":
        return StoreError(what, where=where, advice="make the bucket first")
    if code == "InvalidObjectState":
        return StoreError("lies in a storage class that must be restored before it is read", where=where)
    if code in _FULL or status == 507:
        return StoreFull(what, where=where)
    if code in _BUSY or status in (409, 429) or status >= 500:
        return StoreUnreachable(what, where=where)
    if code in _DENIED or status in (401, 403):
        return StoreDenied(what, where=where)
    return StoreError(what, where=where)
