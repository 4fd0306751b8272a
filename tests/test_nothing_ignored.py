"""Nothing that is given is passed over: of every parameter of the public functions and classes, and of every
setting of a run, another value changes what comes out, or is refused.

A `Walk` is a call that takes keywords, and for each parameter of a signature another value than the call's
own. A parameter without an entry fails `test_every_parameter_has_an_entry`; so does an entry without one.
"""

from __future__ import annotations

import gzip
import inspect
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import dimod
import numpy as np
import pytest

import ising_ep
from ising_ep import EPClassifier, datasets, schedule, training
from ising_ep.chip import Chip
from ising_ep.chip.energy_scales import EnergyScales
from ising_ep.config import TrainConfig, lacking
from ising_ep.embedding import embed
from ising_ep.learning import SGD, Adam, Centred, EquilibriumPropagation, Programming
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.analog import AnalogMachine
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.machines.coherent import CoherentMachine
from ising_ep.machines.deterministic import DeterministicMachine
from ising_ep.machines.dimod_sampler import SamplerAnnealer, SamplerMachine
from ising_ep.machines.embedded import EmbeddedMachine
from ising_ep.machines.oscillator import OscillatorMachine
from ising_ep.machines.usage import Usage
from ising_ep.network import Convolutional, FullyConnected
from ising_ep.samplers.batch import sample_batch, sample_batch_quantum
from ising_ep.training.augment import shifted
from ising_ep.training.decay import decayed
from ising_ep.training.state import TrainState
from support.settings import DEFAULTS_OF_ALL


@dataclass(frozen=True)
class Refused:
    """A value that is refused, in a line that names the parameter (or says ``text``)."""

    value: Any
    text: str | None = None


@dataclass(frozen=True)
class Beside:
    """Another value, in a call that has these keywords too."""

    value: Any
    keywords: dict[str, Any]


# A function that must be called.
CALLED = object()


@dataclass(frozen=True)
class Walk:
    """What is walked: whose signature, a call with keywords that gives what comes out, the keywords that it
    has by itself, and another value of each parameter."""

    signature: Callable[..., Any]
    call: Callable[..., Any]
    base: dict[str, Any]
    others: dict[str, Any]


# --- what is called -------------------------------------------------------------------------------------

DIGITS = datasets.load_digits(train_per_class=2, test_per_class=2)
PATTERNS = datasets.load_patterns()
NETWORK = FullyConnected(3, (5, 2), 2)  # more hidden spins than a cell of a chip has on a side: chains
RNG = np.random.default_rng(0)
PARAMETERS = {name: RNG.uniform(-1, 1, shape).astype(np.float32) for name, shape in NETWORK.shapes().items()}
X, Y = RNG.normal(size=(6, 3)).astype(np.float32), np.arange(6) % 2
IDS = np.arange(6, dtype=np.uint32)
CLOUDS = RNG.normal(size=(60, 3)) + np.repeat([-0.5, 0.5], 30)[:, None], np.repeat([0, 1], 30)
CHIP = Chip.perfect("chimera", 3)
PLACES = [embed(NETWORK, CHIP, copies=copies, cache=False) for copies in (1, 2)]
# Five spins, frustrated, in fields.
PAIRS = np.array([0, 0, 1, 2, 3]), np.array([1, 2, 2, 3, 4]), np.array([1.0, 0.7, 0.9, -0.6, 1.1])
FIELDS = RNG.normal(size=(4, 5)) / 2
BQM = dimod.BinaryQuadraticModel.from_numpy_vectors(FIELDS[0], PAIRS, 0.0, dimod.SPIN)
OTHER_BQM = dimod.BinaryQuadraticModel.from_numpy_vectors(FIELDS[1], PAIRS, 0.0, dimod.SPIN)
UP = np.ones((1, 5), np.int8)
# Has 252 ground states.
FLAT = dimod.BinaryQuadraticModel({}, {(i, j): 1.0 for i in range(9) for j in range(i)}, 0.0, "SPIN")
READS = np.where(RNG.random((40, 6)) < 0.5, -1, 1).astype(np.int8)


class Shouting(AnnealingMachine):
    """Turns every spin up."""

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        found = super().sample(*args, **kwargs)
        found.states[:] = 1
        return found


def config_of(**changes: Any) -> TrainConfig:
    given = {"dataset": "digits", "layers": (6, 10), "epochs": 1, "num_reads": 3, "num_sweeps": 6}
    return TrainConfig.checked(given | changes)


def trained(config: TrainConfig, dataset: Any = DIGITS, **more: Any) -> Any:
    """Parameters, metrics and what the machine was used for."""
    state = training.train(config, dataset, **more)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in state.history]
    return state.parameters, rows, state.predictions, vars(state.usage)


def begun(**changes: Any) -> TrainState:
    state = TrainState({name: value.copy() for name, value in PARAMETERS.items()})
    return state if not changes else TrainState(state.parameters, **changes)


RULE = EquilibriumPropagation(
    NETWORK, AnnealingMachine(num_reads=3, num_sweeps=6), statistic="average", optimizer=SGD(0.1)
)
CONVOLUTIONAL = {"dataset": "patterns", "network": "convolutional", "layers": None, "epochs": 2}


def epoch(**given: Any) -> Any:
    state = given.pop("state", begun)()
    given["rule"].machine.usage.restore(Usage())
    training.train_epoch(state=state, **given)
    return vars(state) | {"seconds": 0.0}


def ended(rule: Any, state: Callable[[], TrainState]) -> Any:
    live = state()
    return training.end_epoch(rule, live), live.usage


def in_parts(function: Callable[..., Any], **given: Any) -> Any:
    """What comes out, and in what parts."""
    done: list[int] = []
    return function(**{"on_batch": done.append} | given), done


class Lazy(EquilibriumPropagation):
    """Learns nothing."""

    def compare(self, *args: Any, **kwargs: Any) -> Any:
        _, outputs = super().compare(*args, **kwargs)
        return {}, outputs


class NobodyError(ValueError):
    """What `Nobody` says."""


