"""Images composed per CPU-second: from archived layer records to written sets and occurrences.

    python -m benchmarks.compose [--images N]

Three fleets, each with ten base layers of 400 operating-system packages and 6,000 entries under images of three layers of
their own: 300 language packages and 1,000 entries altogether, and a new package database in one of them. Of the base's packages,
60 bring a language's package each; each has a list of 18 paths at which evidence may lie, which is what Debian's have; twelve
files are privileged.

    cold             nothing is committed: every chain is composed and written
    warm             every chain is committed: the images alone are written
    whiteout_heavy   cold, and each own layer also has 500 whiteouts, most of them of folders with packages

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from catalog.facts import FactWriter
from catalog.identities import hash_fields
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor
from catalog.receipts import CompositionReceipt
from catalog.schemas import CONTENTS, DATASETS, ENTRIES, EVIDENCE, OWNED_PATHS, PACKAGES, PRIVILEGED
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import open_store
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, compose_images

MONTH = "2026-01"
BASES = 10
BASE_PACKAGES = 400
BASE_ENTRIES = 6_000
OWN_LAYERS = 3
OWN_ENTRIES = 333
OWN_PACKAGES = 100
WHITEOUTS = 500
OWNED_MODULES = 60
PATHS_IN_LIST = 18
PRIVILEGED_FILES = 12
LAYERS_PER_OBJECT = 64
FILE, DIRECTORY, SYMLINK, WHITEOUT = 0, 1, 2, 6
STATUS = "var/lib/dpkg/status"

_WRITTEN = tuple(dataset.name for dataset in (ENTRIES, EVIDENCE, PACKAGES, CONTENTS, OWNED_PATHS, PRIVILEGED))

Rows = dict[str, list[dict[str, object]]]


def _digest(*words: object) -> str:
    return "sha256:" + hashlib.sha256(repr(words).encode()).hexdigest()


def _package(path: str, ordinal: int, kind: str, name: str, version: str) -> dict[str, object]:
    row: dict[str, object] = {field.name: "" for field in PACKAGES.schema if pa.types.is_string(field.type)}
    package = hash_fields("benchmark", kind, name, version)
    return row | {"path": path, "ordinal": ordinal, "package": package, "type": kind, "name": name, "version": version}


def _entry(ordinal: int, path: str, kind: int = FILE, target: str = "") -> dict[str, object]:
    return {"ordinal": ordinal, "path": path, "kind": kind, "target": target}


def _list(package: str, *owned: str) -> tuple[str, list[dict[str, object]]]:
    """A package's file list as dpkg keeps it: its path, and its claims."""
    path = f"var/lib/dpkg/info/{package}.list"
    more = (f"usr/lib/{package}/lib{package}.so.{n}" for n in range(PATHS_IN_LIST - len(owned)))
    owner = {"path": path, "owner": f"deb/{package}", "package": b""}
    return path, [{**owner, "ordinal": n, "owned": name} for n, name in enumerate((*owned, *more))]


def _evidence(paths: Iterable[str]) -> list[dict[str, object]]:
    return [{"path": path, "analyser": "benchmark", "state": "read", "size": 1} for path in sorted(set(paths))]


def base_layer(number: int) -> Rows:
    """A distribution: its database, os-release, folders, files and links."""
    entries = [_entry(0, "lib", SYMLINK, "usr/lib"), _entry(1, STATUS), _entry(2, "etc/os-release")]
    for n in range(3, BASE_ENTRIES):
        folder = f"usr/share/part{n % 300}"
        kind = DIRECTORY if n < 303 else SYMLINK if n % 12 == 0 else FILE
        path = folder if kind == DIRECTORY else f"{folder}/file-with-a-name-{n}"
        entries.append(_entry(n, path, kind, "../other" if kind == SYMLINK else ""))
    packages = [_package(STATUS, n, "deb", f"package{n}", f"{number}.{n}") for n in range(BASE_PACKAGES)]
    modules = [
        _package(f"usr/lib/python3/dist-packages/m{n}-{number}.egg-info", 0, "pypi", f"m{n}", f"{number}")
        for n in range(OWNED_MODULES)
    ]
    lists = dict(
        _list(f"package{n}", *([str(modules[n]["path"])] if n < OWNED_MODULES else [])) for n in range(BASE_PACKAGES)
    )
    privileged = [f"usr/bin/program{n}" for n in range(PRIVILEGED_FILES)]
    further = [*(str(row["path"]) for row in modules), *lists, *privileged]
    entries += [_entry(len(entries) + n, path) for n, path in enumerate(further)]
    release = f"ID=debian\nVERSION_ID={number}\n".encode()
    return {
        ENTRIES.name: entries,
        EVIDENCE.name: _evidence([STATUS, "etc/os-release", *(str(row["path"]) for row in modules), *lists]),
        PACKAGES.name: sorted((*packages, *modules), key=lambda row: str(row["path"])),
        CONTENTS.name: [{"path": "etc/os-release", "data": release}],
        OWNED_PATHS.name: [row for path in sorted(lists) for row in lists[path]],
        PRIVILEGED.name: [{"path": path, "mode": 0o4755, "uid": 0, "gid": 0} for path in sorted(privileged)],
    }


