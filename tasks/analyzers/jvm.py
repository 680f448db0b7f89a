"""Java runtimes by the `release` file at their root.

Format: the file that the JDK's build writes (make/ReleaseFile.gmk of OpenJDK): `KEY="value"` lines, at least JAVA_VERSION since
JDK 7. IMPLEMENTOR came with 10, JAVA_RUNTIME_VERSION (JEP 322's full version) later. Names are those of the CPE
dictionary, as Syft has them too: `oracle/openjdk` for every build of OpenJDK, Azul's, Oracle's and Sun's own for theirs.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_LINE = re.compile(rb'^([A-Z_]+)=[ \t]*"?([^"\r\n]*)', re.MULTILINE)
_ADDRESS = re.compile(r"https?://[\w./~-]+\Z", re.ASCII)
_LONGEST = 256


class Jvm(Analyser):
    """JDKs and JREs."""

    name = "jvm"
    version = 1
    wanted = Wanted(names=("release",))

    def confirm(self, path: str) -> bool:
        """Any place: runtimes are unpacked anywhere."""
        return "/" in path

    def size_cap(self, limits: Limits) -> int:
        """A small text; JDK's own have 2 KiB."""
        return limits.content_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read vendor and version; a file of this name without a Java version is something else."""
        if b"JAVA_VERSION=" not in data:
            return Findings()
        fields = {
            key.decode(): value.decode("utf-8", "replace").strip() for key, value in reversed(_LINE.findall(data))
        }
        version = _version(fields)
        if not version or len(version) > _LONGEST:
            return Findings()
        vendor, product = _product(fields, path)
        address = fields.get("SOURCE_REPO") or fields.get("BUILD_SOURCE_REPO", "")
        known = len(address) <= _LONGEST and _ADDRESS.match(address)
        package = PackageFacts(
            type="generic",
            namespace=vendor,
            name=product,
            version=version,
            qualifiers=(("repository_url", address),) if known else (),
        )
        return Findings(packages=[package])


def _version(fields: dict[str, str]) -> str:
    """The most exact version that the file has."""
    short, full = fields.get("JAVA_VERSION", ""), fields.get("FULL_VERSION", "")
    if fields.get("JAVA_RUNTIME_VERSION"):
        return fields["JAVA_RUNTIME_VERSION"]
    # Some vendors' full version is their product's: it counts where it begins as Java's does.
    return full if full and full.partition(".")[0] == short.partition(".")[0] else short


def _product(fields: dict[str, str], path: str) -> tuple[str, str]:
    implementor = fields.get("IMPLEMENTOR", "").lower()
    edition = "jre" if _is_runtime_only(fields) else "jdk"
    if "azul" in implementor or "zulu" in path:
        return "azul", "zulu"
    if "sun microsystems" in implementor:
        return "sun", edition
    if "oracle" in implementor or "oracle" in path:
        return "oracle", edition
    return "oracle", "openjdk"


def _is_runtime_only(fields: dict[str, str]) -> bool:
    if "IMAGE_TYPE" in fields:
        return "jre" in fields["IMAGE_TYPE"].lower()
    return "MODULES" in fields and "jdk.compiler" not in fields["MODULES"].split()
