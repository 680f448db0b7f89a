from __future__ import annotations

import pytest
from ray import exceptions

from cluster.errors import NodeLost, OutOfMemory, WorkerCrashed
from cluster.losses import explain, kind_of_loss


def raised(cause: Exception) -> exceptions.RayTaskError:
    return exceptions.RayTaskError("work", "a traceback", cause)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.OutOfMemoryError("killed"), OutOfMemory),
        (raised(MemoryError()), OutOfMemory),
        (exceptions.NodeDiedError("gone"), NodeLost),
        (exceptions.ObjectLostError("aa" * 14, "", ""), NodeLost),
        (exceptions.WorkerCrashedError(), WorkerCrashed),
        (exceptions.TaskCancelledError(), WorkerCrashed),
    ],
)
def test_each_way_of_losing_a_task_has_its_word(error: exceptions.RayError, kind: type) -> None:
    assert kind_of_loss(error) is kind
    assert kind.reason not in {"cluster", "task-lost"}


def test_what_the_function_raised_is_no_loss() -> None:
    assert kind_of_loss(raised(ValueError("a mistake"))) is None


def test_what_ray_itself_cannot_do_is_no_loss() -> None:
    assert kind_of_loss(exceptions.RuntimeEnvSetupError("no")) is None


def test_an_account_is_one_short_line() -> None:
    text = explain(exceptions.NodeDiedError("first line\nof a sentence. And a second one " + "x" * 900))
    assert text == "first line of a sentence"
    assert explain(raised(MemoryError())) == "MemoryError"
