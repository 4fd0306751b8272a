"""Options that are settings of a run; what the help says of them is read from the fields of the settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import click

from ..checks import short
from ..files.untrusted import read_json
from .help import Option

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

F = TypeVar("F", bound=Callable[..., Any])

option = partial(click.option, cls=Option)

threads_option = option(
    "--threads",
    type=click.IntRange(1),
    help="Threads; never changes the result.  [default: all cores]",
    title="Run",
)


class Setting(NamedTuple):
    """A field of some settings, and the heading that it stands under in the help."""

    title: str
    field: FieldInfo


def settings(*names: str) -> Callable[[F], F]:
    """Options for these settings, in this order, or for all there are."""
    return later(lambda: [_option(name, of_all=not names) for name in names or every_setting()])


def settings_of(part: str, *, without: str, with_data: bool = True) -> Callable[[F], F]:
    """Options for the part of a kind, such as the network, and for the settings of all that there are, but
    for one; ``with_data`` where the command has a data set, whose defaults are shown then."""

    def make() -> list[click.Parameter]:
        from ..config import PARTS

        own = {name: None for model in PARTS[part].models().values() for name in model.model_fields}
        return [_option(name, name != part, with_data) for name in (part, *own) if name != without]

    return later(make)


def later(make: Callable[[], list[click.Parameter]]) -> Callable[[F], F]:
    """Options that are made when the command is first used, because it takes long to know what they are."""

    def decorate(command: F) -> F:
        # click's own decorators append to this list too, and click reads it backwards.
        command.__dict__.setdefault("__click_params__", []).append(make)
        return command

    return decorate


@cache
def every_setting() -> dict[str, Setting]:
    """The settings of a run and of all parts that there are, by name, in the order of the help."""
    from ..config import OWN, PARTS, TrainConfig
    from ..settings import shown

    found: dict[str, Setting] = {}
    for name, field in TrainConfig.model_fields.items():
        if name in OWN:
            found[name] = Setting(shown(field).title or "Options", field)
        for model in PARTS[name].models().values() if name in PARTS else ():
            for own, each in model.model_fields.items():
                found.setdefault(own, Setting(shown(each).title or model.title, each))
    return {name: each for name, each in found.items() if shown(each.field).option}


def default(name: str, with_data: bool = True) -> str:
    """The default of a setting, and those of the data sets, networks and machines that have another.

    Example:
        >>> default("num_sweeps")
        '100; mean-field 20, chip 200'
    """
    from ..config import DEFAULTS, PARTS

    setting = every_setting()[name].field
    usual = setting.default
    between = "," if isinstance(_taken(setting.annotation), Numbers) else " "
    others = {key: found[name] for key, found in DEFAULTS.items() if with_data and name in found}
    for registry in PARTS.values():
        for key, model in registry.models().items():
            field = model.model_fields.get(name)
            if name in model.defaults:  # also one like the run's, in place of a data set's
                others[key] = model.defaults[name]
            elif field is not None and field.default != usual:
                others[key] = field.default
    words = ", ".join(f"{key} {_shown(value, between)}" for key, value in others.items())
    return "; ".join(filter(None, (_shown(usual, between), words)))


def choices(names: Iterable[str]) -> dict[str, Any]:
    """What an option says of its values, to the help and to a shell that completes them.

    The setting itself refuses other values, in its own words.

    Example:
        >>> choices(["sgd", "adam"])["metavar"]
        '[sgd|adam]'
    """

    def complete(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
        del context, option
        return [name for name in known if name.startswith(begun)]

    known = tuple(names)
    return {"metavar": f"[{'|'.join(known)}]", "shell_complete": complete}


def preset_option() -> list[click.Parameter]:
    """The option for all settings of a task at once."""
    from ..config import PRESETS

    text = "All settings of a task; options change them."
    return [Option(["--preset"], help=text, title="Run", **choices(PRESETS))]


def with_file(file: Path, given: dict[str, Any], preset: str | None) -> dict[str, Any]:
    """The settings in a JSON file and those that are given by options, which count where both have one.

    Args:
        file: The file.
        given: What options say.
        preset: Name of the preset that both change, if there is one.

    Raises:
        ValueError: In one line, which names the file where that is what has to be changed.
        OSError: If it cannot be read.
    """
    from ..config import TrainConfig, changed_preset

    content = read_json(file)
    if not isinstance(content, dict):
        raise ValueError(f"{file} is {short(content)}, expected an object of settings")
    both = content | given
    try:
        TrainConfig.checked(both if preset is None else changed_preset(preset, both))
    except ValueError as error:
        line = str(error)
        # A refusal begins with the name of a setting.
        name = re.split(r"\W", line, maxsplit=1)[0]
        raise ValueError(line if name in {"preset", *given} else f"{file}: {line}") from None
    return both


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic in stubs alone
    """Numbers of one kind in a row, as 120,40."""

    name = "numbers"

    def __init__(self, kind: type[int] | type[float]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        """The numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.kind(number) for number in value.split(","))
        except ValueError:
            example = "120,40" if self.kind is int else "0.5,0.25"
            self.fail(f"{value!r} is not a list of numbers such as {example}", param, ctx)


def _option(name: str, of_all: bool, with_data: bool = True) -> click.Parameter:
    """The option of a setting; ``of_all`` those of all machines, ``with_data`` with data sets' defaults."""
    from ..config import PARTS
    from ..settings import shown

    title, field = every_setting()[name]
    how, flag = shown(field), f"--{name.replace('_', '-')}"
    taken: dict[str, Any] = {"type": click.Path() if how.file else _taken(field.annotation)}
    if field.annotation is bool:
        flag, taken = f"{flag}/--no-{flag.removeprefix('--')}", {"default": None}
    if get_origin(field.annotation) is Literal:
        taken |= choices(get_args(field.annotation))
    if name in PARTS:
        taken |= choices(PARTS[name].names)
    if how.metavar:
        taken["metavar"] = how.metavar
    text = _text_of_part(name) if name in PARTS else field.description or ""
    if of_all:
        text = f"{text.removesuffix('.')}{_owners(name)}."
    return Option(
        [flag], help=f"{text}  [default: {how.unset or default(name, with_data)}]", title=title, **taken
    )


def _text_of_part(part: str) -> str:
    """Describes each part of a kind; for one that cannot be loaded, why."""
    from ..config import PARTS

    registry = PARTS[part]
    words = [f"{name}: {model.about}" if model.about else name for name, model in registry.models().items()]
    return "; ".join([*words, *registry.broken])


def _owners(name: str) -> str:
    """The parts that have a setting, in brackets, if they are fewer than half of their kind."""
    from ..config import PARTS

    for registry in PARTS.values():
        owners = registry.having(name)
        if 0 < len(owners) < len(registry.models()) / 2:
            return f" ({', '.join(owners)})"
    return ""


def _shown(value: Any, between: str = ",") -> str:
    """A value as it is typed, with this between the numbers of a tuple."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return between.join(map(_shown, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _taken(annotation: Any) -> Any:
    """Type of click for an option with a setting of this type. The setting checks its bounds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):  # with bounds, or None if not given
        return _taken(arguments[0])
    if origin is tuple:
        return Numbers(_taken(arguments[0])) if Ellipsis in arguments else tuple(map(_taken, arguments))
    return annotation if annotation in (int, float, bool) else str
