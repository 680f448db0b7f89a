"""What a cluster of several machines cannot reach is refused with the reason."""

from __future__ import annotations

import pytest

from catalog.errors import UsageError
from catalog.images import FileBlob, RegistryBlob
from catalog.settings import ArchiveLocation
from pipelines.reach import refuse_out_of_reach

THERE = RegistryBlob("registry.example", "team/app", "sha256:" + "0" * 64)
HERE = FileBlob("/images/app.tar", 0, 100)


def test_a_cluster_on_this_machine_alone_reaches_everything() -> None:
    refuse_out_of_reach([], ArchiveLocation("/archive"), [HERE])


def test_a_local_archive_is_refused_where_other_machines_work() -> None:
    with pytest.raises(UsageError, match=r"/archive: is a directory of this machine, and .* node-2"):
        refuse_out_of_reach(["node-2"], ArchiveLocation("/archive"), [])


def test_a_local_layer_is_refused_where_other_machines_work() -> None:
    with pytest.raises(UsageError, match=r"/images/app.tar: lies on this machine, and .* node-2 and 1 more"):
        refuse_out_of_reach(["node-2", "node-3"], ArchiveLocation("s3://bucket/archive"), [THERE, HERE])


def test_registries_and_object_stores_are_reached_from_everywhere() -> None:
    refuse_out_of_reach(["node-2"], ArchiveLocation("s3://bucket/archive"), [THERE])
