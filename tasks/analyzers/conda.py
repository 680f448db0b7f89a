"""Packages that conda, mamba or micromamba installed: one JSON record each in an environment's `conda-meta`.

Format: conda's documentation of `PrefixRecord`; purl's type `conda` names the qualifiers. A channel may be an address with an
access token in it: only the channel's own name is kept.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.documents import load_json, mapping, qualifiers, text
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_FOLDER = "conda-meta"
_TOKEN = re.compile(r"(?:^|.*/)t/[^/]*(?:/|$)")
_LONGEST_ADDRESS = 1_024
"""Characters; a channel's name is cut out of it."""
_NAME = re.compile(r"[A-Za-z0-9._/-]*")
_ARCHIVES = (".tar.bz2", ".conda")


class Conda(Analyser):
    """conda packages of every environment in the image."""

    name = "conda"
    version = 1
    wanted = Wanted(suffixes=(".json",), within=(f"{_FOLDER}/",))

    def confirm(self, path: str) -> bool:
        """The records of a `conda-meta` folder."""
        folder, _, base = path.rpartition("/")
        return base.endswith(".json") and (folder == _FOLDER or folder.endswith(f"/{_FOLDER}"))

    def size_cap(self, limits: Limits) -> int:
        """A JSON document."""
        return limits.json_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read one record.

        Raises:
            ParseError: no JSON, or no name or version in it.
        """
        document = load_json(data, "a conda record")
        if document is None:
            return Findings()
        record = mapping(document)
        name, version = text(record.get("name")), text(record.get("version"))
        if not name or not version:
            if "name" not in record and "build" not in record and isinstance(document, dict):
                return Findings()  # `state` files and the like that tools keep beside the records
            raise ParseError("a conda record without a name or version")
        licence = text(record.get("license"))
        subdir = text(record.get("subdir"))
        file_name = text(record.get("fn"))
        package = PackageFacts(
            type="conda",
            name=name,
            version=version,
            qualifiers=qualifiers(
                build=text(record.get("build")) or text(record.get("build_string")),
                channel=_channel(text(record.get("channel")) or text(record.get("schannel")), subdir),
                subdir=subdir,
                type=next((archive[1:] for archive in _ARCHIVES if file_name.endswith(archive)), ""),
            ),
            licences=(licence,) if licence else (),
        )
        return Findings(packages=[package])


def _channel(channel: str, subdir: str) -> str:
    """A channel's name, as `main` or `conda-forge`, out of its name or address."""
    if len(channel) > _LONGEST_ADDRESS:
        return ""
    try:
        place = urlsplit(channel).path if "://" in channel else channel
    except ValueError:
        return ""
    place = _TOKEN.sub("", place).strip("/")
    if subdir:
        place = place.removesuffix(subdir).strip("/")
    place = place.removeprefix("pkgs/")
    return place if _NAME.fullmatch(place) else ""
