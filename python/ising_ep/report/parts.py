"""Parts of the page, each from the run folder; None where a run has no such thing."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from .. import plots
from ..checks import short
from ..config import TrainConfig
from ..datasets import Dataset
from ..network import Parameters
from ..training import network_of
from ..training.run_folder import RunFolder
from ..training.state import TrainState
from .elements import chart, element, picture, section, table

# Images that came out wrong, and rows of the history at the top of the page.
MOST_MISTAKES, MOST_ROWS = 24, 10


def status(run: RunFolder, state: TrainState | None, writer: str | None) -> str:
    """Says how far the run is, and whether someone is at it."""
    epochs = run.config.epochs
    if state is None:
        where = "No checkpoint yet"
    elif state.epoch >= epochs:
        where = f"Done: {epochs} {'epoch' if epochs == 1 else 'epochs'}"
    else:
        inside = f", {state.images:,} images into the next" if state.images else ""
        where = f"{state.epoch} of {epochs} epochs{inside}"
    if writer is not None:
        return f"{where}. Running: {writer}"
    if state is None or state.epoch < epochs:
        return f"{where}. Nobody is at it; go on with: ising-ep train --resume {shlex.quote(str(run.path))}"
    return f"{where}."


def numbers(state: TrainState) -> Element:
    """The last accuracies and errors, and what they took."""
    shown: list[tuple[str, str]] = []
    if state.history:
        last = state.history[-1]
        shown += [
            ("test accuracy", f"{last['test_accuracy']:.2%}"),
            ("training accuracy", f"{last['train_accuracy']:.2%}"),
            ("test error", f"{last['test_loss']:.4f}"),
            ("training error", f"{last['train_loss']:.4f}"),
        ]
    seconds = sum(row["seconds"] for row in state.history) + state.seconds
    shown += [("seconds of learning", f"{seconds:,.1f}"), ("updates", f"{state.updates:,}")]
    if state.usage.access_time:
        shown.append(("QPU access time", f"{state.usage.access_time:,.3f} s"))
    boxes = (element("div", element("dt", name), element("dd", value)) for name, value in shown)
    return element("dl", *boxes, class_="numbers")


def curves(state: TrainState) -> Element | None:
    """Accuracies and errors over the epochs, and their table."""
    if not state.history:
        return None
    header = ("epoch", "training", "test", "training error", "test error", "seconds")
    rows = [
        (
            f"{row['epoch']:g}",
            f"{row['train_accuracy']:.2%}",
            f"{row['test_accuracy']:.2%}",
            f"{row['train_loss']:.5f}",
            f"{row['test_loss']:.5f}",
            f"{row['seconds']:,.2f}",
        )
        for row in state.history
    ]
    every = table(header, rows, class_="numeric")
    if len(rows) > MOST_ROWS:
        every = element("details", element("summary", f"All {len(rows)} epochs"), every)
    words = f"Accuracy and mean squared error over {len(rows)} epochs; the table below has the numbers"
    return section("Learning curves", chart(plots.training_curves(state.history), words), every)


def _tested(state: TrainState) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Labels and predictions of the last test, if there are any."""
    if not state.predictions or len(state.predictions) != len(state.labels):
        return None
    return np.array(state.labels), np.array(state.predictions)


def tests(run: RunFolder, state: TrainState) -> Element | None:
    """Which class is taken for which."""
    tested = _tested(state)
    if tested is None:
        return None
    labels, found = tested
    data = run.known_data()
    counts = np.zeros((data.num_classes, data.num_classes), dtype=int)
    np.add.at(counts, (labels, found), 1)
    rows = []
    for number, name in enumerate(data.labels):
        of_class = counts[number]
        wrong = of_class.copy()
        wrong[number] = 0
        often = f"{data.labels[int(wrong.argmax())]} ({wrong.max():,})" if wrong.any() else ""
        share = f"{of_class[number] / of_class.sum():.1%}" if of_class.any() else ""
        rows.append((str(name), f"{of_class.sum():,}", f"{of_class[number]:,}", share, often))
    header = ("class", "images", "right", "accuracy", "most often taken for")
    drawn = plots.confusion_matrix(labels, found, data.num_classes, data.classes)
    words = "Number of images of each class by the class that they were taken for; the table has the numbers"
    return section("Test images by class", chart(drawn, words), table(header, rows, class_="numeric"))


def mistakes(run: RunFolder, state: TrainState, images: Dataset | str) -> Element | None:
    """Test images that came out wrong."""
    tested = _tested(state)
    if tested is None:
        return None
    labels, found = tested
    wrong = np.flatnonzero(labels != found)
    title = f"Test images that came out wrong: {len(wrong):,} of {len(labels):,}"
    shape = run.known_data().image_shape
    if not len(wrong):
        return section(title, element("p", "None."))
    if isinstance(images, str):
        return section(title, element("p", f"The images cannot be shown: {images}", class_="note"))
    if not np.array_equal(images.y_test, labels):
        return section(title, element("p", "The images of the last test are others.", class_="note"))
    if shape is None:
        return section(title, element("p", "The inputs are no images of a known shape.", class_="note"))
    names = run.known_data().labels
    shown = []
    for number in wrong[:MOST_MISTAKES].tolist():
        says = f"{names[labels[number]]}, found {names[found[number]]}"
        image = picture(images.x_test[number].reshape(shape), f"Test image {number}: {says}")
        shown.append(element("figure", image, element("figcaption", says)))
    more = f"The first {len(shown)}; by their classes." if len(wrong) > len(shown) else None
    note = None if more is None else element("p", more, class_="note")
    return section(title, note, element("div", *shown, class_="examples"))


