"""The rows that a composition writes: occurrence deltas, package sets, images, and facts of chains that images end with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from catalog.distributions import Distribution
from catalog.identities import package_set_id
from catalog.images import ImageManifest
from catalog.packages import OPERATING_SYSTEM_TYPES
from catalog.schemas import IMAGES, OCCURRENCES, OWNED_OCCURRENCES, PACKAGE_SETS, PRIVILEGED_FILES
from catalog.states import Outcome
from tasks.composition.ownership import NOTHING_OWNED, OwnedRow, Ownership
from tasks.composition.state import ChainState, DeltaRow

_CHUNK_ROWS = 65_536
_PIECE_ROWS = 16_384
_NONE: frozenset[bytes] = frozenset()

PrivilegedRow = tuple[str, int, int, int, str]
"""(path, mode, uid, gid, layer), as in `catalog.schemas.PRIVILEGED_FILES`."""


class OccurrenceRows:
    """Deltas of chains, gathered in any order of the chains and given out in the dataset's."""

    def __init__(self) -> None:
        self._rows: list[DeltaRow] = []
        self._chunks: list[pa.Table] = []
        self._chains: list[tuple[bytes, bytes, int]] = []
        self._layers: dict[str, int] = {"": 0}
        self._count = 0

    def add(self, chain: bytes, parent: bytes, rows: list[DeltaRow]) -> None:
        """Take a chain's delta, its rows in the order of path and package; once for each chain."""
        if not rows:
            return
        self._chains.append((chain, parent, self._count))
        self._count += len(rows)
        self._rows.extend(rows)
        if len(self._rows) >= _CHUNK_ROWS:
            self._close_chunk()

    def tables(self) -> Iterator[pa.Table]:
        """All rows, as `catalog.schemas.OCCURRENCES` has them, in the order of its key, some thousands at a time."""
        self._close_chunk()
        if not self._chunks:
            return
        sizes = np.diff([start for *_, start in self._chains], append=self._count)
        chains = np.array(sorted(range(len(sizes)), key=lambda number: self._chains[number][0]))
        starts = np.array([start for *_, start in self._chains])
        order = np.concatenate([np.arange(starts[number], starts[number] + sizes[number]) for number in chains])
        rows = pa.concat_tables(self._chunks).take(pa.array(order))
        chain_of_row = np.repeat(chains, sizes[chains])
        ids = [pa.array([chain[column] for chain in self._chains], pa.binary()) for column in (0, 1)]
        layers = pa.array(self._layers, pa.string())
        # Digests and chains are long and repeat themselves; written out only for a piece, they stay in the cache.
        for start in range(0, self._count, _PIECE_ROWS):
            piece = rows.slice(start, _PIECE_ROWS)
            numbers = pa.array(chain_of_row[start : start + _PIECE_ROWS])
            columns = [ids[0].take(numbers), ids[1].take(numbers), *piece.columns[:3]]
            columns += [layers.take(column.combine_chunks()) for column in piece.columns[3:]]
            yield pa.table(columns, schema=OCCURRENCES.schema)

    def _close_chunk(self) -> None:
        if not self._rows:
            return
        package, path, change, introduced, evidence = zip(*self._rows, strict=True)
        numbers = [pa.array([self._number(layer) for layer in layers], pa.int32()) for layers in (introduced, evidence)]
        columns = [pa.array(package, pa.binary()), pa.array(path, pa.string()), pa.array(change, pa.int8()), *numbers]
        self._chunks.append(pa.table(columns, names=["package", "path", "change", "introduced", "evidence"]))
        self._rows = []

    def _number(self, layer: str) -> int:
        return self._layers.setdefault(layer, len(self._layers))


@dataclass(frozen=True, slots=True)
class PackageSets:
    """The package sets of a composed image.

    Args:
        ids: one for each type of package, by type.
        packages: distinct packages over all.
        owned: sets of what the operating system's packages own, by type; none of their packages is in the others.
    """

    ids: tuple[bytes, ...]
    packages: int
    owned: tuple[bytes, ...] = ()


