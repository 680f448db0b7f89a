"""Package URLs, rendered from a package and the platform it was found on (purl specification, "Known qualifiers and types").

An operating-system package's identity has no namespace, because the distribution is the platform's: only here the two come
together, as `pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc`. `parse_purl` takes them apart again, and
those that Syft and Trivy write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from packageurl import PackageURL

from catalog.distributions import NO_DISTRIBUTION, Distribution
from catalog.errors import ParseError
from catalog.packages import OPERATING_SYSTEM_TYPES, PackageFacts

_VENDORS = {
    "rhel": "redhat",
    "opensuse-leap": "opensuse",
    "opensuse-tumbleweed": "opensuse",
    "sles": "suse",
    "sled": "suse",
    "sles_sap": "suse",
}
# Where a distribution's purl namespace is not its os-release ID.

_PURL_TYPES = {"portage": "ebuild"}
# Where the specification calls a type of ours something else.

_LOWER_CASE = frozenset({"golang"})
# Types whose namespace and name the specification wants in lower case, which the library leaves as they are.

LARGEST_EPOCH = 2**31 - 1
"""The largest epoch that the archive has room for."""

_LONGEST_PURL = 1 << 18
_TYPES = {"ebuild": "portage"}
_DISTRIBUTIONS = {
    "alma": "almalinux",
    "amazon": "amzn",
    "cbl-mariner": "mariner",
    "opensuse.leap": "opensuse-leap",
    "opensuse.tumbleweed": "opensuse-tumbleweed",
    "oracle": "ol",
    "redhat": "rhel",
    "suse": "sles",
    "suse linux enterprise server": "sles",
}
# What Trivy calls a distribution, and what its os-release does.
_BRANCHES = frozenset({"sid", "edge", "rolling", "rawhide"})
_READ_QUALIFIERS = frozenset({"arch", "epoch", "rpmmod", "upstream"})
_PLAIN_QUALIFIER = re.compile(r"[A-Za-z0-9._+~:@/-]{1,128}")
_SOURCE_PACKAGE = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")
_RUNS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class ReadPurl:
    """A purl, taken apart.

    Args:
        package: what it says of the package.
        distribution: what it says of the platform, for operating-system packages; NO_DISTRIBUTION where it says nothing.
    """

    package: PackageFacts
    distribution: Distribution = NO_DISTRIBUTION


def render_purl(package: PackageFacts, distribution: Distribution = NO_DISTRIBUTION) -> str:
    """The canonical purl of a package as an image has it.

    Args:
        package: what its evidence says.
        distribution: the image's, used for operating-system packages only.
    """
    qualifiers = dict(package.qualifiers)
    namespace = package.namespace
    if package.architecture:
        qualifiers["arch"] = package.architecture
    if package.epoch is not None:
        qualifiers["epoch"] = str(package.epoch)
    if package.module:
        # Red Hat's guideline for its security data: a module's packages are told apart by it.
        qualifiers["rpmmod"] = package.module
    name = package.name
    if package.type == "portage":
        namespace, _, name = name.rpartition("/")
    upstream = _upstream(package)
    if upstream:
        qualifiers["upstream"] = upstream
    if package.type in OPERATING_SYSTEM_TYPES and distribution.id:
        if package.type != "portage":
            namespace = namespace or _VENDORS.get(distribution.id, distribution.id)
        qualifiers["distro"] = f"{distribution.id}-{distribution.version}" if distribution.version else distribution.id
    name = _usable_name(name)
    if package.type in _LOWER_CASE:
        namespace, name = namespace.lower(), name.lower()
    return PackageURL(
        type=_PURL_TYPES.get(package.type, package.type),
        namespace=namespace or None,
        name=name,
        version=package.version or None,
        qualifiers=qualifiers or None,
    ).to_string()


def parse_purl(text: str, version: str = "") -> ReadPurl:
    """Take a purl apart, the other way of `render_purl`; what it cannot tell (a Go module's capital letters) is as it has it.

    Args:
        text: the purl. An epoch beside a dpkg version and the file name of an rpm source package, as other tools write them, are
            understood.
        version: of the package, where the purl has none.

    Raises:
        ParseError: it is no purl, or one without a version, with which nothing can be compared.
    """
    if len(text) > _LONGEST_PURL:
        raise ParseError("a package URL longer than any real one")
    try:
        purl = PackageURL.from_string(text)
    except ValueError as error:
        raise ParseError("no package URL") from error
    qualifiers = dict(purl.qualifiers)
    kind = _TYPES.get(purl.type, purl.type)
    namespace, name, version = _names(kind, purl.namespace or "", purl.name, purl.version or version)
    if not name or not version:
        raise ParseError("a package URL without a version")
    distribution = NO_DISTRIBUTION
    if kind in OPERATING_SYSTEM_TYPES:
        distribution = _distribution(purl.namespace or "" if kind != "portage" else "", qualifiers.pop("distro", ""))
    epoch = _epoch(qualifiers.get("epoch", ""))
    if kind == "deb":
        version, epoch = f"{epoch}:{version}" if epoch and ":" not in version else version, None
    source_name, source_version = _source(kind, name, version, qualifiers.get("upstream", ""))
    package = PackageFacts(
        type=kind,
        name=name,
        version=version,
        namespace=namespace,
        epoch=epoch,
        architecture=qualifiers.get("arch", ""),
        source_name=source_name,
        source_version=source_version,
        module=module_stream(qualifiers.get("rpmmod", "")),
        qualifiers=tuple(
            (key, value)
            for key, value in sorted(qualifiers.items())
            if key not in _READ_QUALIFIERS and _PLAIN_QUALIFIER.fullmatch(value)
        ),
    )
    return ReadPurl(package, distribution)


def _names(kind: str, namespace: str, name: str, version: str) -> tuple[str, str, str]:
    """Namespace, name and version as our analysers write them."""
    if kind == "portage":
        return "", f"{namespace}/{name}" if namespace else name, version
    if kind in OPERATING_SYSTEM_TYPES:
        return "", name, version
    if kind == "pypi":
        return namespace, _RUNS.sub("-", name).lower(), version
    if (kind, namespace, name) == ("golang", "", "stdlib"):
        return "", name, version.removeprefix("go").removeprefix("v")
    return namespace, name, version


def distribution_id(name: str) -> str:
    """The os-release ID of a distribution that another tool names in words of its own."""
    return _DISTRIBUTIONS.get(name.lower(), name.lower())


def module_stream(label: str) -> str:
    """`name:stream` of an rpm module's label, whose version and context advisories do not speak of; empty for none."""
    parts = label.split(":", 2)[:2]
    return ":".join(parts) if len(parts) == 2 and all(parts) else ""


def source_package(text: str) -> tuple[str, str]:
    """Name and version of an rpm source package by its file's name; two empty texts for any other text."""
    found = _SOURCE_PACKAGE.fullmatch(text)
    return (found[1], found[2]) if found else ("", "")


def _epoch(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10) or int(text) > LARGEST_EPOCH:
        raise ParseError("an epoch that is no number")
    return int(text)


def _source(kind: str, name: str, version: str, upstream: str) -> tuple[str, str]:
    """Name and version of the source package; `upstream` is absent where apk's origin is the package itself."""
    if kind == "rpm" and (found := source_package(upstream))[0]:
        return found
    source, _, source_version = upstream.partition("@")
    if not source and kind == "apk":
        source = name
    return source, "" if source_version == version else source_version


def _distribution(namespace: str, distro: str) -> Distribution:
    """What `distro` says: `id-version`, or the version alone where the namespace is the distribution (Trivy's Alpine)."""
    if not distro:
        return Distribution(distribution_id(namespace)) if namespace else NO_DISTRIBUTION
    if distro[:1].isdigit() and namespace:
        return Distribution(distribution_id(namespace), distro)
    name, _, version = distro.rpartition("-")
    if name and (version[:1].isdigit() or version in _BRANCHES):
        return Distribution(distribution_id(name), version)
    return Distribution(distribution_id(distro))


def _usable_name(name: str) -> str:
    # A purl needs a name, and blanks and slashes around it do not count: one of nothing else is escaped to remain one.
    return name if name.strip().strip("/").strip() else quote(name, safe="").replace(".", "%2E") or "%"


def _upstream(package: PackageFacts) -> str:
    """The source package where it has another name or version than the binary: `name` or `name@version`."""
    name, version = package.source_name, package.source_version
    other_version = version not in ("", package.version)
    if not name or (name == package.name and not other_version):
        return ""
    return f"{name}@{version}" if other_version else name
