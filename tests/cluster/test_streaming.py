"""The flow on a real cluster: one head, two analyser nodes, one core node."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.cluster_utils import Cluster

from catalog.errors import StoreFull
from cluster.errors import DeadlinePassed, NodeLost, NoSuchNodeGroup, OutOfMemory, TaskLost, WorkerCrashed
from cluster.session import Session, start_session
from cluster.streaming import IN_FLIGHT_PER_SLOT, halves
from tests.cluster import work
from tests.cluster.conftest import add_node, kill_node, running_cluster

ray_test = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def session(grouped: Cluster) -> Iterator[Session]:
    with start_session(grouped.address) as session:
        yield session


def meanwhile(deed: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=deed)
    thread.start()
    return thread


def until(fact: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < limit
        time.sleep(0.02)


def who(mark: Path) -> tuple[int, str]:
    """Process and node that wrote a mark first, once they have."""
    until(lambda: mark.exists() and mark.read_text().endswith("\n"))
    pid, node = mark.read_text().splitlines()[0].split()
    return int(pid), node


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@given(st.lists(st.integers()))
def test_halves_lose_nothing_and_end_at_one(batch: list[int]) -> None:
    parts = halves(batch)
    assert list(itertools.chain(*parts)) == batch
    assert len(parts) == (2 if len(batch) > 1 else 1)
    assert all(parts) or not batch


class TestOnACluster:
    pytestmark = ray_test

    def test_every_batch_comes_back_once_with_its_result(self, session: Session) -> None:
        results = list(session.stream(work.double, range(60), group="analyzer", deadline_seconds=30))
        assert sorted(results) == [(n, 2 * n) for n in range(60)]

    def test_a_group_runs_on_its_own_nodes_only(self, session: Session) -> None:
        groups = {node.node_id: node.group for node in session.nodes()}
        for group in ("analyzer", "core"):
            ran = session.stream(work.where, range(20), group=group, deadline_seconds=30)  # type: ignore[arg-type]
            assert {groups[node] for _, (node, _) in ran} == {group}  # type: ignore[misc]

    def test_batches_are_pulled_as_room_allows(self, session: Session) -> None:
        pulled = 0

        def batches() -> Iterator[float]:
            nonlocal pulled
            for _ in range(40):
                pulled += 1
                yield 0.01

        room = IN_FLIGHT_PER_SLOT * session.slots("analyzer")
        stream = session.stream(work.slowly, batches(), group="analyzer", deadline_seconds=30)
        assert pulled == 0
        for seen, _ in enumerate(stream, start=1):
            assert pulled <= seen + room
        assert pulled == 40

    def test_an_empty_stream_ends_at_once(self, session: Session) -> None:
        assert list(session.stream(work.double, [], group="core", deadline_seconds=1)) == []

    @pytest.mark.parametrize(
        ("word", "kind"),
        [("exit", WorkerCrashed), ("segfault", WorkerCrashed), ("memory", OutOfMemory), ("hang", DeadlinePassed)],
    )
    def test_a_task_that_takes_its_worker_down_is_lost_and_the_rest_is_not(
        self, session: Session, word: str, kind: type[TaskLost]
    ) -> None:
        words = ["a", word, "b"]
        stream = session.stream(work.misbehave, words, group="analyzer", deadline_seconds=1, max_attempts=2)
        results = dict(stream)
        assert (results["a"], results["b"]) == ("a", "b")
        assert type(results[word]) is kind
        assert "2 attempts" in str(results[word])

    def test_waiting_behind_others_does_not_count_towards_the_deadline(self, session: Session) -> None:
        results = list(
            session.stream(work.slowly, [0.7, 0.7, 0.71], group="core", deadline_seconds=1.2, max_attempts=1)
        )
        assert sorted(result for _, result in results) == [0.7, 0.7, 0.71]  # type: ignore[type-var]

    def test_a_task_that_ended_while_nobody_looked_is_not_overdue(self, session: Session) -> None:
        stream = session.stream(work.slowly, [0.0, 0.3], group="analyzer", deadline_seconds=0.8, max_attempts=1)
        first = next(stream)
        time.sleep(1.5)
        assert [first, *stream] == [(0.0, 0.0), (0.3, 0.3)]

    @pytest.mark.parametrize("word", ["exit", "hang"])
    def test_a_lost_batch_is_halved_until_the_item_at_fault_is_alone(self, session: Session, word: str) -> None:
        batches = [("a", "b"), ("c", word, "d", "e", "f")]
        stream = session.stream(
            work.misbehave_in_batch, batches, group="analyzer", deadline_seconds=1, max_attempts=2, split=halves
        )
        results = list(stream)
        assert [batch for batch, result in results if isinstance(result, TaskLost)] == [(word,)]
        done = sorted(item for batch, result in results if batch == result for item in batch)
        assert done == ["a", "b", "c", "d", "e", "f"]

    def test_what_the_function_raises_is_raised_here_with_the_workers_traceback(self, session: Session) -> None:
        with pytest.raises(ZeroDivisionError, match="a mistake of ours") as caught:
            list(session.stream(work.misbehave, ["a", "bug", "b"], group="core", deadline_seconds=30))
        assert "in misbehave" in str(caught.value.__cause__)

    def test_our_own_errors_cross_the_border_whole(self, session: Session) -> None:
        with pytest.raises(StoreFull) as caught:
            list(session.stream(work.fail_with_ours, ["disk"], group="core", deadline_seconds=30))
        assert str(caught.value) == "disk: no space is left; free some"

    def test_an_error_of_the_batches_ends_the_stream_and_its_tasks(self, session: Session, tmp_path: Path) -> None:
        def batches() -> Iterator[str]:
            yield str(tmp_path / "waits")
            who(tmp_path / "waits")
            raise OSError("the listing broke")

        with pytest.raises(OSError, match="the listing broke"):
            list(session.stream(work.mark_and_wait, batches(), group="core", deadline_seconds=60))
        pid, _ = who(tmp_path / "waits")
        until(lambda: ended(pid))

    def test_a_killed_worker_costs_one_attempt(self, session: Session, tmp_path: Path) -> None:
        marks = [tmp_path / f"mark{n}" for n in range(5)]

        def kill() -> None:
            os.kill(who(marks[0])[0], 9)
            (tmp_path / "go").touch()

        killer = meanwhile(kill)
        results = dict(session.stream(work.mark_and_wait, map(str, marks), group="analyzer", deadline_seconds=60))
        killer.join()
        assert not [result for result in results.values() if isinstance(result, TaskLost)]
        assert [len(mark.read_text().splitlines()) for mark in marks] == [2, 1, 1, 1, 1]

    def test_a_killed_node_loses_nothing(self, grouped: Cluster, session: Session, tmp_path: Path) -> None:
        marks = [tmp_path / f"mark{n}" for n in range(8)]

        def kill() -> None:
            pid, node = who(marks[0])
            kill_node(grouped, node)
            until(lambda: ended(pid))
            (tmp_path / "go").touch()

        killer = meanwhile(kill)
        stream = session.stream(
            work.mark_and_wait, map(str, marks), group="analyzer", deadline_seconds=60, max_attempts=1
        )
        results = dict(stream)
        killer.join()
        add_node(grouped, "analyzer")
        assert sorted(results) == [str(mark) for mark in marks]
        assert not [result for result in results.values() if isinstance(result, TaskLost)]
        assert sum(len(mark.read_text().splitlines()) for mark in marks) <= len(marks) + 1

    def test_a_batch_lost_with_its_node_too_often_is_given_back(self, session: Session) -> None:
        from ray.exceptions import NodeDiedError

        from cluster.streaming import NODE_LOSSES_PER_ATTEMPT, Flow, FlowRules, _Work

        flow: Flow[str, str] = Flow(
            work.misbehave,
            [],
            placement=lambda: session._steady_placement("core")(),
            rules=FlowRules(deadline_seconds=1, max_attempts=1),
            split=None,
            stopping=lambda: False,
        )
        unlucky = _Work("a")
        told = [lost for _ in range(NODE_LOSSES_PER_ATTEMPT) for lost in flow._lost(unlucky, NodeDiedError("gone"))]
        assert [(batch, type(loss)) for batch, loss in told] == [("a", NodeLost)]

    def test_stopping_begins_nothing_more_and_hands_back_what_ended(self, grouped: Cluster, tmp_path: Path) -> None:
        marks = [tmp_path / f"mark{n}" for n in range(50)]
        with start_session(grouped.address) as session:
            stream = session.stream(work.mark_and_wait, map(str, marks), group="analyzer", deadline_seconds=60)

            def stop() -> None:
                who(marks[0]), who(marks[1])
                session.stop()
                (tmp_path / "go").touch()

            stopper = meanwhile(stop)
            results = list(stream)
            stopper.join()
            room = IN_FLIGHT_PER_SLOT * session.slots("analyzer")
        assert session.stopping
        assert 2 <= len(results) <= room

    def test_stopping_does_not_wait_for_what_will_not_end(self, grouped: Cluster, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        with start_session(grouped.address) as session:
            stream = session.stream(work.mark_and_wait, [str(mark)], group="core", deadline_seconds=60)
            stopper = meanwhile(lambda: (who(mark), session.stop()))
            began = time.monotonic()
            assert list(stream) == []
            stopper.join()
            assert time.monotonic() - began < 20
            pid, _ = who(mark)
            until(lambda: ended(pid))

    def test_closing_a_stream_early_cancels_its_tasks(self, session: Session, tmp_path: Path) -> None:
        marks = [tmp_path / "first", tmp_path / "second"]
        stream = session.stream(work.mark_and_wait, map(str, marks), group="analyzer", deadline_seconds=60)
        meanwhile(lambda: next(stream, None)).join(timeout=0.01)
        pids = [who(mark)[0] for mark in marks]
        (tmp_path / "go").touch()
        until(lambda: not stream.gi_running)  # type: ignore[attr-defined]
        stream.close()  # type: ignore[attr-defined]
        assert len(pids) == 2

    def test_two_streams_of_one_session_run_side_by_side(self, session: Session) -> None:
        analysing = session.stream(work.double, range(12), group="analyzer", deadline_seconds=30)
        composing = session.stream(work.double, range(100, 112), group="core", deadline_seconds=30)
        pairs = list(zip(analysing, composing, strict=True))
        assert len(pairs) == 12


@pytest.mark.ray
@pytest.mark.slow
def test_a_group_without_nodes_is_refused_before_anything_is_pulled(quiet_ray: None) -> None:
    with running_cluster() as cluster:
        node = add_node(cluster, "analyzer")
        with start_session(cluster.address, group_grace_seconds=2) as session:

            def never() -> Iterator[int]:
                raise AssertionError("pulled")
                yield 1

            with pytest.raises(NoSuchNodeGroup, match="longshore/group=core"):
                session.stream(work.double, never(), group="core", deadline_seconds=1)
            stream = session.stream(work.slowly, [0.0, 60.0, 60.0], group="analyzer", deadline_seconds=90)
            assert next(stream) == (0.0, 0.0)
            kill_node(cluster, node.node_id)
            with pytest.raises(NoSuchNodeGroup):
                list(stream)


@pytest.mark.ray
@pytest.mark.slow
def test_a_task_that_exhausts_the_nodes_memory_is_ended_and_the_rest_is_not(quiet_ray: None, tmp_path: Path) -> None:
    memory = psutil.virtual_memory()
    if memory.available < 8 << 30:
        pytest.skip("8 GiB of free memory are not there: the task would take what others need")
    # Ray's own processes come and go within the first two GiB; the task takes more than is left.
    threshold = 1 - memory.available / memory.total + (3 << 30) / memory.total
    limits = {"memory_usage_threshold": threshold, "memory_monitor_refresh_ms": 100}
    marks = [str(tmp_path / "hungry"), "1", "2"]
    with running_cluster(_system_config=limits) as cluster:
        add_node(cluster, "analyzer", cpus=1)
        with start_session(cluster.address) as session:
            stream = session.stream(work.eat_or_double, marks, group="analyzer", deadline_seconds=60, max_attempts=2)
            results = dict(stream)
    assert (results["1"], results["2"]) == (2, 4)
    assert type(results[marks[0]]) is OutOfMemory
    assert "2 attempts" in str(results[marks[0]])
    assert Path(marks[0]).exists()
