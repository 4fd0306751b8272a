"""Reads the output of dimod's `bqm.to_serializable()`, as JSON.

dimod's `from_serializable` is not used for what comes from outside: with a negative index it writes outside
its memory (0.12.23).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..parsing.format import Format
from ..parsing.json_text import field, labels_field, load_json, number_field
from ..parsing.parts import Asked, Parts
from .bqpjson import BEGINNING as BQPJSON


def parse(content: bytes, asked: Asked) -> Parts:
    """All of the model but its `info`."""
    del asked
    obj = load_json(content)
    version = obj.get("version") if isinstance(obj, dict) else None
    if not isinstance(version, dict) or "bqm_schema" not in version:
        raise ValueError(
            "JSON, but neither dimod's (with a bqm_schema as version) nor bqpjson's (with a variable_domain)"
        )
    if obj.get("use_bytes") is not False:
        raise ValueError("use_bytes is not false, expected to_serializable(use_bytes=False)")
    return Parts(
        linear=_numbers(obj, "linear_biases", whole=False),
        rows=_numbers(obj, "quadratic_head", whole=True),
        cols=_numbers(obj, "quadratic_tail", whole=True),
        values=_numbers(obj, "quadratic_biases", whole=False),
        vartype=field(obj, "variable_type", str, "SPIN or BINARY"),
        offset=number_field(obj, "offset"),
        labels=labels_field(field(obj, "variable_labels", list, "a list of labels")),
    )


def _numbers(obj: dict[str, Any], name: str, *, whole: bool) -> NDArray[Any]:
    """The list of numbers in the field, none of which is true, false or null."""
    what = "integers" if whole else "real numbers"
    found = field(obj, name, list, f"a list of {what}")
    for value in found:
        if type(value) is not int and (whole or type(value) is not float):
            raise ValueError(f"{name} holds {value!r:.60}, expected {what}")
    try:
        return np.array(found, dtype=np.int64 if whole else np.float64)
    except OverflowError:
        raise ValueError(f"{name} holds an integer that is too large") from None


FORMATS = (
    Format(
        "json",
        "dimod's bqm.to_serializable() as JSON",
        parse,
        endings=(".json",),
        begins=rb"(?!%b)\s*+\{" % BQPJSON,
    ),
)
