"""All packages against all ranges, as one columnar join.

Each distinct product is joined with the ranges of its ecosystem and name where its key lies in the interval; the hits are
then given to every package that stands for the product. What an advisory says twice of the same product (a range and a
listed version) is one match.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.advisories import SnapshotFeeds
from catalog.errors import AdvisoryError
from catalog.schemas import AFFECTED_RANGES
from catalog.states import Coverage
from catalog.store.interface import Store
from tasks.matching.products import Products, products_of

MATCH_SCHEMA = pa.schema(
    [
        pa.field("package", pa.int64()),
        pa.field("platform", pa.int64()),
        pa.field("advisory", pa.string()),
        pa.field("vulnerability", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("score", pa.float32()),
        pa.field("fix_state", pa.string()),
        pa.field("fixed_version", pa.string()),  # as the advisory writes it; empty where it names none
        pa.field("how", pa.string()),  # direct | source
        pa.field("compared_name", pa.string()),
        pa.field("compared_version", pa.string()),
        pa.field("range_text", pa.string()),  # introduced 1.0, fixed 2.0
        pa.field("ecosystem", pa.string()),
    ]
)
JUDGEMENT_SCHEMA = pa.schema(
    [pa.field("package", pa.int64()), pa.field("platform", pa.int64()), pa.field("coverage", pa.string())]
)

# The ranges that any product may meet, numbered: what says most of a fix comes first. A claim is what one advisory says of one
# vulnerability and one name, in however many ranges.
_CANDIDATES = """
CREATE TEMP TABLE candidate AS
SELECT row_number() OVER (
           ORDER BY fix_state = 'fixed' DESC, exact IS NOT NULL, lo, hi, fixed, introduced, last_affected
       )::INTEGER AS range,
       dense_rank() OVER (ORDER BY r.ecosystem, r.name, advisory, vulnerability)::INTEGER AS claim,
       r.* EXCLUDE (scheme, module)
FROM affected_range r SEMI JOIN product p ON p.ecosystem = r.ecosystem AND p.name = r.name
"""

_HITS = """
CREATE TEMP TABLE hit AS
SELECT product, min(range) AS range
FROM (
    SELECT p.product, r.range, r.claim
    FROM product p JOIN candidate r
      ON p.ecosystem = r.ecosystem AND p.name = r.name AND p.key >= r.lo AND p.key < r.hi
    UNION ALL
    SELECT p.product, r.range, r.claim
    FROM product p JOIN candidate r
      ON p.ecosystem = r.ecosystem AND p.name = r.name AND r.lo IS NULL AND r.exact = p.version
)
GROUP BY product, claim
"""

# A range that names a version which its scheme cannot parse may hold any version: nobody can tell.
_BLIND = """
CREATE TEMP TABLE blind AS
SELECT DISTINCT p.product
FROM product p JOIN candidate r ON p.ecosystem = r.ecosystem AND p.name = r.name AND r.lo IS NULL AND r.exact IS NULL
"""

_MATCHES = """
SELECT e.package, e.platform, r.advisory, r.vulnerability, r.severity, r.score, r.fix_state,
       r.fixed AS fixed_version, e.how, p.name AS compared_name, p.version AS compared_version,
       CASE WHEN r.exact IS NOT NULL THEN 'version ' || r.exact
            ELSE 'introduced ' || r.introduced
                 || CASE WHEN r.fixed <> '' THEN ', fixed ' || r.fixed ELSE '' END
                 || CASE WHEN r.last_affected <> '' THEN ', last affected ' || r.last_affected ELSE '' END
       END AS range_text,
       r.ecosystem
FROM edge e JOIN hit h USING (product) JOIN candidate r USING (range) JOIN product p USING (product)
ORDER BY e.package, e.platform, r.claim
"""

_JUDGEMENTS = """
SELECT e.package, e.platform,
       CASE WHEN NOT coalesce(bool_or(c.ecosystem IS NOT NULL), false) THEN $not_covered
            WHEN bool_or(c.ecosystem IS NOT NULL AND (p.key IS NULL OR b.product IS NOT NULL))
            THEN $not_comparable
            ELSE $covered END AS coverage
