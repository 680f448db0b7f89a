"""What an archive's file name says: Maven's `artifactId-version[-classifier].extension`, and OSGi's `name_version`.

Format: the Maven repository layout ("Maven2 repository layout", classifiers as in its POM reference). Nothing marks where an
artifact's name ends: it is the first dash before a digit, unless a later word shows that the name went on
(`log4j-1.2-api-2.17.1`).
"""

from __future__ import annotations

import re
from itertools import pairwise

_BREAKS = (re.compile(r"-(?=\d)"), re.compile(r"-(?=(?:r|v|rc|build)\d)"))
"""Before a version: a dash and a digit, and only where there is none a word with one."""
_OTHER_BREAK = re.compile(r"[_.-]v?(?=\d+(?:\.\w+)+\Z)")
_CLASSIFIER = re.compile(
    r"-(?:sources|javadoc|tests?|jar-with-dependencies|shaded|uber|exec|boot|classes|bin|dist|runner|plain"
    r"|(?:linux|osx|macos|windows|natives?|darwin)(?:[-_].*)?)\Z"
)
_LONGEST_STEM = 256
"""Characters; what is longer is no version's name."""
_NUMBERED = re.compile(r"\d")
_QUALIFIER = re.compile(
    r"(?:alpha|beta|b|m|milestone|rc|cr|ga|sp|final|release|snapshot|pre|preview|dev|ea|build|jre|jdk|java|android"
    r"|incubating|redhat|jbossorg|patch|hotfix|p|r|rev|v|git|sec|atlassian|cdh|hadoop|mapr|amzn|fp)\d*\Z",
    re.IGNORECASE,
)


def split_file_name(base: str) -> tuple[str, str]:
    """Name and version that an archive's base name speaks of; an empty version where it has none.

    Args:
        base: with its extension.
    """
    stem = base.rpartition(".")[0] or base
    if len(stem) > _LONGEST_STEM:
        return stem, ""
    for pattern in _BREAKS:
        for place in pattern.finditer(stem):
            name, version = stem[: place.start()], stem[place.end() :]
            if name and not _goes_on(version):
                return name, _CLASSIFIER.sub("", version)
    other = _OTHER_BREAK.search(stem)
    if other and other.start():
        return stem[: other.start()], stem[other.end() :]
    return stem, ""


def _goes_on(version: str) -> bool:
    """Whether what looks like a version holds a word of a name, and a number behind it."""
    words = version.split("-")
    return any(
        word[:1].isalpha() and not _QUALIFIER.match(word) and _NUMBERED.match(behind)
        for word, behind in pairwise(words[1:])
    )
