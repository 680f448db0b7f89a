from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.conda import Conda
from tests.tasks.analyzers.hostile import json_values, survive, survive_truncation

PATH = "opt/conda/conda-meta/absl-py-0.4.1-py36h06a4308_0.json"
RECORD = {
    "build": "py36h06a4308_0",
    "build_number": 0,
    "channel": "https://repo.example/pkgs/main/linux-64",
    "depends": ["python >=3.6,<3.7.0a0"],
    "files": ["lib/python3.6/site-packages/absl/__init__.py"],
    "fn": "absl-py-0.4.1-py36h06a4308_0.tar.bz2",
    "license": "Apache-2.0",
    "name": "absl-py",
    "subdir": "linux-64",
    "version": "0.4.1",
}


def only(**changed: object):
    (package,) = Conda().analyse(PATH, json.dumps({**RECORD, **changed}).encode()).packages
    return package


def test_a_record_is_a_package_with_build_channel_subdir_and_type() -> None:
    package = only()
    assert render_purl(package) == (
        "pkg:conda/absl-py@0.4.1?build=py36h06a4308_0&channel=main&subdir=linux-64&type=tar.bz2"
    )
    assert package.licences == ("Apache-2.0",)


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("https://conda.example/conda-forge/linux-64", "conda-forge"),
        ("https://conda.example/conda-forge", "conda-forge"),
        ("https://user:secret@conda.example/t/tk-secret-1/mine/linux-64", "mine"),
        ("https://conda.example/t/tk-secret", None),
        ("conda.example/t/tk-secret/mine", "mine"),
        ("user:secret@conda.example/mine", None),
        ("defaults", "defaults"),
        ("https://[broken", None),
        ("", None),
        (3, None),
    ],
)
def test_a_channel_is_a_name_without_address_or_secret(channel: object, name: str | None) -> None:
    package = only(channel=channel)
    assert dict(package.qualifiers).get("channel") == name
    assert "secret" not in package.qualifier_text


def test_values_that_are_no_words_are_no_qualifiers() -> None:
    assert dict(only(build="a&b=c", subdir="\0", fn="x").qualifiers) == {"channel": "main/linux-64"}


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"name": "x"}', b'{"build": "0", "version": "1"}'])
def test_what_is_no_record_is_a_failure(data: bytes) -> None:
    with pytest.raises(ParseError):
        Conda().analyse(PATH, data)


def test_other_json_beside_the_records_is_no_failure() -> None:
    assert Conda().analyse("conda-meta/state.json", b'{"env_vars": {}}').packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(Conda(), PATH, json.dumps(RECORD).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Conda(), PATH, data)


@given(st.dictionaries(st.sampled_from(sorted(RECORD)), json_values))
def test_any_document_is_survived(document: dict) -> None:
    survive(Conda(), PATH, json.dumps({**RECORD, **document}).encode())
