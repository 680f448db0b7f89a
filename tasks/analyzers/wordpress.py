"""WordPress plugins: the header comment in a plugin's main file, in the first 8 KiB, as WordPress itself reads it.

A plugin is known by its folder's name (its "slug"), or by its file's where it lies in the plugins folder itself; the title in
the header is for people. The purl specification has no type for plugins: `wordpress-plugin` is ours.
Format: WordPress' Plugin Handbook, "Header Requirements", and its function `get_file_data`.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted

_PLUGINS = re.compile(r"(?:^|/)wp-content/plugins/(?:(?P<folder>[^/]+)/)?(?P<file>[^/]+)\.php$")
_HEADER_BYTES = 8_192
_FIELD = re.compile(
    rb"^(?:[ \t]*<\?php)?[ \t/*#@]*(Plugin Name|Version|License):([^\r\n]*)", re.MULTILINE | re.IGNORECASE
)
_COMMENT_END = re.compile(r"\*/|\?>")


class WordPress(Analyser):
    """WordPress plugins."""

    name = "wordpress"
    version = 1
    wanted = Wanted(suffixes=(".php",), within=("wp-content/plugins/",))

    def confirm(self, path: str) -> bool:
        """A PHP file in the plugins folder, or in a folder in it; WordPress looks no deeper."""
        return _PLUGINS.search(path) is not None

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read the header; a file without one is no plugin's main file."""
        fields: dict[bytes, str] = {}
        head = bytes(data[:_HEADER_BYTES]).replace(b"\r", b"\n")
        for key, value in _FIELD.findall(head):
            fields.setdefault(key.lower(), _COMMENT_END.split(value.decode("utf-8", "replace"))[0].strip())
        place = _PLUGINS.search(path)
        if not fields.get(b"plugin name") or place is None:
            return Findings()
        slug, version, licence = (
            place["folder"] or place["file"],
            fields.get(b"version", ""),
            fields.get(b"license", ""),
        )
        if not version:
            return Findings(remarks=[Remark("no-version", "a WordPress plugin without a version", partial=False)])
        package = PackageFacts("wordpress-plugin", slug, version, licences=(licence,) if licence else ())
        return Findings(packages=[package])
