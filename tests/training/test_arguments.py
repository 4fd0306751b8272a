"""Arguments of another type than the functions for users take: a line that names what was given."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import ising_ep
from ising_ep import datasets, training
from ising_ep.config import PARTS, TrainConfig, preset
from ising_ep.learning import SGD
from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected
from ising_ep.settings.refusals import has_text, has_truth_value
from support.settings import DEFAULTS_OF_ALL

PATTERNS = datasets.load_patterns()
CONFIG = TrainConfig.checked({"dataset": "patterns", "epochs": 1})
STATE = training.train(CONFIG, PATTERNS)
# Settings of which any text may be one; those with few names refuse others.
TEXTS = {"dataset", "data_dir", "chip", "chip_schedule", "embedding"}
MODEL = training.Trained(CONFIG, PATTERNS, STATE.parameters)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"config": {}}, "config is {}, expected an object of class TrainConfig"),
        ({"config": TrainConfig}, "config is the class TrainConfig itself, expected an object of it"),
        ({"dataset": "digits"}, "dataset is 'digits', expected an object of class Dataset"),
        ({"state": {}}, "state is {}, expected an object of class TrainState"),
        (
            {"state": training.TrainState(None)},
            "parameters of the state is None, expected arrays by their names",
        ),
        ({"state": training.TrainState(STATE.parameters, batch=500)}, "images is 0, expected those of 500"),
        ({"network": "net"}, "network is 'net', expected an object of class Network"),
        ({"network": FullyConnected}, "network is the class FullyConnected itself"),
        ({"network": []}, "network is [], expected"),
        ({"machine": "chip"}, "machine is 'chip', expected an object of class Machine"),
        ({"machine": AnnealingMachine}, "machine is the class AnnealingMachine itself, expected an object"),
        ({"rule": 5}, "rule is 5, expected a function"),
        ({"rule": lambda **given: None}, "the rule that was made is a NoneType, which lacks network"),
        ({"rule": lambda **given: SGD}, "the rule that was made is a type, which lacks network"),
        ({"scheduler": "tcp://127.0.0.1"}, "scheduler is 'tcp://127.0.0.1', expected a client"),
        ({"callbacks": 5}, "callbacks is 5, expected a list"),
        ({"callbacks": training.Callback()}, "callbacks is <"),
        ({"callbacks": [training.Callback]}, "a callback is the class Callback itself"),
    ],
)
def test_arguments_of_training(tmp_path, arguments, text):
    with pytest.raises((TypeError, ValueError), match=re.escape(text)) as error:
        training.train(**{"config": CONFIG, "dataset": PATTERNS, "folder": tmp_path / "run"} | arguments)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ising_ep.load("run", network="n"), "network is 'n', expected"),
        (lambda: ising_ep.load("run", machine="chip"), "machine is 'chip', expected"),
        (lambda: ising_ep.load("run", rule="ep"), "rule is 'ep', expected a function"),
        (lambda: datasets.load(5), "name is 5, expected the name of a data set"),
        (lambda: datasets.load(None), "name is None, expected"),
        (lambda: datasets.load("digits", train_per_class=1.5), "train_per_class is 1.5, expected an integer"),
        (lambda: MODEL.outputs(PATTERNS.x_test, batch_size=0), "batch_size is 0, expected an integer >= 1"),
        (lambda: MODEL.outputs(PATTERNS.x_test, batch_size=-1), "batch_size is -1, expected an integer >= 1"),
        (lambda: MODEL.outputs(PATTERNS.x_test, batch_size=1.5), "batch_size is 1.5, expected an integer"),
        (lambda: TrainConfig.checked(5), "settings are 5, expected a mapping"),
        (lambda: TrainConfig.recorded(None), "settings are None, expected a mapping"),
        (lambda: TrainConfig(layers=12), "layers is 12, expected a tuple or list of numbers"),
        (lambda: TrainConfig(machine="oscillator", num_steps=-1), "num_steps is -1, expected a number >= 1"),
        (
            lambda: TrainConfig(nudge="x", epochs=0),
            "epochs is 0, expected a number >= 1; nudge is 'x', expected a number",
        ),
        (lambda: TrainConfig(gain=1), "gain is 1, but machine annealing has no such setting"),
        (lambda: TrainConfig(epoch=1), "epoch is 1, but there is no such setting; did you mean epochs?"),
        (lambda: TrainConfig.checked({"epoch": None}), "epoch is None, but there is no such setting"),
        (lambda: TrainConfig(network_settings={}), "network_settings is {}, but there is no such setting"),
        (lambda: TrainConfig(layers=np.zeros((30, 30))), "layers.0 is array([0., 0., 0."),
        (lambda: preset(5), "5"),
    ],
)
def test_arguments_elsewhere(call, text):
    with pytest.raises((TypeError, ValueError), match=re.escape(text)) as error:
        call()
    assert "\n" not in str(error.value)
    assert "https" not in str(error.value)


@pytest.mark.parametrize("name", sorted(DEFAULTS_OF_ALL))
@pytest.mark.parametrize(
    "value",
    [
        *(True, np.True_, -1, 1e99, math.nan, {}, [], [True, 2], [1] * 40, object()),
        *("x", "", "1", "0.5", "true", b"1", [0, "x"], ["1", "2"], [1, 2, "3"], ("0.5", "0.5")),
    ],
)
def test_a_wrong_value_of_a_setting_is_refused_in_our_words(name, value):
    """And a truth value is taken where there is one alone, and a text where there is a text."""
    parts = {part: own[-1] for part, registry in PARTS.items() if (own := registry.having(name))}
    try:
        TrainConfig.checked(parts | {name: value})
    except ValueError as error:
        line = str(error)
        assert "\n" not in line
        assert not re.search("Input|Tuple|String|Extra|Field|should|valid", line)
    else:
        assert isinstance(DEFAULTS_OF_ALL[name], bool) or not has_truth_value(value)
        assert name in TEXTS or not has_text(value)


def test_a_path_is_a_data_set(tmp_path):
    arrays = {name: getattr(PATTERNS, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(tmp_path / "mine.npz", **arrays)
    found = datasets.load(Path(tmp_path / "mine.npz"))
    assert found.fingerprint() == datasets.load(str(tmp_path / "mine.npz")).fingerprint()
