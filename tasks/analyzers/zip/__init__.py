"""Zip archives in memory, read by their central directory alone. `location` finds it, `headers` checks it, `directory` is for all."""

from tasks.analyzers.zip.directory import ZipDirectory, ZipEntry

__all__ = ["ZipDirectory", "ZipEntry"]
