"""The scikit-learn face: scikit-learn's own checks, the trainer's bits behind it, and that it learns."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine, make_circles
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ising_ep import EPClassifier, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.deterministic import DeterministicMachine

SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (12,),
    "max_iter": 3,
    "num_reads": 3,
    "num_sweeps": 15,
    "random_state": 5,
}
# Plain steps at a constant rate, as the paper takes them.
PLAIN: dict[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "bias_learning_rate": 0.05,
    "coupling_learning_rate": None,
    "decay": "constant",
}
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "an image given twice is annealed twice, with other"
    " random numbers and another place in the order of images; one of weight 2 is annealed once",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:X has root mean square")  # many of the checks' data do
@parametrize_with_checks(
    [
        EPClassifier(hidden_layer_sizes=(20,), max_iter=5, num_reads=3, num_sweeps=20),
        EPClassifier(
            hidden_layer_sizes=(20,),
            max_iter=10,
            num_reads=3,
            num_sweeps=20,
            optimizer="sgd",
            learning_rate=0.05,
            bias_learning_rate=0.05,
            coupling_learning_rate=None,
            statistic="average",
        ),
    ],
    expected_failed_checks=lambda _: EXPECTED,
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def small(**changes: Any) -> EPClassifier:
    return EPClassifier(**(SMALL | changes))


@pytest.fixture(scope="module")
def wine() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(x), y


def same(first: EPClassifier, second: EPClassifier) -> bool:
    assert first.parameters_.keys() == second.parameters_.keys()
    return all(np.array_equal(first.parameters_[k], second.parameters_[k]) for k in first.parameters_)


@pytest.mark.parametrize(
    ("statistic", "symmetric", "optimizer", "decay"),
    [
        ("average", False, "sgd", "constant"),
        ("lowest", False, "sgd", "constant"),
        ("average", True, "sgd", "cosine"),
        ("conditional", True, "adam", "cosine"),
    ],
)
def test_it_is_the_trainer_of_run_folders(statistic, symmetric, optimizer, decay):
    digits = datasets.load_digits(train_per_class=4, test_per_class=3)
    settings = {"batch_size": 7, "num_reads": 3, "num_sweeps": 15, "statistic": statistic, "nudge": 3.0}
    settings |= {"symmetric": symmetric, "optimizer": optimizer, "decay": decay, "beta_range": (0.4, 8.0)}
    rates = {"learning_rate": 0.02, "bias_learning_rate": 0.01, "coupling_learning_rate": 0.005}
    config = TrainConfig(layers=(12, 20), epochs=3, seed=5, **settings, **rates)
    state = training.train(config, digits)
    model = small(spins_per_class=2, initial_bias=0, **settings, **rates).fit(digits.x_train, digits.y_train)
    assert model.n_iter_ == 3
    for name, value in state.parameters.items():
        np.testing.assert_array_equal(model.parameters_[name], value)
    assert [row["train_loss"] for row in state.history] == model.loss_curve_
    np.testing.assert_array_equal(model.coefs_[1], state.parameters["W1"])
    np.testing.assert_array_equal(model.intercepts_[0], state.parameters["b0"])


def test_one_seed_gives_the_same_bits_on_any_number_of_threads(wine):
    first = small().fit(*wine)
    for model in (small(), small(n_jobs=2), small(n_jobs=-1)):
        assert same(first, model.fit(*wine))
        np.testing.assert_array_equal(first.predict_proba(wine[0]), model.predict_proba(wine[0]))
    assert same(first, small(machine=machine(num_threads=3)).fit(*wine))
    assert not same(first, small(random_state=6).fit(*wine))
    seeded = [small(random_state=np.random.RandomState(1)).fit(*wine) for _ in range(2)]
    assert same(*seeded)


def machine(**changes: Any) -> AnnealingMachine:
    given = {"num_reads": SMALL["num_reads"], "num_sweeps": SMALL["num_sweeps"], "beta_range": (0.3, 4.0)}
    return AnnealingMachine(**given | changes)


def test_a_machine_of_its_own_predicts_with_its_own_reads(wine):
    own = small(machine=machine(num_threads=1)).fit(*wine)
    same_reads = small(test_reads=None, calibration_folds=0).fit(*wine)
    np.testing.assert_array_equal(own.predict_proba(wine[0]), same_reads.predict_proba(wine[0]))
    more = same_reads.set_params(test_reads=40)
    assert not np.array_equal(own.predict_proba(wine[0]), more.predict_proba(wine[0]))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("statistic", ["average", "lowest"])
def test_probabilities_are_shares_of_spins_that_are_up(wine, classes, statistic):
    x, y = (part[wine[1] < classes] for part in wine)
    model = small(statistic=statistic, max_iter=1, test_reads=None, calibration_folds=0).fit(x, y)
    proba = model.predict_proba(x)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba > 0).all()
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(x))

    # Annealed here, read by read.
    p = model.parameters_
    fields = np.concatenate([x @ p["W0"] + p["b0"], np.tile(p["b1"], (len(x), 1))], axis=1)
    hidden, outputs = p["W1"].shape
    pairs = np.indices((hidden, outputs)).reshape(2, -1)
    reads = machine().sample(
        (pairs[0], pairs[1] + hidden, p["W1"].ravel().astype(np.float64)),
        np.clip(fields, -4, 4).astype(np.float32),
        seed=5 ^ training.EVALUATION_SEED,
        problem_ids=np.zeros(len(x), dtype=np.uint32),
    )
    states = reads.states if statistic == "average" else reads.lowest()[:, None]
    up = (states[:, :, hidden:] == 1).reshape(len(x), -1, classes, 4).mean(axis=(1, 3))
    wanted = (up + 0.01) / (up + 0.01).sum(axis=1, keepdims=True)
    # Fields that were summed in another order may flip a spin that is on the edge.
    agree = np.isclose(proba, wanted, atol=1e-6).all(axis=1)
    assert agree.mean() > 0.97
    decision = model.decision_function(x)
    logs = np.log(up + 0.01)
    np.testing.assert_allclose(
        decision[agree], (logs if classes > 2 else logs[:, 1] - logs[:, 0])[agree], atol=1e-4
    )


def test_of_two_classes_the_surer_decision_is_the_likelier(wine):
    # The share of a class, f_1 / (f_0 + f_1), falls while f_1 - f_0 rises: one must follow from the other.
    x, y = (part[wine[1] < 2] for part in wine)
    for seed in range(5):
        model = small(max_iter=1, random_state=seed).fit(x[::3], y[::3])
        order = np.argsort(model.decision_function(x))
        assert (np.diff(model.predict_proba(x)[order, 1]) >= 0).all()


def test_a_prediction_depends_on_the_row_alone(wine):
    x, y = wine
    model = small().fit(x, y)
    whole = model.predict_proba(x)
    np.testing.assert_array_equal(model.predict_proba(x[::-1])[::-1], whole)
    np.testing.assert_array_equal(
        np.concatenate([model.predict_proba(x[k : k + 1]) for k in range(9)]), whole[:9]
    )


STEPS = [PLAIN, {"decay": "constant", "learning_rate": 0.01, "weight_decay": 0.1}]


@pytest.mark.parametrize("steps", STEPS)
def test_partial_fits_are_epochs(wine, steps):
    x, y = wine
    model = small(**steps)
    for k in range(3):
        model.partial_fit(x, y, classes=[0, 1, 2] if k == 0 else None)
    assert same(model, small(max_iter=3, **steps).fit(x, y))
    assert (model.n_iter_, model.t_, len(model.history_)) == (3, 3 * len(x), 3)


def test_a_stream_of_parts_learns_every_class(wine):
    """The classes come one after the other: the first parts hold one class each."""
    x, y = wine
    model = small(num_reads=5)
    for _ in range(5):
        for label in (2, 0, 1):
            model.partial_fit(x[y == label][:40], y[y == label][:40], classes=[0, 1, 2])
    rest = np.concatenate([np.flatnonzero(y == label)[40:] for label in range(3)])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.t_ == 5 * 120
    assert len(np.unique(model.predict(x[rest]))) == 3


def test_partial_fit_wants_the_classes_it_was_given(wine):
    x, y = wine
    with pytest.raises(ValueError, match="classes is None, expected all classes"):
        small().partial_fit(x, y)
    model = small().partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes are \[0 1\], expected those of the first call"):
        model.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y holds label .*7.*, expected one of classes_"):
        model.partial_fit(x, np.where(y == 2, 7, y))
    with pytest.raises(ValueError, match=r"layers \(12, 12\).*ask for \(9, 12\)"):
        model.set_params(hidden_layer_sizes=(9,)).partial_fit(x, y)


@pytest.mark.parametrize("steps", STEPS)
def test_a_warm_start_goes_on_to_the_same_bits(wine, steps):
    model = small(max_iter=1, warm_start=True, **steps).fit(*wine)
    model.set_params(max_iter=2).fit(*wine)
    assert model.n_iter_ == 3
    whole = small(max_iter=3, **steps).fit(*wine)
    assert same(model, whole)
    assert model.temperature_ == whole.temperature_
    assert same(model.set_params(warm_start=False).fit(*wine), small(max_iter=2, **steps).fit(*wine))


@pytest.mark.parametrize(
    "names", [["gin", "ale", "wine"], [7, -3, 40], [2.0, 0.0, 1.0], np.array(["b", "c", "a"], dtype=object)]
)
def test_any_labels(wine, names):
    x, y = wine
    names = np.asarray(names)
    model = small().fit(x, names[y])
    np.testing.assert_array_equal(model.classes_, np.sort(names))
    # The same classes by number, in the order of their names.
    numbers = small().fit(x, np.argsort(np.argsort(names))[y])
    assert same(model, numbers)
    np.testing.assert_array_equal(model.predict(x), model.classes_[numbers.predict(x)])
    assert model.score(x, names[y]) > 0.8


def test_data_frames(wine):
    x, y = wine
    frame = pd.DataFrame(x, columns=[f"c{k}" for k in range(x.shape[1])])
    model = small().fit(frame, pd.Series(y).map({0: "a", 1: "b", 2: "c"}))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert same(model, small().fit(x, y))
    assert pd.DataFrame(model.history_)["epoch"].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[frame.columns[::-1]])


def test_early_stopping_stops_and_keeps_the_best(wine):
    settings = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3} | PLAIN
    model = small(max_iter=100, **settings).fit(*wine)
    accuracies = [row["validation_accuracy"] for row in model.history_]
    assert model.n_iter_ == len(accuracies) < 100
    best = int(np.argmax(accuracies))
    assert len(accuracies) - 1 - best >= 3
    assert same(model, small(max_iter=best + 1, **settings).fit(*wine))
    assert not same(model, small(max_iter=len(accuracies)).fit(*wine))
    held_back = len(wine[0]) - model.t_ // model.n_iter_
    assert held_back == np.ceil(0.3 * len(wine[0]))


def test_images_of_weight_0_are_left_out(wine):
    x, y = wine
    weights = np.ones(len(x))
    weights[::3] = 0
    kept = weights > 0
    assert same(small().fit(x, y, sample_weight=weights), small().fit(x[kept], y[kept]))
    with pytest.raises(ValueError, match="all of one class"):
        small().fit(x, y, sample_weight=y == 1)
    # Newer versions of scikit-learn refuse it themselves.
    with pytest.raises(ValueError, match=r"0 everywhere|non-zero"):
        small().fit(x, y, sample_weight=np.zeros(len(x)))


def test_a_weight_multiplies_the_step(wine):
    x, y = wine
    rates = {"learning_rate": 0.02, "bias_learning_rate": 0.01}
    double = PLAIN | {name: 2 * rate for name, rate in rates.items()}
    rates = PLAIN | rates
    weighted = small(**rates).fit(x, y, sample_weight=np.full(len(x), 2.0))
    assert same(weighted, small(**double).fit(x, y))
    assert same(
        weighted.partial_fit(x, y, sample_weight=np.full(len(x), 2.0)), small(max_iter=4, **double).fit(x, y)
    )


@pytest.mark.parametrize("symmetric", [False, True])
def test_weights_of_a_batch_sum_contrasts(symmetric):
    """Against the formula of the docstring, image by image."""
    x, y = load_iris(return_X_y=True)
    x, y = StandardScaler().fit_transform(x)[::5], y[::5]
    weights = np.random.default_rng(3).choice([0.5, 1.0, 1.7], len(x))
    settings = PLAIN | {"batch_size": len(x), "max_iter": 1, "learning_rate": 0.01}
    settings |= {"symmetric": symmetric, "nudge": 5.0, "statistic": "average"}
    model = small(**settings).fit(x, y, sample_weight=weights)
    rule = model._rule()
    begin = rule.network.initial_parameters(np.random.default_rng([5, 0]))
    order = np.random.default_rng([5, 1, 0]).permutation(len(x))
    x32, target = x.astype(np.float32)[order], rule.network.targets(y)[order]
    ids = np.arange(len(x), dtype=np.uint32)
    _, first, second = rule.phases(begin, x32, target, ids)
    pairs = [(s.states.astype(np.float64), sign) for s, sign in ((second, -1), (first, 1))]
    apart = 10.0 if symmetric else 5.0
    wanted = begin["W1"].astype(np.float64)
    for states, sign in pairs:
        for image, weight in enumerate(weights[order]):
            correlation = states[image, :, :12].T @ states[image, :, 12:] / 3
            wanted += sign * weight * 0.01 / apart / len(x) * correlation
    np.testing.assert_allclose(model.parameters_["W1"], wanted, atol=1e-6)


@pytest.mark.slow
def test_pipelines_searches_pickles_clones(wine, tmp_path):
    x, y = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), small(max_iter=6))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.85
    grid = {"epclassifier__hidden_layer_sizes": [(6,), (12,)], "epclassifier__max_iter": np.array([1, 4])}
    searches = [GridSearchCV(model, grid, cv=2, n_jobs=n).fit(x, y) for n in (1, 2)]
    first, second = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(first, second)

    fitted = model.fit(x, y)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(copy.predict_proba(x), fitted.predict_proba(x))
    again = clone(fitted)
    with pytest.raises(NotFittedError):
        again[-1].predict(wine[0])
    assert same(again.fit(x, y)[-1], fitted[-1])
    assert fitted.score(x, y) > 0.9


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (7.5,)}, r"hidden_layer_sizes is \(7\.5,\), expected an integer >= 1"),
        ({"hidden_layer_sizes": ("7",)}, "hidden_layer_sizes is"),
        ({"hidden_layer_sizes": (True,)}, "hidden_layer_sizes is"),
        ({"hidden_layer_sizes": [[3, 4]]}, r"hidden_layer_sizes is \[\[3, 4\]\]"),
        ({"hidden_layer_sizes": (10**12,)}, "hidden_layer_sizes is"),
        ({"spins_per_class": 0}, "spins_per_class"),
        ({"max_iter": 0}, "max_iter"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": np.inf}, "learning_rate"),
        ({"bias_learning_rate": -1}, "bias_learning_rate"),
        ({"nudge": 0}, "nudge"),
        ({"nudge": 1e-9}, "learning rate over nudge"),
        ({"coupling_learning_rate": 0}, "coupling_learning_rate"),
        ({"decay": "linear"}, "decay"),
        ({"test_reads": 0}, "test_reads"),
        ({"beta_range": (4.0, 0.3)}, r"beta_range is \(4\.0, 0\.3\), expected two numbers, 0 < hot <= cold"),
        ({"beta_range": (1.0,)}, "beta_range is"),
        ({"beta_range": ("1", "2")}, "beta_range is"),
        ({"beta_range": (1.0, np.inf)}, "beta_range is"),
        ({"initial_bias": 1.5}, "initial_bias"),
        ({"initial_bias": -0.1}, "initial_bias"),
        ({"calibration_folds": -1}, "calibration_folds"),
        ({"symmetric": "both"}, "symmetric"),
        ({"num_reads": 0}, "num_reads"),
        ({"num_sweeps": 0}, "num_sweeps"),
        ({"statistic": "median"}, "statistic"),
        ({"machine": "qpu"}, "machine"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_settings_that_are_wrong_are_named(wine, changes, text):
    with pytest.raises(ValueError, match=text) as error:
        small(**changes).fit(*wine)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"machine": AnnealingMachine(num_reads=4), "num_sweeps": 50}, "num_reads is 3, but the machine has"),
        ({"machine": machine(num_threads=1), "n_jobs": 2}, "n_jobs is 2, but the machine has"),
        ({"machine": machine(), "test_reads": 7}, "test_reads is 7, but the machine has its own"),
        ({"machine": machine(), "beta_range": (0.5, 4.0)}, "beta_range is .*, but the machine has its own"),
        ({"hidden_layer_sizes": (), "coupling_learning_rate": 0.1}, "no weights between spins"),
        (
            {"early_stopping": True, "calibration_folds": 3},
            "calibration_folds is 3, but early_stopping is True",
        ),
        ({"tol": 0.1}, "tol is 0.1, but early_stopping is False"),
        ({"validation_fraction": 0.3}, "validation_fraction is 0.3, but early_stopping is False"),
        ({"n_iter_no_change": 2}, "n_iter_no_change is 2, but early_stopping is False"),
    ],
)
def test_settings_that_others_leave_without_effect_are_refused(wine, changes, text):
    with pytest.raises(ValueError, match=text):
        small(**changes).fit(*wine)


def test_a_machine_of_neurons_is_refused(wine):
    with pytest.raises(ValueError, match="has neurons of 0 and 1, expected spins of -1 and 1"):
        EPClassifier((4,), machine=DeterministicMachine()).fit(*wine)


def test_partial_fit_does_not_stop_early(wine):
    with pytest.raises(ValueError, match="early_stopping is True, which partial_fit does not do"):
        small(early_stopping=True).partial_fit(*wine, classes=[0, 1, 2])


def test_features_out_of_scale_are_warned_of(wine, recwarn):
    small(max_iter=1).fit(*wine)
    assert not recwarn
    with pytest.warns(UserWarning, match=r"root mean square .*, expected about 1") as caught:
        small(max_iter=1).fit(*load_wine(return_X_y=True))
    assert caught[0].filename == __file__


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [(), 20, (20, 16), np.array([16])])
def test_layers(wine, hidden):
    model = small(hidden_layer_sizes=hidden, max_iter=10).fit(*wine)
    assert [len(b) for b in model.intercepts_] == [*np.atleast_1d(hidden).astype(int), 12]
    assert model.score(*wine) > 0.8


@pytest.mark.slow
def test_verbose_prints_a_line_an_epoch(wine, capsys):
    small(verbose=True, early_stopping=True).fit(*wine)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1, train_accuracy 0.")
    assert "validation_accuracy" in lines[0]
    small().fit(*wine)
    assert capsys.readouterr().out == ""


def test_rates_fall_over_the_epochs_of_a_fit(wine):
    """A warm start begins at the full rate again, and so does every `partial_fit`."""
    step = {"optimizer": "sgd", "batch_size": len(wine[0]), "max_iter": 50, "calibration_folds": 0}
    falling, constant = (small(decay=decay, **step).fit(*wine) for decay in ("cosine", "constant"))
    assert not same(falling, constant)
    falling.set_params(warm_start=True, max_iter=1).fit(*wine)
    # The one update of an epoch of all images is at the full rate.
    other = pickle.loads(pickle.dumps(falling))
    assert same(falling.fit(*wine), other.partial_fit(*wine))


def test_initial_biases_spread_over_their_range(wine):
    for bias in (0, 0.4):
        model = small(hidden_layer_sizes=(200,), initial_bias=bias).fit(*wine)
        begin = model._network().initial_parameters(np.random.default_rng([5, 0]))
        # Uniform: of 200 the largest lies within 5 % of the bound but for 4e-5 of seeds.
        assert 0.95 * bias <= np.abs(begin["b0"]).max() <= bias
        assert not begin["b1"].any()


@pytest.mark.slow
def test_classes_around_one_centre_are_learned():
    x, y = make_circles(400, noise=0.12, factor=0.5, random_state=0)
    x = StandardScaler().fit_transform(x)
    model = EPClassifier(calibration_folds=0, random_state=0).fit(x[::2], y[::2])
    assert model.score(x[1::2], y[1::2]) > 0.9


def test_calibration_makes_held_out_classes_likelier():
    """Noise for features: what fits it is sure of itself, and right by chance."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 40)), rng.integers(2, size=120)
    sure = EPClassifier((20,), max_iter=10, calibration_folds=0, random_state=0).fit(x[:60], y[:60])
    model = EPClassifier((20,), max_iter=10, random_state=0).fit(x[:60], y[:60])
    assert sure.temperature_ == 1 < model.temperature_
    assert same(sure, model)
    np.testing.assert_array_equal(sure.predict(x), model.predict(x))
    np.testing.assert_allclose(
        sure.decision_function(x), model.temperature_ * model.decision_function(x), rtol=1e-12
    )
    losses = [log_loss(y[60:], each.predict_proba(x[60:])) for each in (sure, model)]
    assert losses[1] < losses[0]


