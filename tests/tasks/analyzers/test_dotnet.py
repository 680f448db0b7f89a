from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.packages import Role
from catalog.purls import render_purl
from tasks.analyzers.dotnet import DotNet
from tests.tasks.analyzers.hostile import json_values, survive, survive_truncation

PATH = "app/App.deps.json"
NUSPEC_PATH = "root/.nuget/packages/serilog/2.10.0/serilog.nuspec"
NUSPEC = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2012/06/nuspec.xsd">
  <metadata minClientVersion="2.12">
    <id>Serilog</id>
    <version>2.10.0</version>
    <license type="expression">Apache-2.0 &amp; x</license>
    <dependencies><group><dependency id="no" version="1"/></group></dependencies>
  </metadata>
</package>
"""
TARGET = ".NETCoreApp,Version=v6.0/linux-x64"
DEPS = {
    "runtimeTarget": {"name": TARGET, "signature": ""},
    "targets": {
        ".NETCoreApp,Version=v6.0": {},
        TARGET: {
            "App/1.0.0": {"dependencies": {"Serilog": "2.10.0"}, "runtime": {"App.dll": {}}},
            "Serilog/2.10.0": {"runtime": {"lib/netstandard2.1/Serilog.dll": {}}},
            "SQLitePCLRaw.lib/2.1": {"runtimeTargets": {"runtimes/linux-x64/native/libe_sqlite3.so": {}}},
            "System.Net.Http/4.3.0": {"dependencies": {}},
            "Placeholder/1.0": {"runtime": {"lib/net6.0/_._": {}}},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"runtime": {"System.dll": {}}},
        },
    },
    "libraries": {
        "App/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
        "Serilog/2.10.0": {"type": "package", "serviceable": True, "sha512": "sha512-x", "path": "serilog/2.10.0"},
        "SQLitePCLRaw.lib/2.1": {"type": "package"},
        "System.Net.Http/4.3.0": {"type": "package"},
        "Placeholder/1.0": {"type": "package"},
        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"type": "runtimepack"},
        "Some.Reference/1.0": {"type": "reference"},
    },
}


def found(document: object) -> list[tuple[str, str, Role]]:
    packages = DotNet().analyse(PATH, json.dumps(document).encode()).packages
    return [(package.name, package.version, package.role) for package in packages]


def test_libraries_with_files_at_run_time_are_packages() -> None:
    assert found(DEPS) == [
        ("App", "1.0.0", Role.APPLICATION),
        ("Serilog", "2.10.0", Role.INSTALLED),
        ("SQLitePCLRaw.lib", "2.1", Role.INSTALLED),
        ("Microsoft.NETCore.App.Runtime.linux-x64", "6.0.1", Role.INSTALLED),
    ]


@pytest.mark.parametrize("runtime", [None, {}, {"name": "other"}, "other", 3])
def test_without_a_run_time_target_every_package_counts(runtime: object) -> None:
    names = [name for name, _, _ in found({**DEPS, "runtimeTarget": runtime})]
    assert "System.Net.Http" in names
    assert "Some.Reference" not in names


def test_the_run_time_target_may_be_a_text() -> None:
    assert found({**DEPS, "runtimeTarget": TARGET}) == found(DEPS)


def test_a_name_keeps_its_case_in_the_purl() -> None:
    package = DotNet().analyse(PATH, json.dumps(DEPS).encode()).packages[1]
    assert render_purl(package) == "pkg:nuget/Serilog@2.10.0"


def test_a_library_without_a_version_is_remarked() -> None:
    findings = DotNet().analyse(PATH, b'{"libraries": {"x": {"type": "package"}, "a/1": {"type": "package"}}}')
    assert (len(findings.packages), len(findings.remarks)) == (1, 1)


def test_a_nuspec_of_an_unpacked_package_is_read() -> None:
    (package,) = DotNet().analyse(NUSPEC_PATH, NUSPEC).packages
    assert (package.name, package.version, package.licences) == ("Serilog", "2.10.0", ("Apache-2.0 & x",))


def test_a_licence_in_a_file_is_no_licences_name() -> None:
    (package,) = DotNet().analyse(NUSPEC_PATH, NUSPEC.replace(b'"expression"', b'"file"')).packages
    assert package.licences == ()


def test_a_nuspec_in_utf_16_is_read() -> None:
    (package,) = DotNet().analyse(NUSPEC_PATH, NUSPEC.decode("utf-8-sig").encode("utf-16")).packages
    assert package.name == "Serilog"


@pytest.mark.parametrize("data", [b"{", b"{}", b"[]", b'{"libraries": []}'])
def test_what_is_no_deps_json_is_a_failure(data: bytes) -> None:
    with pytest.raises(ParseError):
        DotNet().analyse(PATH, data)


def test_an_emptied_file_has_no_package() -> None:
    assert DotNet().analyse(PATH, b"").packages == DotNet().analyse(NUSPEC_PATH, b" ").packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(DotNet(), NUSPEC_PATH, NUSPEC)
    survive_truncation(DotNet(), PATH, json.dumps(DEPS).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(DotNet(), PATH, data)
    survive(DotNet(), NUSPEC_PATH, b"<metadata><id>" + data)


@given(st.dictionaries(st.sampled_from(["runtimeTarget", "targets", "libraries"]), json_values))
def test_any_document_is_survived(document: object) -> None:
    survive(DotNet(), PATH, json.dumps(document).encode())


def test_hostile_markup_takes_linear_time() -> None:
    survive(DotNet(), NUSPEC_PATH, b"<metadata " * 100_000)
    survive(DotNet(), NUSPEC_PATH, b"<metadata>" + b"<id>" * 100_000)