class Nobody:
    """A client of a scheduler that refuses all work."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise NobodyError("nobody works for this scheduler")


def learned(**settings: Any) -> Any:
    """What a rule of these settings makes of an epoch."""
    rule = EquilibriumPropagation(
        **{"network": NETWORK, "machine": AnnealingMachine(num_reads=3, num_sweeps=6)} | settings
    )
    return epoch(rule=rule, x=X, y=Y, batch_size=3, first_id=0)


def annealed(make: Callable[..., Any], network: FullyConnected = NETWORK, **settings: Any) -> Any:
    """Reads of the free phase and of a nudge, and what is kept of the number of threads."""
    machine = make(**settings)
    p = {name: PARAMETERS[name] for name in network.shapes()}
    call = {"seed": 5, "problem_ids": IDS}
    problem = network.couplings(p), network.fields(p, X)
    free = machine.sample(*problem, **call)
    nudged = machine.sample(*problem, initial_states=free.states[:, :1], **call)
    threads = getattr(getattr(machine, "annealer", machine), "num_threads", None)
    return free, nudged, threads, machine.usage


def on_chip(**given: Any) -> Any:
    model = {name: given.pop(name) for name in list(given) if name not in EMBEDDED}
    annealer = given.pop("annealer", None) or ChipModel(model.pop("chip", CHIP), **model)
    of = {"network": NETWORK, "num_reads": 3} | given
    places = of.pop("embedding", None) or embed(NETWORK, annealer.chip, copies=1, cache=False)
    return annealed(lambda: EmbeddedMachine(annealer, places, of.pop("network"), **of))


EMBEDDED = set(inspect.signature(EmbeddedMachine).parameters)
ON_CHIP = dimod.BinaryQuadraticModel(
    {q: 0.1 for q in CHIP.qubits.tolist()}, {(a, b): 0.3 for a, b in CHIP.couplers[::3].tolist()}, 0.0, "SPIN"
)
SMALL_MODEL = {"sweeps_per_us": 0.5, "temperature": 60.0}


def structured(sampler: dimod.Sampler) -> dimod.Sampler:
    """The sampler, on the chip's graph."""
    return dimod.StructureComposite(sampler, CHIP.qubits.tolist(), CHIP.couplers.tolist())


def by_sampler(**given: Any) -> Any:
    return annealed(SamplerMachine, **given)


def fitted(**settings: Any) -> Any:
    """A classifier that was fitted twice, and what it finds."""
    given = {"max_iter": 2, "num_reads": 3, "num_sweeps": 6, "random_state": 0} | settings
    if given.get("machine") is not None:
        given |= {"num_reads": 2, "num_sweeps": 30}
    model = EPClassifier(**given).fit(*CLOUDS)
    model.fit(*CLOUDS)
    threads = model._rule().machine.num_threads
    return model.parameters_, model.n_iter_, model.predict_proba(CLOUDS[0]), threads


SMALL: dict[str, Any] = {"max_iter": 1, "num_reads": 3, "num_sweeps": 6, "random_state": 0}


def fit(**given: Any) -> Any:
    return EPClassifier((6,), **SMALL).fit(**given).parameters_


def partial_fit(**given: Any) -> Any:
    return vars(EPClassifier((6,), **SMALL).partial_fit(**given))["parameters_"]


def sampled(sampler: Any, **given: Any) -> Any:
    reads = sampler.sample(**given)
    return reads.record.sample, reads.record.energy, type(reads.info.get("schedule")).__name__


def searched(**given: Any) -> Any:
    reads = ising_ep.TabuSampler().sample(**given)
    return reads.record.sample, reads.record.energy, reads.record.num_restarts


def minimized(**given: Any) -> Any:
    found = ising_ep.minimize(**given)
    return found.record.sample, found.record.energy, found.record.num_occurrences, found.info["ended_by"]


def loaded(function: Callable[..., Any], files: Path, **given: Any) -> Any:
    """The arrays of a data set, or the images, from files in a folder."""
    for name in ("path", "data_dir"):
        if given.get(name) is not None:
            given[name] = files / given[name]
    if given.get("name", "").endswith(".npz"):
        given["name"] = str(files / given["name"])
    return function(**given)


def result(states: Any, energies: Any, arithmetic: Any = ()) -> Any:
    found = ising_ep.BatchResult(states, energies, arithmetic)
    return found.lowest(), found.arithmetic


PLAIN_CHAINS = [[0, 1], [2, 3], [4, 5]]
OTHER_CHAINS = [[0, 3], [2, 1], [4, 5]]
LOGICAL = np.array([0, 1]), np.array([1, 2]), np.array([1.0, -0.5])
STATES = READS[:, :5]
RATES_OF_KINDS = {
    "learning_rate": 0.2,
    "bias_learning_rate": 0.2,
    "coupling_learning_rate": 0.2,
    "weight_decay": 0.5,
    "limit": 0.3,
}
RATES = {"hidden_layer_sizes": (6,)}
STOPPING = {"early_stopping": True, "validation_fraction": 0.5, "max_iter": 6}
SWEEPS = {"num_reads": 3, "num_sweeps": 6}

SAMPLED = {"bqm": BQM, "seed": 1, "num_reads": 8, "num_sweeps": 4}
SEARCHED = {
    "bqm": BQM,
    "seed": 1,
    "num_reads": 8,
    "timeout": None,
    "num_restarts": 0,
    "coefficient_z_first": 0,
    "lower_bound_z": 0,
}
TILED = {"initial_states": -UP, "initial_states_generator": "tile"}

FIELDS_OF_SWEEPS = {
    "beta_schedule_type": "custom",
    "num_sweeps": None,
    "Hp_field": [0.5, 2.0],
    "Hd_field": [1.0, 0.1],
}

TEMPERED = {"bqm": BQM, "beta_range": (0.05, 3.0), "num_sweeps": 200, "seed": 1, "returned": "last"}

