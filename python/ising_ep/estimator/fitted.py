"""Fitted classifiers on disk: what `EPClassifier.save` writes and `EPClassifier.load` reads."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..checks import short
from ..learning.optimizers import BY_NAME
from ..machines import Machine
from ..network import FullyConnected
from ..training.checkpoint import damage_named
from ..training.model_file import SAVED, Arrays, read_model, write_model
from ..training.parts import Parts
from ..training.record import read_given
from ..training.run_folder import RunFolder
from ..training.trained import check_parameters, load
from .record import Labels, Record

if TYPE_CHECKING:
    from .classifier import EPClassifier

C = TypeVar("C", bound="EPClassifier")

KIND = "EPClassifier"
# Prefix of the arrays that an optimizer remembers.
_MEMORY = "memory/"
# Settings that files of earlier versions lack, as these versions had them.
_EARLIER: dict[str, Any] = {
    "coupling_learning_rate": None,
    "decay": "constant",
    "test_reads": None,
    "beta_range": (0.5, 20.0),
    "initial_bias": 0.0,
    "calibration_folds": 0,
}
# Settings that are a machine's own where one is given.
_OF_MACHINE = ("num_reads", "test_reads", "num_sweeps", "beta_range")
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
    settings["hidden_layer_sizes"] = list(model._hidden_sizes())
    settings["beta_range"] = list(model._betas())
    content = {
        "settings": {name: _plain(value) for name, value in settings.items()},
        "given": Parts(machine=machine).described(),
        "classes": Labels.of(model.classes_).model_dump(),
        "layers": list(model._sizes),
        "counts": {name: int(getattr(model, name)) for name in _COUNTS},
        "history": model.history_,
        "temperature": model.temperature_,
        "features": [str(name) for name in getattr(model, "feature_names_in_", [])],
        "images": model._takes_images,
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
    with damage_named(file, SAVED):
        record = Record(**content)
        given = read_given(content)
    _require_machine(given, file, machine)
    with damage_named(file, SAVED):
        settings = _EARLIER | record.settings
        if machine is not None:
            settings = {name: value for name, value in settings.items() if name not in _OF_MACHINE}
        model = kind(machine=machine, **settings)
        model._validate_params()
        model.classes_ = record.classes.array()
        model._sizes = record.layers
        model.n_features_in_, model.n_iter_ = record.counts.n_features_in_, record.counts.n_iter_
        model.t_, model._updates, model._seed = record.counts.t_, record.counts.updates, record.counts.seed
        model.history_, model.temperature_ = record.history, record.temperature
        model._takes_images = record.images
        if record.features:
            model.feature_names_in_ = np.array(record.features, dtype=object)
        _take(model, arrays)
    return model


def of_run(kind: type[C], folder: Path, machine: Machine | None) -> C:
    """Makes a classifier of a run folder.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If it is damaged, or of a network that is not one of layers.
    """
    _require_machine(RunFolder.open(folder).given, folder, machine)
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
        coupling_learning_rate=config.coupling_learning_rate,
        optimizer=config.optimizer,
        decay=config.decay,
        weight_decay=config.weight_decay,
        nudge=config.nudge,
        symmetric=config.symmetric,
        statistic=config.statistic,
        initial_bias=0.0,
        machine=trained.machine,
        random_state=config.seed,
    )
    model._seed = config.seed
    model._sizes = (*hidden, outputs)
    model.classes_ = np.arange(network.num_classes)
    model.n_features_in_ = network.num_inputs
    model.n_iter_ = model.t_ = model._updates = 0
    model.history_, model.temperature_ = [], 1.0
    model._takes_images = True
    _take(model, trained.held)
    return model


def _require_machine(given: Mapping[str, str], where: Path, machine: Machine | None) -> None:
    """Refuses what was trained with parts of its own that a classifier cannot be given, or is not given.

    Raises:
        ValueError: If it was.
    """
    for part in given.keys() - {"machine"}:
        raise ValueError(f"{where} was trained with a {part} of its own; take ising_ep.load")
    Parts(machine=machine).complete(given, where, "EPClassifier.load")


def _take(model: EPClassifier, arrays: Arrays) -> None:
    """Makes the arrays the parameters of the classifier, and what its optimizer remembers."""
    model.parameters_ = {name: value for name, value in arrays.items() if not name.startswith(_MEMORY)}
    model._memory = {}
    for key, value in arrays.items():
        if key.startswith(_MEMORY):
            kind, _, name = key.removeprefix(_MEMORY).partition("/")
            model._memory.setdefault(kind, {})[name] = value
    network = model._rule().network
    check_parameters(network, model.parameters_)
    kept = [set(optimizer.keeps) for optimizer in BY_NAME.values()]
    if model._memory.keys() not in kept:
        raise ValueError(f"its optimizer remembers {short(list(model._memory))}, expected all that one keeps")
    for values in model._memory.values():
        check_parameters(network, values)


def _plain(value: Any) -> Any:
    """A setting as JSON holds it."""
    return value.item() if isinstance(value, np.generic) else value
