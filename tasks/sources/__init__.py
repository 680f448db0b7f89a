"""Where images come from: registries, OCI layouts, docker archives, directory trees, and lists of these.

`open_sources` turns what a person wrote into sources; a source lists references and resolves each to its images.
"""
