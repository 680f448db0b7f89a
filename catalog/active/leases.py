"""Leases: which run is analysing a layer at this moment, so that two runs do not do the same work at once.

They save work and are never needed for correctness: a layer analysed twice gives the same result. A lease ends by release,
by the layer's commit, or by its time; a run that lives renews it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catalog.active.database import Database


@dataclass(frozen=True, slots=True)
class Awaited:
    """How waiting for other runs' layers ended.

    Args:
        finished: a result or a final failure is committed.
        free: the lease is gone and nothing was committed: claim them.
        held: still held when the time was over.
    """

    finished: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def claim(db: Database, digests: Sequence[str], run: str, *, seconds: float) -> list[str]:
    """Take the layers that no other run holds, in the order given; an expired lease is taken over.

    Args:
        db: the active set.
        digests: of layers.
        run: id of the run.
        seconds: until the lease ends unless renewed.
    """
    with db.transaction() as tx:
        taken = {
            digest
            for (digest,) in tx.rows(
                # In one order, so that two runs that claim the same layers cannot wait for each other in a circle.
                "INSERT INTO lease (layer, run, expires_at)"
                " SELECT d, %(run)s, clock_timestamp() + make_interval(secs => %(seconds)s)"
                " FROM (SELECT DISTINCT unnest(%(digests)s::text[]) AS d ORDER BY 1) wanted"
                " ON CONFLICT (layer) DO UPDATE SET run = excluded.run, expires_at = excluded.expires_at"
                " WHERE lease.expires_at < clock_timestamp() OR lease.run = excluded.run RETURNING layer",
                {"digests": list(digests), "run": run, "seconds": seconds},
            )
        }
    return [digest for digest in dict.fromkeys(digests) if digest in taken]


def heartbeat(db: Database, run: str, *, seconds: float) -> int:
    """Renew all leases of a run, and say how many it holds."""
    with db.transaction() as tx:
        return tx.execute(
            "UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s) WHERE run = %(run)s",
            {"run": run, "seconds": seconds},
        )


def release(db: Database, run: str, digests: Sequence[str] | None = None) -> int:
    """Give a run's leases back, all or those of some layers, and say how many there were."""
    with db.transaction() as tx:
        return tx.execute(
            "DELETE FROM lease WHERE run = %(run)s AND (%(digests)s::text[] IS NULL OR layer = ANY(%(digests)s::text[]))",
            {"run": run, "digests": None if digests is None else list(digests)},
        )


def wait_for_others(
    db: Database,
    digests: Sequence[str],
    run: str,
    *,
    fingerprint_set: bytes,
    timeout_seconds: float,
    poll_seconds: float = 0.5,
    stopping: Callable[[], bool] = lambda: False,
) -> Awaited:
    """Wait until other runs are done with layers that could not be claimed.

    Args:
        db: the active set.
        digests: of those layers.
        run: id of our own run; its leases are not waited for.
        fingerprint_set: content id of the analysers whose results are needed.
        timeout_seconds: when to give up.
        poll_seconds: between two looks.
        stopping: true once there is no more time to wait.
    """
    until = time.monotonic() + timeout_seconds
    while True:
        with db.transaction() as tx:
            rows = tx.rows(
                _LOOK, {"digests": list(dict.fromkeys(digests)), "run": run, "fingerprint_set": fingerprint_set}
            )
        found: dict[str, list[str]] = {"finished": [], "free": [], "held": []}
        for digest, state in rows:
            found[state].append(digest)
        if not found["held"] or time.monotonic() >= until or stopping():
            return Awaited(**{state: tuple(listed) for state, listed in found.items()})
        time.sleep(min(poll_seconds, max(0.0, until - time.monotonic())))


_LOOK = """
SELECT d.digest, CASE
    WHEN lr.layer IS NOT NULL OR (l.final AND l.fingerprint_set = f.id) THEN 'finished'
    WHEN e.expires_at >= clock_timestamp() AND e.run <> %(run)s THEN 'held'
    ELSE 'free' END
FROM unnest(%(digests)s::text[]) WITH ORDINALITY d(digest, position)
LEFT JOIN fingerprint_set f ON f.content_id = %(fingerprint_set)s
LEFT JOIN layer l ON l.digest = d.digest
LEFT JOIN layer_result lr ON lr.layer = l.id AND lr.fingerprint_set = f.id
LEFT JOIN lease e ON e.layer = d.digest
ORDER BY d.position
"""
