"""The same scan on other grounds: an archive on S3, and a real cluster of several nodes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from catalog.settings import ArchiveLocation, Settings
from pipelines.advisories import import_advisories
from tests.cluster.conftest import add_node, kill_node, running_cluster
from tests.pipelines.scan.images import advisories, advisory, base, layer, layout, python
from tests.pipelines.scan.knowledge import differences, faults, knowledge
from tests.pipelines.scan.processes import Terminal, ended, manifests, terminal
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]


@pytest.fixture
def source(tmp_path: Path) -> str:
    lower = base()
    images = {str(number): (lower, layer(python("flask", f"2.3.{number}"))) for number in range(6)}
    return f"oci:{layout(tmp_path / 'layout', images)}"


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return advisories(tmp_path / "osv", advisory("PYSEC-1", "PyPI", "flask", "2.3.3"))


@pytest.fixture
def on_s3(tmp_path: Path, s3_archive: ArchiveLocation, empty_postgres_dsn: str) -> Iterator[Terminal]:
    """A home whose archive lies on S3."""
    settings = Settings(
        home=tmp_path / "remote",
        database_url=SecretStr(empty_postgres_dsn),
        archive_url=s3_archive.url,
        s3=s3_archive.s3,
    )
    with terminal(settings) as opened:
        opened.more["LONGSHORE_ARCHIVE_URL"] = s3_archive.url
        opened.more["LONGSHORE_S3__ENDPOINT"] = str(s3_archive.s3.endpoint)
        opened.more["LONGSHORE_S3__PATH_STYLE"] = "true"
        opened.more["LONGSHORE_S3__REGION"] = "us-east-1"
        yield opened


@pytest.mark.s3
def test_with_its_archive_on_s3_a_scan_knows_the_same(
    on_s3: Terminal, scanner: Scanner, source: str, known: Path
) -> None:
    remote = Scanner(on_s3.settings)
    for settings in (scanner.settings, remote.settings):
        import_advisories(known, settings, complete=("PyPI",))
    scanner.scan(source)
    first = on_s3.scan(source)
    assert (first["outcomes"]["analysed"], first["layers"]["analysed"]) == (6, 7)
    assert on_s3.left() == []
    assert differences(knowledge(remote.settings), knowledge(scanner.settings)) == {}
    assert remote.show(f"{source}:1").packages == scanner.show(f"{source}:1").packages
    assert remote.show(f"{source}:1").findings == scanner.show(f"{source}:1").findings
    before = remote.rows_written()
    assert on_s3.scan(source)["layers"]["planned"] == 0
    after = remote.rows_written()
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {"run": 1}
    assert faults(remote.settings) == []
    assert not (remote.settings.home / "archive").exists()


@pytest.mark.s3
def test_a_store_that_goes_away_ends_the_run_and_the_next_one_completes_it(
    on_s3: Terminal, scanner: Scanner, source: str
) -> None:
    endpoint = on_s3.settings.s3.endpoint
    with Relay(urlsplit(str(endpoint)).port or 80) as relay:
        on_s3.more["LONGSHORE_S3__ENDPOINT"] = relay.url
        on_s3.more["LONGSHORE_S3__ATTEMPTS"] = "2"
        process = on_s3.scan_until(lambda: relay.written > 2, source)
        relay.cut()
        code, output = ended(process)
    assert code == 1, output
    assert "Traceback" not in output
    assert output.splitlines()[-1].startswith("longshore: s3://"), output
    on_s3.more["LONGSHORE_S3__ENDPOINT"] = str(endpoint)
    assert on_s3.scan(source)["outcomes"]["analysed"] == 6
    assert faults(on_s3.settings) == []
    scanner.scan(source)
    assert differences(knowledge(on_s3.settings), knowledge(scanner.settings)) == {}


def test_on_a_cluster_a_node_that_dies_costs_nothing(
    tmp_path: Path, scanner: Scanner, source: str, empty_postgres_dsn: str
) -> None:
    settings = Settings(home=tmp_path / "cluster", database_url=SecretStr(empty_postgres_dsn))
    with running_cluster() as cluster, terminal(settings) as opened:
        doomed, *_ = [add_node(cluster, group) for group in ("analyzer", "analyzer", "core")]
        process = opened.scan_until(lambda: manifests(settings) > 1, source, "--address", cluster.address)
        kill_node(cluster, doomed.node_id)
        code, output = ended(process)
        assert code == 0, output
        report = opened.scan(source, "--address", cluster.address)
    assert (report["outcomes"]["analysed"], report["layers"]["planned"]) == (6, 0)
    assert faults(settings) == []
    scanner.scan(source)
    assert differences(knowledge(settings), knowledge(scanner.settings)) == {}


class Relay:
    """Stands between a client and a server on this machine until it is cut.

    Args:
        port: the server's.
    """

    def __init__(self, port: int) -> None:
        self.written = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def cut(self) -> None:
        """No word more in either direction, and nobody answers any longer."""
        for each in [self._listener, *self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> Relay:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
                self._begin(self._pass_on, client, server)
                self._begin(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.written += data.startswith(b"PUT ")
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
