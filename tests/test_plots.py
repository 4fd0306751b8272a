"""Pictures of a run: axes, legends and signs; what is drawn of weights and chips."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from ising_ep import plots
from ising_ep.chip import Chip
from ising_ep.embedding import embed
from ising_ep.machines.usage import Usage
from ising_ep.network import FullyConnected
from ising_ep.plots import looks
from support import legible


def drawn(weights, image_shape):
    """The arrays of all pictures in the figure."""
    figure = plots.first_layer_weights(weights, image_shape)
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.get_images()], figure


@pytest.fixture
def weights():
    """Of two units, the second with larger weights, of one sign in the first and of both in the second."""
    return np.arange(24, dtype=np.float32)[:, None] * np.array([[0.1, -1.0]], np.float32)


def test_grey_weights_are_drawn_as_they_are_the_largest_first(weights):
    (first, second), figure = drawn(weights, (4, 6, 1))
    np.testing.assert_array_equal(first, weights[:, 1].reshape(4, 6))
    np.testing.assert_array_equal(second, weights[:, 0].reshape(4, 6))
    assert "2 of 2 hidden spins" in figure.get_suptitle()


def test_three_channels_are_colours_and_zero_is_grey(weights):
    (first, second), figure = drawn(weights, (4, 2, 3))
    np.testing.assert_allclose(first, 0.5 - np.arange(24).reshape(4, 2, 3) / 46, atol=1e-6)
    assert second[0, 0, 0] == 0.5
    assert second.max() <= 1
    assert "grey is 0" in figure.get_suptitle()


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_drawn_side_by_side(weights, channels):
    (first, _), _ = drawn(weights, (3, 8 // channels, channels))
    wanted = weights[:, 1].reshape(3, 8 // channels, channels)
    np.testing.assert_array_equal(first, np.concatenate(np.moveaxis(wanted, 2, 0), axis=1))


def test_inputs_of_no_known_shape_are_one_matrix(weights):
    (first, *_), _ = drawn(weights, None)
    np.testing.assert_array_equal(first, weights)


def history(epochs, accuracy=lambda epoch: 1 - 0.5**epoch):
    """Rows of a run's metrics."""
    return [
        {
            "epoch": epoch,
            "train_accuracy": accuracy(epoch),
            "train_loss": 0.5**epoch,
            "test_accuracy": accuracy(epoch),
            "test_loss": 0.6**epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def usages(epochs, broken=3):
    """What a chip was used for until the end of each epoch; the energies narrow."""
    rng = np.random.default_rng(0)
    found, usage = [], Usage()
    for epoch in range(1, epochs + 1):
        usage.read(-1 + rng.random((5, 40)) * 0.2 / epoch, broken, 100)
        found.append(usage.copy())
    return found


def on_chip(copies, missing=0.0):
    """A small network on a Chimera chip."""
    chip = Chip.named("chimera:8").without(missing, seed=0)
    return chip, embed(FullyConnected(1, (6, 4), 2), chip, copies=copies, cache=False, method="structured")


def figures():
    """Every picture of the package, of few and of many epochs, units, classes and copies."""
    rng = np.random.default_rng(0)
    for epochs in (1, 2, 40):
        yield f"curves of {epochs}", plots.training_curves(history(epochs))
        yield f"chip, {epochs} epochs", plots.chip_reads(usages(epochs))
    yield "curves at the top", plots.training_curves(history(1, lambda epoch: 1.0))
    yield "no broken chain", plots.chip_reads(usages(3, broken=0))
    for classes in (2, 10):
        labels = np.arange(5 * classes) % classes
        yield f"{classes} classes", plots.confusion_matrix(labels, labels, classes)
    names = ["T-shirt or top", "dress"]
    yield "named classes", plots.confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2, names)
    long = ["a $name$ that is no formula_{", "\x1b[2J" + 60 * "long"]
    yield "strange names", plots.confusion_matrix(np.array([0, 1]), np.array([0, 0]), 2, long)
    for units, channels in ((1, 1), (3, 1), (70, 1), (2, 3)):
        weights = rng.normal(size=(16 * channels, units)).astype(np.float32)
        yield f"{units} units", plots.first_layer_weights(weights, (4, 4, channels))
    yield "a matrix", plots.first_layer_weights(weights, None)
    for copies, missing in ((1, 0.0), (2, 0.05), (20, 0.02)):
        yield f"{copies} copies", plots.embedding_on_chip(*on_chip(copies, missing))


@pytest.mark.slow
def test_a_reader_misses_nothing_in_any_picture():
    found = {name: legible.faults(figure) for name, figure in figures()}
    assert len(found) > 15
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_what_a_reader_would_miss_is_found():
    """Of the test above: a figure with one fault each."""
    figure = Figure(figsize=(2, 2))
    axes = figure.subplots()
    axes.plot([1, 2], [1, 2], color="#ff0000", label="red")
    axes.plot([1, 2], [2, 1], color="#0a9000", label="green")
    axes.set_title("a title that is far wider than two inches could ever be")
    faults = "\n".join(legible.faults(figure))
    for fault in ("no x label", "no y label", "does not name 'red'", "alike to some eyes", "the same line"):
        assert fault in faults
    assert "leaves the figure" in faults


def test_colours_are_apart_for_every_eye_and_seen_on_white():
    series = [look["color"] for look in looks.SERIES]
    assert legible.least_distance(series) > legible.LEAST_DISTANCE
    assert legible.least_distance(looks.COPIES) > legible.LEAST_DISTANCE
    assert min(map(legible.contrast_on_white, [*series, *looks.COPIES])) >= 3  # WCAG 2.2, 1.4.11
    assert len({(look["linestyle"], look["marker"]) for look in looks.SERIES}) == len(looks.SERIES)
    # What the measure is measured by: the colours of traffic lights to a deuteranope.
    assert legible.least_distance(["#c00000", "#5d7000"]) < legible.LEAST_DISTANCE


@pytest.mark.parametrize("accuracy", [1.0, 0.97, 0.1, 0.0])
def test_one_epoch_is_a_point_on_an_axis_that_exists(accuracy):
    axes = plots.training_curves(history(1, lambda epoch: accuracy)).axes[0]
    low, high = axes.get_ylim()
    assert low <= accuracy <= high
    assert -0.01 < low < high < 1.01
    assert high - low >= 0.05
    assert [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]] == [1]
    for line in axes.lines:
        assert line.get_marker() not in ("", "None", None)
        assert list(line.get_xdata()) == [1]
    # Both are seen where they are alike.
    train, test = axes.lines
    assert test.get_markerfacecolor() == "none"
    assert test.get_markersize() > train.get_markersize()


