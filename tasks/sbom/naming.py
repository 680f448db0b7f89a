"""What an image is called in a document: its name without the tag, its version, its purl where it has one."""

from __future__ import annotations

from packageurl import PackageURL

from tasks.sbom.bill import Bill

_LOCAL = ("oci:", "docker-archive:", "rootfs:", "sbom:")


def image_name(bill: Bill) -> str:
    """The reference without tag or digest; of a local source all of it."""
    return _parts(bill)[0]


def image_version(bill: Bill) -> str:
    """The tag, or the image's digest where it is not known by one."""
    return _parts(bill)[1] or bill.digest


def image_purl(bill: Bill) -> str:
    """`pkg:oci/<last part of the name>@<digest>?repository_url=<name>` (purl specification, type oci); empty for a local source.

    Args:
        bill: of the image.
    """
    name, tag = _parts(bill)
    if bill.reference.startswith(_LOCAL) or "/" not in name:
        return ""
    qualifiers = {"arch": bill.image_platform.architecture, "repository_url": name, "tag": tag}
    return PackageURL(
        type="oci",
        name=name.rpartition("/")[2],
        version=bill.digest,
        qualifiers={key: value for key, value in qualifiers.items() if value},
    ).to_string()


def _parts(bill: Bill) -> tuple[str, str]:
    if bill.reference.startswith(_LOCAL):
        return bill.reference, ""
    name = bill.reference.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag and head else (name, "")
