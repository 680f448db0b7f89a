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

from catalog.identities import hash_fields

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


def places_of_evidence(paths: tuple[str, ...]) -> list[str]:
    """Those of the paths at which evidence may lie, in their order.

    Args:
        paths: as `catalog.schemas` writes them. One that the next one lies below is a folder, and no evidence.
    """
    # One comprehension without calls: it is asked of each path of a system.
    return [
        path
        for path, following in zip(paths, (*paths[1:], ""), strict=True)
        if path[path.rfind(".") :] not in NO_EVIDENCE_ENDINGS
        and not (following.startswith(path) and following[len(path) : len(path) + 1] == "/")
        and path[path.rfind("/") + 1 :] not in NO_EVIDENCE_NAMES
        and not path.startswith(NO_EVIDENCE_FOLDERS)
    ]
