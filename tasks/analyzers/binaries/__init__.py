"""Compiled binaries: what an ELF file is, and what toolchains and products write into it."""