def own_layer(image: int, position: int, base: int, *, whiteouts: int) -> Rows:
    """An application's layer: modules with their files; the middle one rewrites the distribution's database too."""
    folder = f"app{position}/node_modules"
    packages = [
        _package(f"{folder}/m{n}/package.json", 0, "npm", f"m{n}", f"{image % 7}.{position}.{n}")
        for n in range(OWN_PACKAGES)
    ]
    paths = [str(row["path"]) for row in packages]
    paths += [f"{folder}/m{n % OWN_PACKAGES}/file{n}.js" for n in range(OWN_ENTRIES - len(paths))]
    lists: dict[str, list[dict[str, object]]] = {}
    if position == 1:
        lists = dict([_list("curl")])
        paths += [STATUS, *lists]
        more = [("curl", f"{image}")]
        more += [(f"package{n}", f"{base}.{n}") for n in range(BASE_PACKAGES)]
        packages += [_package(STATUS, n, "deb", name, version) for n, (name, version) in enumerate(more)]
    entries = [_entry(n, path) for n, path in enumerate(paths)]
    for n in range(whiteouts):
        below = f"app{position - 1}/node_modules/m{n % (OWN_PACKAGES // 2)}" + (f"/file{n}.js" if n >= 50 else "")
        entries.append(_entry(len(entries), below, WHITEOUT))
    packages.sort(key=lambda row: str(row["path"]))
    return {
        ENTRIES.name: entries,
        EVIDENCE.name: _evidence((*(str(row["path"]) for row in packages), *lists)),
        PACKAGES.name: packages,
        OWNED_PATHS.name: [row for rows in lists.values() for row in rows],
    }


def write_layers(archive: ArchiveLocation, layers: dict[str, Callable[[], Rows]]) -> tuple[LayerRecord, ...]:
    """Write layers' records as analysis does, some dozens to an object."""
    records = []
    digests = sorted(layers)
    for start in range(0, len(digests), LAYERS_PER_OBJECT):
        part = digests[start : start + LAYERS_PER_OBJECT]
        rows = {digest: layers[digest]() for digest in part}
        store = open_store(archive)
        keys = []
        for name in _WRITTEN:
            flat = [{**row, "layer": digest} for digest in part for row in rows[digest].get(name, ())]
            writer = FactWriter(store, DATASETS[name], month=MONTH)
            writer.append(pa.Table.from_pylist(flat, schema=DATASETS[name].schema))
            receipt = writer.close()
            if receipt:
                keys.append((name, receipt.key))
        store.close()
        for digest in part:
            composition_hash = hashlib.sha256(digest.encode()).digest()
            records.append(LayerRecord(digest, composition_hash, LayerOutcome.COMPLETE, "", tuple(keys)))
    return tuple(records)


def make_fleet(archive: ArchiveLocation, images: int, *, whiteouts: int) -> CompositionBatch:
    """A fleet's layers in the archive, and the batch that composes its images."""
    layers: dict[str, Callable[[], Rows]] = {}
    tasks = []
    for image in range(images):
        base = image % BASES
        digests = [_digest("base", base)]
        layers[digests[0]] = lambda base=base: base_layer(base)  # type: ignore[misc]
        for position in range(OWN_LAYERS):
            digest = _digest("own", image, position, whiteouts)
            digests.append(digest)
            layers[digest] = lambda i=image, p=position, b=base: own_layer(i, p, b, whiteouts=whiteouts)  # type: ignore[misc]
        descriptors = tuple(LayerDescriptor(digest, 1) for digest in digests)
        tasks.append(ImageTask(ImageManifest(_digest("image", image), "", "", ImagePlatform(), descriptors)))
    return CompositionBatch(tuple(tasks), write_layers(archive, layers), MONTH)


def warmed(batch: CompositionBatch, receipt: CompositionReceipt) -> CompositionBatch:
    """The same images under other names, all their chains committed."""
    by_layer = {chain.layer: chain for chain in receipt.chains}
    tasks = tuple(
        ImageTask(
            replace(task.manifest, digest=_digest("warm", task.manifest.digest)),
            by_layer[task.manifest.layers[-1].digest],
        )
        for task in batch.images
    )
    return replace(batch, images=tasks, known=receipt.chains)


def main() -> None:
    """Run the three fleets and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    count = parser.parse_args().images
    figures: dict[str, float] = {"images": count}
    with tempfile.TemporaryDirectory() as folder:
        for name, whiteouts in (("cold", 0), ("whiteout_heavy", WHITEOUTS)):
            archive = ArchiveLocation(url=str(Path(folder) / name))
            batch = make_fleet(archive, count, whiteouts=whiteouts)
            receipt = compose_images(batch, archive)
            figures[f"{name}_images_per_cpu_s"] = round(count / receipt.cpu_seconds, 1)
            figures[f"{name}_occurrence_rows"] = sum(o.rows for o in receipt.objects if o.dataset == "occurrences")
            print(f"{name}: {count} images in {receipt.cpu_seconds:.2f} CPU-s")
            figures[f"{name}_owned_rows"] = sum(o.rows for o in receipt.objects if o.dataset == "owned_occurrences")
            if name == "cold":
                warm = compose_images(warmed(batch, receipt), archive)
                figures["warm_images_per_cpu_s"] = round(count / warm.cpu_seconds, 1)
                figures["packages_per_image"] = next(c.packages for c in receipt.chains if c.packages) or 0
                print(f"warm: {count} images in {warm.cpu_seconds:.2f} CPU-s")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
