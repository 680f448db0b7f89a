"""What a package is to the advisories: the name and the version that they compare.

Debian, Ubuntu and Alpine write advisories about *source* packages, AlmaLinux and its like about binary ones, language
ecosystems about the package itself. So a package stands for a product: an ecosystem (of the image's distribution, for
operating-system packages), a name, and a version as a key in the ecosystem's order. Packages that stand for the same
product are matched once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from catalog.distributions import ecosystem_of
from tasks.advisories.ecosystems import RUST_FEED, package_name, scheme_of
from tasks.versions import version_key

PACKAGE_COLUMNS = (
    "package",
    "platform",
    "distribution",
    "distribution_version",
    "type",
    "namespace",
    "name",
    "version",
    "epoch",
    "source_name",
    "source_version",
)
"""The columns of a table of packages that matching reads."""

PRODUCT_SCHEMA = pa.schema(
    [
        pa.field("product", pa.int32()),
        pa.field("ecosystem", pa.string()),
        pa.field("name", pa.string()),
        pa.field("version", pa.string()),
        pa.field("key", pa.binary()),
    ]
)
EDGE_SCHEMA = pa.schema(
    [
        pa.field("package", pa.int64()),
        pa.field("platform", pa.int64()),
        pa.field("product", pa.int32()),  # null: no ecosystem speaks of the package
        pa.field("how", pa.string()),  # direct | source
    ]
)


@dataclass(frozen=True, slots=True)
class Product:
    """What is looked up: ecosystem with its release, name, and version as the package writes it."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Products:
    """The distinct products of some packages, and which package stands for which.

    Args:
        products: rows of `PRODUCT_SCHEMA`; the key is null where the version cannot be parsed.
        edges: rows of `EDGE_SCHEMA`, at least one for each package.
    """

    products: pa.Table
    edges: pa.Table


def products_of(packages: pa.Table) -> Products:
    """Find the products that packages stand for.

    Args:
        packages: one row for each (package, platform), with `PACKAGE_COLUMNS`.
    """
    numbers: dict[Product, int] = {}
    found: list[int | None] = []
    how: list[str] = []
    columns = (packages.column(name).to_pylist() for name in PACKAGE_COLUMNS[2:])
    for row in zip(*columns, strict=True):
        product, via = _product(_Package(*row))
        found.append(None if product is None else numbers.setdefault(product, len(numbers)))
        how.append(via)
    keys = [version_key(scheme_of(product.ecosystem), product.version) for product in numbers]
    products = pa.table(
        [
            pa.array(range(len(numbers)), pa.int32()),
            pa.array([product.ecosystem for product in numbers], pa.string()),
            pa.array([product.name for product in numbers], pa.string()),
            pa.array([product.version for product in numbers], pa.string()),
            pa.array(keys, pa.binary()),
        ],
        schema=PRODUCT_SCHEMA,
    )
    edges = pa.table(
        [
            packages.column("package").cast(pa.int64()),
            packages.column("platform").cast(pa.int64()),
            pa.array(found, pa.int32()),
            pa.array(how, pa.string()),
        ],
        schema=EDGE_SCHEMA,
    )
    return Products(products, edges)


@dataclass(slots=True)
class _Package:
    distribution: str
    distribution_version: str
    type: str
    namespace: str
    name: str
    version: str
    epoch: int | None
    source_name: str
    source_version: str


@dataclass(frozen=True, slots=True)
class _Language:
    ecosystem: str
    separator: str = "/"

    def name(self, package: _Package) -> str:
        name = f"{package.namespace}{self.separator}{package.name}" if package.namespace else package.name
        return package_name(self.ecosystem, name)


_LANGUAGES = {
    "bitnami": _Language("Bitnami"),
    "cargo": _Language(RUST_FEED),
    "composer": _Language("Packagist"),
    "gem": _Language("RubyGems"),
    "golang": _Language("Go"),
    "hex": _Language("Hex"),
    "maven": _Language("Maven", ":"),
    "npm": _Language("npm"),
    "nuget": _Language("NuGet"),
    "pub": _Language("Pub"),
    "pypi": _Language("PyPI"),
}
"""By purl type: the ecosystem, and how it joins a namespace and a name (purl specification, "Known types"; OSV schema)."""


_DIRECT, _SOURCE = "direct", "source"
_Found = tuple[Product | None, str]


def _by_source(ecosystem: str, package: _Package) -> _Found:
    product = Product(ecosystem, package.source_name or package.name, package.source_version or package.version)
    same = product.name == package.name and product.version == package.version
    return product, _DIRECT if same else _SOURCE


def _by_binary(ecosystem: str, package: _Package) -> _Found:
    version = package.version if package.epoch is None else f"{package.epoch}:{package.version}"
    return Product(ecosystem, package.name, version), _DIRECT


_DISTRIBUTIONS: dict[str, Callable[[str, _Package], _Found]] = {
    "apk": _by_source,
    "deb": _by_source,
    "rpm": _by_binary,
}
"""By purl type: what a distribution's advisories are about."""

_ecosystem_of = lru_cache(maxsize=1024)(ecosystem_of)


def _product(package: _Package) -> _Found:
    language = _LANGUAGES.get(package.type)
    if language is not None:
        return Product(language.ecosystem, language.name(package), package.version), _DIRECT
    kind = _DISTRIBUTIONS.get(package.type)
    ecosystem = _ecosystem_of(package.distribution or "", package.distribution_version or "") if kind else None
    return (None, _DIRECT) if kind is None or ecosystem is None else kind(ecosystem, package)
