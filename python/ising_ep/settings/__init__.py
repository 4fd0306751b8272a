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
    ValueError: brightness is -1, expected a number > 0
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Self, TypeVar, cast

from ..checks import check_mapping, short
from ..extras import PLAIN, MissingExtraError, needing
from ..printable import either, one_line
from .refusals import has_text, has_truth_value, what_is_wrong
from .types import is_option, takes_numbers, takes_several

with needing(PLAIN, "all but the samplers"):
    from pydantic import (
        BaseModel,
        ConfigDict,
        Field,
        SerializationInfo,
        SerializerFunctionWrapHandler,
        ValidationError,
        ValidationInfo,
        field_validator,
        model_serializer,
        model_validator,
    )
    from pydantic.fields import FieldInfo

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
        ending: End, or ends, of the values that are paths of files, where others are names.
        option: Whether there is an option at all.
    """

    title: str | None = None
    unset: str | None = None
    metavar: str | None = None
    file: bool = False
    ending: str | tuple[str, ...] | None = None
    option: bool = True

    def is_path(self, value: object) -> bool:
        """Tells whether a value of the setting is the path of a file or folder."""
        named = self.ending is not None and str(value).endswith(self.ending)
        return isinstance(value, str) and (self.file or named)


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
                raise ValueError(what_is_wrong(error.errors(), self.setting_names())) from None

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
        return cls(**cls.given_of(settings))

    @classmethod
    def given_of(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that have a value, and those that there are not, which are refused later.

        Raises:
            TypeError: If they are no mapping.
        """
        check_mapping(settings)
        known = cls.setting_names()
        return {name: value for name, value in settings.items() if value is not None or name not in known}

    @classmethod
    def setting_names(cls) -> Collection[str]:
        """Names of all settings that can be given."""
        return cls.model_fields.keys()

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_stand_ins(cls, given: Any, info: ValidationInfo) -> Any:
        """Refuses True and False for numbers, which Python takes for 1 and 0, and texts for either, which
        pydantic reads."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if takes_numbers(annotation) and (has_truth_value(given) or has_text(given)):
            several = takes_several(annotation)
            raise ValueError("expected a tuple or list of numbers" if several else "expected a number")
        if annotation is bool and has_text(given):
            raise ValueError("expected True or False")
        return given

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
        about: What the part is, in some words for the help.
        defaults: Defaults of other settings of the run where it has this part.
        without: Other settings of the run that never have an effect with this part, and what it has in their
            place.
    """

    title: ClassVar[str] = "Options"
    about: ClassVar[str] = ""
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

    Our own are imported when they are asked for. Those of other packages are imported together, by their
    names, so that what is refused does not depend on what was asked for first. One that cannot be used is
    refused when it is asked for, and stands in nobody's way.

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

    def __init__(self, kind: str, base: type[PartSettings], own: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = f"ising_ep.{kind}s"
        self._base = base
        self._own = own
        self._loaded: dict[str, type[P]] = {}
        self._reserved: list[tuple[str, Callable[[], Iterable[str]]]] = [(f"every {kind}", lambda: dir(base))]

    def reserve(self, whose: str, names: Callable[[], Iterable[str]]) -> None:
        """Refuses settings of these names in models of other packages.

        Args:
            whose: Who has such settings, in words.
            names: Gives their names, when the first of these models is loaded.
        """
        self._reserved.append((whose, names))

    @property
    def names(self) -> list[str]:
        """Names of all models: our own first, then those of other packages."""
        return [*self._own, *self._others]

    def load(self, name: object) -> type[P]:
        """The model of this name.

        Raises:
            ValueError: In one line, if there is none, two packages register it, or it cannot be used.
        """
        if isinstance(name, str) and name in self._own:
            if name not in self._loaded:
                self._loaded[name] = resolve_name(self._own[name])
            return self._loaded[name]
        if not isinstance(name, str) or name not in self._others:
            known = f"expected {either(self.names)}" if self.names else "but there is none"
            raise ValueError(f"{self.kind} is {name!r}, {known}")
        found = self._others[name]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def require(self, name: str) -> None:
        """Refuses the name of a model, in a file that may be of another computer, that is not installed here.

        Raises:
            MissingExtraError: In one line, if no package registers it, or it cannot be used.
        """
        if name not in self.names:
            raise MissingExtraError(
                f"{self.kind} {short(name)} is not installed here: install the package that registers it"
            )
        found = self._others.get(name)
        if isinstance(found, str):
            raise MissingExtraError(found)

    def own_models(self) -> dict[str, type[P]]:
        """Our own models, by name."""
        return {name: self.load(name) for name in self._own}

    def models(self) -> dict[str, type[P]]:
        """All models that can be used, by name."""
        others = {name: model for name, model in self._others.items() if not isinstance(model, str)}
        return self.own_models() | others

    @property
    def broken(self) -> list[str]:
        """Why a model cannot be used, a line for each such."""
        hidden = [
            f"{self.kind} {point.name} of {_whose(point)} has the name of one of ising-ep's own; rename it"
            for point in self._points
            if point.name in self._own
        ]
        return hidden + [model for model in self._others.values() if isinstance(model, str)]

    def having(self, setting: str) -> list[str]:
        """Names of the models that have this setting."""
        return [name for name, model in self.models().items() if setting in model.model_fields]

    @cached_property
    def _points(self) -> list[EntryPoint]:
        """Entry points of other packages, in order; the same text twice counts once."""
        from importlib.metadata import entry_points  # for commands that need none, a long import

        points = {(point.name, point.value): point for point in entry_points(group=self.group)}
        return [points[key] for key in sorted(points) if key not in self._own.items()]

    @cached_property
    def _others(self) -> dict[str, type[P] | str]:
        """The models of other packages, by name, or why they cannot be used."""
        points = [point for point in self._points if point.name not in self._own]
        found: dict[str, type[P] | str] = {}
        usable = self.own_models() if points else {}
        for name, group in groupby(points, lambda point: point.name):
            try:
                usable[name] = found[name] = self._checked(name, list(group), usable)
            except ValueError as error:
                found[name] = str(error)
        return found

    def _checked(self, name: str, points: list[EntryPoint], others: Mapping[str, type[P]]) -> type[P]:
        """The model of another package, if it can stand beside the others.

        Raises:
            ValueError: In one line, if it cannot.
        """
        if len(points) > 1:
            raise ValueError(
                f"{self.kind} {name} is registered by {' and by '.join(map(_whose, points))}; uninstall one"
                " of them"
            )
        what = f"{self.kind} {name} of {_whose(points[0])}"
        try:
            found = points[0].load()
        except (Exception, SystemExit) as error:
            why = one_line(f"{type(error).__name__}: {error}")
            raise ValueError(f"{what} cannot be loaded: {why}") from None
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise ValueError(
                f"{what} is {one_line(repr(found))}, expected a subclass of"
                f" {self._base.__module__}.{self._base.__qualname__}"
            )
        model = cast("type[P]", found)
        for whose, names in self._reserved:
            for taken in sorted(model.model_fields.keys() & set(names())):
                raise ValueError(f"{what} has a setting {taken}, which {whose} has itself; rename it")
        self._check_types(what, model, others)
        check_model(what, model)
        return model

    def _check_types(self, what: str, model: type[P], others: Mapping[str, type[P]]) -> None:
        """Refuses settings that other models of the kind have, with another type."""
        for name, other in others.items():
            for setting in model.model_fields.keys() & other.model_fields.keys():
                if model.model_fields[setting].annotation != other.model_fields[setting].annotation:
                    raise ValueError(
                        f"{what} has a setting {setting} of another type than {self.kind} {name}; rename it"
                    )


def check_model(what: str, model: type[PartSettings]) -> None:
    """Refuses a settings model that no command could offer, or no run could record.

    Args:
        what: What it is called in a refusal.
        model: The model.

    Raises:
        ValueError: In one line.
    """
    lacks = sorted(getattr(model, "__abstractmethods__", ()))
    if lacks:
        raise ValueError(f"{what} has no {' and no '.join(lacks)}")
    for name, wanted in (("title", str), ("about", str), ("defaults", Mapping), ("without", Mapping)):
        found = getattr(model, name)
        if not isinstance(found, wanted):
            raise ValueError(f"{what} has {name} {short(found)}, expected a {wanted.__name__}")
    for setting, field in model.model_fields.items():
        if setting != setting.lower():
            raise ValueError(f"{what} has a setting {setting}, expected a name in lower case")
        if field.is_required():
            raise ValueError(f"{what} has a setting {setting} without a default")
        if not is_option(field.annotation):
            raise ValueError(
                f"{what} has a setting {setting} of type {one_line(str(field.annotation))}, expected bool,"
                " int, float, str, Path, a Literal of strings, a tuple of numbers, or None beside one of them"
            )
    try:
        model().model_dump_json()
    except Exception as error:  # whatever a validator of the model raises
        raise ValueError(f"{what} has defaults that do not fit: {one_line(error)}") from None


def shown(field: FieldInfo) -> Shown:
    """Presentation of a field by a command."""
    return next((each for each in field.metadata if isinstance(each, Shown)), Shown())


def _whose(point: EntryPoint) -> str:
    """Names the place of a model and its package."""
    return f"{point.value} ({point.dist.name if point.dist else 'ising-ep'})"
