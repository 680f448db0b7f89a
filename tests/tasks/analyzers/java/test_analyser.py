from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.limits import Limits
from tasks.analyzers import wants
from tasks.analyzers.interface import Findings
from tasks.analyzers.java import Java
from tasks.analyzers.selection import Selection
from tasks.layers.evidence import EvidenceBook
from tests.tasks.analyzers.zip_writer import DEFLATED, STORED, Member, write_zip


def pom(artifact: str, version: str = "1.0", group: str = "org.example", **options) -> Member:
    text = f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
    return Member(f"META-INF/maven/{group}/{artifact}/pom.properties".encode(), text.encode(), **options)


def manifest(**fields: str) -> Member:
    lines = [f"{key.replace('_', '-')}: {value}\r\n" for key, value in fields.items()]
    return Member(b"META-INF/MANIFEST.MF", "".join(lines).encode())


def jar(artifact: str, *more: Member) -> bytes:
    return write_zip([manifest(Manifest_Version="1.0"), pom(artifact), *more])


def analyse(data: bytes, path: str = "app/demo-1.0.jar", **limits: int) -> Findings:
    return Java().analyse_within(path, data, replace(Limits(), **limits))


def names(findings: Findings) -> list[str]:
    return [package.name for package in findings.packages]


def test_a_jar_has_group_name_version_and_licences() -> None:
    data = write_zip([manifest(Bundle_License="Apache-2.0"), pom("demo")])
    (package,) = analyse(data).packages
    assert (package.type, package.namespace, package.name, package.version) == ("maven", "org.example", "demo", "1.0")
    assert package.licences == ("Apache-2.0",)


@pytest.mark.parametrize("suffix", ["jar", "war", "ear", "par", "sar", "jpi", "hpi", "kar", "nar", "lpkg"])
def test_archives_are_wanted_by_their_suffix(suffix: str) -> None:
    assert wants(f"opt/app/x.{suffix}")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("app/META-INF/maven/org.example/demo/pom.properties", True),
        ("META-INF/maven/org.example/demo/pom.properties", True),
        ("app/target/maven-archiver/pom.properties", False),
        ("app/x.class", False),
        ("app/x.zip", False),
    ],
)
def test_other_files_are_wanted_only_where_maven_puts_them(path: str, wanted: bool) -> None:
    assert wants(path) is wanted


def test_an_exploded_archive_is_read_by_maven_s_file() -> None:
    path = "srv/ROOT/META-INF/maven/org.example/demo/pom.properties"
    (package,) = Java().analyse(path, b"version=1.0\nartifactId=demo\n").packages
    assert (package.namespace, package.name, package.version) == ("org.example", "demo", "1.0")


def test_archives_within_archives_are_read_stored_or_deflated() -> None:
    deepest = jar("deepest")
    middle = jar("middle", Member(b"lib/deepest.jar", deepest))
    outer = jar(
        "outer", Member(b"BOOT-INF/lib/middle.jar", middle, STORED), Member(b"WEB-INF/lib/Other.JAR", jar("other"))
    )
    findings = analyse(outer)
    assert names(findings) == ["outer", "middle", "deepest", "other"]
    assert findings.remarks == []


def test_what_is_held_twice_is_one_package() -> None:
    outer = jar("outer", Member(b"a/x.jar", jar("x")), Member(b"b/x.jar", jar("x")))
    assert names(analyse(outer)) == ["outer", "x"]


def test_two_versions_of_one_name_are_two_packages() -> None:
    outer = write_zip([Member(b"a/x.jar", write_zip([pom("x", "1")])), Member(b"b/x.jar", write_zip([pom("x", "2")]))])
    assert [package.version for package in analyse(outer, "app/app.jar").packages] == ["1", "2"]


def test_a_nested_archive_without_names_is_named_by_its_file() -> None:
    outer = jar("outer", Member(b"WEB-INF/lib/spring-core-5.3.20.jar", write_zip([Member(b"x", b"y")])))
    package = analyse(outer).packages[1]
    assert (package.namespace, package.name, package.version) == ("org.springframework", "spring-core", "5.3.20")


