"""Secrets in text files, by named rules: where one stands and of which kind it is, never what it is.

Nearly all files hold nothing that even begins like a secret. So the anchors of all rules are one regular expression, which
Arrow's engine (RE2: linear in the bytes, whatever they are) tries on many files in one call; a file that has none of them is
done with. In the others the rules are tried one by one where one of their starts stands, with patterns whose repetitions are
bounded. What matches and is no placeholder becomes a rule's name and a line. Nothing here keeps, logs or
raises the bytes themselves.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from catalog.identities import hash_fields
from catalog.limits import Limits
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted
from tasks.analyzers.secret_rules import (
    DESCRIBING,
    ORDINARY,
    PLACEHOLDER,
    PROVING,
    RULES,
    SKIPPED_FOLDERS,
    VENDORED,
    Rule,
)

HEAD_BYTES = 4096
"""First bytes of a file by which text is told from programs, pictures and archives."""
MOST_IN_FILE = 100
"""Places in one file that are told; a file with more holds examples, or is one large secret."""
_TOKEN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a rule matched.

    Args:
        rule: its name.
        line: from 1.
        start: first byte of the secret itself.
        end: behind its last byte.
    """

    rule: str
    line: int
    start: int
    end: int


class _Compiled:
    """Rules made ready for searching."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        anchors = (rule.anchor or "|".join(map(re.escape, rule.starts)) for rule in rules)
        self.anchors = "|".join(dict.fromkeys(anchors))
        self.rules = [
            (rule, start.encode(), re.compile(rule.pattern.encode()).match) for rule in rules for start in rule.starts
        ]


_EVERYWHERE = _Compiled([rule for rule in RULES if not rule.files])
_ENDINGS = tuple(sorted({ending for rule in RULES for ending in rule.files}))


@cache
def _rules_of(endings: tuple[str, ...]) -> _Compiled:
    """The rules that hold in files whose paths have these endings."""
    return _Compiled([rule for rule in RULES if not rule.files or not set(endings).isdisjoint(rule.files)])


def is_searched(path: str) -> bool:
    """Whether a file at this path is searched at all."""
    if path.startswith(SKIPPED_FOLDERS) or path.endswith(DESCRIBING):
        return False
    folders = path.split("/")[:-1]
    proving = next((index for index in range(len(folders) - 1, -1, -1) if folders[index] in PROVING), 0)
    return not any(folder in VENDORED for folder in folders[:proving])


def is_special(path: str) -> bool:
    """Whether rules of their own hold at this path, so that its file must be looked at whatever it holds."""
    return path.endswith(_ENDINGS)


def suspicious(texts: Sequence[Data]) -> list[bool]:
    """Which of some texts hold the anchor of a rule, all of them looked at in one pass.

    Args:
        texts: the files' bytes.
    """
    column = pa.array(texts, pa.large_binary())
    found: list[bool] = pc.match_substring_regex(column, pattern=_EVERYWHERE.anchors).to_pylist()
    return found


def find_secrets(data: Data, path: str = "", *, most: int = MOST_IN_FILE) -> list[SecretPlace]:
    """Where rules match in a text, in its order; a rule is told once a line.

    Args:
        data: the text.
        path: of its file, for the rules that hold in some files only.
        most: places of each rule that are looked for.
    """
    found: dict[tuple[int, str], SecretPlace] = {}
    line, counted = 1, 0
    for start, end, rule in sorted(_matches(data, path, most)):
        line, counted = line + data.count(b"\n", counted, start), start
        found.setdefault((line, rule), SecretPlace(rule, line, start, end))
    return list(found.values())


def redacted(text: str) -> str:
    """A text in which every secret is replaced by the name of the rule that found it.

    Args:
        text: of an image's configuration: an instruction, a label.
    """
    data = text.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    done = closed = 0
    for start, end, rule in sorted(_matches(data, "", len(data))):
        if rule.endswith("private-key"):
            # Its lines after the first say nothing by themselves that could be recognised. Many keys may have one end.
            if closed < end:
                found = data.find(b"-----END", end)
                closed = found if found >= 0 else len(data)
            end = closed
        if start >= done:
            pieces += [data[done:start], f"[{rule}]".encode()]
        done = max(done, end)
    return b"".join([*pieces, data[done:]]).decode("utf-8", "surrogatepass") if done else text


def _matches(data: Data, path: str, most: int) -> list[tuple[int, int, str]]:
    """First byte, end and rule of each secret, at most so many of each rule's starts."""
    endings = tuple(ending for ending in _ENDINGS if path.endswith(ending)) if is_special(path) else ()
    compiled = _rules_of(endings) if endings else _EVERYWHERE
    found: list[tuple[int, int, str]] = []
    for rule, start, match in compiled.rules:
        left = most
        at = data.find(start)
        while at >= 0 and left:
            if not (rule.whole and at and data[at - 1] in _TOKEN):
                hit = match(data, at)
                if hit is not None and _is_real(rule, hit["value"]):
                    found.append((*hit.span("value"), rule.name))
                    left -= 1
            at = data.find(start, at + 1)
    return found


def _is_real(rule: Rule, value: bytes) -> bool:
    if not rule.entropy:
        return True
    if PLACEHOLDER.search(value) or ORDINARY.fullmatch(value):
        return False
    return entropy(value) >= rule.entropy and rule.accept(bytes(value))


def entropy(value: bytes) -> float:
    """Bits a byte by Shannon's formula, from the value's own frequencies."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


class Secrets(Analyser):
    """Stands for the search among the analysers: its version and its rules are part of what a layer's result is named by.

    It asks for no file by name, since any text may hold a secret: the walker shows all of them to
    `tasks.layers.secret_search` where this analyser is selected.
    """

    name: ClassVar[str] = "secrets"
    version: ClassVar[int] = 1
    wanted: ClassVar[Wanted] = Wanted()

    def confirm(self, path: str) -> bool:
        """Whether secrets are looked for at this path."""
        return is_searched(path)

    def size_cap(self, limits: Limits) -> int:
        """Bytes of a file that are searched; the rest of a larger one is left, which is noted."""
        return limits.secret_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Nothing: what the search finds is no evidence of packages."""
        return Findings()

    def configuration(self, limits: Limits) -> str:
        """The caps, and a hash over the rules and over the places that are left out."""
        rules = [
            f"{each.name}\0{each.starts}\0{each.anchor}\0{each.pattern}\0{each.entropy}\0{each.files}" for each in RULES
        ]
        places = [*SKIPPED_FOLDERS, *sorted(VENDORED), *sorted(PROVING), *DESCRIBING]
        data = hash_fields("secret-rules/1", *rules, PLACEHOLDER.pattern, ORDINARY.pattern, *places).hex()
        return f"{super().configuration(limits)} secrets={limits.secrets} rules={data}"
