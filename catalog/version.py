"""Longshore's version, in one place: the distribution, `longshore --version` and the writers' footers read it here."""

__version__ = "0.1.0"
