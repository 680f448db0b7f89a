"""npm packages: every package.json that has a name and a version, wherever it lies.

Below a `node_modules` folder it is an installed package, elsewhere the application's own. Packages ship broken package.json
files as test data and templates; a broken one is a failure only where npm itself would have to read it. What a package bundles
lies in a `node_modules` of its own; a workspace is a link in `node_modules` to a folder elsewhere, which is the application's.
Format: npm's package.json documentation.
"""

from __future__ import annotations

import json
import re
from itertools import islice

import orjson

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts, Role
from tasks.analyzers.documents import bound
from tasks.analyzers.interface import MOST_LICENCES, Analyser, Data, Findings, Remark, Wanted

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INSTALLED_PLACE = re.compile(r"(?:^|/)node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json$")
_NAME = re.compile(r"(?:@[A-Za-z0-9_.~!*'()-]+/)?(?!\.)[A-Za-z0-9_.~!*'()-]+")
"""What npm ever took for a package's name: characters that an address holds unescaped."""
_VERSION = re.compile(r"[v=]*[0-9][^\s\x00-\x1f]{0,255}")
"""A version, not a template's placeholder for one."""


class Npm(Analyser):
    """npm packages and applications."""

    name = "npm"
    version = 2
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
            bound(data, "package.json")
            document = _load(data)
        except (ValueError, ParseError) as error:
            if _INSTALLED_PLACE.search(path):
                raise ParseError("package.json is no JSON") from error
            return Findings(remarks=[Remark("parse-error", "package.json is no JSON", partial=False)])
        if not isinstance(document, dict):
            return Findings()
        full_name, version = document.get("name"), document.get("version")
        if not isinstance(full_name, str) or not isinstance(version, str) or not full_name or not version:
            return Findings()
        if not _NAME.fullmatch(full_name) or not _VERSION.fullmatch(version.strip()):
            return Findings(remarks=[Remark("odd-name", "package.json with no name or version for npm", partial=False)])
        scope, slash, rest = full_name.partition("/")
        scoped = bool(slash) and scope.startswith("@")
        installed = path.startswith("node_modules/") or "/node_modules/" in path
        package = PackageFacts(
            type="npm",
            namespace=scope if scoped else "",
            name=rest if scoped else full_name,
            version=version.strip(),
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
    """The licence as a text, as an object with a type, or as an array of either: the three forms that npm had."""
    declared = document.get("license") or document.get("licenses")
    candidates = declared if isinstance(declared, list) else [declared]
    names = (item.get("type") or item.get("name") if isinstance(item, dict) else item for item in candidates)
    return tuple(islice((name for name in names if isinstance(name, str) and name), MOST_LICENCES))