WALKS: dict[str, Walk] = {
    "default_beta_range": Walk(
        ising_ep.default_beta_range, ising_ep.default_beta_range, {"bqm": BQM}, {"bqm": OTHER_BQM}
    ),
    "problem_digest": Walk(
        ising_ep.problem_digest, ising_ep.problem_digest, {"bqm": BQM}, {"bqm": OTHER_BQM}
    ),
    "BatchResult": Walk(
        ising_ep.BatchResult,
        result,
        {"states": READS.reshape(4, 10, 6), "energies": np.arange(40.0).reshape(4, 10)},
        {
            "states": -READS.reshape(4, 10, 6),
            "energies": -np.arange(40.0).reshape(4, 10),
            "arithmetic": ["wide"] * 4,
        },
    ),
    "EPClassifier": Walk(
        EPClassifier,
        fitted,
        RATES,
        {
            "hidden_layer_sizes": (7,),
            "spins_per_class": 2,
            "max_iter": 3,
            "batch_size": 4,
            "learning_rate": 0.2,
            "bias_learning_rate": 0.2,
            "coupling_learning_rate": 0.2,
            "optimizer": "sgd",
            "decay": "constant",
            "weight_decay": 0.5,
            "nudge": 2.0,
            "symmetric": False,
            "num_reads": 4,
            "test_reads": 5,
            "num_sweeps": 9,
            "beta_range": (0.5, 2.0),
            "statistic": "lowest",
            "initial_bias": 0.1,
            "calibration_folds": 3,
            "machine": AnnealingMachine(num_reads=7),
            "early_stopping": True,
            "validation_fraction": Beside(0.7, STOPPING),
            "n_iter_no_change": Beside(1, STOPPING),
            "tol": Beside(0.9, STOPPING | {"n_iter_no_change": 1}),
            "warm_start": True,
            "random_state": 1,
            "n_jobs": 2,
            "verbose": True,
        },
    ),
    "EPClassifier.fit": Walk(
        EPClassifier((6,)).fit,
        fit,
        {"X": X, "y": Y},
        {"X": X + 1, "y": 1 - Y, "sample_weight": np.array([1, 2, 3, 1, 1, 1])},
    ),
    "EPClassifier.partial_fit": Walk(
        EPClassifier((6,)).partial_fit,
        partial_fit,
        {"X": X, "y": Y, "classes": [0, 1]},
        {
            "X": X + 1,
            "y": 1 - Y,
            "classes": [0, 1, 2],
            "sample_weight": np.array([1, 2, 3, 1, 1, 1]),
        },
    ),
    "TabuSampler.sample": Walk(
        ising_ep.TabuSampler.sample,
        searched,
        SEARCHED,
        {
            "bqm": OTHER_BQM,
            "initial_states": Beside(UP, TILED),
            "initial_states_generator": Beside("tile", {"initial_states": UP}),
            "num_reads": 9,
            "seed": 2,
            "tenure": Beside(4, {"coefficient_z_first": 4, "tenure": 0}),
            "timeout": Refused(-1.0),
            "num_restarts": 1,
            "energy_threshold": 1e3,
            "coefficient_z_first": 3,
            "coefficient_z_restart": Beside(5, {"num_restarts": 1}),
            "lower_bound_z": 20,
            "num_threads": Refused(0),
            "interrupt_function": CALLED,
            "time_limit": Refused(-1.0),
            "progress": CALLED,
        },
    ),
    "minimize": Walk(
        ising_ep.minimize,
        minimized,
        {"bqm": FLAT, "seed": 1, "presolve": False},
        {
            "bqm": OTHER_BQM,
            "time_limit": 0.2,
            "target": 1e3,
            "num_threads": Refused(0),
            "seed": 2,
            "max_states": 1,
            "presolve": True,
            "progress": CALLED,
            "interrupt_function": CALLED,
        },
    ),
    "ParallelTemperingSampler.sample": Walk(
        ising_ep.ParallelTemperingSampler.sample,
        partial(sampled, ising_ep.ParallelTemperingSampler()),
        TEMPERED,
        {
            "bqm": OTHER_BQM,
            "betas": Beside([0.1, 0.3, 3.0], {"beta_range": None, "adapt": True}),
            "beta_range": (0.3, 0.4),
            "num_temperatures": 5,
            "num_reads": 2,
            "num_sweeps": 150,
            "num_sweeps_per_exchange": 4,
            "adapt": False,
            "clusters": False,
            "seed": 2,
            "returned": "best",
            "num_threads": Refused(0),
            "time_limit": Refused(-1.0),
            "target": Beside(1e9, {"num_sweeps": 100_000}),
            "progress": CALLED,
            "interrupt_function": CALLED,
        },
    ),
    "PathIntegralAnnealingSampler.sample": Walk(
        ising_ep.PathIntegralAnnealingSampler.sample,
        partial(sampled, ising_ep.PathIntegralAnnealingSampler()),
        SAMPLED,
        {
            "bqm": OTHER_BQM,
            "num_reads": 9,
            "num_sweeps": 5,
            "beta": 0.5,
            "gamma": 20.0,
            "num_slices": 3,
            "schedule": Beside(schedule.quantum_forward(7, 3.0), {"num_sweeps": None}),
            "seed": 2,
            "initial_states": Beside(UP, TILED | {"beta": 9.0}),
            "initial_states_generator": Beside("tile", {"initial_states": UP}),
            "num_threads": Refused(0),
            "interrupt_function": CALLED,
            "time_limit": Refused(-1.0),
            "progress": CALLED,
            "beta_range": (0.1, 2.0),
            "beta_schedule_type": Beside("linear", {"beta_range": (0.1, 2.0)}),
            "num_sweeps_per_beta": Beside(2, {"beta_range": (0.1, 2.0)}),
            "Hp_field": Beside([0.1, 0.2], FIELDS_OF_SWEEPS),
            "Hd_field": Beside([3.0, 2.0], FIELDS_OF_SWEEPS),
            "Gamma": Refused(2.0),
            "chain_coupler_strength": Refused(2.0),
            "qubits_per_chain": Refused(2),
            "qubits_per_update": Refused(2),
            "make_info_json_serializable": True,
            "project_states": Refused((False, True)),
            "num_breaks": Refused(np.zeros(1, np.int64)),
            "breaks_in": Refused(np.zeros(1, np.int64)),
            "breaks_buffer_out": Refused(np.zeros(1, np.int64)),
            "schedule_sample_interval": Refused(2),
        },
    ),
    "SimulatedAnnealingSampler.sample": Walk(
        ising_ep.SimulatedAnnealingSampler.sample,
        partial(sampled, ising_ep.SimulatedAnnealingSampler()),
        SAMPLED | {"beta_range": (0.05, 3.0)},
        {
            "bqm": OTHER_BQM,
            "beta_range": (0.3, 0.4),
            "num_reads": 9,
            "num_sweeps": 5,
            "num_sweeps_per_beta": 4,
            "beta_schedule_type": "linear",
            "seed": 2,
            "interrupt_function": CALLED,
            "beta_schedule": Beside(
                [0.1, 0.1],
                {
                    "beta_schedule_type": "custom",
                    "num_sweeps": None,
                    "beta_range": None,
                    "beta_schedule": [2, 2],
                },
            ),
            "initial_states": Beside(UP, TILED),
            "initial_states_generator": Beside("tile", {"initial_states": UP, "num_sweeps": 0}),
            "randomize_order": True,
            "proposal_acceptance_criteria": "Gibbs",
            "num_threads": Refused(0),
            "time_limit": Refused(-1.0),
            "progress": CALLED,
        },
    ),
    "sample_batch": Walk(
        sample_batch,
        sample_batch,
        {"couplings": PAIRS, "fields": FIELDS, "num_reads": 4, "beta_schedule": [0.3, 1.0], "seed": 1},
        {
            "couplings": (*PAIRS[:2], -PAIRS[2]),
            "fields": -FIELDS,
            "num_reads": 5,
            "beta_schedule": [0.3, 1.0, 0.1],
            "initial_states": UP,
            "seed": 2,
            "num_threads": Refused(0),
            "problem_ids": [3, 2, 1, 0],
            "randomize_order": True,
            "proposal_acceptance_criteria": "Gibbs",
        },
    ),
    "sample_batch_quantum": Walk(
        sample_batch_quantum,
        sample_batch_quantum,
        {
            "couplings": PAIRS,
            "fields": FIELDS,
            "num_reads": 4,
            "beta": 2.0,
            "schedule": schedule.quantum_forward(4, 2.0),
            "seed": 1,
        },
        {
            "couplings": (*PAIRS[:2], -PAIRS[2]),
            "fields": -FIELDS,
            "num_reads": 5,
            "beta": 0.2,
            "schedule": schedule.quantum_forward(5, 9.0),
            "num_slices": 3,
            "initial_states": UP,
            "seed": 2,
            "num_threads": Refused(0),
            "problem_ids": [3, 2, 1, 0],
        },
    ),
    "correlations": Walk(
        ising_ep.correlations,
        ising_ep.correlations,
        {"samples": READS, "chains": PLAIN_CHAINS, "couplings": LOGICAL[:2], "seed": 1},
        {
            "samples": -READS[::2],
            "chains": OTHER_CHAINS,
            "couplings": ([0, 0], [1, 2]),
            "num_occurrences": np.arange(1, 41),
            "method": "discard",
            "seed": 2,
            "gauge": [1, 1, -1, -1, -1, 1],
            "fields": Beside([9.0, 9.0, 9.0], {"method": "minimize_energy", "couplings": LOGICAL}),
        },
    ),
    "effective_beta": Walk(
        ising_ep.effective_beta,
        ising_ep.effective_beta,
        {"states": STATES, "couplings": PAIRS, "fields": FIELDS[0]},
        {
            "states": -STATES,
            "couplings": (*PAIRS[:2], -PAIRS[2]),
            "fields": FIELDS[1],
            "num_occurrences": np.arange(1, 41),
        },
    ),
    "unembed": Walk(
        ising_ep.unembed,
        ising_ep.unembed,
        {"samples": READS, "chains": PLAIN_CHAINS, "seed": 1},
        {
            "samples": -READS,
            "chains": OTHER_CHAINS,
            "method": "discard",
            "seed": 2,
            "gauge": [1, 1, -1, -1, -1, 1],
            "couplings": LOGICAL,
            "fields": Beside([1.0, 2.0, 3.0], {"couplings": LOGICAL}),
        },
    ),
    "training.train": Walk(
        training.train,
        trained,
        {"config": config_of(), "dataset": DIGITS},
        {
            "config": config_of(seed=1),
            "dataset": datasets.load_digits(train_per_class=2, test_per_class=2, seed=1),
            "state": TrainState({k: v + 1 for k, v in trained(config_of())[0].items()}),
            "num_threads": Refused(0),
            "machine": Shouting(**SWEEPS),
            "network": FullyConnected(64, (5, 10), 10),
            "rule": Lazy,
            "scheduler": Refused(Nobody(), "nobody works"),
            "callbacks": Refused([print], "a callback is"),
            "folder": Refused(__file__, "is not an empty folder"),
        },
    ),
    "training.train_epoch": Walk(
        training.train_epoch,
        epoch,
        {"rule": RULE, "x": X, "y": Y, "batch_size": 3, "first_id": 0},
        {
            "rule": RULE.with_seed(1),
            "state": partial(begun, batch=1, images=3),
            "x": X + 1,
            "y": 1 - Y,
            "batch_size": 2,
            "first_id": 6,
            "weights": np.arange(6, dtype=np.float32),
            "decay": lambda done: 0.5,
            "augment": lambda x, rng: x + 1,
            "programming": Programming(bits=2),
            "on_batch": CALLED,
        },
    ),
    "training.end_epoch": Walk(
        training.end_epoch,
        ended,
        {"rule": RULE, "state": partial(begun, images=3, correct=1, squared_error=6.0)},
        {
            "rule": EquilibriumPropagation(FullyConnected(3, (5, 4), 2), AnnealingMachine()),
            "state": partial(begun, images=3, correct=2),
        },
    ),
    "training.evaluate": Walk(
        training.evaluate,
        partial(in_parts, training.evaluate),
        {
            "config": config_of(),
            "dataset": DIGITS,
            "parameters": trained(config_of())[0],
            "x": DIGITS.x_test,
            "y": DIGITS.y_test,
        },
        {
            "config": config_of(seed=1),
            "dataset": Refused(PATTERNS, "parameters have shapes"),
            "parameters": trained(config_of(seed=1))[0],
            "x": DIGITS.x_test[::-1],
            "y": DIGITS.y_test[::-1],
            "num_threads": Refused(0),
            "machine": Shouting(**SWEEPS),
            "batch_size": 2,
            "on_batch": CALLED,
        },
    ),
    "training.evaluation_batch": Walk(
        training.evaluation_batch, training.evaluation_batch, {"copies": 1}, {"copies": 3}
    ),
    "training.network_of": Walk(
        training.network_of,
        training.network_of,
        {"config": config_of(), "form": DIGITS},
        {
            "config": config_of(layers=(5, 10)),
            "form": Beside(PATTERNS, {"config": config_of(layers=(6, 20))}),
            "machine": DeterministicMachine(),
        },
    ),
    "training.learning_rule": Walk(
        training.learning_rule,
        lambda **given: vars(training.learning_rule(**given)),
        {"config": config_of(), "data": DIGITS},
        {
            "config": config_of(nudge=2.0),
            "data": Beside(PATTERNS, {"config": config_of(layers=(6, 20))}),
            "num_threads": 2,
            "parts": training.Parts(machine=Shouting()),
        },
    ),
    "training.augmentation": Walk(
        training.augmentation,
        lambda **given: repr(training.augmentation(**given)),
        {"config": config_of(shift=1), "dataset": DIGITS},
        {"config": config_of(shift=2), "dataset": PATTERNS},
    ),
    "training.free_outputs": Walk(
        training.free_outputs,
        partial(in_parts, training.free_outputs),
        {"rule": RULE, "parameters": PARAMETERS, "x": X, "ids": IDS},
        {
            "rule": RULE.with_seed(1),
            "parameters": {name: -value for name, value in PARAMETERS.items()},
            "x": X + 1,
            "ids": IDS + 9,
            "on_batch": CALLED,
            "batch_size": 2,
        },
    ),
    "training.classes": Walk(
        training.classes,
        training.classes,
        {"network": NETWORK, "outputs": np.array([[1, -1], [-1, 1]], np.float32)},
        {
            "network": Refused(FullyConnected(3, (3,), 3), "reshape"),
            "outputs": np.array([[-1, 1], [1, -1]], np.float32),
        },
    ),
    "training.probabilities": Walk(
        training.probabilities,
        training.probabilities,
        {"network": NETWORK, "outputs": np.array([[1, -1], [-1, 1]], np.float32)},
        {
            "network": Refused(FullyConnected(3, (3,), 3), "reshape"),
            "outputs": np.array([[-1, 1], [1, -1]], np.float32),
        },
    ),
    "EquilibriumPropagation": Walk(
        EquilibriumPropagation,
        learned,
        {"statistic": "average", "optimizer": SGD(0.1)},
        {
            "network": Refused(FullyConnected(3, (5, 2), 2, (0, 1)), "spins of 0 and 1"),
            "machine": Shouting(),
            "nudge": 2.0,
            "symmetric": True,
            "statistic": "lowest",
            "field_limit": 0.1,
            "seed": 1,
            "optimizer": Adam(0.1),
        },
    ),
    "SGD": Walk(
        SGD,
        lambda **given: learned(statistic="average", optimizer=SGD(**given)),
        {"learning_rate": 0.1},
        RATES_OF_KINDS,
    ),
    "Adam": Walk(
        Adam,
        lambda **given: learned(statistic="average", optimizer=Adam(**given)),
        {"learning_rate": 0.1},
        RATES_OF_KINDS,
    ),
    "Centred": Walk(
        Centred,
        lambda **given: learned(statistic="average", optimizer=Centred(**given)),
        {"optimizer": SGD(0.1), "centre": X.mean(axis=0)},
        {"optimizer": Adam(0.1), "centre": X.mean(axis=0) + 1, "scale": 0.5, "still": np.ones(3, bool)},
    ),
    "AnnealingMachine": Walk(
        AnnealingMachine,
        partial(annealed, AnnealingMachine),
        SWEEPS | {"beta_range": (0.1, 2.0)},
        {
            "num_reads": 4,
            "num_sweeps": 7,
            "beta_range": (0.1, 1.0),
            "reverse_fraction": 0.75,
            "num_threads": 2,
        },
    ),
    "DeterministicMachine": Walk(
        DeterministicMachine,
        partial(annealed, DeterministicMachine, FullyConnected(3, (5, 2), 2, levels=(0, 1))),
        {"free_steps": 1, "nudge_steps": 1},
        {"free_steps": 3, "nudge_steps": 9},
    ),
    "AnalogMachine": Walk(
        AnalogMachine,
        partial(annealed, AnalogMachine),
        {"num_reads": 4, "num_steps": 6, "noise_range": (0.8, 0.6)},
        {
            "num_reads": 5,
            "num_steps": 7,
            "gain": 0.1,
            "noise_range": (0.1, 0.9),
            "feedback": 0.1,
            "reverse_fraction": 0.75,
            "num_threads": 2,
        },
    ),
    "CoherentMachine": Walk(
        CoherentMachine,
        partial(annealed, CoherentMachine),
        {"num_reads": 4, "num_steps": 6, "noise_range": (0.8, 0.6)},
        {
            "num_reads": 5,
            "num_steps": 7,
            "gain": 0.1,
            "noise_range": (0.1, 0.9),
            "pump": 3.0,
            "reverse_fraction": 0.75,
            "num_threads": 2,
        },
    ),
    "OscillatorMachine": Walk(
        OscillatorMachine,
        partial(annealed, OscillatorMachine),
        {"num_reads": 9, "num_steps": 6, "noise_range": (0.8, 0.6)},
        {
            "num_reads": 5,
            "num_steps": 7,
            "gain": 0.1,
            "noise_range": (0.1, 0.9),
            "injection": 0.9,
            "reverse_fraction": 0.75,
            "num_threads": 2,
        },
    ),
    "ChipModel": Walk(
        ChipModel,
        on_chip,
        SMALL_MODEL,
        {
            "chip": Chip.perfect("pegasus", 2),
            "model": "quantum",
            "temperature": 200.0,
            "sweeps_per_us": 1.0,
            "scales": EnergyScales.named("advantage2_system1-fast"),
            "rate": 3.0,
            "errors": ChipErrors(field_noise=0.9),
            "num_slices": Beside(2, {"model": "quantum"}),
            "num_threads": 2,
        },
    ),
    "ChipSampler": Walk(
        ising_ep.ChipSampler,
        lambda model: ising_ep.ChipSampler(model).sample(ON_CHIP, num_reads=9, seed=1),
        {"model": ChipModel(CHIP, temperature=60.0)},
        {"model": ChipModel(CHIP, temperature=600.0)},
    ),
    "ChipSampler.sample": Walk(
        ising_ep.ChipSampler.sample,
        ising_ep.ChipSampler(ChipModel(CHIP, temperature=60.0)).sample,
        {"bqm": ON_CHIP, "num_reads": 9, "seed": 1},
        {
            "bqm": ON_CHIP * -1,
            "num_reads": 10,
            "annealing_time": 2.0,
            "anneal_schedule": [(0, 0), (2, 0.2), (9, 1)],
            "h_gain_schedule": [(0, -3), (20, -3)],
            "initial_state": Refused({q: 1 for q in ON_CHIP.variables}, "expected a reverse anneal"),
            "reinitialize_state": Refused(False, "reinitialize_state is False"),
            "auto_scale": False,
            "answer_mode": "histogram",
            "label": "a name",
            "seed": 2,
        },
    ),
    "ChipErrors": Walk(
        ChipErrors,
        lambda **errors: on_chip(errors=ChipErrors(**errors), **SMALL_MODEL),
        {"slope": 0.1},
        {
            "field_noise": 0.9,
            "coupling_noise": 0.9,
            "field_offset": 0.9,
            "coupling_offset": 0.9,
            "slope": 0.9,
            "susceptibility": 0.9,
            "readout_error": 0.2,
            "field_step": 0.9,
            "coupling_step": 0.9,
            "seed": 7,
        },
    ),
    "EmbeddedMachine": Walk(
        EmbeddedMachine,
        on_chip,
        SMALL_MODEL,
        {
            "annealer": Beside(
                ChipModel(CHIP, errors=ChipErrors(field_noise=0.9)), dict.fromkeys(SMALL_MODEL)
            ),
            "embedding": PLACES[1],
            "network": Refused(FullyConnected(3, (4, 2), 2), "chains"),
            "num_reads": 4,
            "chain_strength": 0.1,
            "annealing_time": 60.0,
            "reverse_fraction": 0.75,
            "gauges": True,
        },
    ),
    "SamplerMachine": Walk(
        SamplerMachine,
        by_sampler,
        {"sampler": ising_ep.SimulatedAnnealingSampler(), "num_reads": 4, "parameters": {"num_sweeps": 4}},
        {
            "sampler": Beside(dimod.RandomSampler(), {"parameters": None}),
            "num_reads": 5,
            "parameters": {"num_sweeps": 5},
            "nudge_parameters": {"num_sweeps": 5},
        },
    ),
    "SamplerAnnealer": Walk(
        SamplerAnnealer,
        lambda sampler, chip: on_chip(annealer=SamplerAnnealer(sampler, chip)),
        {"sampler": structured(ising_ep.SimulatedAnnealingSampler()), "chip": CHIP},
        {"sampler": structured(dimod.RandomSampler()), "chip": Refused(Chip.perfect("pegasus", 2), "")},
    ),
    "FullyConnected": Walk(
        FullyConnected,
        lambda **given: (
            FullyConnected(**given),
            FullyConnected(**given).initial_parameters(np.random.default_rng(0)),
        ),
        {"num_inputs": 3, "layers": (4, 2, 4), "num_classes": 2},
        {
            "num_inputs": 4,
            "layers": (3, 3, 4),
            "num_classes": 4,
            "levels": (0, 1),
            "bias_gain": 0.5,
            "skips": True,
        },
    ),
    "Convolutional": Walk(
        Convolutional,
        lambda **given: (Convolutional(**given).rows, Convolutional(**given).targets([1, 0])),
        {"image_shape": (3, 3), "num_classes": 2},
        {"image_shape": (3, 4), "num_classes": 3, "filters": 2, "spins_per_class": 1},
    ),
    "schedule.forward": Walk(
        schedule.forward,
        schedule.forward,
        {"num_sweeps": 5, "beta_range": (0.1, 1.0)},
        {"num_sweeps": 6, "beta_range": (0.1, 2.0)},
    ),
    "schedule.reverse": Walk(
        schedule.reverse,
        schedule.reverse,
        {"num_sweeps": 5, "beta_range": (0.1, 1.0)},
        {"num_sweeps": 6, "beta_range": (0.1, 2.0), "fraction": 0.75},
    ),
    "schedule.quantum_forward": Walk(
        schedule.quantum_forward,
        schedule.quantum_forward,
        {"num_sweeps": 5, "gamma": 1.0},
        {"num_sweeps": 6, "gamma": 2.0},
    ),
    "schedule.quantum_reverse": Walk(
        schedule.quantum_reverse,
        schedule.quantum_reverse,
        {"num_sweeps": 5, "gamma": 1.0},
        {"num_sweeps": 6, "gamma": 2.0, "fraction": 0.75},
    ),
    "decayed": Walk(
        decayed,
        decayed,
        {"decay": "cosine", "done": 1, "epochs": 4},
        {"decay": "constant", "done": 2, "epochs": 5},
    ),
    "augment.shifted": Walk(
        shifted,
        lambda rng=0, **given: shifted(rng=np.random.default_rng(rng), **given),
        {"images": DIGITS.x_train, "image_shape": (8, 8, 1), "most": 1},
        {"images": DIGITS.x_train + 1, "rng": 1, "image_shape": (4, 16, 1), "most": 2},
    ),
    "datasets.from_arrays": Walk(
        datasets.from_arrays,
        datasets.from_arrays,
        {"x_train": DIGITS.x_train, "y_train": DIGITS.y_train % 2},
        {
            "x_train": DIGITS.x_train + 1,
            "y_train": DIGITS.y_train % 2 + 1,
            "x_test": Beside(DIGITS.x_test + 1, {"x_test": DIGITS.x_test, "y_test": DIGITS.y_test % 2}),
            "y_test": Beside(1 - DIGITS.y_test % 2, {"x_test": DIGITS.x_test, "y_test": DIGITS.y_test % 2}),
            "name": "mine",
            "test_fraction": 0.5,
            "seed": 1,
            "classes": [1, 0],
        },
    ),
}