def test_the_chip_of_one_epoch_has_one_curve():
    energies, breaks = plots.chip_reads(usages(1)).axes
    assert [text.get_text() for text in energies.get_legend().get_texts()] == ["epoch 1"]
    assert energies.get_xticklabels()[-1].get_text() == "≥ 10"
    assert breaks.get_ylim() == (0, pytest.approx(0.033))
    assert plots.chip_reads(usages(1, broken=0)).axes[1].get_ylim() == (0, 0.01)


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_of_a_chip_names_copies_and_what_is_missing():
    assert texts(plots.embedding_on_chip(*on_chip(2))) == ["copy 1", "copy 2", "unused qubit"]
    chip, embedding = on_chip(12, missing=0.02)
    figure = plots.embedding_on_chip(chip, embedding)
    missing = 8 * 8 * 8 - len(chip.qubits)
    assert texts(figure) == ["copies 1 to 12, by their numbers", "unused qubit", f"missing qubit ({missing})"]
    assert [text.get_text() for text in figure.axes[0].texts] == [str(copy) for copy in range(1, 13)]


def test_missing_couplers_are_marked_where_they_are():
    chip, embedding = on_chip(1)
    used = set(embedding.qubits().tolist())
    gone = next(k for k, pair in enumerate(chip.couplers.tolist()) if not used & {*pair})
    one, other = chip.couplers[gone].tolist()
    lacking = replace(chip, couplers=np.delete(chip.couplers, gone, axis=0))
    figure = plots.embedding_on_chip(lacking, embedding)
    assert texts(figure)[-1] == "missing coupler (1)"
    (mark,) = figure.axes[0].lines
    layout = chip.topology.layout(chip.topology.graph(chip.shape))
    np.testing.assert_allclose(mark.get_xydata()[0], np.mean([layout[one], layout[other]], axis=0))
