"""zip archives under attack: jars within jars, eggs, and directories that lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tasks.analyzers.java import Java
from tasks.analyzers.python import Python
from tests.fuzz.target import LIMITS, Target
from tests.tasks.analyzers.hostile import survive
from tests.tasks.analyzers.zip_writer import STORED, Member, write_zip

_POM = b"groupId=org.example\nartifactId=a\nversion=1.0\n"
_MANIFEST = (
    b"Manifest-Version: 1.0\nImplementation-Title: a\nImplementation-Version: 1\nBundle-License: MIT\n\nName: x\n"
)


def read_archive(data: bytes) -> None:
    """Read an archive as a jar and as an egg, under low caps."""
    survive(Java(), "srv/demo-1.0.jar", data, LIMITS)
    survive(Python(), "lib/demo-1.0.egg", data, LIMITS)


def archive_seeds() -> Iterator[bytes]:
    """Jars, jars within jars, eggs, zip64, scripts before archives, lying fields."""
    pom = Member(b"META-INF/maven/org.example/a/pom.properties", _POM)
    manifest = Member(b"META-INF/MANIFEST.MF", _MANIFEST)
    jar = write_zip([pom, manifest])
    yield jar
    yield write_zip(
        [manifest, Member(b"BOOT-INF/lib/a-1.0.jar", jar, STORED), Member(b"lib/b.jar", jar)], comment=b"end"
    )
    yield write_zip([Member(b"EGG-INFO/PKG-INFO", b"Metadata-Version: 1.0\nName: a\nVersion: 1\n", descriptor=True)])
    yield write_zip([pom, Member(b"x", b"1", zip64=True)], zip64=True)
    yield write_zip([pom], prefix=b"#!/bin/sh\nexit 0\n", shift_offsets=True)
    yield write_zip(
        [Member(b"META-INF/MANIFEST.MF", _MANIFEST, size=1 << 31), Member(b"a/../b.jar", b"no", checksum=1)]
    )
    yield write_zip([Member(b"a.jar", jar, offset=0), Member(b"META-INF/MANIFEST.MF", _MANIFEST, flags=1)], entries=9)
    yield write_zip([])


def mend_archive(data: bytes, longest: int, seed: int, mutate: Callable[[bytes, int], bytes]) -> bytes:
    """Mutate bytes; now and then put the archive into another, so that what is found in one is tried a level deeper."""
    chance = random.Random(seed)
    data = mutate(data, longest)
    if chance.random() < 0.03:
        deeper = write_zip([Member(b"lib/in-1.jar", data, STORED)])
        return deeper if len(deeper) <= longest else data
    return data


_WORDS = (
    b"PK\1\2",
    b"PK\3\4",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
    b"META-INF/MANIFEST.MF",
    b"pom.properties",
    b"EGG-INFO/PKG-INFO",
    b".jar",
    b"groupId=",
    b"artifactId=",
    b"version=",
    b"Implementation-Version: ",
    b"Bundle-SymbolicName: ",
    b"\xff\xff\xff\xff",
    b"\1\0\x18\0",
)

ARCHIVE = Target("archive", read_archive, archive_seeds, _WORDS, mend=mend_archive)
