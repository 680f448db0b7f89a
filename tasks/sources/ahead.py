"""Several calls in flight, results in order: what makes a thousand small requests bearable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from catalog.errors import LongshoreError

T = TypeVar("T")
R = TypeVar("R")


def in_order(function: Callable[[T], R], items: Iterable[T], concurrency: int) -> Iterator[R]:
    """Call a function on items in threads and yield the results in the items' order.

    Items are taken a little ahead, never all at once; what is not begun when the caller stops is not begun any more. Where
    the items end in an error, what was taken before comes first.

    Args:
        function: may be called from several threads.
        items: read from the caller's thread.
        concurrency: calls in flight.
    """
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="ahead")
    try:
        waiting: deque[Future[R]] = deque()
        broken: LongshoreError | None = None
        source = iter(items)
        while True:
            try:
                waiting.append(pool.submit(function, next(source)))
            except StopIteration:
                break
            except LongshoreError as error:
                broken = error
                break
            if len(waiting) >= 2 * concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if broken is not None:
            raise broken
    finally:
        pool.shutdown(cancel_futures=True)
