from __future__ import annotations

from pathlib import Path

from catalog.settings import load_settings
from pipelines.workspace import open_workspace


def test_a_new_home_is_open_to_its_owner_alone_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "state" / "home"
    settings = load_settings(home=home)
    with open_workspace(settings):
        assert home.stat().st_mode & 0o077 == 0
    home.chmod(0o750)
    with open_workspace(settings, writes=False):
        assert home.stat().st_mode & 0o777 == 0o750
