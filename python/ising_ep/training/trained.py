"""Trained models: parameters with all that is needed to predict from images alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import TrainConfig
from ..datasets import Dataset
from ..datasets.images import as_array, as_pixels
from ..datasets.validation import check_whole
from ..learning import EquilibriumPropagation
from ..machines import Machine
from ..network import Network, Parameters
from ..samplers.batch import BatchResult
from .build import filled_parts, network_of, programming_of, rule_of
from .checkpoint import damage_named
from .evaluation import (
    EVALUATION_BATCH,
    EVALUATION_SEED,
    Evaluation,
    classes,
    free_outputs,
    probabilities,
)
from .model_file import SAVED, read_model, write_model
from .parts import NONE_GIVEN, Parts, RuleMaker
from .record import DataRecord, read_given
from .run_folder import CONFIG, SETTINGS, RunFolder

KIND = "Trained"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model: predicts classes, probabilities, hidden states and energies from images alone.

    The random numbers of an image are those of its place among the images and of ``config.seed``; they are
    the ones of a test in training.

    Args:
        config: Settings of the run that the parameters come from.
        data: What it was trained on, or a run's record of it: inputs, classes and image shape.
        parameters: Of the network, as they were learned.
        parts: What stands in the place of what ``config`` describes. Of a machine that is given, reads and
            sweeps are its own.
        folder: The run folder from which the machine of ``config`` is built again, such as the embedding on
            its chip; None builds it anew.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        ValueError: If they do not fit together.

    Example:
        >>> from ising_ep import datasets, training
        >>> patterns = datasets.load_patterns()
        >>> config = TrainConfig.checked({"dataset": "patterns"})
        >>> model = Trained(config, patterns, training.train(config, patterns).parameters)
        >>> model.predict(patterns.x_test)
        array([0, 1])
        >>> model.predict_proba(patterns.x_test).round(2)
        array([[0.99, 0.01],
               [0.01, 0.99]])
        >>> model.sample(patterns.x_test).states.shape  # images, reads, spins
        (2, 10, 12)
    """

    config: TrainConfig
    data: Dataset | DataRecord
    parameters: Parameters
    parts: Parts = NONE_GIVEN
    folder: Path | None = None
    num_threads: int | None = None

    def __post_init__(self) -> None:
        self.parts.check(self.config, self.num_threads)
        check_parameters(self.network, self.parameters)

    @cached_property
    def rule(self) -> EquilibriumPropagation:
        """Learning rule whose free phase predicts."""
        config, parts = self.config.of_tests(), replace(self.parts, network=self.network)
        parts = filled_parts(config, self.data, self.num_threads, parts, self.folder)
        return rule_of(config, self.data, parts)

    @cached_property
    def network(self) -> Network:
        """The architecture."""
        network = self.parts.network
        return network_of(self.config, self.data, self.parts.machine) if network is None else network

    @cached_property
    def held(self) -> Parameters:
        """The parameters as the machine holds them: rounded, where the run had ``weight_bits``."""
        return programming_of(self.config).held(self.parameters)

    @property
    def machine(self) -> Machine:
        """Machine that anneals."""
        return self.rule.machine

    def outputs(
        self,
        x: ArrayLike,
        *,
        batch_size: int = EVALUATION_BATCH,
        on_batch: Callable[[int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Output spins ``(n, outputs)`` of the free phase, averaged over the reads that are kept.

        Args:
            x: Images ``(n, num_inputs)``, or of the image shape ``(n, height, width, ...)``, as
                `datasets.from_arrays` takes them: uint8 is divided by 255, booleans become 0 and 1, and
                floats of order 1 are used as they are.
            batch_size: Images of a call of the machine. Only a chip of several copies, which anneals images
                together, may answer otherwise for another number; see `evaluation_batch`.
            on_batch: Called with the number of images done after each batch.

        Raises:
            ValueError: If they are no images of this shape or scale, or none that the network can take.
        """
        images = self._images(x)
        ids = np.arange(len(images), dtype=np.uint32)
        return free_outputs(self.rule, self.held, images, ids, on_batch, batch_size)

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Number ``(n,)`` of each image's class, which ``data.classes`` names; see `outputs`."""
        return classes(self.network, self.outputs(x))

    def predict_proba(self, x: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class ``(n, num_classes)``; see `outputs` and `evaluation.probabilities`."""
        return probabilities(self.network, self.outputs(x))

    def sample(self, x: ArrayLike) -> BatchResult:
        """Every read of the free phase of each image.

        Args:
            x: As for `outputs`.

        Returns:
            States ``(n, reads, spins)`` of all spins, hidden ones included, and energies ``(n, reads)``.
        """
        images = self._images(x)
        limit = self.rule.field_limit
        fields = np.clip(self.network.fields(self.held, images), -limit, limit)
        return self.machine.sample(
            self.network.couplings(self.held),
            fields,
            seed=self.rule.seed ^ EVALUATION_SEED,
            problem_ids=np.arange(len(images), dtype=np.uint32),
        )

    def evaluate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        batch_size: int = EVALUATION_BATCH,
        on_batch: Callable[[int], None] | None = None,
    ) -> Evaluation:
        """Accuracy and mean squared error of images ``x`` of classes ``y (n,)``; see `outputs`.

        The classes are numbers from 0 on: integers, whole floats, or booleans of two classes.

        Raises:
            ValueError: If shapes do not fit, or a class is none of the run's.
        """
        images, labels = self._images(x), self._numbers(y)
        if labels.shape != images.shape[:1]:
            raise ValueError(
                f"x has shape {images.shape} and y {labels.shape}, expected (n, {self.data.num_inputs}) and"
                " (n,), not empty"
            )
        outputs = self.outputs(images, batch_size=batch_size, on_batch=on_batch)
        return Evaluation.of(self.network, outputs, labels)

    def save(self, file: str | PathLike[str]) -> None:
        """Writes the model in one file, from which `load` makes it again. Nothing in it is pickled.

        What was given in place of what the settings describe is kept in words alone, and must be given to
        `load` again. A place on a chip is not kept: it is looked for anew.

        Args:
            file: One that is there is replaced, but never one that a run keeps in its folder.

        Raises:
            ValueError: If it has the name of such a file.
            OSError: If it cannot be written.
        """
        content = {
            "config": self.config.model_dump(mode="json"),
            "data": asdict(DataRecord.of(self.data)),
            "given": self.parts.described(),
        }
        write_model(Path(file), KIND, self.parameters, content, self.network.meanings)

    def _numbers(self, y: ArrayLike) -> NDArray[np.int64]:
        """Numbers of classes as integers, if they are such."""
        given = as_array("y", y)
        expected = f"expected classes 0 to {self.data.num_classes - 1}"
        if given.dtype.kind not in "biuf" or not given.size:
            raise ValueError(f"y is {given.dtype} of shape {given.shape}, {expected}")
        check_whole("y", given)
        if not 0 <= given.min() <= given.max() < self.data.num_classes:
            raise ValueError(f"y holds {given.min():g} to {given.max():g}, {expected}")
        return given.astype(np.int64)

    def _images(self, x: ArrayLike) -> NDArray[np.float32]:
        """Images as the network takes them, if they are such."""
        images = as_pixels("x", x)
        if images.shape[1] != self.data.num_inputs:
            raise ValueError(
                f"x has shape {np.shape(x)}, expected (n, {self.data.num_inputs}) as in training"
            )
        self.network.check_images(images)
        return images


def load(
    path: str | PathLike[str],
    *,
    network: Network | None = None,
    machine: Machine | None = None,
    rule: RuleMaker | None = None,
    num_threads: int | None = None,
) -> Trained:
    """Loads a trained model from a run folder, or from a file that `Trained.save` wrote.

    No data set is read, and no pickle.

    Args:
        path: The folder or file.
        network: The network, of a run that was trained with one of its own.
        machine: What anneals; None makes the one that the settings of the run describe, when it is first
            asked. A given one has reads of its own. A run on a QPU is loaded without one, and predicts with
            one that is given: no QPU is asked, and paid for, without a command that says so.
        rule: What makes the learning rule, of a run that was trained with one of its own.
        num_threads: Threads, or None for all cores. The result does not depend on it.

    Raises:
        FileNotFoundError: If there is no such folder or file, or no checkpoint in it.
        ValueError: If it is damaged, or a part with which it was trained is missing.
        MissingExtraError: If its machine or network is of a package that is not installed.

    Example:
        >>> model = load("runs/first")  # doctest: +SKIP
        >>> model.predict(images)  # doctest: +SKIP
    """
    parts, path = Parts(network, machine, rule), Path(path)
    if not path.is_dir():
        return _of_file(path, parts, num_threads)
    run = RunFolder.open(path)
    parts.complete(run.given, path)
    data, config = run.known_data(), _config_of(run.config, parts)
    shapes = None  # of a network that is given they are compared when the file has been found whole
    if network is None:
        with damage_named(path / CONFIG, SETTINGS):
            shapes = network_of(config, data, machine).shapes()
    return Trained(config, data, run.load(shapes).parameters, parts, path, num_threads)


def evaluate(  # the settings of a run, its data, its parameters and what is to be evaluated
    config: TrainConfig,
    dataset: Dataset | DataRecord,
    parameters: Parameters,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    num_threads: int | None = None,
    machine: Machine | None = None,
    batch_size: int = EVALUATION_BATCH,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Evaluates the images ``x (n, num_inputs)`` of classes ``y (n,)``: `Trained.evaluate` in one call.

    Args:
        config: Settings of the run that the parameters come from.
        dataset: What it was trained on, or a run's record of it; tells inputs and classes.
        parameters: The network's parameters.
        x: Images.
        y: Labels.
        num_threads: Threads, or None for all cores. The result does not depend on it. Of a given machine it
            must be the number that the machine has, if it says one.
        machine: What anneals; None makes the one that ``config`` describes, with its ``test_reads`` if it has
            such. A given one has reads of its own: give it with ``config.of_tests()``.
        batch_size: As for `Trained.outputs`.
        on_batch: Called with the number of images done after each batch.

    Raises:
        ValueError: If shapes do not fit, or the machine does not fit the rest.
    """
    model = Trained(config, dataset, parameters, Parts(machine=machine), num_threads=num_threads)
    return model.evaluate(x, y, batch_size=batch_size, on_batch=on_batch)


def _of_file(path: Path, parts: Parts, num_threads: int | None) -> Trained:
    """The model of a file."""
    parameters, content = read_model(path, KIND)
    with damage_named(path, SAVED):
        config, data = TrainConfig.recorded(content["config"]), DataRecord.read(content["data"])
        given = read_given(content)
    parts.complete(given, path)
    config = _config_of(config, parts)
    if parts.network is None:
        with damage_named(path, SAVED):
            check_parameters(network_of(config, data, parts.machine), parameters)
    return Trained(config, data, parameters, parts, None, num_threads)


def _config_of(config: TrainConfig, parts: Parts) -> TrainConfig:
    """The settings of a run, without the reads of its tests where the machine that is given has its own."""
    return config if parts.machine is None else config.of_tests()


def check_parameters(network: Network, parameters: Parameters) -> None:
    """Refuses parameters of another network.

    Raises:
        ValueError: If they are such.
    """
    found = {name: value.shape for name, value in parameters.items()}
    if found != network.shapes():
        raise ValueError(f"parameters have shapes {found}, expected {network.shapes()}")
