"""Real images for tests: a Debian root file system made on the spot by debootstrap."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.oci_writer import BuiltLayer, layer_from_tar
from tests.servers.missing import missing


@pytest.fixture(scope="session")
def debian_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minimal Debian 12, as debootstrap makes it; needs root and a Debian mirror."""
    if shutil.which("debootstrap") is None:
        missing("debootstrap", "apt-get install debootstrap")
    root = tmp_path_factory.mktemp("debian") / "root"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "bookworm", str(root)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        missing("a Debian root file system", (made.stdout + made.stderr).strip().splitlines()[-1])
    return root


@pytest.fixture(scope="session")
def debian_layer(debian_root: Path) -> BuiltLayer:
    """The root file system as a layer, packed by GNU tar."""
    return layer_of_tree(debian_root)


def layer_of_tree(folder: Path) -> BuiltLayer:
    """A folder as a layer, packed by GNU tar."""
    packed = subprocess.run(
        ["tar", "-C", str(folder), "--numeric-owner", "-cf", "-", "."], stdout=subprocess.PIPE, check=True
    )
    return layer_from_tar(packed.stdout)
