"""The published JSON Schemas (draft 2020-12): one file a verb in `pipelines/schemas`, generated from the models.

`python -m pipelines.models.published` writes them anew; a test holds files and models together.
"""

from __future__ import annotations

import json
from pathlib import Path

import pipelines
from pipelines.models.advisories import AdvisoriesReport, ImportReport
from pipelines.models.base import Answer
from pipelines.models.cache import CacheClearReport, CacheStatusReport
from pipelines.models.images import ImagesReport
from pipelines.models.rescan import RescanReport
from pipelines.models.runs import RunsReport
from pipelines.models.scan import ScanReport
from pipelines.models.settings import SettingsReport
from pipelines.models.show import ImageReport
from pipelines.models.status import StatusReport

SCHEMA_FOLDER = Path(pipelines.__path__[0]) / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

PUBLISHED: dict[str, type[Answer]] = {
    "advisories-import": ImportReport,
    "advisories-list": AdvisoriesReport,
    "cache-clear": CacheClearReport,
    "cache-status": CacheStatusReport,
    "images": ImagesReport,
    "rescan": RescanReport,
    "runs": RunsReport,
    "scan": ScanReport,
    "settings": SettingsReport,
    "show": ImageReport,
    "status": StatusReport,
}
"""The model behind each schema, by the schema's name: the verb's, words joined by a dash."""


def schema_text(name: str) -> str:
    """The published text of one schema."""
    schema = PUBLISHED[name].model_json_schema(mode="serialization")
    return json.dumps({"$schema": DIALECT, **schema}, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path = SCHEMA_FOLDER) -> None:
    """Write every schema into a folder."""
    for name in PUBLISHED:
        (folder / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
