"""rpm databases, read from their formats alone: bytes in, header blobs and headers out.

    database ──databases.header_blobs──▶ blobs ──header.parse_header──▶ Header ──header.owned_paths──▶ paths
        ├─ sqlite      rpmdb.sqlite     (rpm 4.16 and newer)
        ├─ berkeley    Packages         (Berkeley DB hash: rpm 4.0 to 4.15)
        └─ ndb         Packages.db      (SUSE)

Nothing here opens a file or knows of layers. The bytes may be anybody's: whatever does not fit its format costs a `ParseError`
where nothing can be read, a noted damage where the rest still can, and never more work than the bytes are long.
"""