def test_a_prepended_script_is_passed_over() -> None:
    data = write_zip([pom("demo")], prefix=b"#!/bin/bash\nexec java -jar\n")
    assert names(analyse(data)) == ["demo"]


def test_packages_lie_at_the_path_of_the_layer_s_file() -> None:
    book = EvidenceBook(Selection([Java()]), Limits())
    book.record("opt/outer.jar", Java(), jar("outer", Member(b"lib/inner.jar", jar("inner"))))
    book.record("opt/other.jar", Java(), jar("other"))
    assert book.settle().packages.column("path").to_pylist() == ["opt/other.jar", "opt/outer.jar", "opt/outer.jar"]
    book.replaced("opt/outer.jar", buries=True)
    assert book.settle().packages.column("name").to_pylist() == ["other"]


def test_the_layer_s_limits_are_the_archive_s() -> None:
    book = EvidenceBook(Selection([Java()]), Limits(archive_depth=0))
    book.record("opt/outer.jar", Java(), jar("outer", Member(b"lib/inner.jar", jar("inner"))))
    evidence = book.settle()
    assert evidence.packages.column("name").to_pylist() == ["outer"]
    assert [(problem.reason, problem.partial) for problem in evidence.problems] == [("limit-exceeded", True)]


def test_each_cap_changes_the_fingerprint() -> None:
    names = (
        "archive_bytes",
        "archive_directory_bytes",
        "archive_depth",
        "archive_members",
        "archive_member_bytes",
        "archive_unpacked_bytes",
    )
    prints = {Java().fingerprint(replace(Limits(), **{name: 7})) for name in names}
    assert len(prints | {Java().fingerprint(Limits())}) == len(names) + 1


def test_an_emptied_file_has_no_package() -> None:
    assert analyse(b"") == Findings()


def test_what_is_no_archive_is_a_note() -> None:
    (remark,) = analyse(b"MThd midi").remarks
    assert (remark.reason, remark.partial) == ("not-an-archive", False)


def test_an_archive_without_a_directory_is_a_failure() -> None:
    with pytest.raises(ParseError):
        analyse(jar("demo")[:-30])


def test_a_nameless_archive_is_a_note() -> None:
    (remark,) = analyse(write_zip([Member(b"a.class", b"x")]), "app/app.jar").remarks
    assert (remark.reason, remark.partial) == ("no-coordinates", False)


def nest(depth: int) -> bytes:
    data = jar("level0")
    for level in range(1, depth + 1):
        data = jar(f"level{level}", Member(b"inner.jar", data))
    return data


def test_nesting_beyond_the_depth_is_remarked_and_what_lies_above_is_found() -> None:
    findings = analyse(nest(7), archive_depth=4)
    assert names(findings) == ["level7", "level6", "level5", "level4", "level3"]
    assert [(remark.reason, remark.partial) for remark in findings.remarks] == [("limit-exceeded", True)]


def test_a_tree_of_archives_ends_at_the_number_of_members() -> None:
    data = jar("leaf")
    for level in range(4):
        data = write_zip([Member(b"%d-%d.jar" % (level, number), data) for number in range(16)])
    began = time.process_time()
    findings = analyse(data, archive_members=2_000)
    assert time.process_time() - began < 5
    assert {remark.reason for remark in findings.remarks} == {"limit-exceeded"}


def test_a_bomb_by_ratio_costs_what_its_cap_allows() -> None:
    bomb = jar("bomb", Member(b"x", bytes(64 << 20)))
    data = jar("demo", Member(b"one.jar", bytes(64 << 20)), Member(b"two.jar", bomb))
    findings = analyse(data, archive_member_bytes=1 << 20)
    assert names(findings) == ["demo", "bomb"]
    assert [remark.reason for remark in findings.remarks] == ["limit-exceeded"]


