"""JSON Schemas of what the API takes and gives, and the check of what it takes. One description serves the document and the check.

Only the part of JSON Schema that is used here: object, array, string, integer, boolean, null; enum, pattern, format date, minLength,
maxLength, minimum, maximum, minItems, maxItems, required, additionalProperties false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tipline.errors import BadInput

Schema = dict[str, Any]

NUMBER = r"^[A-Z0-9-]{1,24}$"  # a number of a tip, case, letter
ID = r"^[0-9a-f]{32}$"
NO_NUL = r"^[^\u0000]*$"  # a character that no database of ours takes
DAY = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 10**9 - 1}  # of a thing as the client saw it
DAY_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # RFC 3339, full-date


def text(most: int, least: int = 0) -> Schema:
    """A string that somebody writes."""
    return {"type": "string", "minLength": least, "maxLength": most, "pattern": NO_NUL}


def shaped(pattern: str) -> Schema:
    """A string of a certain form."""
    return {"type": "string", "pattern": pattern}


def choice(values: Sequence[str] | Mapping[str, object]) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(values)}


def listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def some(items: Schema, most: int, least: int = 0) -> Schema:
    """A list that somebody sends."""
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    found = {**schema, "type": [schema["type"], "null"]}
    return {**found, "enum": [*schema["enum"], None]} if "enum" in schema else found


def thing(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """An object with these properties and no others."""
    needed = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": needed, "additionalProperties": False}


def check(schema: Schema, value: Any) -> None:
    """Check an object that a client sent.

    Raises:
        BadInput: with a message for each property that is wrong.
    """
    if not isinstance(value, dict):
        raise BadInput("A JSON object is expected.", "Send what the document describes.")
    faults = {name: "This is needed." for name in schema["required"] if name not in value}
    for name, each in value.items():
        known = schema["properties"].get(name)
        fault = _fault(known, each) if known else "There is no such field."
        if fault:
            faults[str(name).encode("utf-8", "replace").decode()[:60]] = fault
    if faults:
        raise BadInput("Some of what was sent does not fit.", "Put right what is named.", faults)


def _fault(schema: Schema, value: Any) -> str:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None:
        return "" if "null" in kinds else "This may not be null."
    if "enum" in schema and value not in schema["enum"]:
        return f"One of: {', '.join(str(one) for one in schema['enum'] if one is not None)}."
    checks = {"string": _fault_of_text, "integer": _fault_of_number, "boolean": _fault_of_boolean, "array": _fault_of_list}
    return checks[kinds[0]](schema, value)


def _fault_of_text(schema: Schema, value: Any) -> str:
    if not isinstance(value, str):
        return "A text is expected."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "This holds half of a character."
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"From {schema.get('minLength', 0)} to {schema.get('maxLength')} characters."
    if "pattern" in schema and not re.fullmatch(schema["pattern"].removeprefix("^").removesuffix("$"), value):
        return "This does not have the form that the document describes."
    return _fault_of_day(value) if schema.get("format") == "date" else ""


def _fault_of_day(value: str) -> str:
    try:
        return "" if DAY_FORM.fullmatch(value) and date.fromisoformat(value) else "Give a day, as 2026-12-01."
    except ValueError:
        return "There is no such day."


def _fault_of_list(schema: Schema, value: Any) -> str:
    if not isinstance(value, list):
        return "A list is expected."
    if not schema["minItems"] <= len(value) <= schema["maxItems"]:
        return f"From {schema['minItems']} to {schema['maxItems']} of them."
    return next((fault for one in value if (fault := _fault(schema["items"], one))), "")


def _fault_of_number(schema: Schema, value: Any) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return "A whole number is expected."
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    return "" if low <= value <= high else f"From {low} to {high}."


def _fault_of_boolean(_: Schema, value: Any) -> str:
    return "" if isinstance(value, bool) else "True or false is expected."
