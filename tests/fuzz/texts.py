"""Text parsers under attack; the first byte of an input says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks.analyzers import DEFAULT
from tasks.analyzers.secrets import find_secrets, redacted, suspicious
from tests.fuzz.target import LIMITS, Target
from tests.tasks.analyzers.hostile import survive

PLACES = (
    ("dpkg", "var/lib/dpkg/status"),
    ("opkg", "usr/lib/opkg/status"),
    ("apk", "lib/apk/db/installed"),
    ("alpm", "var/lib/pacman/local/a-1/desc"),
    ("os-release", "etc/os-release"),
    ("portage", "var/db/pkg/c/a-1/PF"),
    ("rpm-manifest", "var/lib/rpmmanifest/container-manifest-2"),
    ("python", "lib/a-1.dist-info/METADATA"),
    ("python", "lib/a.egg-info"),
    ("npm", "node_modules/a/package.json"),
    ("ruby", "specifications/a-1.gemspec"),
    ("php", "vendor/composer/installed.json"),
    ("dotnet", "srv/a.deps.json"),
    ("dotnet", "a/1/a.nuspec"),
    ("conda", "opt/conda-meta/a.json"),
    ("bitnami", "opt/bitnami/a/.spdx-a.spdx"),
    ("erlang", "a/ebin/a.app"),
    ("lua", "rocks/a/1-1/a-1.0-1.rockspec"),
    ("r", "lib/R/a/DESCRIPTION"),
    ("jvm", "jdk/release"),
    ("wordpress", "wp-content/plugins/a/a.php"),
    ("java", "META-INF/maven/g/a/pom.properties"),
    ("dpkg", "var/lib/dpkg/info/a:amd64.list"),
    ("dpkg", "var/lib/dpkg/status.d/a.md5sums"),
    ("alpm", "var/lib/pacman/local/a-1/files"),
    ("opkg", "usr/lib/opkg/info/a.list"),
    ("sbom", ".longshore/sbom/npm.jsonl"),
    ("secrets", "etc/app.conf"),
)
"""Analyser and path. A new one comes last: inputs that were kept know the others by their places."""
_MOST = 64
_SAMPLES = Path(__file__).with_name("samples")
"""A sound file for each, by its place."""
ANALYSERS = {analyser.name: analyser for analyser in DEFAULT.analysers}


def read_text(data: bytes) -> None:
    """Read a file as the analyser does that its first byte names."""
    if data and data[0] % _MOST < len(PLACES):
        name, path = PLACES[data[0] % _MOST]
        if name == "secrets":
            _search(data[1:])
        else:
            survive(ANALYSERS[name], path, data[1:], LIMITS)


def _search(data: bytes) -> None:
    """Look for secrets: each place lies in the file and on its line, and the quick look never overlooks a file with one."""
    for path in ("", "root/.netrc", "etc/shadow"):
        places = find_secrets(data, path)
        for place in places:
            assert 0 <= place.start < place.end <= len(data)
            assert place.line == data.count(b"\n", 0, place.start) + 1
        assert path or not places or suspicious([data]) == [True]
    redacted(data.decode("utf-8", "replace"))


def text_seeds() -> Iterator[bytes]:
    """The sound files, each with its first byte."""
    for number, (name, _) in enumerate(PLACES):
        yield bytes([number]) + (_SAMPLES / f"{number:02}-{name}").read_bytes()


_WORDS = (
    b"Package: ",
    b"Version: ",
    b"\r\n",
    b"\n\n",
    b"\n ",
    b"Source: ",
    b"\\u0041",
    b'":"',
    b'{"',
    b'"}',
    b"]]",
    b"[[",
    b"--[==[",
    b".freeze",
    b"%q{",
    b"%w[",
    b"Gem::Specification",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"&#x41;",
    b"<![CDATA[",
    b"]]>",
    b"<metadata>",
    b"\\x00",
    b"\\n",
    b"1e999",
    b"pkg:bitnami/",
    b"(none)",
    b"\t",
    b'<<"',
    b"\\^",
    b"$\\",
    b"16#",
    b"\xe2\x80\xa8",
    b"\x1c",
    b"\x85",
    b"\0",
)

TEXT = Target("text", read_text, text_seeds, _WORDS, longest=4096)