# Of functions that read files, which are made in a folder.
PER_CLASS = {"train_per_class": 1, "test_per_class": 1}
DATASETS: dict[str, Walk] = {
    f"datasets.{function.__name__}": Walk(function, partial(loaded, function), base, others)
    for function, base, others in (
        (
            datasets.load,
            {"name": "digits"},
            {"name": "mine.npz", "data_dir": Refused("idx")} | PER_CLASS,
        ),
        (datasets.load_digits, {}, {"seed": 1} | PER_CLASS),
        (datasets.load_mnist, {"data_dir": "idx"}, {"data_dir": "other"} | PER_CLASS),
        (datasets.load_patterns, {}, {}),
        (datasets.load_npz, {"path": "mine.npz"}, {"path": "other.npz"} | PER_CLASS),
        (
            datasets.load_images,
            {"path": "x.npy", "num_inputs": 6},
            {"path": "y.npy", "num_inputs": Refused(7, "expected 7")},
        ),
    )
}


def predicted(files: Path, path: str, **more: Any) -> Any:
    """What the model of a run predicts; the run is trained when it is first asked for."""
    if not (files / path).exists():
        training.train(config_of(seed=len(path)), DIGITS, folder=files / path)
    model = ising_ep.load(files / path, **more)
    return model.outputs(DIGITS.x_test), model.num_threads, type(model.rule)


