"""Programs that were not written by us and say how two versions compare; each is asked many pairs at once."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.missing import missing

Pair = tuple[str, str]

_PERL = """
use Dpkg::Version;
while (<STDIN>) { chomp; my ($a, $b) = split / /; print version_compare($a, $b), "\\n"; }
"""

_NODE = """
const semver = require(process.argv[1]);
const pairs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(pairs.map(([a, b]) => {
  try { return semver.compare(a, b, {loose: true}); } catch (e) { return null; }
})));
"""

_NODE_MODULES = (
    "/usr/lib/node_modules/npm/node_modules",
    "/usr/share/nodejs",
    "/usr/local/lib/node_modules/npm/node_modules",
)


def dpkg_dev(pairs: Sequence[Pair]) -> list[int]:
    """What dpkg's Perl modules say: -1, 0 or 1 for each pair."""
    perl = shutil.which("perl")
    if perl is None or subprocess.run([perl, "-MDpkg::Version", "-e1"], capture_output=True, check=False).returncode:
        missing("Dpkg::Version", "install dpkg-dev")
    lines = "".join(f"{a} {b}\n" for a, b in pairs)
    answer = subprocess.run([perl, "-e", _PERL], input=lines, capture_output=True, text=True, check=True)
    return [int(line) for line in answer.stdout.split()]


def dpkg(pair: Pair) -> int:
    """What dpkg itself says of one pair."""
    if shutil.which("dpkg") is None:
        missing("dpkg", "install dpkg")
    for result, word in ((-1, "lt"), (0, "eq"), (1, "gt")):
        if (
            subprocess.run(
                ["dpkg", "--compare-versions", pair[0], word, pair[1]], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return result
    raise AssertionError(f"dpkg compares {pair} in no way")


def npm(pairs: Sequence[Pair]) -> list[int | None]:
    """What npm's own semver says, read loosely; None where it refuses one of the two."""
    module = next((path for folder in _NODE_MODULES if (path := Path(folder, "semver")).is_dir()), None)
    if shutil.which("node") is None or module is None:
        missing("npm's semver", "install Node.js with npm")
    answer = subprocess.run(
        ["node", "-e", _NODE, str(module)], input=json.dumps(pairs), capture_output=True, text=True, check=True
    )
    return list(json.loads(answer.stdout))


def sign(a: bytes | None, b: bytes | None) -> int:
    """How two keys compare, as the oracles write it."""
    assert a is not None
    assert b is not None
    return (a > b) - (a < b)
