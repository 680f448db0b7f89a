"""Java archives: `analyser` opens them, `manifest`, `properties`, `filename` read what names them, `naming` decides."""

from tasks.analyzers.java.analyser import Java

__all__ = ["Java"]
