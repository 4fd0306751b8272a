"""JSON from outside, within bounds, and its fields with errors that name them."""

import json
import re
from typing import Any

from dimod.variables import iter_deserialize_variables

from ...files.untrusted import each_once

# Upper bound on the text. Parsed, it takes up to 12 times as much memory; lists and objects take more.
MOST_JSON_BYTES = 2**26
_MOST_BRACKETS = 3_000_000
_DEEPEST_LABEL = 16


def load_json(text: bytes) -> Any:
    """Parses a text of JSON.

    Raises:
        ValueError: No JSON, or more of it than is read.
    """
    if len(text) > MOST_JSON_BYTES:
        raise ValueError(
            f"the JSON is larger than {MOST_JSON_BYTES >> 20} MiB; larger models are read as bqm.to_file()"
            " writes them"
        )
    if text.count(b"{") + text.count(b"[") > _MOST_BRACKETS:
        raise ValueError(f"the JSON has more than {_MOST_BRACKETS} lists and objects")
    try:
        return json.loads(text, object_pairs_hook=each_once)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        message = re.sub(r"\s+", " ", str(error))
        raise ValueError(f"not whole JSON: {message[:200]}") from None


def field(obj: dict[str, Any], name: str, kind: type | tuple[type, ...], expected: str) -> Any:
    """The field of a JSON object, which is there and of a kind. True and false are no numbers."""
    if name not in obj:
        raise ValueError(f"the JSON has no field {name!r}, expected {expected}")
    value = obj[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} is {shown(value)}, expected {expected}")
    return value


def number_field(obj: dict[str, Any], name: str) -> float:
    """The finite number in the field of a JSON object."""
    return as_float(name, field(obj, name, (int, float), "a number"))


def as_float(name: str, number: float) -> float:
    """An integer or float as float."""
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{name} is {shown(number)}, too large for a number") from None


def labels_field(labels: list[Any]) -> list[Any]:
    """Labels as dimod has them: texts, numbers and tuples of them, which every output can hold."""
    waiting, depth = list(labels), 0
    while any(isinstance(label, list) for label in waiting):
        depth += 1
        if depth > _DEEPEST_LABEL:
            raise ValueError(f"a label is nested more than {_DEEPEST_LABEL} deep")
        nested = [inner for label in waiting if isinstance(label, list) for inner in label]
        waiting = [label for label in waiting if not isinstance(label, list)]
        _check_labels(waiting)
        waiting = nested
    _check_labels(waiting)
    return list(iter_deserialize_variables(labels))  # type: ignore[no-untyped-call]


def _check_labels(labels: list[Any]) -> None:
    for label in labels:
        if isinstance(label, str):
            try:
                label.encode()
            except UnicodeError:
                raise ValueError(f"label {shown(label)} is half of a surrogate pair, no text") from None
        elif type(label) not in (int, float) or not abs(label) < 2**63:
            raise ValueError(f"label {shown(label)} is not a text, a number below 2**63 or a list of them")


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    if isinstance(value, list | dict) and len(value) > 20:
        return f"a {'list' if isinstance(value, list) else 'object'} of {len(value)}"
    if type(value) is int and abs(value) > 10**60:
        return "an integer of more than 60 digits"
    text = json.dumps(value) if not isinstance(value, list | dict) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
