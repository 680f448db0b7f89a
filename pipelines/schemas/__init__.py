"""The published JSON Schemas of what `--json` prints, one file a verb; `pipelines.models.published` writes them."""
