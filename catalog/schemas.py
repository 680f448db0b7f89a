r"""The datasets of the archive: columns, order and version of each.

Paths are text everywhere: relative, without `./`, leading or trailing slash, `..` resolved inside the root. A name that is
not UTF-8 or holds a backslash is escaped so that no two names meet: backslash as `\\`, a byte that is not UTF-8 as `\xNN`.
Digests are texts (`sha256:<hex>`), identities of our own are bytes (see identities). Rows lie in the order of their key, and
the hash that names an object runs over the schema's version and the rows in that order.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

ENTRY_KINDS = ("file", "directory", "symlink", "hardlink", "device", "fifo", "whiteout", "opaque")
"""Kinds of entries, by code. `whiteout`: path is the removed path; `opaque`: path is the emptied directory."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its name, schema version, columns, the columns its rows are ordered by, and its coldest storage class."""

    name: str
    version: int
    schema: pa.Schema
    key: tuple[str, ...]
    retention: str = "warm"


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


_DIGEST = pa.string()
_ID = pa.binary()
_WORD = pa.dictionary(pa.int32(), pa.string())

LAYERS = Dataset(
    "layers",
    1,
    _schema(
        layer=_DIGEST,
        fingerprint_set=_ID,
        fingerprints=pa.list_(pa.string()),  # "<analyser>/<version>/<hex>"
        outcome=pa.string(),  # states.LayerOutcome, never failed
        compression=pa.string(),  # tar | gzip | zstd | bzip2 | xz | empty
        size=pa.int64(),  # bytes as served
        tar_size=pa.int64(),  # bytes up to and with the tar's end marker
        entries=pa.int64(),
        packages=pa.int64(),
        composition_hash=_ID,  # 32 bytes over the rows that composition reads
    ),
    ("layer", "fingerprint_set"),
)
ENTRIES = Dataset(
    "entries",
    1,
    _schema(
        layer=_DIGEST, ordinal=pa.int32(), path=pa.string(), kind=pa.int8(), target=pa.string()
    ),  # kind: ENTRY_KINDS
    ("layer", "ordinal"),
)
ATTRIBUTES = Dataset(
    "attributes",
    1,
    _schema(layer=_DIGEST, ordinal=pa.int32(), mode=pa.int32(), uid=pa.int64(), gid=pa.int64(), size=pa.int64()),
    ("layer", "ordinal"),
    retention="cold",
)
EVIDENCE = Dataset(
    "evidence",
    1,
    # Every path that an analyser wanted, even where it yields no package: it hides what lies below it.
    _schema(
        layer=_DIGEST, path=pa.string(), analyser=pa.string(), state=pa.string(), size=pa.int64()
    ),  # read | failed | too-large | link
    ("layer", "path", "analyser"),
)
PACKAGES = Dataset(
    "packages",
    1,
    _schema(
        layer=_DIGEST,
        path=pa.string(),  # the evidence's
        ordinal=pa.int32(),  # within the evidence
        analyser=pa.string(),
        package=_ID,  # 16 bytes, PackageFacts.package_id
        type=pa.string(),
        namespace=pa.string(),
        name=pa.string(),
        version=pa.string(),
        epoch=pa.int32(),
        architecture=pa.string(),
        source_name=pa.string(),
        source_version=pa.string(),
        module=pa.string(),
        qualifiers=pa.string(),
        licences=pa.list_(pa.string()),
        role=pa.string(),
    ),
    ("layer", "path", "ordinal"),
)
CONTENTS = Dataset(
    "contents",
    1,
    _schema(layer=_DIGEST, path=pa.string(), data=pa.binary()),
    ("layer", "path"),
)
PROBLEMS = Dataset(
    "problems",
    1,
    # partial: evidence is missing because of it; otherwise a note.
    _schema(
        layer=_DIGEST,
        ordinal=pa.int32(),
        path=pa.string(),
        analyser=pa.string(),
        reason=pa.string(),
        detail=pa.string(),
        partial=pa.bool_(),
    ),
    ("layer", "ordinal"),
)
OWNED_PATHS = Dataset(
    "owned_paths",
    1,
    # What package databases say of whose file is whose, for those paths at which other evidence may lie.
    _schema(
        layer=_DIGEST,
        path=pa.string(),  # of the database
        ordinal=pa.int32(),  # within the database
        owner=_WORD,  # "<purl type>/<package name>"
        package=_ID,  # the owner's id where the same database lists it as a package, else empty
        owned=pa.string(),  # as the path rule has it; links in it are not resolved
    ),
    ("layer", "path", "ordinal"),
)
PRIVILEGED = Dataset(
    "privileged",
    1,
    # Files that run with the rights of their owner or group, whoever starts them; without those of directories.
    _schema(layer=_DIGEST, path=pa.string(), mode=pa.int32(), uid=pa.int64(), gid=pa.int64()),
    ("layer", "path"),
)
SECRETS = Dataset(
    "secrets",
    1,
    # Where a rule of ours matched; what matched is nowhere kept.
    _schema(layer=_DIGEST, path=pa.string(), ordinal=pa.int32(), rule=_WORD, line=pa.int32()),
    ("layer", "path", "ordinal"),
)
IMAGES = Dataset(
    "images",
    2,
    _schema(
        image=_DIGEST,
        media_type=pa.string(),
        config=_DIGEST,
        os=pa.string(),
        architecture=pa.string(),
        variant=pa.string(),
        created=pa.string(),
        layers=pa.list_(pa.string()),
        chain=_ID,
        platform=_ID,
        distribution=pa.string(),
        distribution_version=pa.string(),
        distribution_name=pa.string(),
        sets=pa.list_(pa.binary()),
        packages=pa.int64(),
        outcome=pa.string(),
        reason=pa.string(),
        user=pa.string(),
        entrypoint=pa.list_(pa.string()),
        command=pa.list_(pa.string()),
        environment_names=pa.list_(pa.string()),
        ports=pa.list_(pa.string()),
        health_check=pa.list_(pa.string()),
        labels=pa.map_(pa.string(), pa.string()),
        history=pa.list_(pa.string()),  # the instruction behind each layer, bottom first; empty where it is unknown
        secrets=pa.list_(pa.string()),  # "<place>/<rule>/<name>" where a rule of ours matched in the configuration
    ),
    ("image",),
)
OCCURRENCES = Dataset(
    "occurrences",
    1,
    # The delta of a chain against its parent: change +1 puts (or replaces) the row of (package, path), -1 takes it away.
    _schema(
        chain=_ID, parent=_ID, package=_ID, path=pa.string(), change=pa.int8(), introduced=_DIGEST, evidence=_DIGEST
    ),
    ("chain", "path", "package"),
)
OWNED_OCCURRENCES = Dataset(
    "owned_occurrences",
    1,
    # Of a chain that an image ends with: the occurrences that an operating-system package owns, and which one.
    _schema(chain=_ID, path=pa.string(), package=_ID, owner=_WORD),
    ("chain", "path", "package"),
)
PRIVILEGED_FILES = Dataset(
    "privileged_files",
    1,
    # Of a chain that an image ends with: the privileged files that are left, and the layer each comes from.
    _schema(chain=_ID, path=pa.string(), mode=pa.int32(), uid=pa.int64(), gid=pa.int64(), layer=_DIGEST),
    ("chain", "path"),
)
PACKAGE_SETS = Dataset(
    "package_sets",
    1,
    _schema(set=_ID, type=pa.string(), platform=_ID, package=_ID),
    ("set", "package"),
)
ADVISORIES = Dataset(
    "advisories",
    1,
    _schema(
        feed=pa.string(),  # the ecosystem without its release: one import replaces a feed as a whole
        advisory=pa.string(),
        vulnerability=pa.string(),  # the canonical id of its alias group
        modified=pa.string(),
        published=pa.string(),
        withdrawn=pa.string(),
        summary=pa.string(),
        aliases=pa.list_(pa.string()),
        upstream=pa.list_(pa.string()),
        related=pa.list_(pa.string()),
        severity=pa.string(),
        score=pa.float32(),
        vector=pa.string(),
    ),
    ("feed", "advisory"),
)
AFFECTED_RANGES = Dataset(
    "affected_ranges",
    1,
    # One half-open interval [lo, hi) of version keys and one vulnerability. Where lo is null, only the exact text `exact`
    # matches; where that is null too, the range names a version that its scheme cannot parse, and cannot be compared.
    _schema(
        ecosystem=pa.string(),  # with its release: "Debian:12"
        name=pa.string(),
        advisory=pa.string(),
        vulnerability=pa.string(),
        scheme=pa.string(),
        lo=pa.binary(),
        hi=pa.binary(),
        exact=pa.string(),
        introduced=pa.string(),
        fixed=pa.string(),
        last_affected=pa.string(),
        fix_state=pa.string(),
        severity=pa.string(),
        score=pa.float32(),
        module=pa.string(),
    ),
    ("ecosystem", "name", "advisory", "lo", "hi", "exact", "vulnerability"),
)
TAGS = Dataset(
    "tags",
    1,
    _schema(
        run=pa.string(), sequence=pa.int64(), reference=pa.string(), target=_DIGEST, change=pa.string(), at=pa.string()
    ),  # set | gone
    ("run", "sequence"),
)
RUNS = Dataset(
    "runs",
    1,
    _schema(
        run=pa.string(),
        sequence=pa.int64(),
        verb=pa.string(),
        started=pa.string(),
        ended=pa.string(),
        outcome=pa.string(),
        summary=pa.string(),
    ),
    ("run", "sequence"),
)

DATASETS = {
    dataset.name: dataset
    for dataset in (
        LAYERS,
        ENTRIES,
        ATTRIBUTES,
        EVIDENCE,
        PACKAGES,
        CONTENTS,
        PROBLEMS,
        OWNED_PATHS,
        PRIVILEGED,
        SECRETS,
        IMAGES,
        OCCURRENCES,
        OWNED_OCCURRENCES,
        PRIVILEGED_FILES,
        PACKAGE_SETS,
        ADVISORIES,
        AFFECTED_RANGES,
        TAGS,
        RUNS,
    )
}
"""Every dataset by name."""
