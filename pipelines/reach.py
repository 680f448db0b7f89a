"""What a cluster of several machines can reach: a directory or a file of this one is not on the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog.errors import UsageError
from catalog.images import BlobLocation, RegistryBlob
from catalog.settings import ArchiveLocation


def refuse_out_of_reach(machines: Sequence[str], archive: ArchiveLocation, locations: Iterable[BlobLocation]) -> None:
    """Refuse work whose bytes or results lie where other machines cannot get at them.

    Args:
        machines: names of the other machines that nodes run on; with none there is nothing to refuse.
        archive: where the results go.
        locations: where the layers' bytes lie.

    Raises:
        UsageError: the archive is a directory here, or a layer lies in a file here.
    """
    if not machines:
        return
    others = f"the cluster has nodes on {machines[0]}" + (f" and {len(machines) - 1} more" if len(machines) > 1 else "")
    if not archive.url.startswith("s3://"):
        raise UsageError(
            f"is a directory of this machine, and {others}",
            where=archive.url,
            advice="set LONGSHORE_ARCHIVE_URL to an s3:// URL, or leave --address out",
        )
    for location in locations:
        if not isinstance(location, RegistryBlob):
            raise UsageError(
                f"lies on this machine, and {others}",
                where=location.path,
                advice="push the image to a registry, or leave --address out",
            )