def test_images_that_are_held_back_calibrate(wine):
    model = small(early_stopping=True, validation_fraction=0.3, max_iter=20).fit(*wine)
    assert model.temperature_ != 1
    once = model.temperature_
    bare = small(early_stopping=True, validation_fraction=0.3, max_iter=20, calibration_folds=0).fit(*wine)
    assert same(bare, model)
    assert bare.temperature_ == 1
    model.set_params(early_stopping=False, validation_fraction=0.1).partial_fit(*wine)
    assert model.temperature_ == once


def test_a_class_of_one_image_is_calibrated_too():
    x, y = np.arange(5.0)[:, None] - 2, np.array([0, 0, 0, 0, 1])
    for count in (2, 5, 9):
        model = small(max_iter=1, calibration_folds=count).fit(x, y)
        assert model.predict_proba(x).shape == (5, 2)


@pytest.mark.slow
def test_digits_are_learned():
    """Ten seeds: 0.9389 ± 0.0042. The floor is four standard deviations below, 3e-5 of seeds."""
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, train_size=600, stratify=y, random_state=0)
    model = make_pipeline(StandardScaler(), EPClassifier(max_iter=10, random_state=0)).fit(x_train, y_train)
    assert model.score(x_test, y_test) > 0.922


@pytest.mark.slow
def test_importing_ising_ep_does_not_import_scikit_learn():
    code = "import sys, ising_ep; before = 'sklearn' in sys.modules; ising_ep.EPClassifier; "
    code += "assert (before, 'sklearn' in sys.modules) == (False, True)"
    subprocess.run([sys.executable, "-c", code], check=True)
