"""What OpenLineage 2-0-2 and its facets ask of an event, as a JSON Schema of our own: no network in tests.

Stricter than theirs where we know what we write: only facets that are listed, by the versions we name.
"""

from __future__ import annotations

from typing import Any

SPEC = "https://openlineage.io/spec"
TEXT = {"type": "string", "minLength": 1}
TIME = {"type": "string", "format": "date-time"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _facet(version: str, facet: str, required: dict[str, Any], /, **optional: Any) -> dict[str, Any]:
    """Return the rules of a facet: every one tells who made it and after which schema."""
    url = f"{SPEC}/facets/{version}/{facet}.json#/$defs/{facet}"
    return _object(
        {"_producer": {"type": "string", "pattern": "^urn:mlwf:"}, "_schemaURL": {"const": url}, **required},
        optional,
    )


RUN_ID = {"type": "string", "format": "uuid"}
JOB = _object({"namespace": TEXT, "name": TEXT})
RUN_FACETS = {
    "processing_engine": _facet("1-1-1", "ProcessingEngineRunFacet", {"version": TEXT}, name=TEXT),
    "nominalTime": _facet("1-0-1", "NominalTimeRunFacet", {"nominalStartTime": TIME}, nominalEndTime=TIME),
    "errorMessage": _facet("1-0-1", "ErrorMessageRunFacet", {"message": TEXT, "programmingLanguage": TEXT}),
    "parent": _facet("1-2-0", "ParentRunFacet", {"run": _object({"runId": RUN_ID}), "job": JOB}),
}
DATASET_FACETS = {
    "documentation": _facet("1-1-0", "DocumentationDatasetFacet", {"description": TEXT}),
    "version": _facet("1-0-1", "DatasetVersionDatasetFacet", {"datasetVersion": TEXT}),
}
DATASET = _object({"namespace": TEXT, "name": TEXT, "facets": _object({}, DATASET_FACETS)})
RUN_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {
            "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
            "eventTime": TIME,
            "producer": {"type": "string", "pattern": "^urn:mlwf:"},
            "schemaURL": {"const": f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"},
            "run": _object({"runId": RUN_ID, "facets": _object({}, RUN_FACETS)}),
            "job": JOB,
            "inputs": {"type": "array", "items": DATASET},
            "outputs": {"type": "array", "items": DATASET},
        }
    ),
}
