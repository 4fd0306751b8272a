"""Damaged and hostile files of models and runs: one line that names the file and what is wrong."""

import json
import re
import shutil

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

import ising_ep
from ising_ep import EPClassifier, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.deterministic import DeterministicMachine
from ising_ep.network import FullyConnected
from ising_ep.training.checkpoint import array_digest
from ising_ep.training.run_folder import CONFIG

PATTERNS = datasets.load_patterns()
CONFIG_OF_RUN = TrainConfig.checked({"dataset": "patterns", "epochs": 1})
X, Y = np.eye(8, dtype=np.float32), np.array(["a", "b"] * 4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    training.train(CONFIG_OF_RUN, PATTERNS, folder=folder)
    return folder


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    """The file of a trained model."""
    file = tmp_path_factory.mktemp("files") / "model"
    ising_ep.load(run).save(file)
    return file


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """The file of a classifier that learned with Adam."""
    file = tmp_path_factory.mktemp("files") / "classifier"
    EPClassifier((4,), max_iter=2, optimizer="adam", random_state=0).fit(X, Y).save(file)
    return file


def changed(file, to, change, arrays=lambda found: found):
    """A copy of a model's file with another content, whose checksum is right again."""
    with safe_open(file, framework="numpy") as tensors:
        metadata = tensors.metadata()
        found = arrays({name: tensors.get_tensor(name) for name in tensors.keys()})  # noqa: SIM118
    content = json.loads(metadata["content"])
    change_of = change(content)
    text = json.dumps(content if change_of is None else change_of)
    metadata |= {"content": text, "sha256": array_digest(found, text)}
    to.write_bytes(save(found, metadata=metadata))
    return to


def assert_refused(load, path, part):
    with pytest.raises(ValueError, match=re.escape(part)) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert text.isprintable()
    assert len(text) < 600


def of(key, **values):
    return lambda content: content[key].update(values)


def at_top(**values):
    return lambda content: content.update(values)


GIVEN = [
    ({"foo": "x"}, "given names a part 'foo'"),
    ({"check": "x"}, "given names a part 'check'"),
    ({"network": "a\x1b[2J\n" * 1000}, "was trained with a network of its own, a\\x1b[2J a"),
    ({"rule": 5}, "given is {'rule': 5}"),
    (None, "given is None"),
]


@pytest.mark.parametrize(("given", "part"), GIVEN)
def test_words_for_parts_of_ones_own(run, model, classifier, tmp_path, given, part):
    shutil.copytree(run, tmp_path / "run")
    settings = json.loads((run / CONFIG).read_text())
    (tmp_path / "run" / CONFIG).write_text(json.dumps(settings | {"given": given}))
    assert_refused(ising_ep.load, tmp_path / "run", part)
    assert_refused(ising_ep.load, changed(model, tmp_path / "file", at_top(given=given)), part)
    part = "was trained with a network of its own" if "network of its own" in part else part
    assert_refused(EPClassifier.load, tmp_path / "run", part)
    assert_refused(EPClassifier.load, changed(classifier, tmp_path / "file", at_top(given=given)), part)


@pytest.mark.parametrize("shape", [5, "abc", [], [3, 3], [3, 3, 2], [3.0, 3, 1], False, {"3": 3}])
def test_shapes_of_images(run, model, tmp_path, shape):
    shutil.copytree(run, tmp_path / "run")
    settings = json.loads((run / CONFIG).read_text())
    (tmp_path / "run" / CONFIG).write_text(json.dumps(settings | {"image_shape": shape}))
    assert_refused(ising_ep.load, tmp_path / "run", "image_shape")
    assert_refused(
        ising_ep.load, changed(model, tmp_path / "file", of("data", image_shape=shape)), "image_shape"
    )


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda content: [1], "its content is [1], expected an object"),
        (lambda content: "null", "its content is 'null'"),
        (lambda content: content.pop("config") and None, "it lacks 'config'"),
        (at_top(config=None), "settings are None, expected a mapping"),
        (at_top(config=[]), "settings are [], expected a mapping"),
        (at_top(config="a"), "settings are 'a', expected a mapping"),
        (of("config", layers=[10, 5]), "the output layer has 5 spins"),
        (of("config", layers=[5, 4]), "parameters have shapes"),
        (at_top(data=[]), "the record of its data is []"),
    ],
)
def test_content_of_a_model(model, tmp_path, change, part):
    assert_refused(ising_ep.load, changed(model, tmp_path / "file", change), part)


