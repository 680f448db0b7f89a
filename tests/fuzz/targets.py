"""All fuzz targets by their names."""

from __future__ import annotations

from tests.fuzz.archives import ARCHIVE
from tests.fuzz.binaries import ELF
from tests.fuzz.databases import RPM
from tests.fuzz.layers import COMPRESSED, TAR
from tests.fuzz.texts import TEXT

TARGETS = {target.name: target for target in (TAR, COMPRESSED, RPM, ELF, ARCHIVE, TEXT)}
