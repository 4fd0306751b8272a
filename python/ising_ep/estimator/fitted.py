"""Fitted classifiers on disk: what `EPClassifier.save` writes and `EPClassifier.load` reads."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..checks import short
from ..machines import Machine
from ..network import FullyConnected
from ..printable import one_line
from ..training.model_file import Arrays, read_model, write_model
from ..training.parts import Parts
from ..training.trained import check_parameters, load

if TYPE_CHECKING:
    from .classifier import EPClassifier

C = TypeVar("C", bound="EPClassifier")

KIND = "EPClassifier"
# Kinds of labels that JSON can hold, by numpy's letter, and what reads them back.
_LABELS = {"i": int, "u": int, "f": float, "b": bool, "U": str, "O": str}
# Prefix of the arrays that an optimizer remembers.
_MEMORY = "memory/"
_COUNTS = ("n_features_in_", "n_iter_", "t_", "_updates", "_seed")


def write(model: EPClassifier, file: Path) -> None:
    """Writes a fitted classifier.

    Raises:
        ValueError: If its labels or its random state cannot be written.
        OSError: If the file cannot be written.
    """
    settings = model.get_params(deep=False)
    machine = settings.pop("machine")
    if not isinstance(settings["random_state"], Integral | None):
        raise ValueError(
            f"random_state is a {type(settings['random_state']).__name__}, expected an integer or None to"
            " save"
        )
    settings["hidden_layer_sizes"] = np.atleast_1d(settings["hidden_layer_sizes"])
    content = {
        "settings": {name: _plain(value) for name, value in settings.items()},
        "given": Parts(machine=machine).described(),
        "classes": _labels(model.classes_),
        "layers": list(model._sizes),
        "counts": {name: int(getattr(model, name)) for name in _COUNTS},
        "history": model.history_,
        "features": [str(name) for name in getattr(model, "feature_names_in_", [])],
    }
    memory = {
        f"{_MEMORY}{kind}/{name}": value
        for kind, values in model._memory.items()
        for name, value in values.items()
    }
    write_model(file, KIND, model.parameters_ | memory, content)


def of_file(kind: type[C], file: Path, machine: Machine | None) -> C:
    """Reads what `write` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or a machine of its own is missing.
    """
    arrays, content = read_model(file, KIND)
    try:
        Parts(machine=machine).complete(dict(content["given"]), file)
        model = kind(machine=machine, **content["settings"])
        model._validate_params()
        model.classes_ = _array_of(content["classes"])
        model._sizes = tuple(map(int, content["layers"]))
        for name in _COUNTS:
            setattr(model, name, int(content["counts"][name]))
        model.history_ = list(content["history"])
        if content["features"]:
            model.feature_names_in_ = np.array(content["features"], dtype=object)
        _take(model, arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{file} is not a classifier that was saved: {one_line(error)}") from None
    return model


def of_run(kind: type[C], folder: Path, machine: Machine | None) -> C:
    """Makes a classifier of a run folder.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If it is damaged, or of a network that is not one of layers.
    """
    trained = load(folder, machine=machine)
    config, network = trained.config, trained.network
    if not isinstance(network, FullyConnected) or network.levels != (-1, 1):
        raise ValueError(f"{folder} is of another network than layers of spins; take ising_ep.load")
    *hidden, outputs = (layer.size for layer in network.layers)
    model = kind(
        tuple(hidden),
        spins_per_class=outputs // network.num_classes,
        max_iter=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        bias_learning_rate=config.bias_learning_rate,
        optimizer=config.optimizer,
        weight_decay=config.weight_decay,
        nudge=config.nudge,
        symmetric=config.symmetric,
        statistic=config.statistic,
        machine=trained.machine,
        random_state=config.seed,
    )
    model._seed = config.seed
    model._sizes = (*hidden, outputs)
    model.classes_ = np.arange(network.num_classes)
    model.n_features_in_ = network.num_inputs
    model.n_iter_ = model.t_ = model._updates = 0
    model.history_ = []
    _take(model, trained.parameters)
    return model


def _take(model: EPClassifier, arrays: Arrays) -> None:
    """Makes the arrays the parameters of the classifier, and what its optimizer remembers."""
    model.parameters_ = {name: value for name, value in arrays.items() if not name.startswith(_MEMORY)}
    model._memory = {}
    for key, value in arrays.items():
        if key.startswith(_MEMORY):
            kind, _, name = key.removeprefix(_MEMORY).partition("/")
            model._memory.setdefault(kind, {})[name] = value
    check_parameters(model._rule().network, model.parameters_)


def _plain(value: Any) -> Any:
    """A setting as JSON holds it."""
    if isinstance(value, np.ndarray):
        return [int(size) for size in value]
    return value.item() if isinstance(value, np.generic) else value


def _labels(classes: NDArray[Any]) -> dict[str, Any]:
    """Labels as JSON holds them.

    Raises:
        ValueError: If they are of another kind than integers, floats, booleans or strings.
    """
    values = classes.tolist()
    wanted = _LABELS.get(classes.dtype.kind)
    if wanted is None or not all(type(value) is wanted for value in values):
        raise ValueError(
            f"labels are {short(values)}, expected integers, floats, booleans or strings to save"
        )
    return {"dtype": "object" if classes.dtype.kind == "O" else classes.dtype.str, "values": values}


def _array_of(labels: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(labels["dtype"])
    wanted = _LABELS.get(dtype.kind)
    if wanted is None or not all(type(value) is wanted for value in labels["values"]):
        raise ValueError(f"its labels are {short(labels)}")
    return np.array(labels["values"], dtype=dtype)
