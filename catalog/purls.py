"""Package URLs, rendered from a package and the platform it was found on (purl specification, "Known qualifiers and types").

An operating-system package's identity has no namespace, because the distribution is the platform's: only here the two come
together, as `pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc`.
"""

from __future__ import annotations

from urllib.parse import quote

from packageurl import PackageURL

from catalog.distributions import NO_DISTRIBUTION, Distribution
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
