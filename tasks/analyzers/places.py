"""Places at which evidence may lie: the only ones for which it matters whose file is whose.

A package database lists every file of a system, and most of them can never be evidence of anything: manual pages, icons,
headers, time zones. A place at which evidence may lie is one that an analyser may want by its name, or whose file may be a
program or library, known by its first bytes. What is passed over is decided by the path alone, and not by asking the analysers,
because the rows that are kept must not depend on which of them run, or on those that come later.

What that costs: evidence that ends as no program does and no analyser wants (a program called `x.py`, compiled), or that lies in
a folder of `NO_EVIDENCE_FOLDERS`, is reported as nobody's even where a distribution's package owns it. The tests hold the lists
against what analysers want: one that wants more makes them shorter, and with them another `PLACES`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from catalog.identities import hash_fields

_Flags = npt.NDArray[np.bool_]
_Positions = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_ENDINGS = """
    gz bz2 xz zst lzma zip tgz
    txt md rst adoc html htm xhtml tex texi info pdf ps pod rdoc ronn Debian
    xml yaml yml toml ini cfg conf cnf csv tsv sql list dtd xsd xsl xslt rng rules policy
    py pyc pyo pyi typed pl pm ph plx rb rbs rbi erb js mjs cjs ts jsx tsx map lua tcl tm vim el elc R Rd Rmd
    sh bash zsh fish csh ksh awk sed m4 ac am in mk cmake pc la phtml inc tpl tmpl tt
    c cc cpp cxx h hh hpp hxx tcc s S java kt scala rs go f f90 erl hrl ex exs beam hs td def proto
    png jpg jpeg gif svg svgz ico bmp xpm webp tif tiff ttf otf woff woff2 eot pcf pfb afm css less scss
    mo po pot qm msg enc utf-8 UTF-8 lang outlang dic aff alias
    service socket timer target mount automount path slice preset desktop hwdb network link
    crt pem cer der gpg asc key pub sig
    rds rdb rdx bc a o pom tmac wav ogg mp3 mp4
