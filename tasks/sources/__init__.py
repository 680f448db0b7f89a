"""Where images come from: registries, OCI layouts, docker archives, directory trees, and lists of these.

`opening.open_sources` turns what a person wrote (`references`) into sources; a source (`interface`) lists references and
resolves each to its images (`resolution`).
"""
