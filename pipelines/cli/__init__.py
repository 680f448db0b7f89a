"""The `longshore` command: verbs in, tables, JSON, progress and exit codes out. Whatever is true is decided elsewhere."""
