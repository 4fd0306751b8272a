"""Types of settings, as their fields are annotated."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin


def is_option(annotation: Any) -> bool:
    """Tells whether settings of a type can be options of a command.

    Example:
        >>> is_option(tuple[int, ...] | None), is_option(dict[str, int])
        (True, False)
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return is_option(arguments[0])
    if origin in (Union, UnionType):
        return len(arguments) == 2 and arguments[1] is type(None) and is_option(arguments[0])
    if origin is Literal:
        return all(isinstance(value, str) for value in arguments)
    if origin is tuple:
        return all(each is Ellipsis or _number(each) for each in arguments) and bool(arguments)
    return annotation in (bool, int, float, str, Path)


def _number(annotation: Any) -> bool:
    """Tells whether a type is of numbers, with bounds or without."""
    if get_origin(annotation) is Annotated:
        return _number(get_args(annotation)[0])
    return annotation in (int, float)


def takes_numbers(annotation: Any) -> bool:
    """Tells whether settings of a type may be numbers, or hold some.

    Example:
        >>> takes_numbers(tuple[int, ...] | None), takes_numbers(bool)
        (True, False)
    """
    return _number(annotation) or any(map(takes_numbers, get_args(annotation)))


def takes_several(annotation: Any) -> bool:
    """Tells whether settings of a type may be tuples.

    Example:
        >>> takes_several(tuple[int, ...] | None), takes_several(int | None)
        (True, False)
    """
    return get_origin(annotation) is tuple or any(map(takes_several, get_args(annotation)))
