"""Help as every command gives it: options in groups, as wide as the terminal, words whole."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any

import click
from click import formatting

from .errors import interrupted_once, show_log

# Columns of help at most, and for the text beside an option at least: with less it stands below.
MOST, LEAST = 100, 30
# Stand-ins for what a line must not be broken at, while it is wrapped.
HYPHEN, SPACE = "\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}"


class Formatter(click.HelpFormatter):
    """Wraps at spaces only, within the terminal's width."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None):
        columns = min(shutil.get_terminal_size().columns, max_width or MOST)
        super().__init__(indent_increment, width or formatting.FORCED_WIDTH or columns)

    def write(self, string: str) -> None:
        """Writes what was wrapped, as it was meant."""
        written = string.replace(HYPHEN, "-").replace(SPACE, " ")
        super().write("\n".join(_folded_line(line, self.width) for line in written.split("\n")))

    def write_text(self, text: str) -> None:
        """Writes paragraphs."""
        super().write_text(_whole(text))

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Writes terms and what they mean, side by side where there is room."""
        rows = [
            (term, text.replace("-", HYPHEN).replace("default: ", f"default:{SPACE}")) for term, text in rows
        ]
        first = min(max(len(term) for term, _ in rows), col_max) + col_spacing
        if self.width - first < LEAST:
            rows = [(self._folded(term), text) for term, text in rows]
            col_max = col_spacing  # shorter than any term, so that each has a line of its own
        super().write_dl(rows, col_max, col_spacing)

    def _folded(self, term: str) -> str:
        """A list of choices that is wider than the terminal, on several lines."""
        indent = " " * self.current_indent
        if len(indent + term) <= self.width:
            return term
        folded = formatting.wrap_text(_whole(term).replace("|", "| "), self.width, indent, f"{indent}    ")
        return folded.lstrip()


def _folded_line(line: str, width: int) -> str:
    """A line, on several where it is wider than the terminal; a command so that it can be copied."""
    if len(line) <= width:
        return line
    indent = len(line) - len(line.lstrip()) + 4
    if line.lstrip().startswith("ising-ep "):
        return " \\\n".join(_wrapped(line, width - 2, indent))
    gaps = [gap.end() for gap in re.finditer(r"\S {2,}", line)]  # before the last column of a table
    return "\n".join(_wrapped(line, width, gaps[-1] if gaps and gaps[-1] <= width / 2 else indent))


def _wrapped(line: str, width: int, indent: int) -> list[str]:
    return textwrap.wrap(
        line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def _whole(text: str) -> str:
    """The text, to be broken at spaces only."""
    return text.replace("-", HYPHEN)


class Context(click.Context):
    """A command as it runs."""

    formatter_class = Formatter


class Option(click.Option):
    """An option, with the title that it stands under in the help."""

    def __init__(self, *args: Any, title: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = title


class Command(click.Command):
    """A command whose options stand under their titles, in the order in which these come first.

    Among its parameters are functions that make some, which are called when the command is first used. A
    name that the command has already is left out of what they make.
    """

    context_class = Context

    _given: Sequence[click.Parameter | Callable[[], list[click.Parameter]]]
    _params: list[click.Parameter] | None

    @property
    def params(self) -> list[click.Parameter]:
        """The arguments and options."""
        if self._params is None:
            taken = {each.name for each in self._given if isinstance(each, click.Parameter)}
            made: list[click.Parameter] = []
            for each in self._given:
                if isinstance(each, click.Parameter):
                    made.append(each)
                else:
                    made += [new for new in each() if new.name not in taken]
            self._params = made
        return self._params

    @params.setter
    def params(self, given: list[click.Parameter]) -> None:
        self._given, self._params = given, None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options."""
        titles: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                titles.setdefault(getattr(param, "title", "Options"), []).append(record)
        for title, records in titles.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Group(click.Group):
    """The command that has all others."""

    context_class = Context
    command_class = Command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Runs a command. A name that the terminal has no letters for is written in escapes."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        show_log()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command that is asked for; Ctrl-C ends each of them alike."""
        with interrupted_once():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands, each with the first sentence of its help."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(MOST)) for name in self.list_commands(ctx)]
            )
