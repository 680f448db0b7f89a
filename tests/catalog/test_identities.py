"""How fields become a hash."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from catalog.identities import PACKAGE_RECIPE, hash_fields, hash_texts
from catalog.packages import PackageFacts

TEXTS = st.one_of(st.text(max_size=8), st.text(alphabet="ab\0\x7f", min_size=120, max_size=300), st.just("\ud800"))


@given(st.lists(TEXTS, max_size=6))
def test_texts_are_hashed_like_any_fields(texts: list[str]) -> None:
    assert hash_texts("recipe/1", *texts) == hash_fields("recipe/1", *texts)


def test_each_field_stands_behind_its_length() -> None:
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in (b"recipe/1", b"", b"a" * 200, b"b"))
    assert hash_texts("recipe/1", "", "a" * 200, "b") == hashlib.blake2b(framed, digest_size=16).digest()


def test_a_packages_identity_says_every_field_in_its_order() -> None:
    facts = PackageFacts(
        "rpm", "bash", "5.1-2", epoch=0, architecture="x86_64", source_name="bash", source_version="5.1-2"
    )
    fields = ("rpm", "", "bash", "5.1-2", "0", "x86_64", "bash", "5.1-2", "", "")
    assert facts.package_id == hash_fields(PACKAGE_RECIPE, *fields)
