"""What is wrong with settings, in one line: the name, the value, and what was expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..checks import short
from ..printable import one_line

# Wrong numbers of a tuple that are told.
MOST_NUMBERS = 3
# What was expected, by pydantic's name of a problem.
_EXPECTED = {
    "bool_parsing": "True or False",
    "bool_type": "True or False",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "a number > {gt}",
    "greater_than_equal": "a number >= {ge}",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer",
    "int_type": "an integer",
    "less_than": "a number < {lt}",
    "less_than_equal": "a number <= {le}",
    "literal_error": "{expected}",
    "path_type": "a path",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text of {min_length} or more characters",
    "string_type": "a text",
    "too_long": "at most {max_length} numbers",
    "too_short": "{min_length} or more numbers",
    "tuple_type": "a tuple or list of numbers",
}


def what_is_wrong(problems: Sequence[Mapping[str, Any]], known: Collection[str] = ()) -> str:
    """Tells pydantic's problems in a line, as: name is value, expected another; name is value, ..

    Of many wrong numbers of a tuple the first ones are told, and not that it is too short without them.

    Args:
        problems: As pydantic lists them.
        known: Names of the settings that there are.
    """
    within = Counter(problem["loc"][:-1] for problem in problems)

    def is_told(problem: Mapping[str, Any]) -> bool:
        *parent, last = problem["loc"] or ("",)
        if problem["type"] == "too_short" and problem["loc"] in within:
            return False
        return not isinstance(last, int) or min(last + 1, within[tuple(parent)]) <= MOST_NUMBERS

    return "; ".join(_line(problem, known) for problem in problems if is_told(problem))


def has_truth_value(given: object) -> bool:
    """Tells whether something is True or False, or a tuple or list that holds one of them."""
    return any(isinstance(value, bool | np.bool_) for value in _values(given))


def has_text(given: object) -> bool:
    """Tells whether something is a text, or a tuple or list that holds one."""
    return any(isinstance(value, str | bytes | bytearray) for value in _values(given))


def _values(given: object) -> Iterable[object]:
    return given if isinstance(given, tuple | list) else (given,)


def _line(problem: Mapping[str, Any], known: Collection[str]) -> str:
    kind, said = problem["type"], str(problem["msg"]).removeprefix("Value error, ")
    # The record of a part is no name that anyone has given.
    name = one_line(".".join(str(part) for part in problem["loc"] if not str(part).endswith("_settings")))
    if not name:
        return said
    if kind == "missing":  # what lacks a number is no value of it
        return f"{name} is missing"
    found = f"{name} is {short(problem['input'])}"
    if kind == "extra_forbidden":
        near = get_close_matches(name, known, n=1)
        return f"{found}, but there is no such setting{f'; did you mean {near[0]}?' if near else ''}"
    if kind in _EXPECTED:
        bounds = {
            each: f"{bound:g}" if isinstance(bound, float) else bound
            for each, bound in problem.get("ctx", {}).items()
        }
        return f"{found}, expected {_EXPECTED[kind].format(**bounds)}"
    return f"{found}{', ' if said.startswith('expected') else ': '}{said}"
