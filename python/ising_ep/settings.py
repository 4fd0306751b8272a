"""Settings as checked records, and the registry that finds the model of a part by its name.

A *part* of a run, such as its machine or its network, brings a model of its own settings: a subclass of
`PartSettings`, in which every field has a type, a range, a default and a sentence of help. Everything else is
read from these fields: the keywords of `ising_ep.config.TrainConfig`, the options of the command and their
help, what is refused, and what a run folder records.

Example:
    >>> from typing import Annotated
    >>> class Lamp(PartSettings):
    ...     brightness: Annotated[float, Field(gt=0, description="Brightness in lumen.")] = 800.0
    >>> Lamp.checked({"brightness": -1})
    Traceback (most recent call last):
    ...
    ValueError: brightness is -1: Input should be greater than 0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from .checks import short
from .printable import one_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
AtLeastOne = Annotated[int, Field(ge=1, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**62)]


@dataclass(frozen=True)
class Shown:
    """Presentation of a setting by a command; a part of the setting's annotation.

    Attributes:
        title: Heading that the option stands under; None for that of the model.
        unset: The default in words, where there is no number for it.
        metavar: What the help shows in place of the value.
        file: Whether the value is the path of a file or folder.
        option: Whether there is an option at all.
    """

    title: str | None = None
    unset: str | None = None
    metavar: str | None = None
    file: bool = False
    option: bool = True


class Settings(BaseModel):
    """A checked and frozen record of settings.

    Raises:
        ValueError: One line for all that is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, /, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise ValueError("; ".join(_line(problem) for problem in error.errors())) from None

    def unused(self) -> Mapping[str, str]:
        """Settings that the others leave without effect, and why.

        They are refused when they are given, be it with their default, and left out of `model_dump`.
        """
        return {}

    @classmethod
    def checked(cls, settings: Mapping[str, Any]) -> Self:
        """The record of these settings, in which None is as good as not given.

        Raises:
            ValueError: One line for all that is wrong.
        """
        return cls(**without_none(settings))

    @model_validator(mode="after")
    def _refuse_unused(self) -> Self:
        for name, why in self.unused().items():
            if name in self.model_fields_set and getattr(self, name) is not None:
                raise ValueError(f"{name} is {getattr(self, name)}, but {why}")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_unused(
        self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        unused = self.unused()
        return {name: value for name, value in serialize(self).items() if name not in unused}


class PartSettings(Settings):
    """The settings of a part of a run: fields with types, ranges, defaults and help.

    Attributes:
        title: Heading of the part's options in the help.
        defaults: Defaults of other settings of the run where it has this part.
        without: Other settings of the run that never have an effect with this part, and what it has in their
            place.
    """

    title: ClassVar[str] = "Options"
    defaults: ClassVar[Mapping[str, Any]] = {}
    without: ClassVar[Mapping[str, str]] = {}

    def idle(self) -> Mapping[str, str]:
        """Other settings of the run that have no effect beside these, and why."""
        return {}


P = TypeVar("P", bound=PartSettings)


class Registry(Generic[P]):
    """Models of the parts of one kind, by name: our own, and those of installed packages.

    A package registers a model by an entry point:

        [project.entry-points."ising_ep.machines"]
        tcp = "my_package:TCPSettings"

    A model is imported when it is asked for, or when all are listed.

    Args:
        kind: What they are models of, such as "machine"; the name of the setting that chooses one.
        base: What each model is a subclass of.
        own: Names of our own and where each is, as ``"package.module:Class"``.

    Example:
        >>> class Animal(PartSettings): ...
        >>> Registry("animal", Animal, {}).load("cow")
        Traceback (most recent call last):
        ...
        ValueError: animal is 'cow', but there is none
    """

    def __init__(self, kind: str, base: type, own: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = f"ising_ep.{kind}s"
        self._base = base
        self._own = own
        self._loaded: dict[str, type[P]] = {}
        self._reserved: set[str] = set()

    def reserve(self, names: Iterable[str]) -> None:
        """Refuses settings of these names from now on."""
        self._reserved |= set(names)

    @property
    def names(self) -> list[str]:
        """Names of all models: our own first, then those of other packages."""
        return list(self._registered)

    def load(self, name: object) -> type[P]:
        """The model of this name.

        Raises:
            ValueError: In one line, if there is none, two packages register it, or it cannot be loaded.
        """
        if not isinstance(name, str) or name not in self._registered:
            known = f"expected {either(self.names)}" if self.names else "but there is none"
            raise ValueError(f"{self.kind} is {name!r}, {known}")
        if name not in self._loaded:
            points = self._registered[name]
            if name not in self._own:  # a model of others agrees with ours
                for own in self._own:
                    self.load(own)
            self._loaded[name] = self._imported(points)
        return self._loaded[name]

    def models(self) -> dict[str, type[P]]:
        """All models that can be loaded, by name."""
        return {name: self.load(name) for name in self.names if name not in self.broken}

    @cached_property
    def broken(self) -> dict[str, str]:
        """Names whose model cannot be loaded, and why, a line each."""
        found = {}
        for name in self.names:
            try:
                self.load(name)
            except ValueError as error:
                found[name] = str(error)
        return found

    def having(self, setting: str) -> list[str]:
        """Names of the models that have this setting."""
        return [name for name, model in self.models().items() if setting in model.model_fields]

    @cached_property
    def _registered(self) -> dict[str, list[EntryPoint]]:
        """Entry points that register each name. The same text twice counts once."""
        from importlib.metadata import EntryPoint, entry_points  # for commands that need none, a long import

        own = [EntryPoint(name, value, self.group) for name, value in self._own.items()]
        others = sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value))
        found: dict[str, list[EntryPoint]] = {}
        for point in (*own, *others):
            known = found.setdefault(point.name, [])
            if point.value not in (each.value for each in known):
                known.append(point)
        return found

    def _imported(self, points: list[EntryPoint]) -> type[P]:
        point, *others = points
        what = f"{self.kind} {point.name}"
        if others:
            raise ValueError(
                f"{what} is registered by {' and by '.join(map(_whose, points))}; uninstall one of them"
            )
        try:
            model = point.load()
        except Exception as error:
            why = one_line(f"{type(error).__name__}: {error}")
            raise ValueError(f"{what} of {_whose(point)} cannot be loaded: {why}") from None
        if not (isinstance(model, type) and issubclass(model, self._base)):
            raise ValueError(
                f"{what} of {_whose(point)} is {one_line(repr(model))}, expected a subclass of"
                f" {self._base.__module__}.{self._base.__qualname__}"
            )
        found = cast("type[P]", model)
        self._check_names(f"{what} of {_whose(point)}", found)
        return found

    def _check_names(self, what: str, model: type[P]) -> None:
        """Refuses settings under a name that means something else already."""
        for taken in self._reserved & model.model_fields.keys():
            raise ValueError(f"{what} has a setting {taken}, which the run has itself; rename it")
        for name, other in self._loaded.items():
            for setting in model.model_fields.keys() & other.model_fields.keys():
                if model.model_fields[setting].annotation != other.model_fields[setting].annotation:
                    raise ValueError(
                        f"{what} has a setting {setting} of another type than {self.kind} {name}; rename it"
                    )


