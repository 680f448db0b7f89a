"""Layers as a few lines, without any bytes: what the analysis of such layers would record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.facts import FactWriter, read_facts_many
from catalog.images import ImageConfiguration, ImageManifest, ImagePlatform, LayerDescriptor
from catalog.packages import PackageFacts
from catalog.receipts import ChainReceipt, CompositionReceipt, ImageReceipt, LayerNeed
from catalog.schemas import (
    DATASETS,
    IMAGES,
    OCCURRENCES,
    OWNED_OCCURRENCES,
    OWNED_PATHS,
    PACKAGE_SETS,
    PRIVILEGED_FILES,
    Dataset,
)
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import open_store
from tasks.analyzers import DEFAULT
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, Supplement, compose_images, live_occurrences
from tasks.composition.claims import Claims
from tasks.composition.evidence import DEVICE, DIRECTORY, FIFO, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT
from tasks.composition.layer_rows import LayerRows
from tasks.composition.records import COLUMNS, make_layer_rows

MONTH = "2026-11"
NOBODY_KNOWN = "test"
"""Who reads evidence at places that no analyser wants."""
INFO = "var/lib/dpkg/info"
DPKG, APK, OS_RELEASE = "var/lib/dpkg/status", "lib/apk/db/installed", "etc/os-release"


def deb(name: str, version: str = "1", *, architecture: str = "amd64", source: str = "") -> PackageFacts:
    return PackageFacts("deb", name, version, architecture=architecture, source_name=source)


def apk(name: str, version: str = "1-r0") -> PackageFacts:
    return PackageFacts("apk", name, version, architecture="x86_64")


def npm(name: str, version: str = "1.0.0") -> PackageFacts:
    return PackageFacts("npm", name, version)


@dataclass
class Layer:
    """A layer under construction; methods add entries in the archive's order and return the layer."""

    name: str
    entries: list[tuple[str, int, str]] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    packages: dict[str, tuple[PackageFacts, ...]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, list[tuple[str, bytes, str]]] = field(default_factory=dict)
    rights: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    readers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Who read the evidence, where it is not those that want it by its name; the first found the packages."""

    @property
    def digest(self) -> str:
        return (
            "sha256:"
            + hashlib.sha256(
                repr(
                    (self.name, self.entries, self.evidence, self.packages, self.claims, self.rights, self.readers)
                ).encode()
            ).hexdigest()
        )

    def file(self, path: str, kind: int = FILE) -> Layer:
        self.entries.append((path, kind, ""))
        return self

    def directory(self, path: str) -> Layer:
        return self.file(path, DIRECTORY)

    def device(self, path: str) -> Layer:
        return self.file(path, DEVICE)

    def fifo(self, path: str) -> Layer:
        return self.file(path, FIFO)

    def symlink(self, path: str, target: str) -> Layer:
        self.entries.append((path, SYMLINK, target))
        return self

    def hardlink(self, path: str, target: str, *packages: PackageFacts, state: str = "") -> Layer:
        self.entries.append((path, HARDLINK, target))
        if state or packages:
            self.evidence[path] = state or "read"
            self.packages[path] = packages
        return self

    def whiteout(self, path: str) -> Layer:
        return self.file(path, WHITEOUT)

    def opaque(self, path: str) -> Layer:
        return self.file(path, OPAQUE)

    def database(self, path: str, *packages: PackageFacts, state: str = "read") -> Layer:
        """A file that an analyser read."""
        self.evidence[path] = state
        self.packages[path] = packages
        return self.file(path)

    def claim(self, database: str, owner: PackageFacts, *owned: str, listed: bool = True) -> Layer:
        """What a database that was added before says of these paths; `listed`: it lists the owner as a package too."""
        rows = self.claims.setdefault(database, [])
        rows.extend((f"{owner.type}/{owner.name}", owner.package_id if listed else b"", path) for path in owned)
        return self

    def file_list(self, owner: PackageFacts, *owned: str) -> Layer:
        """dpkg's list of a package's files."""
        path = f"{INFO}/{owner.name}.list"
        return self.database(path).claim(path, owner, *owned, listed=False)

    def privileged(self, path: str, mode: int = 0o4755, uid: int = 0, gid: int = 0) -> Layer:
        """A file with a suid or sgid bit."""
        self.rights[path] = (mode, uid, gid)
        return self.file(path)

    def os_release(self, text: str, path: str = OS_RELEASE) -> Layer:
        self.evidence[path] = "read"
        self.contents[path] = text.encode()
        return self.file(path)

    def read_by(self, path: str, *readers: str) -> Layer:
        """Say who read a file that was added before."""
        self.readers[path] = readers
        return self

    def read_as(self, need: LayerNeed) -> Layer:
        """Say that those who want a file under another name read it."""
        return self.read_by(need.path, *sorted(DEFAULT.names_wanting(need.wanted)))

    def readers_of(self, path: str) -> tuple[str, ...]:
        """The names of those that read a file, or want a link."""
        return self.readers.get(path) or tuple(sorted(DEFAULT.names_wanting(path))) or (NOBODY_KNOWN,)

    def tables(self) -> dict[str, pa.Table]:
        """Rows of each dataset that composition reads."""
        digest = self.digest
        rows: dict[str, list[dict[str, object]]] = {name: [] for name in (*COLUMNS, OWNED_PATHS.name)}
        for ordinal, (path, kind, target) in enumerate(self.entries):
            rows["entries"].append({"ordinal": ordinal, "path": path, "kind": kind, "target": target})
        for path in sorted(self.evidence):
            for reader in sorted(self.readers_of(path)):
                rows["evidence"].append({"path": path, "analyser": reader, "state": self.evidence[path], "size": 1})
        for path in sorted(self.packages):
            reader = self.readers_of(path)[0]
            rows["packages"].extend(_package_row(path, n, reader, found) for n, found in enumerate(self.packages[path]))
        for path in sorted(self.contents):
            rows["contents"].append({"path": path, "data": self.contents[path]})
        for path in sorted(self.claims):
            for ordinal, (owner, package, owned) in enumerate(self.claims[path]):
                claimed = {"path": path, "ordinal": ordinal, "owner": owner, "package": package, "owned": owned}
                rows["owned_paths"].append(claimed)
        for path, (mode, uid, gid) in sorted(self.rights.items()):
            rows["privileged"].append({"path": path, "mode": mode, "uid": uid, "gid": gid})
        return {name: _table(DATASETS[name], [{"layer": digest, **row} for row in rows[name]]) for name in rows}

    def rows(self, *, small: int = 2048) -> LayerRows:
        """As composition reads it, without an archive between."""
        tables = self.tables()
        return make_layer_rows(self.digest, *(tables[name].select(COLUMNS[name]) for name in COLUMNS), small=small)

    def claimed(self) -> Claims:
        """Its claims as composition reads them."""
        return Claims(self.tables()[OWNED_PATHS.name])


def _package_row(path: str, ordinal: int, reader: str, found: PackageFacts) -> dict[str, object]:
    return {
        "path": path,
        "ordinal": ordinal,
        "analyser": reader,
        "package": found.package_id,
        "type": found.type,
        "namespace": found.namespace,
        "name": found.name,
        "version": found.version,
        "epoch": found.epoch,
        "architecture": found.architecture,
        "source_name": found.source_name,
        "source_version": found.source_version,
        "module": found.module,
        "qualifiers": found.qualifier_text,
        "licences": [],
        "role": found.role.value,
    }


def _table(dataset: Dataset, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=dataset.schema) if rows else dataset.schema.empty_table()


def image(name: str, *layers: Layer | str, urls: tuple[str, ...] = ()) -> ImageManifest:
    """An image of these layers; a digest alone is a layer that nobody serves, with `urls`."""
    descriptors = tuple(
        LayerDescriptor(layer, 1, "", urls) if isinstance(layer, str) else LayerDescriptor(layer.digest, 1)
        for layer in layers
    )
    digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
    configuration = ImageConfiguration(user="app", labels=(("key", "value"),), history=tuple("" for _ in layers))
    return ImageManifest(
        digest, "manifest", "sha256:" + "c" * 64, ImagePlatform("linux", "amd64"), descriptors, configuration
    )


@dataclass(frozen=True)
class Occurrence:
    """One row of what an image has, with names instead of hashes."""

    name: str
    version: str
    path: str
    introduced: str
    evidence: str


class Archive:
    """An archive in a directory, with layers in it and a composition of images over it."""

    def __init__(self, folder: Path) -> None:
        self.location = ArchiveLocation(url=str(folder))
        self.layers: dict[str, Layer] = {}
        self.records: dict[str, LayerRecord] = {}
        self.chains: dict[bytes, ChainReceipt] = {}
        self.images: dict[str, ImageReceipt] = {}
        self.keys: dict[str, list[str]] = {}

    def add(self, *layers: Layer, outcome: LayerOutcome = LayerOutcome.COMPLETE, reason: str = "") -> None:
        """Write layers' records, all into the same objects."""
        for record, layer in zip(self.write(layers, outcome, reason), layers, strict=True):
            self.records[layer.digest] = record
            self.layers[layer.digest] = layer

    def write(
        self, layers: Sequence[Layer], outcome: LayerOutcome = LayerOutcome.COMPLETE, reason: str = "", digest: str = ""
    ) -> list[LayerRecord]:
        """Write layers' records and return them; `digest` instead of their own."""
        by_digest = {digest or layer.digest: layer for layer in layers}
        store = open_store(self.location)
        keys = []
        for name in (*COLUMNS, OWNED_PATHS.name):
            writer = FactWriter(store, DATASETS[name], month=MONTH)
            for own, layer in sorted(by_digest.items()):
                rows = layer.tables()[name]
                writer.append(rows.set_column(0, "layer", pa.array([own] * rows.num_rows, pa.string())))
            receipt = writer.close()
            if receipt:
                keys.append((name, receipt.key))
        store.close()
        return [
            LayerRecord(own, hashlib.sha256(layer.digest.encode()).digest(), outcome, reason, tuple(keys))
            for own, layer in by_digest.items()
        ]

    def compose(
        self,
        *images: ImageManifest,
        known: Iterable[ChainReceipt] = (),
        foreign: tuple[str, ...] = (),
        supplements: tuple[Supplement, ...] = (),
        may_ask: bool = False,
    ) -> CompositionReceipt:
        """Compose images of layers that are not added yet, or are."""
        known = tuple(known)
        whole = {receipt.chain: receipt for receipt in known}
        batch = CompositionBatch(
            tuple(ImageTask(manifest, whole.get(self.chain_of(manifest))) for manifest in images),
            tuple(self.records.values()),
            MONTH,
            foreign,
            known,
            supplements,
            may_ask,
        )
        receipt = compose_images(batch, self.location)
        for chain in receipt.chains:
            self.chains[chain.chain] = chain
        for ended in receipt.images:
            self.images[ended.image] = ended
        for written in receipt.objects:
            self.keys.setdefault(written.dataset, []).append(written.key)
        return receipt

    def chain_of(self, manifest: ImageManifest) -> bytes:
        from tasks.composition.chains import FOREIGN_HASH, chain_ids

        hashes = [
            (d.digest, self.records[d.digest].composition_hash if d.digest in self.records else FOREIGN_HASH)
            for d in manifest.layers
        ]
        return chain_ids(hashes)[-1] if hashes else b""

    def facts(self, dataset: Dataset) -> pa.Table:
        store = open_store(self.location)
        try:
            return read_facts_many(store, self.keys.get(dataset.name, ()), dataset=dataset)
        finally:
            store.close()

    def row(self, manifest: ImageManifest) -> dict[str, object]:
        """The image's row in the archive."""
        (row,) = self.facts(IMAGES).filter(pc.field("image") == manifest.digest).to_pylist()
        return dict(row)

    def occurrences(self, manifest: ImageManifest) -> set[Occurrence]:
        """What an image has, rebuilt from its chains' deltas; and the sets must say the same."""
        row = self.row(manifest)
        lineage = []
        chain = row["chain"]
        while chain:
            lineage.append(chain)
            chain = self.chains[chain].parent  # type: ignore[index]
        facts = self.facts(OCCURRENCES)
        live = live_occurrences([facts.filter(pc.field("chain") == chain) for chain in reversed(lineage)])
        counted, owned = self._members(row["sets"]), self._members(self.chains[row["chain"]].owned_sets)  # type: ignore[index]
        assert sorted([*counted, *owned]) == sorted(set(live["package"].to_pylist()))
        assert row["packages"] == len(counted)
        return {self._named(found) for found in live.to_pylist()}

    def _members(self, sets: object) -> list[bytes]:
        members = self.facts(PACKAGE_SETS).filter(pc.is_in(pc.field("set"), pa.array(sets, pa.binary())))
        packages: list[bytes] = members["package"].to_pylist()
        return packages

    def counted(self, manifest: ImageManifest) -> set[str]:
        """Names of the packages in an image's sets."""
        return {self._package(package).name for package in self._members(self.row(manifest)["sets"])}

    def owned(self, manifest: ImageManifest) -> set[tuple[str, str, str]]:
        """(path, name, owner) of what an image's operating system owns."""
        rows = self.facts(OWNED_OCCURRENCES).filter(pc.field("chain") == self.row(manifest)["chain"]).to_pylist()
        return {(row["path"], self._package(row["package"]).name, row["owner"]) for row in rows}

    def privileged(self, manifest: ImageManifest) -> dict[str, tuple[int, str]]:
        """Path → (mode, name of the layer) of an image's privileged files."""
        rows = self.facts(PRIVILEGED_FILES).filter(pc.field("chain") == self.row(manifest)["chain"]).to_pylist()
        return {row["path"]: (row["mode"], self.layers[row["layer"]].name) for row in rows}

    def _package(self, package: bytes) -> PackageFacts:
        all_packages = (p for layer in self.layers.values() for ps in layer.packages.values() for p in ps)
        return {p.package_id: p for p in all_packages}[package]

    def _named(self, row: dict[str, str]) -> Occurrence:
        found = self._package(row["package"])  # type: ignore[arg-type]
        names = {digest: layer.name for digest, layer in self.layers.items()}
        return Occurrence(found.name, found.version, row["path"], names[row["introduced"]], names[row["evidence"]])

    def packages(self, manifest: ImageManifest) -> set[tuple[str, str]]:
        """(name, path) of what an image has."""
        return {(found.name, found.path) for found in self.occurrences(manifest)}


def composed(archive: Archive, *layers: Layer) -> set[Occurrence]:
    """What an image of these layers has."""
    archive.add(*{layer.digest: layer for layer in layers}.values())
    manifest = image("/".join(layer.name for layer in layers), *layers)
    archive.compose(manifest, known=archive.chains.values())
    return archive.occurrences(manifest)


def names(occurrences: Iterable[Occurrence]) -> set[tuple[str, str]]:
    """(name, path) of occurrences."""
    return {(found.name, found.path) for found in occurrences}
