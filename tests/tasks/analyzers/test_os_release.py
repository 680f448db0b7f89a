from __future__ import annotations

from catalog.limits import Limits
from tasks.analyzers.os_release import OsRelease


def test_the_content_is_kept_as_it_is() -> None:
    findings = OsRelease().analyse("etc/os-release", bytearray(b"ID=x\n\xff"))
    assert (findings.content, findings.packages) == (b"ID=x\n\xff", [])


def test_only_small_files_are_kept() -> None:
    assert OsRelease().size_cap(Limits()) == Limits().content_bytes