def without_none(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that have a value.

    Raises:
        TypeError: If they are no mapping.
    """
    check_mapping(settings)
    return {name: value for name, value in settings.items() if value is not None}


def check_mapping(settings: object) -> None:
    """Refuses, by a TypeError, settings that are no mapping."""
    if not isinstance(settings, Mapping):
        raise TypeError(f"settings are {short(settings)}, expected a mapping of names to values")


def either(names: Iterable[str]) -> str:
    """Names in a list, the last one after "or".

    Example:
        >>> either(["chip", "qpu", "analog"])
        'chip, qpu or analog'
    """
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def shown(field: FieldInfo) -> Shown:
    """Presentation of a field by a command."""
    return next((each for each in field.metadata if isinstance(each, Shown)), Shown())


def _whose(point: EntryPoint) -> str:
    """Names the place of a model and its package."""
    return f"{point.value} ({point.dist.name if point.dist else 'ising-ep'})"


def _line(problem: Any) -> str:
    """One of pydantic's problems, as: name is value, what was expected."""
    # The record of a part is no name that anyone has given.
    name = ".".join(str(part) for part in problem["loc"] if not str(part).endswith("_settings"))
    text = str(problem["msg"]).removeprefix("Value error, ")
    if not name:
        return text
    # What lacks a field is no value of it.
    return (
        f"{name}: {text}" if problem["type"] == "missing" else f"{name} is {short(problem['input'])}: {text}"
    )