def resumed(files: Path, folder: str, dataset: Any = DIGITS, **more: Any) -> Any:
    """What a run comes to that is begun for an epoch, and gone on with for another."""
    run = Path(tempfile.mkdtemp(dir=files)) / folder
    training.train(config_of(seed=len(folder)), DIGITS, folder=run)
    state = training.resume(run, dataset, **{"epochs": 2, **more})
    return state.parameters, state.predictions, vars(state.usage)


RESUME = Walk(
    training.resume,
    resumed,
    {"folder": "run", "dataset": DIGITS},
    {
        "folder": "another",
        "dataset": Refused(PATTERNS, "does not hold the images that the run in"),
        "epochs": 3,
        "num_threads": Refused(0),
        "machine": Shouting(**SWEEPS),
        "network": Refused(FullyConnected(64, (5, 10), 10), "parameters have shapes"),
        "rule": Lazy,
        "scheduler": Refused(Nobody(), "nobody works"),
        "callbacks": Refused([print], "expected an object of class Callback"),
    },
)
LOAD = Walk(
    ising_ep.load,
    predicted,
    {"path": "run"},
    {
        "path": "another",
        "network": Refused(FullyConnected(64, (5, 10), 10), "parameters have shapes"),
        "machine": Shouting(**SWEEPS),
        "rule": Lazy,
        "num_threads": 1,
    },
)
DATASETS |= {"load": LOAD, "training.load": LOAD, "training.resume": RESUME}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets, each in two versions."""
    folder: Path = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    for seed, (idx, npz, npy) in enumerate((("idx", "mine.npz", "x.npy"), ("other", "other.npz", "y.npy"))):
        images, labels = rng.integers(0, 256, (6, 2, 3), dtype=np.uint8), np.arange(6, dtype=np.uint8) % 2
        names = ("x_train", "y_train", "x_test", "y_test")
        np.savez(
            folder / npz, **dict(zip(names, (images, labels, images[seed:], labels[seed:]), strict=True))
        )
        np.save(folder / npy, images)
        (folder / idx).mkdir()
        for split in ("train", "t10k"):
            for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
                header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
                with gzip.open(folder / idx / f"{split}-{kind}-ubyte.gz", "wb") as file:
                    file.write(header + array.tobytes())
    return folder


# --- the walk -------------------------------------------------------------------------------------------


def parameters(function: Callable[..., Any]) -> set[str]:
    """The names of its parameters, but for what takes all others."""
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    return {p.name for p in inspect.signature(function).parameters.values() if p.kind not in kinds} - {"self"}


def functions(module: ModuleType) -> Iterator[str]:
    """Names of its public functions, those of the modules within it too."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if f"{function.__module__}.".startswith(f"{module.__name__}.") and not name.startswith("_"):
            yield name