def weights(run: RunFolder, state: TrainState) -> Element:
    """What hidden spins see of an image, and how large the parameters have become."""
    network = network_of(run.config, run.known_data())
    drawn = plots.input_weights(network, state.parameters, run.known_data().image_shape)
    words = "Weights from the pixels to hidden spins, as images: red is positive, blue negative"
    begun: Parameters = {}
    if not run.given and not run.config.standardise:  # these begin elsewhere
        begun = network.initial_parameters(np.random.default_rng([run.config.seed, 0]))
    rows = []
    for name, value in state.parameters.items():
        first = begun.get(name)
        moved = "" if first is None else f"{_size(value - first):.4f}"
        size = "" if first is None else f"{_size(first):.4f}"
        largest = f"{float(np.abs(value).max()):.4f}" if value.size else ""
        rows.append((name, " x ".join(map(str, value.shape)), size, f"{_size(value):.4f}", largest, moved))
    header = ("parameter", "shape", "at the start", "now", "largest", "moved by")
    note = element("p", "Sizes are root mean squares. The start is drawn again from the seed.", class_="note")
    return section(
        "Weights",
        None if drawn is None else chart(drawn, words, dots_per_inch=130),
        table(header, rows, class_="numeric"),
        note,
    )


def _size(values: NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else 0.0


def on_chip(run: RunFolder, state: TrainState) -> Element | None:
    """Chains, reads and access time of a run on a chip or a QPU."""
    used = state.usage
    if not used.chains:
        return None
    solver = run.solver()
    rows = [
        ("chip", solver if solver is not None else f"a model of {run.config.model_dump().get('chip')}"),
        ("problems", f"{used.problems:,}"),
        ("broken chains", f"{used.chain_break_fraction:.3%} of {used.chains:,}"),
        (
            "QPU access time" if solver is not None else "QPU access time, as estimated for a QPU",
            f"{used.access_time:,.3f} s",
        ),
    ]
    if run.max_qpu_time is not None:
        share = used.access_time / run.max_qpu_time
        rows.append(("limit of the access time", f"{run.max_qpu_time:,.3f} s, of which {share:.0%} is spent"))
    header = ("epoch", "calls", "access time, s", "broken chains")
    epochs = [
        (
            f"{row['epoch']:g}",
            f"{row['calls']:,}",
            f"{row['qpu_access_time']:,.3f}",
            f"{row['chain_break_fraction']:.3%}",
        )
        for row in state.chip_history()
    ]
    drawn = None
    if state.usages:
        words = "Energies of the reads in the first and last epoch, and broken chains by epoch"
        drawn = chart(plots.chip_reads(state.usages), words)
    return section(
        "On the chip",
        table(("", ""), rows),
        drawn,
        element("details", element("summary", "Epoch by epoch"), table(header, epochs, class_="numeric")),
    )


def origin(run: RunFolder) -> tuple[list[str], Element]:
    """The command that made the run, and versions, seed and data, in a table."""
    words = list(run.origin.command)
    if words:
        name = PurePath(words[0]).name
        words[0] = "ising-ep" if name == "__main__.py" else name  # of `python -m ising_ep`
    rows = [
        *run.origin.versions.items(),
        ("seed", str(run.config.seed)),
        ("fingerprint of the data", run.fingerprint),
    ]
    rows += [(f"given: {part}", text) for part, text in run.given.items()]
    return words, table(("", ""), rows)


def settings(run: RunFolder) -> Element:
    """All settings: first the parts, and what is no default beside them."""
    chosen = run.config.model_dump(mode="json")
    parts = {name: chosen[name] for name in ("dataset", "network", "machine")}
    try:
        defaults = TrainConfig.checked(parts).model_dump(mode="json")
    except ValueError:  # parts that need more settings than these
        defaults = {}
    usual = {name for name, value in chosen.items() if name in defaults and defaults[name] == value}
    rest = {name: value for name, value in chosen.items() if name in usual - parts.keys()}
    changed = {name: value for name, value in chosen.items() if name not in rest}

    def rows(values: dict[str, Any]) -> list[tuple[Element, str]]:
        return [(element("code", name), _value(value)) for name, value in values.items()]

    return section(
        "Settings",
        table(("setting", "value"), rows(changed)),
        element("details", element("summary", "Defaults"), table(("setting", "value"), rows(rest))),
    )


def _value(value: Any) -> str:
    """A setting as it is typed."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else short(value)
