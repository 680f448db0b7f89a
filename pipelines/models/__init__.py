"""What the verbs answer, as JSON: one pydantic model for each, its JSON Schema published in `pipelines/schemas`.

A key never changes its meaning and never goes away within a major version; new keys may come.
"""