ALL = WALKS | DATASETS


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_has_an_entry(name: str) -> None:
    assert parameters(ALL[name].signature) == ALL[name].others.keys()


def test_every_public_name_is_walked() -> None:
    others = {
        "__version__",
        *(name for name in ising_ep.__all__ if inspect.ismodule(getattr(ising_ep, name))),
    }
    classes = {
        "ChipSampler",
        "SimulatedAnnealingSampler",
        "ParallelTemperingSampler",
        "PathIntegralAnnealingSampler",
        "TabuSampler",
    }
    wanted = {
        f"{name}.sample" if name in classes else name for name in ising_ep.__all__ if name not in others
    }
    for module in (training, datasets, schedule):
        wanted |= {f"{module.__name__.removeprefix('ising_ep.')}.{name}" for name in functions(module)}
    assert wanted <= ALL.keys()


def as_plain(value: Any) -> Any:
    """The value as something that compares, whatever it is made of."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: as_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {
            each.name: as_plain(getattr(value, each.name)) for each in fields(value)
        }
    if isinstance(value, AnnealingMachine):
        return type(value).__name__, value.num_reads, value.num_threads
    return value


def outcome(walk: Walk, capsys: pytest.CaptureFixture[str], files: Path, **given: Any) -> Any:
    more = {"files": files} if walk in DATASETS.values() else {}
    capsys.readouterr()
    found = as_plain(walk.call(**more, **given))
    # What is printed is an outcome too; seconds differ each time.
    return found, [line.split(", seconds")[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.filterwarnings("ignore:training accuracy")
@pytest.mark.parametrize(("name", "parameter"), [(name, each) for name in ALL for each in ALL[name].others])
def test_another_value_makes_another_outcome(
    name: str, parameter: str, capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    walk = ALL[name]
    base, other = walk.base, walk.others[parameter]
    if isinstance(other, Refused):
        with pytest.raises((ValueError, TypeError), match=parameter if other.text is None else other.text):
            outcome(walk, capsys, files, **base | {parameter: other.value})
        return
    if isinstance(other, Beside):
        taken = {name: value for name, value in (base | other.keywords).items() if value is not None}
        base, other = taken, other.value
    if other is CALLED:
        calls = []
        outcome(walk, capsys, files, **base | {parameter: lambda *found: calls.append(found)})
        assert calls
        return
    before = outcome(walk, capsys, files, **base)
    assert outcome(walk, capsys, files, **base) == before  # chance is no cause
    assert outcome(walk, capsys, files, **base | {parameter: other}) != before


def number_of(other: Any) -> bool:
    """Tells whether another value of a parameter is a number."""
    value = other.value if isinstance(other, Refused | Beside) else other
    return isinstance(value, int | float) and not isinstance(value, bool)


# Numbers of helpers, which others have checked before, and keywords of dwave-samplers that may be 1 alone.
UNCHECKED = {
    *(("augment.shifted", each) for each in ("most", "rng")),
    *(("decayed", each) for each in ("done", "epochs")),
    ("schedule.forward", "num_sweeps"),
    *(("schedule.reverse", each) for each in ("num_sweeps", "fraction")),
    *(("schedule.quantum_forward", each) for each in ("num_sweeps", "gamma")),
    *(("schedule.quantum_reverse", each) for each in ("num_sweeps", "gamma", "fraction")),
    ("training.evaluation_batch", "copies"),
    ("training.train_epoch", "first_id"),
    *(
        ("PathIntegralAnnealingSampler.sample", each)
        for each in ("chain_coupler_strength", "qubits_per_chain", "qubits_per_update")
    ),
}


@pytest.mark.filterwarnings("ignore:training accuracy")
@pytest.mark.parametrize("value", [True, np.True_], ids=["Python's", "numpy's"])
@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (name, each)
        for name in ALL
        for each, other in ALL[name].others.items()
        if number_of(other) and (name, each) not in UNCHECKED
    ],
)
def test_a_truth_value_is_no_number(
    name: str, parameter: str, value: Any, capsys: pytest.CaptureFixture[str], files: Path
) -> None:
    walk, other = ALL[name], ALL[name].others[parameter]
    base = walk.base | (other.keywords if isinstance(other, Beside) else {})
    given = {name: each for name, each in base.items() if each is not None} | {parameter: value}
    with pytest.raises((TypeError, ValueError)):
        outcome(walk, capsys, files, **given)


# --- the settings of a run, on every machine ------------------------------------------------------------

TINY = {"dataset": "digits", "layers": (6, 10), "epochs": 1, "batch_size": 4, "num_reads": 3}
PER_MACHINE: dict[str, dict[str, Any]] = {
    "annealing": {"num_sweeps": 6},
    "deterministic": {"num_reads": None},
    "mean-field": {"num_reads": None, "num_sweeps": 6},
    "analog": {"num_steps": 6},
    "coherent": {"num_steps": 6},
    "oscillator": {"num_steps": 6},
    "chip": {"num_sweeps": 20, "chip": "chimera:4", "chip_missing": 0.1, "copies": 1},
}
SETTINGS: dict[str, Any] = {
    "layers": (7, 10),
    "epochs": 2,
    "batch_size": 5,
    "num_reads": 4,
    "num_sweeps": 33,
    "nudge": 0.5,
    "symmetric": True,
    "learning_rate": 0.3,
    "bias_learning_rate": 0.3,
    "coupling_learning_rate": 0.3,
    "optimizer": "adam",
    "decay": "cosine",
    "weight_decay": 0.5,
    "weight_bits": 3,
    "weight_noise": 0.1,
    "centre": True,
    "standardise": True,
    "mean_field_epochs": 1,
    "shift": 1,
    "flip": True,
    "test_reads": 9,
    "reverse_fraction": 0.75,
    "beta_range": (0.1, 1.0),
    "statistic": "lowest",
    "field_limit": 0.1,
    "seed": 1,
    "free_steps": 1,
    "nudge_steps": 1,
    "nudge_sweeps": 1,
    "num_steps": 7,
    "gain": 0.1,
    "noise_range": (0.1, 0.9),
    "chip": "chimera:5",
    "chip_missing": 0.05,
    "chip_seed": 5,
    "chip_model": "quantum",
    "chip_schedule": "advantage2_system1-fast",
    "chip_temperature": 150.0,
    "chip_rate": 3.0,
    "chip_noise": (0.9, 0.9),
    "chip_offsets": (0.9, 0.9),
    "chip_slope": 0.9,
    "chip_susceptibility": 0.9,
    "chip_readout_error": 0.2,
    "chain_strength": 0.1,
    "gauges": True,
    "annealing_time": 60.0,
    "copies": 2,
}
# Those that say which images, and what the images are learned with.
ELSEWHERE = {
    "dataset", "data_dir", "train_per_class", "test_per_class", "network", "machine", "embedding"
}  # fmt: skip
# Those of a network of three layers or more.
OF_DEPTH: dict[str, Any] = {"skips": True}
# Those of the network of filters.
OF_FILTERS: dict[str, Any] = {"filters": (2,), "kernels": (2,), "strides": (1,), "gains": (1.0,)}
# Those of the first epochs of means.
OF_MEANS: dict[str, Any] = {
    "mean_field_nudge": 0.1, "mean_field_beta": 0.1, "mean_field_sweeps": (2, 1), "mean_field_rate": 0.1
}  # fmt: skip


def test_every_setting_has_an_entry() -> None:
    elsewhere = ELSEWHERE | OF_DEPTH.keys() | OF_FILTERS.keys() | OF_MEANS.keys()
    assert DEFAULTS_OF_ALL.keys() == SETTINGS.keys() | elsewhere


@pytest.mark.filterwarnings("ignore:training accuracy")
@pytest.mark.parametrize("setting", OF_DEPTH)
def test_every_setting_of_depth_counts(setting: str) -> None:
    outcomes = [
        as_plain(trained(settings_of("annealing", layers=(6, 4, 10), **changes)))
        for changes in ({}, {setting: OF_DEPTH[setting]})
    ]
    assert outcomes[0] != outcomes[1]


@pytest.mark.filterwarnings("ignore:training accuracy")
@pytest.mark.parametrize("setting", OF_FILTERS)
def test_every_setting_of_filters_counts(setting: str) -> None:
    network = {
        "network": "deep-convolutional",
        "filters": (3,),
        "kernels": (4,),
        "strides": (2,),
        "layers": (10,),
    }
    outcomes = [
        as_plain(trained(settings_of("annealing", **network | changes)))
        for changes in ({}, {setting: OF_FILTERS[setting]})
    ]
    assert outcomes[0] != outcomes[1]


@pytest.mark.filterwarnings("ignore:training accuracy")
@pytest.mark.parametrize("setting", OF_MEANS)
def test_every_setting_of_first_means_counts(setting: str) -> None:
    outcomes = [
        as_plain(trained(settings_of("annealing", mean_field_epochs=1, epochs=2, **changes)))
        for changes in ({}, {setting: OF_MEANS[setting]})
    ]
    assert outcomes[0] != outcomes[1]


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return {machine: as_plain(trained(settings_of(machine))) for machine in PER_MACHINE}


def of_machine(machine: str) -> list[str]:
    """Settings that the machine lacks."""
    return [name for name, why in lacking({"machine": machine}).items() if why.startswith("machine ")]


def settings_of(machine: str, **changes: Any) -> TrainConfig:
    return TrainConfig.checked(TINY | {"machine": machine} | PER_MACHINE[machine] | changes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:training accuracy", "ignore:chip_temperature")
@pytest.mark.parametrize(("machine", "setting"), [(m, name) for m in PER_MACHINE for name in SETTINGS])
def test_every_setting_counts_on_every_machine_or_is_refused(
    usual: dict[str, Any], machine: str, setting: str
) -> None:
    if setting in of_machine(machine):
        value = DEFAULTS_OF_ALL[setting]
        for given in (SETTINGS[setting], value):
            if given is not None:
                with pytest.raises(ValueError, match=rf"^{setting} is .*, but machine {machine} has"):
                    settings_of(machine, **{setting: given})
        return
    changes = {setting: SETTINGS[setting]}
    if setting in ("decay", "mean_field_epochs"):
        changes["epochs"] = 2
        wanted = as_plain(trained(settings_of(machine, epochs=2)))
    else:
        wanted = usual[machine]
    assert as_plain(trained(settings_of(machine, **changes))) != wanted


@pytest.mark.parametrize("machine", ["qpu", *PER_MACHINE])
def test_a_default_that_is_given_is_refused_where_it_means_nothing(machine: str) -> None:
    for setting in of_machine(machine):
        value = DEFAULTS_OF_ALL[setting]
        if value is not None:
            for make in (TrainConfig, TrainConfig.checked):
                settings: Any = {"machine": machine, setting: value}
                with pytest.raises(ValueError, match=f"{setting} is .*, but machine {machine} has"):
                    make(**settings) if make is TrainConfig else make(settings)


# No error of the chip stays.
PERFECT: dict[str, Any] = {"chip_offsets": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (CONVOLUTIONAL | {"layers": (8, 4)}, "layers is (8, 4), but network convolutional"),
        (
            CONVOLUTIONAL | {"bias_learning_rate": 0.001},
            "bias_learning_rate is 0.001, but network convolutional",
        ),
        (CONVOLUTIONAL | {"centre": True}, "no centre"),
        (CONVOLUTIONAL | {"shift": 1}, "no shift"),
        ({"standardise": True, "centre": True}, "centre is True, but standardise centres images too"),
        ({"mean_field_nudge": 1.0}, "mean_field_nudge is 1.0, but mean_field_epochs is 0"),
        ({"mean_field_beta": 1.0}, "mean_field_beta is 1.0, but mean_field_epochs is 0"),
        ({"mean_field_sweeps": (2, 1)}, "mean_field_sweeps is (2, 1), but mean_field_epochs is 0"),
        ({"mean_field_rate": 2.0}, "mean_field_rate is 2.0, but mean_field_epochs is 0"),
        (CONVOLUTIONAL | {"flip": True}, "no mirror images"),
        ({"layers": (10,), "coupling_learning_rate": 0.01}, "(10,) have no weights between spins"),
        ({"layers": (6, 10), "skips": True}, "skips is True, but layers (6, 10) have no layer to skip"),
        ({"machine": "chip", "copies": 2, "embedding": "e.json"}, "copies is 2, but the file e.json"),
        ({"machine": "chip", "chip_missing": 0, "chip_seed": 0} | PERFECT, "chip_seed is 0, but no qubits"),
        (
            {"machine": "chip", "chip": "solver.json", "chip_seed": 7} | PERFECT,
            "chip_seed is 7, but no qubits",
        ),
    ],
)
def test_settings_that_others_leave_without_effect_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        TrainConfig.checked(settings)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_the_settings_of_images_and_kinds_count(tmp_path: Path) -> None:
    names = ("dataset", "train_per_class", "test_per_class")
    first, *others = (
        datasets.load(**{"name" if k == "dataset" else k: getattr(config_of(**given), k) for k in names})
        for given in (
            {},
            {"dataset": "patterns", "layers": (6, 4)},
            {"train_per_class": 3},
            {"test_per_class": 3},
        )
    )
    assert len({first.fingerprint(), *(other.fingerprint() for other in others)}) == 4
    with pytest.raises(ValueError, match=r"data_dir .*: expected for"):
        datasets.load("digits", data_dir=config_of(data_dir=str(tmp_path)).data_dir)
    networks = [training.network_of(TrainConfig.checked(CONVOLUTIONAL | {"network": n}), PATTERNS) for n in
                ("layers", "convolutional")]  # fmt: skip
    assert [type(network) for network in networks] == [FullyConnected, Convolutional]
    runs = [as_plain(trained(settings_of(machine))) for machine in PER_MACHINE]
    assert all(run not in runs[:k] for k, run in enumerate(runs))


def test_an_embedding_that_is_given_is_taken(tmp_path: Path) -> None:
    config = settings_of("chip", chip_missing=0.0)
    network = training.network_of(config, DIGITS)
    places = embed(network, Chip.perfect("chimera", 4), copies=1, method="minorminer", seed=3, cache=False)
    places.save(tmp_path / "e.json")
    given = settings_of("chip", chip_missing=0.0, copies=None, embedding=str(tmp_path / "e.json"))
    machine = training.learning_rule(given, DIGITS).machine
    assert machine.embedding.chains == places.chains
    assert as_plain(trained(given)) != as_plain(trained(config))
