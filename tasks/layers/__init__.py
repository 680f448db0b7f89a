"""Layer analysis: one pass over a blob's bytes, nothing unpacked to disk.

    blob ─ count, hash ─▶ compression ─▶ window ─▶ walker ─▶ entries      (rows of every tar entry)
                                                       └───▶ evidence     (rows of what the analysers found)

`layer` joins these into the records of one layer, `analysis` runs a batch of layers and writes their records.
"""
