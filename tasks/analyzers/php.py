"""PHP packages that Composer installed: `vendor/composer/installed.json` of its versions 1 and 2.

Composer 1 wrote an array of packages, Composer 2 writes an object around it. Versions are kept as the package declares them
(`v1.2.3`, `dev-main`).
Format: Composer's documentation of its schema, and Composer's class FilesystemRepository; package names are compared
in lower case.
"""

from __future__ import annotations

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.documents import load_json, mapping, text, texts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most


class Php(Analyser):
    """Composer's packages, those for development included where they are installed."""

    name = "php"
    version = 1
    wanted = Wanted(names=("installed.json",))

    def confirm(self, path: str) -> bool:
        """In a folder `composer`, whatever the vendor folder above it is called."""
        return path.endswith("/composer/installed.json") or path == "composer/installed.json"

    def size_cap(self, limits: Limits) -> int:
        """A JSON document."""
        return limits.json_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every package; one without a name or version is remarked and costs its neighbours nothing.

        Raises:
            ParseError: no JSON, or neither of Composer's two forms.
        """
        document = load_json(data, "installed.json")
        if document is None:
            return Findings()
        packages = document.get("packages") if isinstance(document, dict) else document
        if not isinstance(packages, list):
            raise ParseError("installed.json without a list of packages")
        findings = Findings()
        broken = 0
        for entry in map(mapping, at_most(packages, findings)):
            namespace, _, name = text(entry.get("name")).lower().rpartition("/")
            version = text(entry.get("version"))
            if name and version:
                licences = texts(entry.get("license"))
                findings.packages.append(PackageFacts("composer", name, version, namespace, licences=licences))
            else:
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} packages without a name or version"))
        return findings
