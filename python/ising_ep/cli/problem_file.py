"""The file with a problem and the file for its states, for every command that reads one and writes the other.

A command takes both by `@click.command(cls=ProblemCommand, help=...)`, `@problem_options` and
`@output_options`; {formats} and {outputs} in its help are replaced by lists of what is read and written.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .help import Command
from .output import require_named, require_output
from .screen import waiting

if TYPE_CHECKING:
    from ..problems.read import Problem

F = TypeVar("F", bound=Callable[..., Any])


class ProblemCommand(Command):
    """A command whose help has the formats that are read and written: these take a second to load."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what the command is for."""
        from ..problems.formats import TABLE
        from ..problems.write import OUTPUTS

        formats = "\n".join(f"  {known.name:<13}{known.what}" for known in TABLE)
        outputs = "\n".join(f"  {output.ending:<8}{output.what}" for output in OUTPUTS.values())
        template = self.help or ""
        self.help = template.replace("{formats}", formats).replace("{outputs}", outputs)
        super().format_help_text(ctx, formatter)
        self.help = template


def _known_format(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Refuses the name of a format that is not read."""
    from ..problems.read import FORMATS

    return None if name is None else click.Choice(FORMATS).convert(name, option, context)


def problem_options(command: F) -> F:
    """Adds FILE and the options that say what it is: `file`, `vartype`, `file_format`, `instance`."""
    return _decorated(
        command,
        click.argument("file", type=click.Path(path_type=Path)),
        click.option(
            "--vartype",
            type=click.Choice(["SPIN", "BINARY"], case_sensitive=False),
            metavar="SPIN|BINARY",
            help="For a COO file that does not say '# vartype=SPIN' or BINARY itself.",
        ),
        click.option(
            "--format",
            "file_format",
            callback=_known_format,
            metavar="NAME",
            help="What FILE is, a name from the list above.  [default: by its content and name]",
        ),
        click.option("--instance", type=int, help="Which problem of a file with several, from 1."),
    )


def output_options(command: F) -> F:
    """Adds the options for the file to write: `output`, `force`."""
    return _decorated(
        command,
        click.option(
            "--output",
            type=click.Path(path_type=Path),
            help="Where to write the states, a name with an ending from the list above.",
        ),
        click.option("--force", is_flag=True, help="Overwrite the output."),
    )


def _decorated(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def read_file(file: Path, output: Path | None, *, force: bool, **asked: Any) -> Problem:
    """Reads the problem, once the output is one that could be written.

    Args:
        file: The file to read.
        output: The file that will be written, or None.
        force: Whether it may be overwritten.
        **asked: `file_format`, `vartype` and `instance`, as `problem_options` has them.

    Raises:
        ValueError: A problem or an output that is refused, or `force` without an output.
        OSError: A file that cannot be read, or not be written.
    """
    from ..problems.read import read_with_format
    from ..problems.write import check_labels, output_files

    require_named(output, force=force, options="--output")
    if output is not None:
        for written in output_files(output, file):
            require_output(written, force=force, named_by="--output")
    with waiting(f"Reading {file.name}"):
        problem = read_with_format(file, **asked)
    if output is not None:
        check_labels(output, list(problem.bqm.variables))
    return problem


def number(value: float) -> str:
    """Formats a number with all of its digits; integers without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)


def versions(*names: str) -> dict[str, str]:
    """Versions of Python and of those of these packages that are installed."""
    found = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
