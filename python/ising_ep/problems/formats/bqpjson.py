"""bqpjson: `scale * (sum of terms + offset)` to minimise, over spins or boolean variables.

Variables have the ids of the file, which may be any integers >= 0. A variable has at most one linear term, an
ordered pair of ids at most one quadratic term; `i j` and `j i` add up. Solutions in the file are not looked
at. https://bqpjson.readthedocs.io/en/latest/bqpjson_format.html
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..parsing.format import Format
from ..parsing.json_text import as_float, field, load_json, number_field, shown
from ..parsing.parts import Asked, Parts, repeated

# Beginning of a file: an object that has this field.
BEGINNING = rb'\s*+\{(?s:.*?)"variable_domain"\s*+:'
_DOMAINS = {"spin": "SPIN", "boolean": "BINARY"}


def parse(content: bytes, asked: Asked) -> Parts:
    """The problem with its scale and its offset."""
    del asked
    obj = load_json(content)
    if not isinstance(obj, dict):
        raise ValueError("expected a JSON object with bqpjson's fields")
    version = field(obj, "version", str, "'1.0.0'")
    if version != "1.0.0":
        raise ValueError(f"version is {shown(version)}, expected '1.0.0'")
    domain = field(obj, "variable_domain", str, "'spin' or 'boolean'")
    if domain not in _DOMAINS:
        raise ValueError(f"variable_domain is {shown(domain)}, expected 'spin' or 'boolean'")
    scale = number_field(obj, "scale")
    if not scale >= 0:
        raise ValueError(f"scale is {scale}, expected a number >= 0")
    ids = _ids(field(obj, "variable_ids", list, "a list of integers"), "variable_ids")
    labels = np.unique(ids)
    if len(labels) != len(ids):
        raise ValueError("variable_ids holds an id twice")
    (variables,), fields = _terms(obj, "linear_terms", ("id",), labels)
    (tails, heads), couplings = _terms(obj, "quadratic_terms", ("id_tail", "id_head"), labels)
    if (tails == heads).any():
        raise ValueError(f"quadratic_terms couples variable {labels[tails[tails == heads][0]]} to itself")
    for name, keys in (("linear_terms", variables), ("quadratic_terms", tails * len(labels) + heads)):
        if repeated(keys).any():
            raise ValueError(f"{name} has a term twice")
    linear = np.zeros(len(labels))
    linear[variables] = fields
    return Parts(
        scale * linear,
        tails,
        heads,
        scale * couplings,
        _DOMAINS[domain],
        scale * number_field(obj, "offset"),
        labels=labels.tolist(),
    )


def _terms(
    obj: dict[str, Any], name: str, keys: tuple[str, ...], labels: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
    """The variables, as positions in `labels`, and the coefficients of a list of terms."""
    terms = field(obj, name, list, "a list of terms")
    for term in terms:
        if not isinstance(term, dict):
            raise ValueError(f"{name} holds {shown(term)}, expected terms with {', '.join(keys)} and coeff")
    coefficients = [as_float("coeff", field(term, "coeff", (int, float), "a number")) for term in terms]
    ends = []
    for key in keys:
        ids = _ids([field(term, key, int, "an integer") for term in terms], name)
        places = np.searchsorted(labels, ids).clip(0, max(len(labels) - 1, 0))
        unknown = ids[labels[places] != ids] if len(labels) else ids
        if len(unknown):
            raise ValueError(f"{name} has {key} {unknown[0]}, which is not among variable_ids")
        ends.append(places)
    return ends, np.array(coefficients, dtype=np.float64)


def _ids(values: list[Any], name: str) -> NDArray[np.int64]:
    for value in values:
        if type(value) is not int or not 0 <= value < 2**63:
            raise ValueError(f"{name} holds {shown(value)}, expected integers from 0 to 2**63 - 1")
    return np.array(values, dtype=np.int64)


FORMATS = (Format("bqpjson", "bqpjson", parse, begins=BEGINNING),)
