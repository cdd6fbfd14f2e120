"""The three files as JSON Schema, for editors.

yaml-language-server reads draft-07, pydantic writes 2020-12; the difference that matters is mended here: words beside a `$ref` are
ignored there, so the reference goes into an `allOf`. An absent key is not a key that is null (the models refuse null), so no branch
says null. `job.schema.json`, `project.schema.json` and `vendor.schema.json` beside this file are the committed text; a test keeps
them equal to the models.
"""

from __future__ import annotations

import json
from typing import Any, Final

from runner.job.model import Job, Spec
from runner.job.project import Project
from runner.job.vendor import Vendor

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
NESTED: Final = ("properties", "definitions", "patternProperties")
LISTED: Final = ("anyOf", "allOf", "oneOf")
SINGLE: Final = ("items", "additionalProperties")


def job_schema() -> dict[str, Any]:
    """JSON Schema (draft-07) of a job file."""
    return _schema(Job, "adbatch job")


def project_schema() -> dict[str, Any]:
    """JSON Schema (draft-07) of `adbatch.yaml`."""
    return _schema(Project, "adbatch project")


def vendor_schema() -> dict[str, Any]:
    """JSON Schema (draft-07) of a vendor's description."""
    return _schema(Vendor, "adbatch vendor")


def job_schema_text() -> str:
    """The text of `job.schema.json`."""
    return _text(job_schema())


def project_schema_text() -> str:
    """The text of `project.schema.json`."""
    return _text(project_schema())


def vendor_schema_text() -> str:
    """The text of `vendor.schema.json`."""
    return _text(vendor_schema())


def _schema(spec: type[Spec], title: str) -> dict[str, Any]:
    schema = spec.model_json_schema(ref_template="#/definitions/{model}")
    schema["definitions"] = schema.pop("$defs")
    return {**_mend(schema), "$schema": DRAFT, "title": title}


def _mend(schema: Any) -> Any:
    """One schema, and every schema inside it, as draft-07 and an editor want it."""
    if not isinstance(schema, dict):
        return schema
    mended = {key: _mend_part(key, value) for key, value in schema.items() if key != "title"}
    if mended.get("default", ...) is None:
        del mended["default"]
    if "patternProperties" in mended:
        mended["additionalProperties"] = False
    if "$ref" in mended and len(mended) > 1:
        mended["allOf"] = [{"$ref": mended.pop("$ref")}]
    return _without_null(mended)


def _mend_part(key: str, value: Any) -> Any:
    if key in NESTED:
        return {name: _mend(inner) for name, inner in value.items()}
    if key in LISTED:
        return [_mend(inner) for inner in value]
    return _mend(value) if key in SINGLE else value


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    if len(branches) == len(schema.get("anyOf", ())):
        return schema
    around = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(branches) > 1:
        return {**around, "anyOf": branches}
    merged: dict[str, Any] = _mend({**branches[0], **around})
    return merged


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
