"""Components that Bitnami built into its images: the SPDX document beside each, `/opt/bitnami/<component>/.spdx-<component>.spdx`.

A document names the component, what it was built with, and libraries of other ecosystems inside it. Those others are found
where they lie by their own analysers; only Bitnami's are taken from here.
Format: SPDX 2.3 in JSON; purl's type `bitnami` (version with revision, qualifiers arch and distro, name in lower case).
"""

from __future__ import annotations

from packageurl import PackageURL

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.documents import load_json, mapping, qualifiers, sequence, text
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most

_ROOT = "opt/bitnami/"
_PURL = "pkg:bitnami/"
_LONGEST_PURL = 4_096
_UNKNOWN = frozenset({"", "NOASSERTION", "NONE"})


class Bitnami(Analyser):
    """Bitnami's components."""

    name = "bitnami"
    version = 1
    wanted = Wanted(suffixes=(".spdx",))

    def confirm(self, path: str) -> bool:
        """Bitnami's own documents, in the root of its tree or beside a component."""
        return path.startswith(_ROOT) and path.rpartition("/")[2].startswith(".spdx-")

    def size_cap(self, limits: Limits) -> int:
        """A JSON document."""
        return limits.json_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every package that has a purl of Bitnami's.

        Raises:
            ParseError: no JSON, or no SPDX document.
        """
        document = load_json(data, "an SPDX document")
        if document is None:
            return Findings()
        packages = mapping(document).get("packages")
        if not isinstance(packages, list):
            raise ParseError("an SPDX document without packages")
        findings = Findings()
        broken = 0
        for entry in map(mapping, at_most(packages, findings)):
            purl = _purl(entry)
            if purl:
                package = _package(entry, purl)
                broken += package is None
                findings.packages += [] if package is None else [package]
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} packages without a name or version"))
        return findings


def _purl(entry: dict[str, object]) -> str:
    references = map(mapping, sequence(entry.get("externalRefs")))
    locators = (text(reference.get("referenceLocator")) for reference in references)
    return next((locator for locator in locators if locator.startswith(_PURL)), "")


def _package(entry: dict[str, object], locator: str) -> PackageFacts | None:
    if len(locator) > _LONGEST_PURL:
        return None
    try:
        purl = PackageURL.from_string(locator)
    except ValueError:
        return None
    version = purl.version or text(entry.get("versionInfo"))
    if not purl.name or not version:
        return None
    parts = dict(purl.qualifiers)
    declared = text(entry.get("licenseDeclared"))
    return PackageFacts(
        type="bitnami",
        name=purl.name.lower(),
        version=version,
        architecture=parts.get("arch", ""),
        qualifiers=qualifiers(distro=parts.get("distro", "")),
        licences=() if declared in _UNKNOWN else (declared,),
    )
