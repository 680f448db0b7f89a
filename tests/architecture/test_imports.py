"""Who may import whom, and who owns which heavy dependency."""

from __future__ import annotations

import graphlib

import pytest

from tests.architecture.tree import ROOMS, Module, imported, is_below, modules

MAY_IMPORT = {
    "catalog": {"catalog"},
    "tasks": {"tasks", "catalog"},
    "cluster": {"cluster"},
    "pipelines": {"pipelines", "tasks", "cluster", "catalog"},
}

OWNERS = {
    "ray": ("cluster",),
    "boto3": ("catalog.store.s3",),
    "botocore": ("catalog.store.s3", "catalog.store.s3_errors"),
    "sqlalchemy": ("catalog.active",),
    "psycopg2": ("catalog.active",),
    "alembic": ("catalog.active",),
    "duckdb": ("catalog.duck", "tasks.matching"),
    "urllib3": ("tasks.transport",),
    "click": ("pipelines.cli", "pipelines.__main__"),
    "rich": ("pipelines.cli",),
}

# One client for all HTTP.
NOBODYS = ("requests", "httpx", "http.client", "urllib.request", "aiohttp")


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_imports_only_rooms_it_may_know(module: Module) -> None:
    ours = {name for name in imported(module) if name.partition(".")[0] in {*ROOMS, "tests", "benchmarks"}}
    allowed = MAY_IMPORT[module.room]
    # `from catalog import errors` names `catalog` on the way; the member decides.
    foreign = {name for name in ours if not any(is_below(name, room) or is_below(room, name) for room in allowed)}
    assert not foreign


@pytest.mark.parametrize("dependency", OWNERS)
def test_a_heavy_dependency_has_one_owner(dependency: str) -> None:
    users = {module.name for module in modules() if any(is_below(name, dependency) for name in imported(module))}
    strangers = {user for user in users if not any(is_below(user, owner) for owner in OWNERS[dependency])}
    assert not strangers
    assert users, f"nobody uses {dependency} any more"


@pytest.mark.parametrize("dependency", NOBODYS)
def test_http_is_spoken_through_the_transport_module_only(dependency: str) -> None:
    assert not [module.name for module in modules() if any(is_below(name, dependency) for name in imported(module))]


def test_no_import_goes_round_in_a_circle() -> None:
    names = {module.name for module in modules()}
    graph = {
        module.name: {name for name in imported(module, at_import_time=True) if name in names and name != module.name}
        for module in modules()
    }
    # A package that re-exports its parts is imported with each of them; that is no circle.
    for module in modules():
        if module.is_package:
            for name, uses in graph.items():
                if is_below(name, module.name):
                    uses.discard(module.name)
    graphlib.TopologicalSorter(graph).prepare()


def test_small_commands_do_not_load_ray_duckdb_or_boto3() -> None:
    heavy = {"ray", "boto3", "duckdb"}
    loaded = {"pipelines.__main__"}
    by_name = {module.name: module for module in modules()}
    pending = list(loaded)
    while pending:
        for name in imported(by_name[pending.pop()], at_import_time=True):
            assert name.partition(".")[0] not in heavy
            if name in by_name and name not in loaded:
                loaded.add(name)
                pending.append(name)
