"""Benchmarks: each is a module to run, and ends with one JSON object on its last line."""
