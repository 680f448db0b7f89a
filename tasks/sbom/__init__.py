"""Software bills of materials: an image's as CycloneDX and SPDX documents, and documents of others read as packages.

`bill` is what a document says, `cyclonedx` and `spdx` write it, `reading` reads one and `evidence` makes it a layer.
"""
