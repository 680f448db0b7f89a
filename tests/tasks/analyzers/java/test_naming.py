from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.analyzers.java.filename import split_file_name
from tasks.analyzers.java.groups import known_group
from tasks.analyzers.java.manifest import read_licences, read_manifest
from tasks.analyzers.java.naming import ArchiveFacts, agree, packages_of
from tasks.analyzers.java.properties import Coordinates, read_coordinates


@pytest.mark.parametrize(
    ("base", "name", "version"),
    [
        ("spring-core-5.3.20.jar", "spring-core", "5.3.20"),
        ("commons-lang3-3.12.0.jar", "commons-lang3", "3.12.0"),
        ("guava-31.1-jre.jar", "guava", "31.1-jre"),
        ("guava-r09.jar", "guava", "r09"),
        ("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api", "2.17.1"),
        ("kafka_2.13-3.2.1.jar", "kafka_2.13", "3.2.1"),
        ("spring-r2dbc-5.3.20.jar", "spring-r2dbc", "5.3.20"),
        ("app-1.0-20200101.120000-1.jar", "app", "1.0-20200101.120000-1"),
        ("app-1.0-SNAPSHOT.war", "app", "1.0-SNAPSHOT"),
        ("lib-1.0-beta-2.jar", "lib", "1.0-beta-2"),
        ("lib-1.0-sources.jar", "lib", "1.0"),
        ("netty-transport-native-epoll-4.1.79.Final-linux-x86_64.jar", "netty-transport-native-epoll", "4.1.79.Final"),
        ("org.eclipse.osgi_3.18.100.v20220817.jar", "org.eclipse.osgi", "3.18.100.v20220817"),
        ("geronimo-servlet_2.5_spec-1.2.jar", "geronimo-servlet_2.5_spec", "1.2"),
        ("jsr305-3.0.2.jar", "jsr305", "3.0.2"),
        ("servlet-api.jar", "servlet-api", ""),
        ("app.jar", "app", ""),
        (".jar", ".jar", ""),
        ("1.0.jar", "1.0", ""),
    ],
)
def test_a_file_name_speaks_of_name_and_version(base: str, name: str, version: str) -> None:
    assert split_file_name(base) == (name, version)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"#Created by Maven\nversion=1.0\ngroupId=g\nartifactId=a\n", ("g", "a", "1.0")),
        (b"groupId = g\r\nartifactId : a\r\nversion\t1.0 \r\n", ("g", "a", "1.0")),
        (b"groupId=or\\\n   g\nartifactId=a\\u0062\nversion=1\\:2", ("org", "ab", "1:2")),
        (b"groupId=g\nartifactId=a\nversion=${project.version}\n", ("g", "a", "")),
        (b"groupId=@g@\nartifactId=a\n", ("", "a", "")),
        (b"groupId=caf\xe9\nartifactId=a\n", ("caf\xe9", "a", "")),
        (b"# groupId=no\n!artifactId=no\nmygroupId=x\n", ("", "", "")),
        (b"", ("", "", "")),
    ],
)
def test_maven_properties_are_read_as_java_reads_them(text: bytes, expected: tuple[str, str, str]) -> None:
    assert read_coordinates(text) == Coordinates(*expected)


def test_a_manifest_is_read_by_its_main_section_alone() -> None:
    manifest = read_manifest(
        b"Manifest-Version: 1.0\r\nIMPLEMENTATION-title: spring\r\n -core\r\nImplementation-Version: 5.3\r\n"
        b"Implementation-Vendor-Id: org.springframework\r\n\r\nName: x\r\nImplementation-Version: 9\r\n"
    )
    assert (manifest.name, manifest.version, manifest.vendor) == ("spring-core", "5.3", "org.springframework")


def test_a_character_broken_over_two_lines_is_whole_again() -> None:
    assert read_manifest(b"Implementation-Title: caf\xc3\n \xa9\n").title == "café"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Implementation-Title: Apache Commons\nImplementation-Version: 1", ("", "", "1")),
        ("Implementation-Title: io.micrometer#micrometer-core;1.9.2", ("io.micrometer", "micrometer-core", "1.9.2")),
        (
            "Short-Name: git\nGroup-Id: org.jenkins-ci.plugins\nPlugin-Version: 4.1 (private)",
            ("org.jenkins-ci.plugins", "git", "4.1"),
        ),
        ("Nar-Id: nifi-x-nar\nNar-Group: org.apache.nifi\nNar-Version: 1.2", ("org.apache.nifi", "nifi-x-nar", "1.2")),
        ("Implementation-Version: ${version}\nBundle-Version: 2.0", ("", "", "2.0")),
        ("Implementation-Version: 9.4.2 858d9b - jpountz", ("", "", "9.4.2")),
        ("Implementation-Version: unknown", ("", "", "")),
    ],
)
def test_builders_name_things_in_their_own_ways(text: str, expected: tuple[str, str, str]) -> None:
    manifest = read_manifest(text.encode())
    assert (manifest.group, manifest.name, manifest.version) == expected


@pytest.mark.parametrize(
    ("header", "licences"),
    [
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", ("https://www.apache.org/licenses/LICENSE-2.0.txt",)),
        ('"Apache-2.0";link="https://x.example/a,b"', ("Apache-2.0",)),
        ("Apache-2.0, EPL-2.0", ("Apache-2.0", "EPL-2.0")),
        ("http://a.example/x, http://b.example/y;description=z", ("http://a.example/x", "http://b.example/y")),
        ("Apache License, Version 2.0", ("Apache License, Version 2.0",)),
        ("<<EXTERNAL>>", ()),
        ("x" * 500, ()),
        ("", ()),
    ],
)
def test_licences_are_as_declared(header: str, licences: tuple[str, ...]) -> None:
    assert read_licences(header) == licences