FROM edge e
LEFT JOIN product p ON p.product = e.product
LEFT JOIN covered c ON c.ecosystem = p.ecosystem
LEFT JOIN blind b ON b.product = e.product
GROUP BY e.package, e.platform
ORDER BY e.package, e.platform
"""

_COVERAGE = {
    "covered": Coverage.COVERED.value,
    "not_covered": Coverage.NOT_COVERED.value,
    "not_comparable": Coverage.NOT_COMPARABLE.value,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the advisories say of some packages.

    Args:
        matches: rows of `MATCH_SCHEMA`, by package, platform, advisory and vulnerability. Several advisories may say
            the same vulnerability of one package: several matches, one finding.
        judgements: rows of `JUDGEMENT_SCHEMA`, one for each (package, platform), with its coverage (states.Coverage).
    """

    matches: pa.Table
    judgements: pa.Table


def range_files(store: Store, feeds: SnapshotFeeds) -> tuple[Path, ...]:
    """Local files with all ranges of a snapshot.

    Args:
        store: the archive.
        feeds: the snapshot's.

    Raises:
        StoreError: an object is not there or cannot be had.
    """
    return tuple(store.local_copy(feed.range_object.key) for feed in feeds if feed.range_object is not None)


def judge_packages(
    packages: pa.Table, feeds: SnapshotFeeds, ranges: Sequence[Path], session: duckdb.DuckDBPyConnection
) -> Judgement:
    """Match packages against a snapshot, and say which of them it covers.

    Args:
        packages: one row for each (package, platform), with products.PACKAGE_COLUMNS; others are passed over.
        feeds: the snapshot's feeds, which say what is covered.
        ranges: its ranges, as `range_files` gives them.
        session: a DuckDB session (catalog.duck); its temporary tables are gone again afterwards.

    Raises:
        AdvisoryError: a range file cannot be read, or the session's memory is too small.
    """
    products = products_of(packages)
    with ExitStack() as stack:
        try:
            _register(session, stack, products, feeds, ranges)
            for name, statement in (("candidate", _CANDIDATES), ("hit", _HITS), ("blind", _BLIND)):
                session.execute(statement)
                stack.callback(session.execute, f"DROP TABLE {name}")
            return Judgement(
                matches=_fetch(session.execute(_MATCHES), MATCH_SCHEMA),
                judgements=_fetch(session.execute(_JUDGEMENTS, _COVERAGE), JUDGEMENT_SCHEMA),
            )
        except duckdb.OutOfMemoryException as error:
            raise AdvisoryError(
                "matching needs more memory than its session may use",
                advice="give the session a directory to spill to, or more memory",
            ) from error
        except duckdb.Error as error:
            raise AdvisoryError(
                f"the snapshot's ranges cannot be read ({error})", advice="import the advisories again"
            ) from error


def _register(
    session: duckdb.DuckDBPyConnection,
    stack: ExitStack,
    products: Products,
    feeds: SnapshotFeeds,
    ranges: Sequence[Path],
) -> None:
    covered = [
        ecosystem
        for ecosystem in products.products.column("ecosystem").unique().to_pylist()
        if any(feed.covers(ecosystem) for feed in feeds)
    ]
    tables = {
        "product": products.products,
        "edge": products.edges,
        "covered": pa.table({"ecosystem": pa.array(covered, pa.string())}),
    }
    for name, table in tables.items():
        session.register(name, table)
        stack.callback(session.unregister, name)
    if ranges:
        affected = session.read_parquet([str(path) for path in ranges])
        affected.create_view("affected_range", replace=True)
        stack.callback(session.execute, "DROP VIEW affected_range")
    else:
        session.register("affected_range", AFFECTED_RANGES.schema.empty_table())
        stack.callback(session.unregister, "affected_range")


def _fetch(result: duckdb.DuckDBPyConnection, schema: pa.Schema) -> pa.Table:
    return result.to_arrow_table().cast(schema)
