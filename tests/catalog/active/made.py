"""A small fleet made of plain values: what sources, analysers and composition would hand to the active set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from catalog.active.commits import Commit, commit_images, commit_layers
from catalog.active.database import Database
from catalog.active.judging import JUDGEMENT_SCHEMA, MATCH_SCHEMA
from catalog.active.listing import ListedImage, ListedReference, commit_listing
from catalog.errors import Retry
from catalog.identities import ROOT_CHAIN, chain_id, package_set_id, platform_id
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor
from catalog.packages import PackageFacts
from catalog.receipts import (
    AnalysisReceipt,
    ChainReceipt,
    CompositionReceipt,
    ImageReceipt,
    LayerReceipt,
    ObjectReceipt,
)
from catalog.schemas import IMAGES, PACKAGE_SETS, PACKAGES
from catalog.states import LayerOutcome, Outcome

FINGERPRINTS = b"f" * 16
RUN = "run-1"
DEBIAN = platform_id("debian", "12")


def digest(name: str) -> str:
    """A digest that shows what it stands for."""
    return "sha256:" + name.encode().hex().ljust(64, "0")


@dataclass(frozen=True)
class Layer:
    """A layer and the packages it brings."""

    name: str
    packages: tuple[PackageFacts, ...] = ()

    @property
    def digest(self) -> str:
        return digest(self.name)

    @property
    def composition_hash(self) -> bytes:
        return self.name.encode().ljust(32, b"\0")


@dataclass(frozen=True)
class Image:
    """An image and its layers."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def digest(self) -> str:
        return digest(self.name)

    @property
    def reference(self) -> str:
        return f"registry.test:5000/app:{self.name}"

    @property
    def manifest(self) -> ImageManifest:
        layers = tuple(LayerDescriptor(layer.digest, 1000) for layer in self.layers)
        return ImageManifest(
            self.digest, "application/vnd.oci.image.manifest.v1+json", "", ImagePlatform("linux", "amd64"), layers
        )

    @property
    def listed(self) -> ListedReference:
        images = (ListedImage(ImagePlatform("linux", "amd64"), manifest=self.manifest),)
        return ListedReference(
            self.reference, "registry.test:5000", "app", self.name, "registry", self.digest, images=images
        )

    def chains(self, depth: int | None = None) -> list[bytes]:
        """Ids of its chains, root first."""
        made, parent = [], ROOT_CHAIN
        for layer in self.layers[:depth]:
            parent = chain_id(parent, layer.digest, layer.composition_hash)
            made.append(parent)
        return made


LIBC = PackageFacts("deb", "libc6", "2.36-9", architecture="amd64", source_name="glibc", source_version="2.36-9")
BASH = PackageFacts("deb", "bash", "5.2-1", architecture="amd64", licences=("GPL-3.0",))
FLASK = PackageFacts("pypi", "flask", "2.0.0")
LEFT_PAD = PackageFacts("npm", "left-pad", "1.0.0", qualifiers=(("a", "b"),))

BASE = Layer("base", (LIBC, BASH))
PYTHON = Layer("python", (FLASK,))
NODE = Layer("node", (LEFT_PAD,))
ONE = Image("one", (BASE, PYTHON))
TWO = Image("two", (BASE, NODE))


def obj(dataset: str, name: str, rows: int = 1) -> ObjectReceipt:
    """An archive object."""
    return ObjectReceipt(dataset, f"v1/{dataset}/part-{name}.parquet", name, rows, 100)


def package_rows(layers: tuple[Layer, ...]) -> pa.Table:
    """The PACKAGES rows of layers."""
    rows = [
        {
            "layer": layer.digest,
            "path": "some/path",
            "ordinal": ordinal,
            "analyser": "made",
            "package": each.package_id,
            "type": each.type,
            "namespace": each.namespace,
            "name": each.name,
            "version": each.version,
            "epoch": each.epoch,
            "architecture": each.architecture,
            "source_name": each.source_name,
            "source_version": each.source_version,
            "module": each.module,
            "qualifiers": each.qualifier_text,
            "licences": list(each.licences),
            "role": each.role.value,
        }
        for layer in layers
        for ordinal, each in enumerate(layer.packages)
    ]
    return pa.Table.from_pylist(rows, PACKAGES.schema)


def analysis(*layers: Layer) -> AnalysisReceipt:
    """The receipt of layers that were analysed well."""
    name = "-".join(layer.name for layer in layers)
    return AnalysisReceipt(
        FINGERPRINTS,
        tuple(
            LayerReceipt(
                layer.digest,
                LayerOutcome.COMPLETE,
                verified=True,
                composition_hash=layer.composition_hash,
                size=1000,
                tar_size=3000,
                entries=10,
                packages=len(layer.packages),
            )
            for layer in layers
        ),
        (obj("entries", name, 10), obj("packages", name), obj("problems", name)),
    )


