"""The formats' own libraries as judges: whatever they find is an error of ours."""

from __future__ import annotations

import json
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of their making
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

_CYCLONEDX = JsonStrictValidator(SchemaVersion.V1_6)


def valid_cyclonedx(text: str) -> dict[str, Any]:
    """The document, held to the strict JSON Schema of CycloneDX 1.6."""
    errors = _CYCLONEDX.validate_str(text)
    assert errors is None, errors
    document: dict[str, Any] = json.loads(text)
    return document


def valid_spdx(text: str) -> dict[str, Any]:
    """The document, parsed and held to SPDX 2.3 by its own library."""
    document: dict[str, Any] = json.loads(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages = validate_full_spdx_document(JsonLikeDictParser().parse(document), "SPDX-2.3")
    assert not messages, [message.validation_message for message in messages]
    return document
