"""Trained models: they predict from images alone, and are saved and loaded without a pickle."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

import ising_ep
from ising_ep import EPClassifier, cli, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation
from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected
from ising_ep.training.run_folder import CONFIG
from support.callbacks import calling
from support.problems import energies_of

DIGITS = datasets.load_digits(train_per_class=8, test_per_class=4)
SMALL = {
    "layers": (12, 20),
    "epochs": 2,
    "batch_size": 8,
    "num_reads": 3,
    "num_sweeps": 15,
    "learning_rate": 0.02,
}


def config_of(**settings):
    return TrainConfig.checked({"dataset": "digits", **SMALL, **settings})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder that training wrote, and the state it came to."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, training.train(config_of(test_reads=5), DIGITS, folder=folder)


def ising_ep_command(*arguments):
    return CliRunner().invoke(cli.main, list(map(str, arguments)))


def test_a_run_is_loaded_and_predicts_as_in_its_test(run):
    folder, state = run
    model = ising_ep.load(folder)
    assert model.predict(DIGITS.x_test).tolist() == state.predictions
    assert state.labels == DIGITS.y_test.tolist()
    found = model.evaluate(DIGITS.x_test, DIGITS.y_test)
    assert found.accuracy == state.history[-1]["test_accuracy"]
    assert found.loss == state.history[-1]["test_loss"]
    images = DIGITS.x_test.reshape(-1, 8, 8)
    np.testing.assert_array_equal(model.outputs(images), model.outputs(DIGITS.x_test))


def test_probabilities_are_shares_of_spins(run):
    folder, _ = run
    model = ising_ep.load(folder)
    found = model.predict_proba(DIGITS.x_test)
    outputs = model.outputs(DIGITS.x_test).reshape(-1, 10, 2)
    shares = (1 + outputs.mean(axis=2, dtype=np.float64)) / 2
    np.testing.assert_allclose(found, softmax(np.log(shares + 0.01), axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found.argmax(axis=1), model.predict(DIGITS.x_test))


def test_states_and_energies_are_those_of_the_network(run):
    folder, _ = run
    model = ising_ep.load(folder)
    answer = model.sample(DIGITS.x_test)
    assert answer.states.shape == (len(DIGITS.x_test), 5, 32)
    fields = np.clip(model.network.fields(model.parameters, DIGITS.x_test), -4, 4)
    wanted = energies_of(model.network.couplings(model.parameters), fields, answer.states)
    np.testing.assert_allclose(answer.energies, wanted, atol=1e-3)
    outputs = answer.states[:, :, model.network.outputs].mean(axis=1)
    np.testing.assert_allclose(outputs, model.outputs(DIGITS.x_test), atol=1e-6)


def test_a_file_anywhere_is_the_same_model(run, tmp_path):
    folder, _ = run
    model = ising_ep.load(folder)
    model.save(tmp_path / "model.safetensors")
    again = ising_ep.load(tmp_path / "model.safetensors", num_threads=1)
    assert again.config == model.config
    np.testing.assert_array_equal(again.outputs(DIGITS.x_test), model.outputs(DIGITS.x_test))


@pytest.mark.slow
def test_a_viewer_of_the_file_reads_what_its_arrays_are(run, tmp_path):
    ising_ep.load(run[0]).save(tmp_path / "model.safetensors")
    with safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        said = {key: text for key, text in file.metadata().items() if key.startswith("array ")}
        assert said.keys() == {f"array {name}" for name in file.keys()}  # noqa: SIM118
    assert said["array W0"] == "weight of an input, from the input to s1"
    assert said["array W1"] == "coupling, from s1 to s2"
    assert said["array b1"] == "bias, of s2"


def test_predict_and_plot_read_no_data_set(tmp_path, monkeypatch):
    """A run on an .npz file that is gone (CASES 3, number 3)."""
    monkeypatch.chdir(tmp_path)
    arrays = {name: getattr(DIGITS, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez("mine.npz", **arrays)
    settings = ("--layers", "12,20", "--epochs", 1, "--num-reads", 3, "--num-sweeps", 15)
    done = ising_ep_command("train", "--dataset", "mine.npz", *settings, "--out", "run")
    assert done.exit_code == 0, done.output
    Path("mine.npz").unlink()
    np.save("images.npy", DIGITS.x_test)
    plain = ising_ep_command("predict", "run", "images.npy")
    assert plain.exit_code == 0, plain.output
    labels = [int(line.split(",")[1]) for line in plain.output.splitlines()[1:]]
    assert labels == ising_ep.load("run").predict(DIGITS.x_test).tolist()
    both = ising_ep_command("predict", "run", "images.npy", "--probabilities")
    header, *rows = [line.split(",") for line in both.output.splitlines()]
    assert header == ["image", "label", *(f"p{k}" for k in range(10))]
    np.testing.assert_allclose(
        np.array(rows, float)[:, 2:], ising_ep.load("run").predict_proba(DIGITS.x_test), atol=5e-5
    )
    drawn = ising_ep_command("plot", "run", "--out", "pictures")
    assert drawn.exit_code == 0, drawn.output
    assert Path("pictures/confusion.png").exists()
    other = ising_ep_command("evaluate", "run", "--dataset", "digits")
    assert "180 test images" in other.output, other.output
    own = ising_ep_command("evaluate", "run")
    assert (own.exit_code, own.output.count("\n")) == (2, 1)
    assert "mine.npz" in own.output


def test_classes_keep_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = np.array(["zero", "one", "two, or more"])
    few = DIGITS.y_test < 3
    x, y = DIGITS.x_test[few], DIGITS.y_test[few]
    named = datasets.from_arrays(x, names[y], x, names[y])
    training.train(config_of(layers=(12, 6), epochs=1), named, folder="run")
    np.save("images.npy", x)
    header, *rows = csv.reader(
        ising_ep_command("predict", "run", "images.npy", "--probabilities").output.splitlines()
    )
    assert header[2:] == ["pone", "ptwo, or more", "pzero"]
    model = ising_ep.load("run")
    assert model.data.classes == ("one", "two, or more", "zero")
    assert [row[1] for row in rows] == [model.data.classes[k] for k in model.predict(x)]
    # In this file class 0 is another than in the run.
    np.savez("numbers.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    refused = ising_ep_command("evaluate", "run", "--dataset", "numbers.npz")
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "(0, 1, 2) as labels, but the run was trained on ('one'" in refused.output


@pytest.mark.slow
def test_a_folder_of_the_format_before_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ising_ep_command("train", "--dataset", "patterns", "--epochs", 1, "--out", "run")
    assert done.exit_code == 0, done.output
    content = json.loads(Path("run", CONFIG).read_text())
    for name in ("format", "num_inputs", "num_classes", "image_shape", "given"):
        del content[name]
    Path("run", CONFIG).write_text(json.dumps(content))
    np.save("images.npy", datasets.load_patterns().x_test)
    refused = ising_ep_command("predict", "run", "images.npy")
    assert refused.exit_code == 2
    assert "format 1" in refused.output
    assert "ising-ep train --resume run" in refused.output
    assert ising_ep_command("train", "--resume", "run").exit_code == 0
    assert ising_ep_command("predict", "run", "images.npy").exit_code == 0


def test_a_folder_of_a_later_format_is_refused(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    content = json.loads((tmp_path / "run" / CONFIG).read_text())
    (tmp_path / "run" / CONFIG).write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(ValueError, match="its format is 99, expected at most 2: it is of a later version"):
        ising_ep.load(tmp_path / "run")


class Halved(EquilibriumPropagation):
    """Half of the gradient."""

    def compare(self, *given):
        gradient, outputs = super().compare(*given)
        return {name: value / 2 for name, value in gradient.items()}, outputs


def test_parts_of_ones_own_are_asked_and_recorded(tmp_path):
    """A network, a machine and a rule in place of those of the settings: all three are used, and named."""
    network = FullyConnected(64, (5, 10), 10)
    machine = AnnealingMachine(num_reads=2, num_sweeps=7)
    config = config_of(statistic="average")
    given = {"network": network, "machine": machine, "rule": Halved}
    state = training.train(config, DIGITS, **given, folder=tmp_path / "run")
    halved = {name: getattr(config, name) / 2 for name in ("learning_rate", "bias_learning_rate")}
    wanted = training.train(
        config_of(statistic="average", layers=(5, 10), num_reads=2, num_sweeps=7, **halved), DIGITS
    )
    for name, value in wanted.parameters.items():
        np.testing.assert_allclose(state.parameters[name], value, atol=1e-6)
    recorded = json.loads((tmp_path / "run" / CONFIG).read_text())["given"]
    assert recorded.keys() == {"network", "machine", "rule"}
    assert "FullyConnected(num_inputs=64, layers=(5, 10)" in recorded["network"]
    assert recorded["rule"].endswith("test_trained.Halved")
    for missing in given:
        with pytest.raises(ValueError, match=f"was trained with a {missing} of its own"):
            ising_ep.load(tmp_path / "run", **{k: v for k, v in given.items() if k != missing})
    model = ising_ep.load(tmp_path / "run", **given)
    assert model.predict(DIGITS.x_test).tolist() == state.predictions
    refused = ising_ep_command("evaluate", tmp_path / "run")
    assert refused.exit_code == 2
    assert "was trained with a network of its own" in refused.output


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((2, 63)), r"x has shape \(2, 63\), expected \(n, 64\)"),
        (np.zeros((0, 64)), "not empty"),
        (np.zeros(64), r"x has shape \(64,\), expected \(images, pixels\)"),
        (np.full((1, 64), np.nan), "expected finite float32"),
        (np.array([["a"] * 64]), "expected uint8, booleans or floats"),
        (np.ones((1, 64), dtype=int), "x holds int64, expected uint8, booleans or floats"),
        (np.full((1, 64), 255.0), "root mean square 255, expected about 1 and at most 5"),
        (np.ma.masked_less(np.eye(64), 1), "x has 4032 masked values"),
    ],
)
def test_what_is_no_image_is_refused(run, x, text):
    with pytest.raises(ValueError, match=text):
        ising_ep.load(run[0]).predict(x)


def pixels_of(images):
    """Images of 0..16 as bytes, whose 255th parts they then are."""
    return np.round(images * 255).astype(np.uint8)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "outputs", "sample"])
def test_pixels_are_scaled_as_those_of_a_data_set(run, ask):
    """What a data set makes of bytes and booleans is what a loaded model makes of them, and a classifier."""
    model, classifier = ising_ep.load(run[0]), EPClassifier.load(run[0])
    pixels = pixels_of(DIGITS.x_test).reshape(-1, 8, 8)
    for images in (pixels, pixels > 127):
        known = datasets.from_arrays(images, DIGITS.y_test, images, DIGITS.y_test).x_test
        found, wanted = getattr(model, ask)(images), getattr(model, ask)(known)
        np.testing.assert_equal(
            vars(found) if ask == "sample" else found, vars(wanted) if ask == "sample" else wanted
        )
        np.testing.assert_array_equal(classifier.predict_proba(images), classifier.predict_proba(known))
    with pytest.raises(ValueError, match="root mean square"):
        getattr(model, ask)(pixels.astype(float))
    with pytest.raises(ValueError, match="X holds values up to 255 with root mean square"):
        classifier.predict(pixels.astype(float))


def test_a_run_made_a_classifier_of_images_until_it_is_fitted_anew(run, tmp_path):
    model, pixels = EPClassifier.load(run[0]), pixels_of(DIGITS.x_test)
    model.save(tmp_path / "file")
    again = EPClassifier.load(tmp_path / "file", machine=AnnealingMachine(num_reads=5, num_sweeps=15))
    np.testing.assert_array_equal(again.predict(pixels), again.predict(pixels.astype(np.float32) / 255))
    on = [EPClassifier.load(run[0]).partial_fit(x, DIGITS.y_test) for x in (pixels, np.float32(pixels) / 255)]
    for name, value in on[0].parameters_.items():
        np.testing.assert_array_equal(value, on[1].parameters_[name])
    with pytest.warns(UserWarning, match="X has root mean square"):  # features, which are taken as they are
        anew = model.fit(pixels.astype(float) - 100, DIGITS.y_test)
    assert anew.predict(pixels.astype(float)).shape == DIGITS.y_test.shape


def test_classes_are_whole_numbers_of_any_type(run):
    model = ising_ep.load(run[0])
    x, y = DIGITS.x_test, DIGITS.y_test
    wanted = model.evaluate(x, y)
    assert model.evaluate(x, y.astype(float)).accuracy == wanted.accuracy
    ones = y < 2
    assert model.evaluate(x[ones], y[ones] == 1).accuracy == model.evaluate(x[ones], y[ones]).accuracy
    for wrong, text in (
        (y + 0.5, r"y holds \d\.5, expected whole numbers"),
        (y.astype(str), r"y is <U21 of shape \(40,\), expected classes 0 to 9"),
        (y + 1, "y holds 1 to 10, expected classes 0 to 9"),
        (None, "y is object"),
    ):
        with pytest.raises(ValueError, match=text):
            model.evaluate(x, wrong)


def test_damaged_and_foreign_files_are_refused(run, tmp_path):
    file = tmp_path / "model.safetensors"
    ising_ep.load(run[0]).save(file)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="its numbers are not those that were saved"):
        ising_ep.load(file)
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ValueError, match="is not a model that was saved"):
        ising_ep.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError, match="no such file or run folder"):
        ising_ep.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="it holds 'Trained', expected 'EPClassifier'"):
        ising_ep.load(run[0]).save(file) or EPClassifier.load(file)


def test_a_callback_that_is_none_is_named():
    with pytest.raises(TypeError, match=r"a callback is <function .*, expected an object of class Callback"):
        training.train(config_of(), DIGITS, callbacks=[lambda state: None])


def test_callbacks_are_called_in_order():
    seen = []
    first, second = (calling(on_epoch=lambda state, k=k: seen.append((k, state.epoch)))[0] for k in range(2))
    training.train(config_of(), DIGITS, callbacks=[first, second])
    assert seen == [(0, 1), (1, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize("labels", ["words", "numbers", "booleans"])
def test_a_classifier_is_saved_and_goes_on(labels, tmp_path):
    """The loaded one predicts as the saved one, and learns on to the same bits."""
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    y = {"words": np.array(["a", "b", "c"])[y], "numbers": y + 7, "booleans": y > 0}[labels]
    model = EPClassifier((6,), max_iter=2, optimizer="adam", warm_start=True, random_state=3).fit(x, y)
    model.save(tmp_path / "iris.safetensors")
    again = EPClassifier.load(tmp_path / "iris.safetensors")
    assert again.get_params() == model.get_params() | {"hidden_layer_sizes": [6], "beta_range": [0.3, 4.0]}
    assert again.temperature_ == model.temperature_
    assert again.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    np.testing.assert_array_equal(again.fit(x, y).predict_proba(x), model.fit(x, y).predict_proba(x))
    assert again.history_[-1]["epoch"] == model.history_[-1]["epoch"] == 4


def test_a_classifier_is_made_of_a_run(run):
    folder, _ = run
    model = EPClassifier.load(folder)
    trained = ising_ep.load(folder)
    assert model.score(DIGITS.x_train, DIGITS.y_train) == pytest.approx(
        trained.evaluate(DIGITS.x_train, DIGITS.y_train).accuracy, abs=0.15
    )
    for name, value in trained.parameters.items():
        np.testing.assert_array_equal(model.parameters_[name], value)


def test_a_machine_of_its_own_is_given_again(tmp_path):
    x, y = load_iris(return_X_y=True)
    machine = AnnealingMachine(num_reads=3, num_sweeps=9)
    model = EPClassifier((4,), max_iter=1, machine=machine, random_state=0).fit(x / 5, y)
    model.save(tmp_path / "iris")
    with pytest.raises(ValueError, match="was trained with a machine of its own"):
        EPClassifier.load(tmp_path / "iris")
    again = EPClassifier.load(tmp_path / "iris", machine=AnnealingMachine(num_reads=3, num_sweeps=9))
    np.testing.assert_array_equal(again.predict(x / 5), model.predict(x / 5))