def failure(layer: Layer, reason: str, retry: Retry, *, verified: bool) -> AnalysisReceipt:
    """The receipt of a layer that failed."""
    receipt = LayerReceipt(layer.digest, LayerOutcome.FAILED, reason, f"{layer.name}: {reason}", retry, verified)
    return AnalysisReceipt(FINGERPRINTS, (receipt,), ())


def composition(*images: Image, owned: Collection[PackageFacts] = ()) -> tuple[CompositionReceipt, pa.Table, pa.Table]:
    """Receipt, IMAGES rows and PACKAGE_SETS rows of images that were composed well; `owned`: what the system's packages own."""
    chains: dict[bytes, ChainReceipt] = {}
    image_rows, set_rows = [], []
    for image in images:
        parent = ROOT_CHAIN
        for depth, chain in enumerate(image.chains(), start=1):
            found = [each for layer in image.layers[:depth] for each in layer.packages]
            sets, rows = _sets([each for each in found if each not in owned])
            owned_sets, owned_rows = _sets([each for each in found if each in owned])
            packages = len(rows)
            receipt = ChainReceipt(
                chain,
                parent,
                image.layers[depth - 1].digest,
                DEBIAN,
                ("debian", "12", "Debian GNU/Linux 12"),
                sets,
                packages,
                owned_sets,
            )
            if chain not in chains:
                chains[chain] = receipt
                set_rows += [*rows, *owned_rows]
            parent = chain
        image_rows.append({"image": image.digest, "chain": parent, "sets": list(sets), "packages": packages})
    receipts = tuple(ImageReceipt(image.digest, Outcome.ANALYSED) for image in images)
    name = "-".join(image.name for image in images)
    objects = (obj("images", name), obj("occurrences", name), obj("package_sets", name))
    if owned:
        objects += (obj("owned_occurrences", name), obj("privileged_files", name))
    return (
        CompositionReceipt(receipts, objects, tuple(chains.values())),
        pa.Table.from_pylist(image_rows, IMAGES.schema),
        pa.Table.from_pylist(set_rows, PACKAGE_SETS.schema),
    )


def _sets(found: list[PackageFacts]) -> tuple[tuple[bytes, ...], list[dict[str, object]]]:
    by_type: dict[str, list[PackageFacts]] = {}
    for each in found:
        by_type.setdefault(each.type, []).append(each)
    ids, rows = [], []
    for kind, packages in by_type.items():
        platform = DEBIAN if kind == "deb" else b""
        made = package_set_id(kind, platform, [each.package_id for each in packages])
        ids.append(made)
        rows += [{"set": made, "type": kind, "platform": platform, "package": each.package_id} for each in packages]
    return tuple(ids), rows


def list_images(db: Database, *images: Image) -> None:
    """List images."""
    commit_listing(db, RUN, [image.listed for image in images])


def analyse(db: Database, *layers: Layer) -> Commit:
    """Commit layers that were analysed well."""
    return commit_layers(db, RUN, analysis(*layers), package_rows(layers))


def compose(db: Database, *images: Image, owned: Collection[PackageFacts] = ()) -> Commit:
    """Commit images that were composed well."""
    return commit_images(db, RUN, *composition(*images, owned=owned), fingerprint_set=FINGERPRINTS)


def scan(db: Database, *images: Image, owned: Collection[PackageFacts] = ()) -> None:
    """List, analyse and compose images, their layers in one batch."""
    list_images(db, *images)
    analyse(db, *dict.fromkeys(layer for image in images for layer in image.layers))
    compose(db, *images, owned=owned)


def match(
    waiting: pa.Table, name: str, vulnerability: str, severity: str, advisory: str = "", fixed: str = ""
) -> pa.Table:
    """A match of every waiting package of a name."""
    rows = [
        {
            "package": row["package"],
            "platform": row["platform"],
            "advisory": advisory or f"ADV-{vulnerability}",
            "vulnerability": vulnerability,
            "severity": severity,
            "score": 9.0,
            "fix_state": "fixed" if fixed else "not-fixed",
            "fixed_version": fixed,
            "how": "direct",
            "compared_name": name,
            "compared_version": row["version"],
            "range_text": "introduced 0",
            "ecosystem": "Debian:12",
        }
        for row in waiting.to_pylist()
        if row["name"] == name
    ]
    return pa.Table.from_pylist(rows, MATCH_SCHEMA)


def judgements(waiting: pa.Table, **coverage: str) -> pa.Table:
    """A judgement of every waiting package: covered, unless its name is given with another word."""
    rows = [
        {
            "package": row["package"],
            "platform": row["platform"],
            "coverage": coverage.get(row["name"].replace("-", "_"), "covered"),
        }
        for row in waiting.to_pylist()
    ]
    return pa.Table.from_pylist(rows, JUDGEMENT_SCHEMA)
