from __future__ import annotations

import base64
import hashlib
import os
import pickle
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest

from catalog.errors import ObjectMissing, Retry, StoreDenied, StoreError, StoreFull, StoreUnreachable
from catalog.settings import ArchiveLocation, S3Options
from catalog.store import Store, open_store
from tests.servers.s3 import Answer, ScriptedS3

KEY = "v1/entries/retention=warm/month=2026-11/part-1.parquet"

pytestmark = pytest.mark.s3


@pytest.fixture
def scripted(scripted_s3: ScriptedS3, tmp_path: Path) -> Store:
    return open_store(scripted_s3.location, copies=tmp_path / "copies")


def test_objects_lie_below_the_prefix(s3_archive: ArchiveLocation, tmp_path: Path) -> None:
    open_store(s3_archive, copies=tmp_path).put_if_absent(KEY, b"x")
    bucket = s3_archive.url.split("/")[2]
    client = boto3.client("s3", endpoint_url=s3_archive.s3.endpoint, region_name="us-east-1")
    assert [found["Key"] for found in client.list_objects_v2(Bucket=bucket)["Contents"]] == [f"fleet/one/{KEY}"]


@pytest.mark.slow
def test_a_listing_reads_page_after_page(s3_archive: ArchiveLocation, tmp_path: Path) -> None:
    store = open_store(s3_archive, copies=tmp_path)
    for number in range(1005):
        store.put_if_absent(f"_manifests/{number:012d}.json", b"")
    assert len(list(store.list("_manifests/"))) == 1005


def test_encryption_is_asked_for(scripted_s3: ScriptedS3, tmp_path: Path) -> None:
    options = S3Options(scripted_s3.endpoint, "us-east-1", path_style=True, sse="aws:kms", kms_key="key-1")
    scripted_s3.answers = [Answer(200)]
    open_store(ArchiveLocation("s3://bucket/x", options), copies=tmp_path).put_if_absent(KEY, b"x")
    headers = {name.lower(): value for name, value in scripted_s3.requests[0][2].items()}
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"


def test_a_put_carries_its_condition_and_checksum(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(200)]
    scripted.put_if_absent(KEY, b"facts")
    method, path, headers, body = scripted_s3.requests[0]
    assert (method, path, body) == ("PUT", f"/bucket/{quote(KEY)}", b"facts")
    assert headers["If-None-Match"] == "*"
    assert headers["Content-MD5"] == base64.b64encode(hashlib.md5(b"facts").digest()).decode()


def test_412_means_it_was_there(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(412, "PreconditionFailed")]
    assert scripted.put_if_absent(KEY, b"x") is False


def test_a_conflict_is_tried_again(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(409, "ConditionalRequestConflict"), Answer(200)]
    assert scripted.put_if_absent(KEY, b"x") is True
    assert [request[3] for request in scripted_s3.requests] == [b"x", b"x"]


def test_a_busy_server_is_tried_again(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(503, "SlowDown"), Answer(200, body=b"facts")]
    assert scripted.get(KEY) == b"facts"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(403, "AccessDenied"), StoreDenied),
        (Answer(403, "SignatureDoesNotMatch"), StoreDenied),
        (Answer(400, "ExpiredToken"), StoreDenied),
        (Answer(404, "NoSuchKey"), ObjectMissing),
        (Answer(403, "QuotaExceeded"), StoreFull),
        (Answer(507, "XMinioStorageFull"), StoreFull),
        (Answer(503, "SlowDown"), StoreUnreachable),
        (Answer(500, "InternalError"), StoreUnreachable),
        (Answer(409, "ConditionalRequestConflict"), StoreUnreachable),
    ],
)
def test_what_the_server_refuses_has_its_own_error(
    scripted: Store, scripted_s3: ScriptedS3, answer: Answer, kind: type[StoreError]
) -> None:
    scripted_s3.answers = [answer]
    with pytest.raises(StoreError) as caught:
        scripted.put_if_absent(KEY, b"x")
    assert type(caught.value) is kind
    assert KEY in str(caught.value)


def test_a_missing_bucket_is_said(s3_archive: ArchiveLocation, tmp_path: Path) -> None:
    elsewhere = ArchiveLocation("s3://no-such-bucket-here", s3_archive.s3)
    with pytest.raises(StoreError, match="make the bucket first"):
        open_store(elsewhere, copies=tmp_path).put_if_absent(KEY, b"x")


def test_an_object_in_a_cold_class_is_said(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(403, "InvalidObjectState")]
    with pytest.raises(StoreError, match="must be restored"):
        scripted.get(KEY)


def test_a_body_that_breaks_off_is_fetched_again(scripted: Store, scripted_s3: ScriptedS3) -> None:
    broken = Answer(200, body=b"fac", length=5)
    scripted_s3.answers = [broken, Answer(200, body=b"facts")]
    assert scripted.get(KEY) == b"facts"
    scripted_s3.answers = [broken, Answer(200, body=b"facts")]
    assert scripted.local_copy(KEY).read_bytes() == b"facts"


def test_a_body_that_always_breaks_off_is_transient(scripted: Store, scripted_s3: ScriptedS3, tmp_path: Path) -> None:
    scripted_s3.answers = [Answer(200, body=b"fac", length=5)]
    with pytest.raises(StoreUnreachable) as caught:
        scripted.local_copy(KEY)
    assert caught.value.retry is Retry.TRANSIENT
    assert [path for path in (tmp_path / "copies").rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_server_that_is_not_there_is_unreachable(s3_credentials: None, tmp_path: Path) -> None:
    options = S3Options("http://127.0.0.1:9", "us-east-1", path_style=True, attempts=1)
    with pytest.raises(StoreUnreachable):
        open_store(ArchiveLocation("s3://bucket", options), copies=tmp_path).get(KEY)


def test_missing_credentials_are_said(scripted_s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreDenied, match="credentials"):
        open_store(scripted_s3.location, copies=tmp_path).get(KEY)


def test_no_secret_shows_in_a_store_or_its_errors(scripted: Store, scripted_s3: ScriptedS3) -> None:
    scripted_s3.answers = [Answer(403, "AccessDenied")]
    with pytest.raises(StoreDenied) as caught:
        scripted.get(KEY)
    assert "testing-secret" not in f"{scripted!r} {caught.value!r} {caught.value}"


def test_a_location_travels_and_holds_no_secret(s3_archive: ArchiveLocation) -> None:
    assert pickle.loads(pickle.dumps(s3_archive)) == s3_archive
    assert "testing-secret" not in repr(s3_archive)


def test_a_guessable_directory_of_someone_else_is_not_used(
    scripted_s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    planted = tmp_path / f"longshore-copies-{os.geteuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    with pytest.raises(StoreDenied, match="remove it"):
        open_store(scripted_s3.location)
    planted.rmdir()
    open_store(scripted_s3.location)
    assert planted.stat().st_mode & 0o777 == 0o700