class PackageSetRows:
    """Package sets, each kept once."""

    def __init__(self, known: Iterable[bytes] = ()) -> None:
        self._known = frozenset(known)
        self._sets: dict[bytes, tuple[str, bytes, list[bytes]]] = {}

    def add(self, state: ChainState, platform: bytes, ownership: Ownership = NOTHING_OWNED) -> PackageSets:
        """The sets of a chain on a platform; those not known yet are kept to be written.

        Args:
            state: the chain.
            platform: its platform's id.
            ownership: whose its language packages are.
        """
        ids = []
        packages = 0
        for kind in sorted(state.packages):
            count = state.packages[kind]
            owned = ownership.packages.get(kind, _NONE)
            if len(count.occurrences) == len(owned):
                continue
            place = platform if kind in OPERATING_SYSTEM_TYPES else b""
            name = count.set_ids.get((place, owned))
            if name is None or (name not in self._sets and name not in self._known):
                name = count.set_ids[place, owned] = self._keep(kind, place, count.occurrences, owned)
            ids.append(name)
            packages += len(count.occurrences) - len(owned)
        sets = sorted(ownership.packages.items())
        return PackageSets(tuple(ids), packages, tuple(self._keep(kind, b"", members) for kind, members in sets))

    def _keep(
        self, kind: str, platform: bytes, packages: Collection[bytes], without: frozenset[bytes] = _NONE
    ) -> bytes:
        members = sorted(packages if not without else (package for package in packages if package not in without))
        name = package_set_id(kind, platform, members)
        if name not in self._known:
            self._sets.setdefault(name, (kind, platform, members))
        return name

    def table(self) -> pa.Table:
        """All rows, as `catalog.schemas.PACKAGE_SETS` has them, in the order of its key."""
        names = sorted(self._sets)
        sets = [self._sets[name] for name in names]
        repeats = pa.array(np.repeat(np.arange(len(sets)), [len(members) for *_, members in sets]), pa.int64())
        columns = {
            "set": pa.array(names, pa.binary()).take(repeats),
            "type": pa.array([kind for kind, _, _ in sets], pa.string()).take(repeats),
            "platform": pa.array([platform for _, platform, _ in sets], pa.binary()).take(repeats),
            "package": pa.array([package for *_, members in sets for package in members], pa.binary()),
        }
        return pa.table(columns, schema=PACKAGE_SETS.schema)


class ChainFactRows:
    """What is written of each chain that an image ends with: its owned occurrences and its privileged files."""

    def __init__(self) -> None:
        self._owned: dict[bytes, Sequence[OwnedRow]] = {}
        self._privileged: dict[bytes, Sequence[PrivilegedRow]] = {}

    def add(self, state: ChainState, ownership: Ownership) -> None:
        """Take a chain's facts, unless they were taken already."""
        if state.chain not in self._owned:
            self._owned[state.chain] = ownership.rows
            self._privileged[state.chain] = _privileged_rows(state)

    def owned_table(self) -> pa.Table:
        """Rows of `catalog.schemas.OWNED_OCCURRENCES`, in the order of its key."""
        return _chain_table(self._owned, OWNED_OCCURRENCES.schema)

    def privileged_table(self) -> pa.Table:
        """Rows of `catalog.schemas.PRIVILEGED_FILES`, in the order of its key."""
        return _chain_table(self._privileged, PRIVILEGED_FILES.schema)


def _privileged_rows(state: ChainState) -> list[PrivilegedRow]:
    files = ((path, state.privileged.get(path)) for path in sorted(state.privileged))
    return [(path, *file.rights) for path, file in files if file is not None and file.rights is not None]


def _chain_table(rows: Mapping[bytes, Sequence[tuple[object, ...]]], schema: pa.Schema) -> pa.Table:
    flat = [(chain, *row) for chain in sorted(rows) for row in rows[chain]]
    columns = zip(*flat, strict=True) if flat else ((),) * len(schema)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
    )


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A composed image.

    Args:
        manifest: what the image is.
        chain: the id of its chain.
        platform: its platform's id.
        distribution: its distribution.
        sets: its package sets.
        outcome: analysed or partial.
        reason: why it is partial.
    """

    manifest: ImageManifest
    chain: bytes
    platform: bytes
    distribution: Distribution
    sets: PackageSets
    outcome: Outcome
    reason: str


def image_table(images: Iterable[ImageRow]) -> pa.Table:
    """Images, each once, as `catalog.schemas.IMAGES` has them, in the order of its key."""
    rows = [_image_values(image) for image in sorted(images, key=lambda image: image.manifest.digest)]
    columns = zip(*rows, strict=True) if rows else ((),) * len(IMAGES.schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, IMAGES.schema, strict=True)]
    return pa.table(arrays, schema=IMAGES.schema)


def _image_values(image: ImageRow) -> tuple[object, ...]:
    manifest, facts = image.manifest, image.manifest.configuration
    return (
        manifest.digest,
        _text(manifest.media_type),
        manifest.config_digest,
        _text(manifest.platform.os),
        _text(manifest.platform.architecture),
        _text(manifest.platform.variant),
        _text(facts.created),
        [layer.digest for layer in manifest.layers],
        image.chain,
        image.platform,
        image.distribution.id,
        image.distribution.version,
        image.distribution.name,
        image.sets.ids,
        image.sets.packages,
        image.outcome.value,
        image.reason,
        _text(facts.user),
        _texts(facts.entrypoint),
        _texts(facts.command),
        _texts(facts.environment_names),
        _texts(facts.ports),
        _texts(facts.health_check),
        [(_text(key), _text(value)) for key, value in facts.labels],
        _texts(facts.history),
        _texts(f"{secret.place}/{secret.rule}/{secret.name}" for secret in facts.secrets),
    )


def _texts(values: Iterable[str]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: str) -> str:
    # JSON can say a lone surrogate, which no UTF-8 can.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
