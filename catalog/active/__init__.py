"""The active set: what is current, in Postgres. It can be thrown away and rebuilt from the archive.

`database` opens it (embedded or by DSN), `models` draws it, `bulk` moves Arrow tables in and out. One module for each kind of
question or commit stands on these: `planning`, `leases`, `commits`, `composition`, `judging`, `snapshots`, `runs`, `fleet`.
"""
