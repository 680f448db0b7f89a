"""Local files are opened as what they are, and anything else is told by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import SourceError
from tasks.local_files import open_regular


def test_a_link_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "latest.tar").symlink_to("image.tar")
    with pytest.raises(SourceError, match="is a symbolic link; name the file it leads to"):
        open_regular(tmp_path / "latest.tar")
