"""What a bill of materials says of an image, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.distributions import NO_DISTRIBUTION, Distribution
from catalog.identities import hash_fields
from catalog.images import ImageConfiguration, ImagePlatform
from catalog.packages import OPERATING_SYSTEM_TYPES, PackageFacts, Role

_OWNED_RECIPE = "sbom-owned/1"


@dataclass(frozen=True, slots=True)
class Place:
    """A path at which a package lies.

    Args:
        path: of the evidence that names it.
        introduced: digest of the lowest layer from which on it is there without a gap.
        evidence: digest of the layer whose copy of the evidence counts.
    """

    path: str
    introduced: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Component:
    """A package of the image.

    Args:
        facts: what its evidence says.
        purl: with the image's platform.
        places: where it lies, by path.
        owner: the operating-system package that it belongs to, `<type>/<name>`; empty for most.
    """

    facts: PackageFacts
    purl: str
    places: tuple[Place, ...] = ()
    owner: str = ""

    @property
    def key(self) -> str:
        """What it is called within the document: the package's id, and whose it is where it is owned."""
        name = self.facts.package_id.hex()
        return f"{name}-{hash_fields(_OWNED_RECIPE, self.owner, size=6).hex()}" if self.owner else name

    @property
    def of_the_system(self) -> bool:
        """Whether it is an operating system's package."""
        return self.facts.type in OPERATING_SYSTEM_TYPES

    @property
    def is_application(self) -> bool:
        """Whether it is a program as such, and not a part that programs are made of."""
        return self.facts.role is Role.APPLICATION or self.facts.type == "generic"


@dataclass(frozen=True, slots=True)
class Bill:
    """An image's bill of materials.

    Args:
        reference: by which it was asked for; its digest where it was asked for by that.
        digest: of the image.
        outcome: `analysed` or `partial`.
        missing: what could not be read, a line each; a partial image has some.
        analysed_at: when, RFC 3339 in UTC, to the second.
        image_platform: what it is built for.
        distribution: the composed image's.
        layers: digests, bottom first.
        created: when it was built, as its configuration says; empty where it does not.
        configuration: facts of its configuration, where they are known.
        components: its packages, each once, in the order of the document.
    """

    reference: str
    digest: str
    outcome: str
    missing: tuple[str, ...]
    analysed_at: str
    image_platform: ImagePlatform
    distribution: Distribution = NO_DISTRIBUTION
    layers: tuple[str, ...] = ()
    created: str = ""
    configuration: ImageConfiguration = field(default_factory=ImageConfiguration)
    components: tuple[Component, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether something of the image is not in the document."""
        return self.outcome != "analysed" or bool(self.missing)
