"""A bill of materials as an image of one synthetic layer, named by what it lists (see `tasks.sbom.evidence`).

The layer is analysed, composed and matched like every other; what of the document could not be read stands in the image's notes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import LimitExceeded, MalformedManifest, NotFound, ParseError
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor, SbomDocument
from catalog.states import Outcome
from tasks.sbom.evidence import DocumentEvidence, document_evidence
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, SourceKind
from tasks.sources.references import SourceReference
from tasks.sources.rootfs import LAYER_TYPE

MEDIA_TYPE = "application/vnd.longshore.sbom.v1"
"""Media type of the image that stands for a document."""


class SbomSource:
    """A document (see `interface.Source`). It is read when it is listed; resolving uses what was found then.

    Args:
        reference: the file.
    """

    def __init__(self, reference: SourceReference) -> None:
        self.text = reference.text
        self._path = Path(reference.place)
        self._resolved: ResolvedImage | None = None
        self._lock = threading.Lock()

    def list(self) -> Iterator[Listed]:
        """The one reference it is; a file that is no document is listed with the reason."""
        try:
            image = self._read(anew=True)
        except MalformedManifest as error:
            yield Listed(self.text, "", self.text, "", SourceKind.SBOM, error=error)
        else:
            yield Listed(self.text, "", self.text, "", SourceKind.SBOM, image.digest)

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:  # noqa: ARG002
        """The one image it is, whatever platforms were asked for: no document says for which it was built, so none is unwanted."""
        image = self._read()
        if listed.target != image.digest:
            raise NotFound("the document is not what was listed", where=self.text, advice="scan it again")
        return (image,)

    def scopes(self) -> tuple[Scope, ...]:
        """Itself."""
        return (Scope("", self.text),)

    def _read(self, *, anew: bool = False) -> ResolvedImage:
        with self._lock:
            if self._resolved is None or anew:
                try:
                    self._resolved = _image(self._path, document_evidence(self._path))
                except (LimitExceeded, ParseError) as error:
                    raise MalformedManifest(error.what, where=str(self._path)) from error
            return self._resolved


def _image(path: Path, evidence: DocumentEvidence) -> ResolvedImage:
    layer = LayerDescriptor(evidence.digest, len(evidence.data), LAYER_TYPE)
    return ResolvedImage(
        ImagePlatform(),
        Outcome.PENDING,
        manifest=ImageManifest(evidence.digest, MEDIA_TYPE, "", ImagePlatform(), (layer,)),
        locations=(SbomDocument(str(path), evidence.digest),),
        notes=evidence.problems,
        digest=evidence.digest,
    )
