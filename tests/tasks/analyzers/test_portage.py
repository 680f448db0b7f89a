from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.packages import PackageFacts
from tasks.analyzers.portage import Portage


@pytest.mark.parametrize(
    ("folder", "name", "version"),
    [
        ("dev-libs/openssl-3.0.9-r2", "dev-libs/openssl", "3.0.9-r2"),
        ("x11-libs/gtk+-2.24.33", "x11-libs/gtk+", "2.24.33"),
        ("dev-java/commons-lang-2.6_beta3_p1-r1", "dev-java/commons-lang", "2.6_beta3_p1-r1"),
        ("media-libs/libpng-1.2.59b", "media-libs/libpng", "1.2.59b"),
        ("media-fonts/font-100dpi-1", "media-fonts/font-100dpi", "1"),
        ("app-misc/foo-9999", "app-misc/foo", "9999"),
    ],
)
def test_a_package_is_what_its_folder_is_called(folder: str, name: str, version: str) -> None:
    found = Portage().analyse(f"var/db/pkg/{folder}/PF", b"anything\n").packages
    assert found == [PackageFacts("portage", name, version)]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("var/db/pkg/dev-libs/openssl-3.0.9/PF", True),
        ("var/db/pkg/dev-libs/-MERGING-openssl-3.0.9/PF", False),
        ("var/db/pkg/dev-libs/PF", False),
        ("opt/PF", False),
    ],
)
def test_only_folders_of_installed_packages_are_wanted(path: str, wanted: bool) -> None:
    assert Portage().confirm(path) == wanted


@pytest.mark.parametrize("folder", ["openssl", "openssl-", "-1", "openssl-x"])
def test_a_folder_without_a_version_is_refused(folder: str) -> None:
    with pytest.raises(ParseError):
        Portage().analyse(f"var/db/pkg/a/{folder}/PF", b"")


@given(st.text(max_size=60))
def test_any_path_is_read_or_refused(name: str) -> None:
    with contextlib.suppress(ParseError):
        Portage().analyse(f"var/db/pkg/a/{name}/PF", b"")
