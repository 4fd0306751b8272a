"""The page of a run: its facts are those of the folder, it fetches nothing, and no name in it is markup."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ising_ep import datasets, report, training
from ising_ep.config import TrainConfig
from ising_ep.datasets import Dataset
from ising_ep.printable import printable
from ising_ep.report.elements import element, picture, table
from ising_ep.training.run_folder import CONFIG, METRICS, RunFolder
from support.html import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = '"><script>alert(1)</script><img src=x onerror="alert(2)">&lt;\x1b[2J\u202e'


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return datasets.load_digits(train_per_class=20, test_per_class=10)


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory) -> Path:
    """A run of two epochs that gets some images wrong."""
    path = tmp_path_factory.mktemp("runs") / "first"
    config = TrainConfig.checked(
        {"dataset": "digits", "layers": (12, 10), "num_reads": 2, "num_sweeps": 5, "epochs": 2, "seed": 3}
    )
    training.train(config, digits, folder=path)
    return path


def read(path: Path, images: Dataset | str, **options) -> tuple[Page, str]:
    run = RunFolder.open(path)
    state = run.load() if (path / "checkpoint.safetensors").exists() else None
    text = report.page(run, state, images, **options)
    return Page(text), text


def test_the_numbers_are_those_of_the_folder(folder, digits):
    page, text = read(folder, digits)
    assert len(text.encode()) < 2e6
    with (folder / METRICS).open() as file:
        metrics = list(csv.DictReader(file))
    assert len(metrics) == 2
    for row in metrics:
        (found,) = [cells for cells in page.rows if cells[:1] == [row["epoch"]] and len(cells) == 6]
        assert found[1] == f"{float(row['train_accuracy']):.2%}"
        assert found[2] == f"{float(row['test_accuracy']):.2%}"
        assert found[4] == f"{float(row['test_loss']):.5f}"
    assert f"test accuracy{float(metrics[-1]['test_accuracy']):.2%}" in page.text
    assert "Done: 2 epochs." in page.text
    content = json.loads((folder / CONFIG).read_text())
    for name, version in content["versions"].items():
        assert [name, version] in page.rows
    assert ["seed", "3"] in page.rows
    assert ["fingerprint of the data", content["fingerprint"]] in page.rows
    assert ["layers", "12, 10"] in page.rows
    shown = {cells[0] for cells in page.rows}
    assert content["config"].keys() - shown <= {f"{part}_settings" for part in ("machine", "network")}


def test_classes_and_wrong_images_are_those_of_the_last_test(folder, digits):
    page, _ = read(folder, digits)
    state = RunFolder.open(folder).load()
    labels, found = np.array(state.labels), np.array(state.predictions)
    wrong = np.flatnonzero(labels != found)
    assert 0 < len(wrong) < len(labels)
    assert f"came out wrong: {len(wrong)} of 100" in page.text
    for number in range(10):
        right = int(np.sum((labels == number) & (found == number)))
        (row,) = [cells for cells in page.rows if cells[:3] == [str(number), "10", str(right)]]
        assert row[3] == f"{right / 10:.1%}"
        mistaken = found[(labels == number) & (found != number)]
        if len(mistaken):
            counts = np.bincount(mistaken)
            assert row[4] == f"{counts.argmax()} ({counts.max()})"
    said = [text for text in page.values("img", "alt") if text.startswith("Test image ")]
    assert said == [f"Test image {k}: {labels[k]}, found {found[k]}" for k in wrong[:24]]


def test_weights_tell_how_far_they_moved(folder, digits):
    page, _ = read(folder, digits)
    run = RunFolder.open(folder)
    state = run.load()
    network = training.network_of(run.config, digits)
    before = network.initial_parameters(np.random.default_rng([3, 0]))
    for name, value in state.parameters.items():
        (row,) = [cells for cells in page.rows if cells[0] == name]
        assert row[1] == " x ".join(map(str, value.shape))
        sizes = [np.sqrt(np.mean(np.square(x, dtype=float))) for x in (before[name], value)]
        moved = np.sqrt(np.mean(np.square(value - before[name], dtype=float)))
        assert [row[2], row[3], row[5]] == [f"{sizes[0]:.4f}", f"{sizes[1]:.4f}", f"{moved:.4f}"]


def test_nothing_is_fetched_and_no_script_runs(folder, digits):
    page, text = read(folder, digits)
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    outside = [
        value for _, name, value in page.attributes if name in ("src", "href") and value[:5] != "data:"
    ]
    assert outside == []
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in page.values("meta", "content")[0]
    assert len(page.images()) > 3
    for image in page.images():
        # Within charts links lead to their own parts; namespaces are names.
        references = re.findall(rb'(?:xlink:)?href="([^"]*)"', image)
        assert all(each.startswith((b"#", b"data:")) for each in references)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


@pytest.mark.parametrize("where", ["command", "versions", "classes", "folder", "given", "data_dir"])
def test_names_of_others_are_text_and_never_markup(where, folder, digits, tmp_path):
    copy = tmp_path / ("run" if where != "folder" else HOSTILE.replace("/", "").replace("\x1b", ""))
    shutil.copytree(folder, copy)
    content = json.loads((copy / CONFIG).read_text())
    if where == "command":
        content["command"] = ["ising-ep", HOSTILE]
    elif where == "versions":
        content["versions"] = {HOSTILE: HOSTILE}
    elif where == "classes":
        content["classes"] = [HOSTILE, *map(str, range(1, 10))]
    elif where == "given":
        content["given"] = {"network": HOSTILE}
    elif where == "data_dir":
        content["config"]["data_dir"] = HOSTILE
    (copy / CONFIG).write_text(json.dumps(content))
    before, _ = read(folder, digits)
    page, text = read(copy, digits)
    assert "<script>" not in text
    assert "alert(1)" in page.text  # it is there, as text
    assert set(page.tags) <= set(before.tags)
    assert {name for _, name, _ in page.attributes} <= {name for _, name, _ in before.attributes}
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_attribute_is_no_way_out_either():
    page = Page(f"<!DOCTYPE html>{_html(element('img', alt=HOSTILE))}")
    assert page.tags == ["img"]
    assert page.attributes == [("img", "alt", printable(HOSTILE))]
    assert Page(_html(table((HOSTILE,), [(HOSTILE,)]))).tags.count("script") == 0


def _html(made) -> str:
    from xml.etree.ElementTree import tostring

    return tostring(made, encoding="unicode", method="html")


def test_a_run_without_its_images_says_why(folder):
    page, _ = read(folder, "moved.npz: no such file")
    assert "The images cannot be shown: moved.npz: no such file" in page.text
    assert "Test images by class" in page.text
    assert not [text for text in page.values("img", "alt") if text.startswith("Test image ")]


def test_a_run_that_goes_on_is_loaded_again_and_one_that_ended_is_not(folder, digits):
    running, _ = read(folder, digits, writer="process 7 on 'here'", refresh=5)
    assert ("meta", "http-equiv", "refresh") in running.attributes
    assert "5" in running.values("meta", "content")
    assert "Running: process 7 on 'here'" in running.text
    ended, _ = read(folder, digits)
    assert ("meta", "http-equiv", "refresh") not in ended.attributes
    assert "Running" not in ended.text


def test_a_run_that_was_stopped_says_where_and_how_it_goes_on(digits, tmp_path):
    """After one epoch and some batches of the next; and before any checkpoint."""
    config = TrainConfig.checked({"dataset": "digits", "layers": (12, 10), "num_sweeps": 5, "epochs": 4})

    class Stop(training.Callback):
        def on_batch(self, state):
            if state.epoch == 1 and state.batch == 7:
                self.state = state
                raise KeyboardInterrupt

    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        training.train(config, digits, folder=tmp_path / "run", callbacks=[stop])
    RunFolder.open(tmp_path / "run").save(stop.state)
    page, _ = read(tmp_path / "run", digits)
    assert "1 of 4 epochs, 7 images into the next. Nobody is at it" in page.text
    assert f"ising-ep train --resume {tmp_path / 'run'}" in page.text
    (tmp_path / "run" / "checkpoint.safetensors").unlink()
    page, _ = read(tmp_path / "run", digits)
    assert "No checkpoint yet" in page.text
    assert "Learning curves" not in page.text
    assert ["layers", "12, 10"] in page.rows


def test_one_epoch_has_a_page(digits, tmp_path):
    config = TrainConfig.checked({"dataset": "digits", "layers": (12, 10), "num_sweeps": 5, "epochs": 1})
    training.train(config, digits, folder=tmp_path / "run")
    page, _ = read(tmp_path / "run", digits)
    assert "Done: 1 epoch." in page.text
    assert "Accuracy and mean squared error over 1 epochs" in page.values("img", "alt")[0]


@pytest.mark.slow
def test_a_run_on_a_chip_says_what_the_chip_did(tmp_path):
    patterns = datasets.load_patterns()
    config = TrainConfig.checked(
        {
            **{"dataset": "patterns", "network": "convolutional", "machine": "chip", "epochs": 2},
            **{"chip": "chimera:4", "num_sweeps": 20},
        }
    )
    state = training.train(config, patterns, folder=tmp_path / "run")
    page, _ = read(tmp_path / "run", patterns)
    assert ["problems", str(state.usage.problems)] in page.rows
    share = f"{state.usage.chain_break_fraction:.3%} of {state.usage.chains:,}"
    assert ["broken chains", share] in page.rows
    assert ["QPU access time, as estimated for a QPU", f"{state.usage.access_time:,.3f} s"] in page.rows
    assert ["chip", "a model of chimera:4"] in page.rows
    rows = [cells for cells in page.rows if len(cells) == 4 and cells[0] in ("1", "2")]
    assert [row[1] for row in rows] == [f"{row['calls']:,}" for row in state.chip_history()]


def test_dark_and_light_can_be_read(folder, digits):
    """Contrast of text on its background, as WCAG 2.2 asks for (4.5), in both."""
    _, text = read(folder, digits)
    style = text[text.index("<style>") : text.index("</style>")]
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in style.split("@media (prefers", 1))
    dark = {name: colour for name, colour in dark.items() if name in light}
    assert light.keys() == dark.keys() == {"back", "text", "soft", "line", "card", "strong"}
    for colours in (light, dark):
        for front in ("text", "soft", "strong"):
            for back in ("back", "card"):
                assert contrast(colours[front], colours[back]) > 4.5


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        values = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pictures_are_the_images(channels, tmp_path):
    values = np.linspace(-1, 1, 6 * channels, dtype=np.float32).reshape(2, 3, channels)
    (content,) = Page(_html(picture(values, "a picture"))).images()
    (tmp_path / "p.png").write_bytes(content)
    drawn = np.asarray(Image.open(tmp_path / "p.png").convert("RGB")).astype(float) / 255
    scaled = (values + 1) / 2
    if channels == 3:
        np.testing.assert_allclose(drawn, scaled, atol=0.01)
    else:
        side_by_side = np.concatenate(np.moveaxis(scaled, 2, 0), axis=1)
        np.testing.assert_allclose(drawn[..., 0], 1 - side_by_side, atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_from_the_disk(scheme, folder, digits, tmp_path):
    """With the network cut off. The screenshot has text and charts, light on dark or dark on light."""
    _, text = read(folder, digits)
    (tmp_path / "report.html").write_text(text)
    preferred = {"light": "1", "dark": "0"}[scheme]
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1000,1200"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--blink-settings=preferredColorScheme={preferred}"),
        f"--screenshot={tmp_path / 'shot.png'}",
        f"file://{tmp_path / 'report.html'}",
    ]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (tmp_path / "shot.png").exists(), done.stderr
    shot = np.asarray(Image.open(tmp_path / "shot.png").convert("L")).astype(float)
    assert shot.shape == (1200, 1000)
    background = np.median(shot)
    assert background > 240 if scheme == "light" else background < 40
    # Text and charts: many pixels are far from the background, in every quarter of the page.
    far = np.abs(shot - background) > 100
    assert all(part.mean() > 0.003 for part in np.array_split(far, 4))