def found(base: str, manifest: str = "", poms: tuple[tuple[str, str, str], ...] = (), folders: tuple = ()) -> list:
    facts = ArchiveFacts(base, read_manifest(manifest.encode()), [Coordinates(*pom) for pom in poms], list(folders))
    return [(package.namespace, package.name, package.version) for package in packages_of(facts)]


MAIN = ("org.example", "demo", "1.0")
SHADED = ("org.jctools", "jctools-core", "3.1.0")


@pytest.mark.parametrize(
    "base", ["demo-1.0.jar", "demo.jar", "app.jar", "renamed-1.0.jar", "org.example.demo-1.0.jar", "demo-1.0-tests.jar"]
)
def test_maven_s_own_file_names_the_archive_however_it_is_called(base: str) -> None:
    assert found(base, "Implementation-Title: Something\nImplementation-Version: 1.0", (MAIN,)) == [MAIN]


def test_a_shaded_archive_has_a_package_for_each_of_maven_s_files() -> None:
    assert found("demo-1.0.jar", "", (SHADED, MAIN)) == [SHADED, MAIN]


def test_a_shaded_archive_without_a_file_of_its_own_is_named_as_well() -> None:
    assert found("spring-x-5.3.jar", "Implementation-Title: spring-x\nImplementation-Version: 5.3", (SHADED,)) == [
        SHADED,
        ("", "spring-x", "5.3"),
    ]


SPRING = "Implementation-Title: spring-core\nImplementation-Version: 5.3.20"
TOMCAT = "Implementation-Title: Apache Tomcat\nImplementation-Version: 9.0.65"
OUTDATED = "Implementation-Title: org.apache.commons.beanutils\nImplementation-Version: 1.6"
BUNDLE = "Bundle-SymbolicName: org.example.thing;singleton:=true\nBundle-Version: 2.0.0"


@pytest.mark.parametrize(
    ("base", "manifest", "expected"),
    [
        ("spring-core-5.3.20.jar", SPRING, ("org.springframework", "spring-core", "5.3.20")),
        ("spring-core.jar", SPRING, ("org.springframework", "spring-core", "5.3.20")),
        ("renamed-9.jar", SPRING, ("org.springframework", "spring-core", "5.3.20")),
        ("app.jar", BUNDLE, ("", "org.example.thing", "2.0.0")),
        ("thing-2.0.jar", BUNDLE, ("org.example", "thing", "2.0")),
        ("thing-2.0.jar", "Implementation-Vendor-Id: org.example", ("org.example", "thing", "2.0")),
        ("catalina.jar", TOMCAT, ("org.apache.tomcat", "tomcat-catalina", "9.0.65")),
        ("lib-1.2.3.Final.jar", "Implementation-Title: lib\nBundle-Version: 1.2.3", ("", "lib", "1.2.3.Final")),
        ("lib-1.2.3.jar", "", ("", "lib", "1.2.3")),
        ("commons-beanutils-1.7.0.jar", OUTDATED, ("commons-beanutils", "commons-beanutils", "1.7.0")),
        ("lib-1.2.3.jar", "Implementation-Title: lib\nImplementation-Version: 20200101", ("", "lib", "1.2.3")),
    ],
)
def test_manifest_and_file_name_are_weighed(base: str, manifest: str, expected: tuple[str, str, str]) -> None:
    assert found(base, manifest) == [expected]


def test_maven_s_folder_tells_the_group_where_its_file_is_missing() -> None:
    assert found("demo-1.0.jar", folders=(("org.example", "demo"),)) == [MAIN]


def test_a_missing_version_of_the_own_file_is_that_of_the_archive() -> None:
    assert found("demo-1.0.jar", "", (("org.example", "demo", ""),)) == [MAIN]


@pytest.mark.parametrize("base", ["app.jar", "classes.war", ""])
def test_without_a_name_and_a_version_there_is_no_package(base: str) -> None:
    assert found(base) == []


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("1.2", "1.2", True),
        ("1.2", "1.2.0", True),
        ("1.2", "1.20", False),
        ("1.2.Final", "1.2", True),
        ("", "1", False),
    ],
)
def test_versions_agree_where_one_begins_the_other(left: str, right: str, same: bool) -> None:
    assert agree(left, right) is same


@pytest.mark.parametrize(
    ("artifact", "version", "group"),
    [
        ("spring-web", "5", "org.springframework"),
        ("spring-boot-starter-web", "3", "org.springframework.boot"),
        ("tomcat-embed-core", "9", "org.apache.tomcat.embed"),
        ("groovy", "3.0", "org.codehaus.groovy"),
        ("groovy", "4.0", "org.apache.groovy"),
        ("groovy-json", "4.0", "org.apache.groovy"),
        ("asm-tree", "9.7", "org.ow2.asm"),
        ("asm-tree", "3.3", "asm"),
        ("commons-io", "2.6", "commons-io"),
        ("bcprov-jdk18on", "1.71", "org.bouncycastle"),
        ("my-own-thing", "1", ""),
    ],
)
def test_groups_of_well_known_artifacts_are_known(artifact: str, version: str, group: str) -> None:
    assert known_group(artifact, version) == group


@given(
    st.binary(max_size=300),
    st.text(max_size=40),
    st.sampled_from([b"Implementation-Title: ", b"Bundle-License: ", b"groupId="]),
)
def test_any_text_is_read(data: bytes, base: str, begin: bytes) -> None:
    packages_of(ArchiveFacts(base, read_manifest(begin + data), [read_coordinates(begin + data)]))
