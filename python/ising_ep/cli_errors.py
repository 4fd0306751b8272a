"""How every command says that its input is wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class BadInput(click.ClickException):
    """One line on what is wrong."""

    exit_code = 2


def one_line_errors(command: F) -> F:
    """Turns what is wrong with the input into one line and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BrokenPipeError:
            raise  # `| head` has seen enough: click ends quietly
        except (ValueError, OSError, MemoryError) as error:
            raise BadInput(" ".join(str(error).split())) from None

    return wrapped  # type: ignore[return-value]
