"""A client of the Distribution API v2 (https://github.com/opencontainers/distribution-spec), reading only.

`client` asks, `auth` answers challenges with what `credentials` finds in Docker's configuration, `listing` reads catalogues
and tags page by page, `blobs` streams and resumes, `manifests` understands what comes back.
"""