def test_overlapping_members_end_at_the_bytes_unpacked() -> None:
    kernel = Member(b"0.jar", jar("kernel", Member(b"pad", random.Random(1).randbytes(50_000))))
    size = len(write_zip([kernel]))
    copies = [
        replace(kernel, name=b"%d.jar" % number, offset=0, raw=b"", compressed=size - 200, size=len(kernel.content))
        for number in range(500)
    ]
    findings = analyse(write_zip([kernel, *copies]), "app/app.jar", archive_unpacked_bytes=1_000_000)
    assert names(findings) == ["kernel"]
    assert "limit-exceeded" in {remark.reason for remark in findings.remarks}


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (Member(b"lib/bad.jar", jar("bad"), flags=1), "encrypted"),
        (Member(b"lib/bad.jar", jar("bad"), method=14), "parse-error"),
        (Member(b"lib/bad.jar", jar("bad"), size=100), "parse-error"),
        (Member(b"lib/bad.jar", jar("bad"), size=900_000_000), "limit-exceeded"),
        (Member(b"lib/bad.jar", jar("bad"), checksum=0), "parse-error"),
        (Member(b"lib/bad.jar", jar("bad"), offset=1 << 31), "parse-error"),
        (Member(b"lib/bad.jar", jar("bad")[:-30]), "parse-error"),
        (replace(pom("bad"), flags=1), "encrypted"),
        (replace(pom("bad"), raw=b"\xff" * 50), "parse-error"),
    ],
)
def test_a_hostile_member_is_remarked_and_its_neighbours_are_found(hostile: Member, reason: str) -> None:
    data = write_zip([pom("demo"), hostile, Member(b"lib/good.jar", jar("good"))])
    findings = analyse(data)
    assert names(findings) == ["demo", "good"]
    assert [(remark.reason, remark.partial) for remark in findings.remarks] == [(reason, True)]


def test_a_huge_manifest_is_read_by_its_beginning() -> None:
    text = b"Implementation-Title: spring-core\r\nImplementation-Version: 5\r\n\r\n" + bytes(50 << 20)
    findings = analyse(write_zip([Member(b"META-INF/MANIFEST.MF", text)]), "x/app.jar")
    assert names(findings) == ["spring-core"]


def test_remarks_tell_names_on_one_line() -> None:
    (remark,) = analyse(jar("demo", Member(b"a\n\x1b[31m.jar", b"PK\3\4"))).remarks
    assert remark.detail.isprintable()


def test_many_remarks_are_counted() -> None:
    data = write_zip([Member(b"%d.jar" % number, b"PK\3\4") for number in range(200)])
    assert len(analyse(data).remarks) <= 52


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_read_or_fail_by_name(data: bytes, begin: int) -> None:
    try:
        analyse((b"", b"PK\3\4", b"PK\5\6", b"PK\1\2")[begin] + data)
    except ParseError:
        return


def test_truncation_at_every_byte_fails_by_name() -> None:
    data = jar("demo", Member(b"lib/inner.jar", jar("inner"), STORED))
    for length in range(1, len(data)):
        try:
            findings = analyse(data[:length])
        except ParseError:
            continue
        # An archive within it may end as one of its own.
        assert findings.remarks or set(names(findings)) <= {"inner", "demo"}


@pytest.mark.slow
def test_mutated_archives_are_read_or_fail_by_name() -> None:
    dice = random.Random(20_240_601)
    seeds = [
        jar(
            "demo",
            Member(b"lib/inner.jar", jar("inner"), method),
            Member(b"x.class", b"y" * 90),
            pom("other", zip64=True),
        )
        for method in (STORED, DEFLATED)
    ]
    seeds.append(write_zip([pom("demo", descriptor=True), Member(b"a.war", nest(3))], zip64=True, comment=b"c" * 9))
    until, tried = time.monotonic() + 15, 0
    while time.monotonic() < until:
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data))
            change = dice.randrange(4)
            if change == 0:
                data[at] = dice.randrange(256)
            elif change == 1:
                data[at : at + 4] = dice.choice(
                    [b"\xff\xff\xff\xff", b"PK\1\2", b"PK\5\6", bytes(4), b"\xff\xff\xff\x7f"]
                )
            elif change == 2:
                del data[at : at + dice.randint(1, 40)]
            else:
                data[at:at] = data[at : at + dice.randint(1, 200)]
        with suppress(ParseError):
            analyse(bytes(data))
        tried += 1
    assert tried > 2_000
