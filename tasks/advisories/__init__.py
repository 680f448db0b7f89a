"""What is known of vulnerabilities: OSV records read, compiled to intervals of version keys, and kept as snapshots.

`import_advisories` is the way in. It reads records (`sources`, `records`), turns events into intervals, words and vectors
into severities and fix states (`compilation` and what it uses), and writes each feed's rows in order (`spool`, `ordering`).
"""

from tasks.advisories.importing import import_advisories

__all__ = ["import_advisories"]
