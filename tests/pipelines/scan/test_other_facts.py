"""What a scan finds besides packages: privileged files, secrets, configuration and history, from a registry to `show`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalog.settings import Settings
from pipelines.fleet import runs
from pipelines.models.show import ImageReport
from pipelines.workspace import open_workspace
from tasks.oci_writer import File, HardLink, OciWriter, Opaque, Whiteout
from tests.pipelines.scan.images import base, dpkg, layer, layout
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

# Put together here, so that no file of ours holds what looks like one; nobody ever issued them.
TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5"
OTHER = "glpat-" + "x7Kq2mVn9Zr4Tb6Wc8Yd"
CONFIG = {
    "User": "app",
    "Env": ["PATH=/bin", f"GITLAB_TOKEN={OTHER}"],
    "Entrypoint": ["/run"],
    "Cmd": ["serve", "--all"],
    "ExposedPorts": {"8080/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "curl", "localhost"]},
    "Labels": {"team": "blue", "note": f"use {OTHER}", "bell": "\x1b]0;owned\x07"},
}
HISTORY = ("ADD rootfs", f"RUN fetch --token {OTHER}", "RUN rm /root/token")


@pytest.fixture
def image(tmp_path: Path) -> str:
    """Three layers: a base with suid files, one with secrets, one that deletes, replaces and buries some of them."""
    lower = layer(
        {
            "usr/bin/su": File(b"su", mode=0o4755),
            "usr/bin/sudo": HardLink("usr/bin/su"),
            "usr/bin/wall": File(b"wall", mode=0o2755, gid=5),
            "opt/old/tool": File(b"tool", mode=0o4711),
        }
        | dpkg(openssl="3.0.9-1")
    )
    middle = layer(
        {
            "root/token": f"first\n{TOKEN}\n",
            "root/replaced": TOKEN,
            "srv/conf/a": TOKEN,
            "srv/keys": TOKEN,
            "usr/bin/wall": File(b"wall", mode=0o755),
        }
    )
    upper = layer({"root/token": Whiteout(), "root/replaced": "nothing", "srv/conf": Opaque(), "opt/old": Whiteout()})
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image((lower, middle, upper), tag="1", config=CONFIG, history=HISTORY)
    return f"oci:{tmp_path / 'layout'}:1"


def searching(scanner: Scanner) -> Scanner:
    return Scanner(scanner.settings.model_copy(update={"secrets": True}))


def secrets_of(report: ImageReport) -> dict[str, tuple[str, int | None, bool]]:
    return {each.name: (each.rule, each.line, each.deleted) for each in report.secrets if each.place == "file"}


FOUND = {
    "root/token": ("github-token", 2, True),
    "root/replaced": ("github-token", 1, True),
    "srv/conf/a": ("github-token", 1, True),
    "srv/keys": ("github-token", 1, False),
}


def test_privileged_files_that_are_left_are_shown_with_their_layer(scanner: Scanner, image: str) -> None:
    scanner.scan(image)
    report = scanner.show(image)
    lower = report.layers[0].digest
    assert [(file.path, file.mode, file.uid, file.gid, file.layer) for file in report.privileged] == [
        ("usr/bin/su", "4755", 0, 0, lower),
        ("usr/bin/sudo", "4755", 0, 0, lower),
    ]


@pytest.mark.registry
def test_a_secret_in_a_deleted_file_is_shown_and_marked(scanner: Scanner, image: str, registry: Registry) -> None:
    registry.pusher.push(Path(image.removeprefix("oci:").removesuffix(":1")), "team/secrets")
    reference = f"{registry.host}/team/secrets:1"
    searching(scanner).scan(reference)
    report = scanner.show(reference)
    assert secrets_of(report) == FOUND
    assert {each.layer for each in report.secrets if each.place == "file"} == {report.layers[1].digest}
    assert all(each.searched for each in report.layers)
    (run,) = runs(scanner.settings).runs
    assert run.arguments == f"--secrets {reference}"


def test_a_root_file_system_never_counts_as_searched(scanner: Scanner, tmp_path: Path) -> None:
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    searching(scanner).scan(f"rootfs:{tmp_path}/tree")
    assert [layer.searched for layer in scanner.show(f"rootfs:{tmp_path}/tree").layers] == [False]


def test_the_configuration_is_shown_with_the_instruction_behind_each_layer(scanner: Scanner, image: str) -> None:
    scanner.scan(image)
    report = scanner.show(image)
    shown = report.configuration
    assert shown is not None
    assert (shown.user, shown.entrypoint, shown.command) == ("app", ("/run",), ("serve", "--all"))
    assert (shown.environment, shown.ports) == (("PATH", "GITLAB_TOKEN"), ("8080/tcp",))
    assert (shown.health_check, shown.created) == (("CMD", "curl", "localhost"), "2024-01-01T00:00:00Z")
    assert {label.name: label.value for label in shown.labels}["note"] == "use [gitlab-token]"
    assert [each.instruction for each in report.layers] == [
        "ADD rootfs",
        "RUN fetch --token [gitlab-token]",
        "RUN rm /root/token",
    ]
    assert [(each.outcome, each.searched) for each in report.layers] == [("complete", False)] * 3
    assert {(each.place, each.name, each.rule) for each in report.secrets} == {
        ("environment", "GITLAB_TOKEN", "gitlab-token"),
        ("label", "note", "gitlab-token"),
        ("history", "step 2", "gitlab-token"),
    }


def test_layers_analysed_without_a_search_are_searched_when_it_is_asked_for(scanner: Scanner, image: str) -> None:
    before = scanner.scan(image)
    chain = _chain(scanner.settings)
    summary = searching(scanner).scan(image)
    assert before.layers.planned == summary.layers.planned == 3
    assert secrets_of(scanner.show(image)) == FOUND
    assert _chain(scanner.settings) == chain, "composition reads nothing of a search, so nothing is composed anew"


def test_a_scan_without_a_search_loses_nothing_and_writes_nothing(scanner: Scanner, image: str) -> None:
    searching(scanner).scan(image)
    objects, rows = scanner.objects(), scanner.rows_written()
    assert scanner.scan(image).layers.planned == 0
    assert scanner.objects() == objects
    after = scanner.rows_written()
    assert {table: after[table] - count for table, count in rows.items() if after[table] != count} == {"run": 1}
    assert secrets_of(scanner.show(image)) == FOUND


def test_an_image_on_searched_layers_says_which_were_not(scanner: Scanner, image: str, tmp_path: Path) -> None:
    lower = base()
    folder = layout(tmp_path / "two", {"1": (lower,)})
    searching(scanner).scan(f"oci:{folder}:1")
    layout(folder, {"2": (lower, layer({"app": TOKEN}))})
    assert scanner.scan(f"oci:{folder}:2").layers.planned == 1
    report = scanner.show(f"oci:{folder}:2")
    assert [each.searched for each in report.layers] == [True, False]
    assert report.secrets == ()


@pytest.mark.parametrize("secrets", [False, True])
def test_the_value_of_a_secret_is_kept_nowhere(
    scanner: Scanner, image: str, secrets: bool, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    chosen = searching(scanner) if secrets else scanner
    summary = chosen.scan(image)
    report = chosen.show(image)
    spoken = [repr(summary), report.to_json(), caplog.text, *capfd.readouterr()]
    # The node's cache of layers holds layers as they are served: that is what it is for.
    kept = [*_archived(scanner.settings), *_rows(scanner.settings)]
    assert len(kept) > 50
    for value in (TOKEN, OTHER):
        assert not [text[:200] for text in (*spoken, *kept) if value in text]
    assert any("github-token" in text for text in kept) is secrets


def _archived(settings: Settings) -> Iterator[str]:
    """Every file of the archive as it lies there, and every row of it."""
    for path in (settings.home / "archive").rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                yield from map(repr, pq.read_table(path).to_pylist())


def _rows(settings: Settings) -> Iterator[str]:
    """Every row of every table."""
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        tables = tx.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            yield from (text for (text,) in tx.rows(f'SELECT t::text FROM "{table}" t'))


def _chain(settings: Settings) -> bytes:
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        ((chains,),) = tx.rows("SELECT array_agg(content_id::text ORDER BY id) FROM chain")
        return chains
