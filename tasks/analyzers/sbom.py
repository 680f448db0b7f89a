"""The packages of a `sbom:` source: a line of JSON each, at a path of our own (see `tasks.sbom.evidence`)."""

from __future__ import annotations

import io

from catalog.errors import ParseError
from catalog.limits import Limits
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.sbom.packages import read_line

FOLDER = ".longshore/sbom"
"""Where a document's packages lie in its synthetic layer: a folder that no image has for anything else."""
SUFFIX = ".jsonl"
"""How these files end, behind the packages' type."""


class Sbom(Analyser):
    """What a bill of materials lists."""

    name = "sbom"
    version = 1
    wanted = Wanted(folders=(FOLDER,))

    def confirm(self, path: str) -> bool:
        """Files of lines in the folder."""
        return path.endswith(SUFFIX) and path.rpartition("/")[0] == FOLDER

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every line; one that is none is remarked."""
        findings = Findings()
        broken = 0
        for line in at_most(io.BytesIO(data), findings):
            try:
                findings.packages.append(read_line(line))
            except ParseError:
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} lines that name no package"))
        return findings