@pytest.mark.parametrize("load", [ising_ep.load, EPClassifier.load])
def test_files_that_are_no_models(model, classifier, tmp_path, load):
    file = tmp_path / "file"
    with safe_open(model if load is ising_ep.load else classifier, framework="numpy") as tensors:
        metadata = tensors.metadata()
        del metadata["content"]
        file.write_bytes(save({name: tensors.get_tensor(name) for name in tensors.keys()}, metadata))  # noqa: SIM118
    assert_refused(load, file, "it lacks 'content'")
    assert_refused(load, "/dev/null", "is a device, expected a file or a run folder")


def without(prefix):
    return lambda arrays: {name: value for name, value in arrays.items() if not name.startswith(prefix)}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (of("classes", dtype="|i1", values=[1, 300]), "its labels are [1, 300] of type '|i1'"),
        (of("classes", dtype="V3"), "its labels are"),
        (of("classes", dtype="no type"), "its labels are"),
        (of("classes", values=["b", "a"]), "its labels are ['b', 'a']"),
        (of("classes", values=["a", "a"]), "its labels are ['a', 'a']"),
        (of("classes", values=["a", "b", "c"]), "expected a multiple of the 3 classes"),
        (of("classes", values=["a", ["b"]]), "its labels are ['a', ['b']]"),
        (of("counts", _seed=float("inf")), "counts._seed is inf"),
        (of("counts", _seed=-5), "counts._seed is -5"),
        (of("counts", _seed=2**70), "counts._seed is 1180591620717411303424"),
        (of("counts", t_=2**80), "counts.t_ is 1208925819614629174706176"),
        (of("counts", n_features_in_=9), "parameters have shapes"),
        (of("counts", _updates=-1), "counts._updates is -1"),
        (of("counts", n_iter_=3), "expected a row for each of 3 epochs"),
        (at_top(layers=[float("inf"), 8]), "layers.0 is inf"),
        (at_top(layers=[-6, 8]), "layers.0 is -6"),
        (at_top(layers=[2**70, 8]), "layers.0 is 1180591620717411303424"),
        (at_top(history=[1, 2]), "history.0 is 1"),
        (at_top(history={"a": 1}), "history is {'a': 1}"),
        (at_top(history=[{"epoch": 1}, {"epoch": 2}]), "history is"),
        (at_top(features=["a", "b"]), "features are ['a', 'b'], expected names of 8"),
        (at_top(features=5), "features is 5"),
        (of("settings", nudge="x"), "nudge"),
        (of("settings", foo="x"), "foo"),
        (at_top(settings=None), "settings is None"),
    ],
)
def test_content_of_a_classifier(classifier, tmp_path, change, part):
    assert_refused(EPClassifier.load, changed(classifier, tmp_path / "file", change), part)


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        (without("memory/v"), "its optimizer remembers ['m'], expected"),
        (without("memory/v/W0"), "parameters have shapes"),
        (lambda arrays: arrays | {"memory/m/W0": arrays["W1"]}, "parameters have shapes"),
        (lambda arrays: arrays | {"memory/q/W0": arrays["W0"]}, "its optimizer remembers ['m', 'q', 'v']"),
    ],
)
def test_memory_of_a_classifiers_optimizer(classifier, tmp_path, arrays, part):
    file = changed(classifier, tmp_path / "file", lambda content: None, arrays)
    assert_refused(EPClassifier.load, file, part)


def test_labels_take_the_room_of_the_longest(classifier, tmp_path):
    """A type of two gigabytes a label would fill the memory as soon as something is predicted."""
    file = changed(classifier, tmp_path / "file", of("classes", dtype="<U500000000"))
    assert EPClassifier.load(file).predict(X).dtype == np.dtype("<U1")


