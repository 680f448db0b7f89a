"""npm packages: every package.json that has a name and a version, wherever it lies.

Below a `node_modules` folder it is an installed package, elsewhere the application's own. Packages ship broken package.json
files as test data; one is a failure only where npm itself would have to read it.
Format: npm's package.json documentation.
"""

from __future__ import annotations

import json
import re

import orjson

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts, Role
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INSTALLED_PLACE = re.compile(r"(?:^|/)node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json$")


class Npm(Analyser):
    """npm packages and applications."""

    name = "npm"
    version = 1
    wanted = Wanted(names=("package.json",))

    def confirm(self, path: str) -> bool:  # noqa: ARG002
        """Any place."""
        return True

    def size_cap(self, limits: Limits) -> int:
        """A JSON document."""
        return limits.json_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read name, version and licence; without both name and version there is no package.

        Raises:
            ParseError: no JSON, where npm installs a package.
        """
        try:
            document = _load(data)
        except ValueError as error:
            if _INSTALLED_PLACE.search(path):
                raise ParseError("package.json is no JSON") from error
            return Findings(remarks=[Remark("parse-error", "package.json is no JSON", partial=False)])
        if not isinstance(document, dict):
            return Findings()
        full_name, version = document.get("name"), document.get("version")
        if not isinstance(full_name, str) or not isinstance(version, str) or not full_name or not version:
            return Findings()
        scope, slash, rest = full_name.partition("/")
        scoped = bool(slash) and scope.startswith("@")
        installed = path.startswith("node_modules/") or "/node_modules/" in path
        package = PackageFacts(
            type="npm",
            namespace=scope if scoped else "",
            name=rest if scoped else full_name,
            version=version,
            licences=_licences(document),
            role=Role.INSTALLED if installed else Role.APPLICATION,
        )
        return Findings(packages=[package])


def _load(data: Data) -> object:
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        return None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # Node replaces what is no UTF-8 and keeps lone surrogates; orjson takes neither.
        try:
            return json.loads(data.decode("utf-8", "replace"))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _licences(document: dict[str, object]) -> tuple[str, ...]:
    declared = document.get("license", document.get("licenses"))
    candidates = declared if isinstance(declared, list) else [declared]
    names = (item.get("type") if isinstance(item, dict) else item for item in candidates)
    return tuple(name for name in names if isinstance(name, str) and name)
