"""A directory tree as an image of one synthetic layer, named by its evidence (see `evidence`).

Nothing but evidence is read and no other file hashed, so a whole machine takes seconds; what could not be looked at is named in
the image's notes.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import NotFound, SourceChanged, SourceError
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor, RootfsTree
from catalog.states import Outcome
from tasks.sources.evidence import TreeFacts, measure_tree
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, SourceKind
from tasks.sources.references import SourceReference
from tasks.sources.resolution import UNWANTED_PLATFORM

MEDIA_TYPE = "application/vnd.longshore.rootfs.v1"
"""Media type of the image that stands for a tree."""
LAYER_TYPE = "application/vnd.longshore.evidence.v1.tar"
"""Media type of its layer."""

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
    "loongarch64": ("loong64", ""),
}


def host_platform() -> ImagePlatform:
    """The platform of the machine we run on, in the words of images."""
    architecture, variant = _ARCHITECTURES.get(platform.machine(), (platform.machine(), ""))
    return ImagePlatform(platform.system().lower(), architecture, variant)


class TreeSource:
    """A directory tree (see `interface.Source`). It is read when it is listed; resolving uses what was found then.

    Args:
        reference: the directory.
    """

    def __init__(self, reference: SourceReference) -> None:
        self.text = reference.text
        self._root = Path(reference.place)
        self._facts: TreeFacts | None = None
        self._lock = threading.Lock()

    def list(self) -> Iterator[Listed]:
        """The one reference it is."""
        facts = self._measure(anew=True)
        yield Listed(self.text, "", self.text, "", SourceKind.ROOTFS, facts.digest)

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The one image it is, of this machine's platform."""
        facts = self._measure()
        if listed.target != facts.digest:
            raise NotFound("the tree is not what was listed", where=self.text, advice="scan it again")
        host = host_platform()
        if not platforms.includes(host):
            detail = f"{host} was not asked for"
            return (ResolvedImage(host, Outcome.SKIPPED, UNWANTED_PLATFORM, detail, digest=facts.digest),)
        layer = LayerDescriptor(facts.digest, facts.size, LAYER_TYPE)
        manifest = ImageManifest(facts.digest, MEDIA_TYPE, "", host, (layer,))
        tree = RootfsTree(str(self._root), facts.digest)
        return (
            ResolvedImage(
                host,
                Outcome.PENDING,
                manifest=manifest,
                locations=(tree,),
                notes=facts.problems,
                digest=facts.digest,
            ),
        )

    def scopes(self) -> tuple[Scope, ...]:
        """Itself."""
        return (Scope("", self.text),)

    def _measure(self, *, anew: bool = False) -> TreeFacts:
        with self._lock:
            if self._facts is None or anew:
                try:
                    self._facts = measure_tree(self._root)
                except SourceChanged as error:
                    raise SourceError(error.what, where=error.where, advice="scan it when it is at rest") from error
            return self._facts