@pytest.mark.parametrize("machine", ["chip", AnnealingMachine, DeterministicMachine(), object()])
def test_a_wrong_machine_is_not_the_files_fault(run, classifier, machine):
    for path in (run, classifier):
        with pytest.raises((TypeError, ValueError), match=r"^machine ") as caught:
            EPClassifier.load(path, machine=machine)
        assert str(path) not in str(caught.value)


def test_who_takes_the_parts_is_said(tmp_path):
    machine = AnnealingMachine(num_reads=3, num_sweeps=9)
    EPClassifier((4,), max_iter=1, machine=machine, random_state=0).fit(X, Y).save(tmp_path / "file")
    training.train(CONFIG_OF_RUN, PATTERNS, machine=machine, folder=tmp_path / "run")
    for path in (tmp_path / "file", tmp_path / "run"):
        with pytest.raises(
            ValueError, match=f"^{path} was trained .* give it to EPClassifier.load as machine="
        ):
            EPClassifier.load(path)
    with pytest.raises(ValueError, match=r"give it to ising_ep\.load as machine="):
        ising_ep.load(tmp_path / "run")
    training.train(CONFIG_OF_RUN, PATTERNS, network=FullyConnected(9, (4,), 2), folder=tmp_path / "net")
    with pytest.raises(ValueError, match=r"was trained with a network of its own; take ising_ep\.load"):
        EPClassifier.load(tmp_path / "net", machine=machine)


def test_a_network_that_does_not_fit_is_not_the_runs_fault(tmp_path):
    """The advice to remove the checkpoint would cost the run."""
    network = FullyConnected(9, (4,), 2)
    training.train(CONFIG_OF_RUN, PATTERNS, network=network, folder=tmp_path / "run")
    with pytest.raises(ValueError, match=r"^parameters have shapes"):
        ising_ep.load(tmp_path / "run", network=FullyConnected(9, (6,), 2))


def of_earlier_version(content):
    """What a version without these settings wrote."""
    for name in ("coupling_learning_rate", "decay", "test_reads", "beta_range", "initial_bias"):
        del content["settings"][name]
    del content["settings"]["calibration_folds"], content["temperature"]


EARLIER = {
    "coupling_learning_rate": None,
    "decay": "constant",
    "test_reads": None,
    "beta_range": (0.5, 20.0),
    "initial_bias": 0.0,
    "calibration_folds": 0,
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("hidden", [(4,), ()])
def test_a_classifier_of_an_earlier_version_is_what_it_was(hidden, early_stopping, tmp_path):
    settings = EARLIER | {"max_iter": 2, "statistic": "average", "random_state": 0, "warm_start": True}
    if early_stopping:
        settings |= {"early_stopping": True, "validation_fraction": 0.5}
    model = EPClassifier(hidden, **settings).fit(X, Y)
    model.save(tmp_path / "file")
    again = EPClassifier.load(changed(tmp_path / "file", tmp_path / "earlier", of_earlier_version))
    assert again.get_params() == model.get_params() | {"hidden_layer_sizes": list(hidden)}
    for _ in range(2):
        np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
        again.fit(X, Y)
        model.fit(X, Y)


def test_a_machine_brings_its_own_settings_to_a_classifier_of_a_file(tmp_path):
    EPClassifier((4,), max_iter=1, num_reads=7, test_reads=None, random_state=0).fit(X, Y).save(
        tmp_path / "file"
    )
    machine = AnnealingMachine(num_reads=3, num_sweeps=9, num_threads=1)
    model = EPClassifier.load(tmp_path / "file", machine=machine)
    assert model.fit(X, Y).n_iter_ == 1


@pytest.mark.parametrize("temperature", [0, -1.0, "1", None, float("nan")])
def test_a_temperature_that_is_none_is_refused(classifier, tmp_path, temperature):
    file = changed(classifier, tmp_path / "file", at_top(temperature=temperature))
    assert_refused(EPClassifier.load, file, "temperature")


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "config.json", "Metrics.csv", "curves.png"])
def test_a_model_never_takes_the_place_of_a_runs_file(run, classifier, name):
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    for model in (ising_ep.load(run), EPClassifier.load(classifier)):
        with pytest.raises(ValueError, match=f"{name} is the name of a file of the run"):
            model.save(run / name)
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before