"""
NO_EVIDENCE_ENDINGS = frozenset(f".{ending}" for ending in _ENDINGS.split())
"""Endings (from the last dot on) of files that are no evidence: texts, pictures, sources, scripts, archives nobody opens."""
NO_EVIDENCE_NAMES = frozenset(
    (
        "",
        "AUTHORS",
        "BUGS",
        "COPYING",
        "FAQ",
        "HISTORY",
        "LICENSE",
        "NEWS",
        "README",
        "THANKS",
        "changelog",
        "copyright",
    )
)
"""Base names of documents without an ending, and that of the root."""
NO_EVIDENCE_FOLDERS = (
    *(f"usr/share/{name}/" for name in ("man", "info", "locale", "zoneinfo", "i18n", "icons", "bash-completion")),
    *(f"usr/share/{name}/" for name in ("terminfo", "lintian", "X11", "fonts", "mime", "bug")),
    *("usr/include/", "usr/lib/locale/", "usr/lib/terminfo/", "lib/terminfo/"),
)
"""Folders of manuals, translations and declarations, many of them without an ending."""

PLACES = hash_fields(
    "places/1", *sorted(NO_EVIDENCE_ENDINGS), "", *sorted(NO_EVIDENCE_NAMES), "", *NO_EVIDENCE_FOLDERS
).hex()
"""Names this choice: part of the fingerprint of whoever reads whose file is whose."""


_WORD = 8
"""Bytes that are compared at a time."""
_EDGE = bytes(2 * _WORD)
_DOT, _SLASH = (np.uint64(byte) for byte in b"./")


def places_of_evidence(listed: bytes, ends: _Positions, last: _Positions) -> _Flags:
    """At which of some paths evidence may lie: not at a folder, which the path behind it in its list lies below.

    A whole system's paths are looked at at once, by words of eight bytes at their beginnings and ends.

    Args:
        listed: lists of paths one after the other, each a claim's (`tasks.analyzers.interface.Claim`).
        ends: where the NUL behind each path lies.
        last: the last path of each list, by number.
    """
    words = _words_of(_EDGE + listed + _EDGE)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])[: len(ends)]
    kept = (ends > starts + 1) & ~_end_with(words, ends)
    kept &= ~_are_folders(listed, starts, ends, last)
    left = np.flatnonzero(kept)
    kept[left[_begin_with(words, starts[left])]] = False
    return kept


def _words_of(data: bytes) -> _Words:
    """The eight bytes from each position on, as a number."""
    return np.ndarray((len(data) - _WORD + 1,), dtype="<u8", buffer=data, strides=(1,))


def _end_with(words: _Words, ends: _Positions) -> _Flags:
    """Which paths end as no evidence does."""
    tail = words[ends + len(_EDGE) - _WORD]
    found = np.zeros(len(ends), dtype=np.bool_)
    for length, endings in _SHORT_ENDINGS.items():
        here = tail >> np.uint64(8 * (_WORD - length))
        first = here & np.uint64(0xFF)
        near = np.flatnonzero((first == _DOT) | (first == _SLASH))
        found[near] |= _among(here[near], endings)
    for ending in _LONG_ENDINGS:
        near = np.flatnonzero(tail == _number(ending[-_WORD:]))
        found[near] |= words[ends[near] + len(_EDGE) - len(ending)] == _number(ending[:_WORD])
    return found


def _begin_with(words: _Words, starts: _Positions) -> _Positions:
    """The numbers of the paths that lie in a folder without evidence."""
    near = np.flatnonzero(_among(words[starts + len(_EDGE) + 1], _FOLDERS_BEGIN))
    found = np.zeros(len(near), dtype=np.bool_)
    at = starts[near] + len(_EDGE) + 1
    for folder in map(str.encode, NO_EVIDENCE_FOLDERS):
        inside = np.ones(len(near), dtype=np.bool_)
        for start in (*range(0, len(folder) - _WORD, _WORD), len(folder) - _WORD):
            inside &= words[at + start] == _number(folder[start : start + _WORD])
        found |= inside
    return near[found]


def _are_folders(listed: bytes, starts: _Positions, ends: _Positions, last: _Positions) -> _Flags:
    """Which paths the next one of the same list lies below."""
    found = np.zeros(len(ends), dtype=np.bool_)
    if len(ends) < 2:
        return found
    lengths = ends - starts
    data = np.frombuffer(listed, dtype=np.uint8)
    behind = np.minimum(starts[1:] + lengths[:-1], len(listed) - 1)
    found[:-1] = (lengths[1:] > lengths[:-1]) & (data[behind] == ord("/"))
    found[last] = False
    for number in np.flatnonzero(found).tolist():
        path = listed[starts[number] : ends[number]]
        found[number] = listed.startswith(path, starts[number + 1])
    return found


def _among(values: _Words, known: _Words) -> _Flags:
    """Which values are known ones; these are sorted."""
    found: _Flags = known[np.minimum(known.searchsorted(values), len(known) - 1)] == values
    return found


def _number(word: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(word, "little"))


def _numbers(texts: Iterable[bytes]) -> _Words:
    return np.array(sorted({int.from_bytes(text, "little") for text in texts}), dtype=np.uint64)


_ALL_ENDINGS = sorted(
    {ending.encode() for ending in NO_EVIDENCE_ENDINGS} | {f"/{name}".encode() for name in NO_EVIDENCE_NAMES if name}
)
_SHORT_ENDINGS = {
    length: _numbers(ending for ending in _ALL_ENDINGS if len(ending) == length)
    for length in sorted({len(ending) for ending in _ALL_ENDINGS if len(ending) <= _WORD})
}
_LONG_ENDINGS = [ending for ending in _ALL_ENDINGS if len(ending) > _WORD]
_FOLDERS_BEGIN = _numbers(folder[:_WORD].encode() for folder in NO_EVIDENCE_FOLDERS)
