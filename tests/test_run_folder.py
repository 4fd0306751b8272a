"""Run folders: nothing is lost, and nothing that is damaged is believed."""

from __future__ import annotations

import csv
import json
import os
import pickle
import stat
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ising_ep.checkpoint import (
    CHECKPOINT,
    COLUMNS,
    CONFIG,
    METRICS,
    TEMPORARY,
    RunFolder,
    TrainState,
    _digest,
)
from ising_ep.config import TrainConfig


def a_state(epochs: int = 2) -> TrainState:
    rng = np.random.default_rng(1)
    return TrainState(
        parameters={
            "W0": rng.normal(size=(4, 3)).astype(np.float32),
            "b0": np.array([0.0, -0.0, 1e-45], dtype=np.float32),
        },
        epoch=epochs,
        batch=3,
        images=7,
        correct=5,
        squared_error=1 / 3,
        seconds=0.1,
        history=[dict.fromkeys(COLUMNS, 0.1 + k) | {"epoch": k + 1} for k in range(epochs)],
    )


@pytest.fixture
def run(tmp_path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", TrainConfig(seed=3, batch_size=3), "abc")
    folder.save(a_state())
    return folder


def test_what_is_saved_is_loaded_bit_for_bit(run):
    reopened = RunFolder.open(run.path)
    assert (reopened.config, reopened.fingerprint) == (run.config, "abc")
    wanted, found = a_state(), reopened.load()
    for name, value in wanted.parameters.items():
        assert found.parameters[name].tobytes() == value.tobytes()
    found.parameters = wanted.parameters = {}
    assert found == wanted


def test_metrics_are_those_of_the_design(run):
    with (run.path / METRICS).open() as file:
        rows = list(csv.DictReader(file))
    names = "epoch,train_accuracy,train_loss,test_accuracy,test_loss,seconds"
    assert ",".join(rows[0]) == names
    assert [float(row["test_loss"]) for row in rows] == [0.1, 1.1]


def test_config_tells_what_made_the_run(run):
    content = json.loads((run.path / CONFIG).read_text())
    assert content["config"]["seed"] == 3
    assert {"python", "numpy", "ising-ep"} <= content["versions"].keys()
    assert content["command"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_have_the_modes_of_ordinary_files(run):
    ordinary = run.path / "ordinary"
    ordinary.touch()
    modes = {
        stat.S_IMODE((run.path / name).stat().st_mode) for name in (CONFIG, METRICS, CHECKPOINT, "ordinary")
    }
    assert len(modes) == 1


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ValueError, match="not an empty folder"):
        RunFolder.create(tmp_path, TrainConfig(), "abc")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RunFolder.create(tmp_path / "file" / "run", TrainConfig(), "abc")


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a run folder"):
        RunFolder.open(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a run folder"):
        RunFolder.open(tmp_path / "missing")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"null",
        b'{"config": {}}',
        b'{"config": {"epochs": 0}, "fingerprint": "abc"}',
        b'{"config": {"colour": 1}, "fingerprint": "abc"}',
        b'{"config": 3, "fingerprint": "abc"}',
        b'{"config": {"epochs": "many"}, "fingerprint": "abc"}',
        b'{"config": {"layers": "120"}, "fingerprint": "abc"}',
        b'{"config": {"nudge": NaN}, "fingerprint": "abc"}',
        b'{"config": {"seed": null}, "fingerprint": "abc"}',
        b'{"config": {"dataset": ["digits"]}, "fingerprint": "abc"}',
        b'{"config": {"epochs": 1e999}, "fingerprint": "abc"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_settings_that_are_none_are_refused(run, content):
    (run.path / CONFIG).write_bytes(content)
    with pytest.raises(ValueError, match=CONFIG) as error:
        RunFolder.open(run.path)
    assert "\n" not in str(error.value)


def test_a_write_that_fails_leaves_the_old_checkpoint(run, monkeypatch):
    before = (run.path / CHECKPOINT).read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        run.save(a_state(epochs=1))
    assert (run.path / CHECKPOINT).read_bytes() == before
    assert sorted(p.name for p in run.path.iterdir()) == sorted([CONFIG, METRICS, CHECKPOINT])


def test_leftovers_are_harmless_and_go(run):
    leftover = run.path / f"{TEMPORARY}{CHECKPOINT}"
    leftover.write_bytes(b"half a checkp")
    assert RunFolder.open(run.path).load().epoch == 2
    run.remove_leftovers()
    assert not leftover.exists()


def assert_refused(run: RunFolder) -> None:
    with pytest.raises(ValueError, match=CHECKPOINT) as error:
        run.load()
    assert "\n" not in str(error.value)


def write_checkpoint(run: RunFolder, parameters, metadata) -> None:
    """With the right checksum, so that what it holds is what gets it refused."""
    if metadata is not None:
        metadata = {**metadata, "sha256": _digest(parameters, metadata["state"])}
    save_file(parameters, run.path / CHECKPOINT, metadata=metadata)


def test_a_place_where_a_run_can_be_is_taken(run):
    write_checkpoint(run, {"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress()})
    assert run.load().epoch == 0


def progress(**changes) -> str:
    fields = {"epoch": 0, "batch": 0, "images": 0, "correct": 0, "squared_error": 0.0, "seconds": 0.0}
    return json.dumps(fields | {"history": []} | changes)


@pytest.mark.parametrize(
    ("parameters", "metadata"),
    [
        ({"W0": np.full((2, 2), np.nan, dtype=np.float32)}, {"format": "1", "state": progress()}),
        ({"W0": np.zeros((2, 2), dtype=np.float64)}, {"format": "1", "state": progress()}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress(epoch=-1)}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress(epoch=1)}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress(batch=0.5)}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress(colour="red")}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": "not JSON"}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "2", "state": progress()}),
        ({"W0": np.zeros((2, 2), dtype=np.float32)}, None),
        ({"W0": np.zeros((2, 2), dtype=np.int32)}, {"format": "1", "state": progress()}),
        ({"W0": np.array([[np.inf]], dtype=np.float32)}, {"format": "1", "state": progress()}),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(run, parameters, metadata):
    write_checkpoint(run, parameters, metadata)
    assert_refused(run)


def row(**changes) -> dict[str, object]:
    return dict.fromkeys(COLUMNS, 0.5) | {"epoch": 1} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 2},
        {"batch": 2, "images": 3},
        {"batch": 2, "images": 7},
        {"images": 1},
        {"batch": 1, "images": 3, "correct": 4},
        {"batch": True, "images": 1},
        {"batch": 10**400, "images": 10**400, "seconds": 10**400},
        {"seconds": float("nan")},
        {"squared_error": float("inf")},
        {"squared_error": "0"},
        {"history": 3},
        {"parameters": {}},
        {"epoch": 1, "history": [list(COLUMNS)]},
        {"epoch": 1, "history": [row(test_loss=None)]},
        {"epoch": 1, "history": [row(test_loss=float("nan"))]},
        {"epoch": 1, "history": [row(colour=1)]},
        {"epoch": 1, "history": [row(epoch=2)]},
        {"epoch": 1, "history": [row(epoch="1")]},
        {"epoch": 1, "history": ["seconds"]},
    ],
)
def test_a_place_where_no_run_can_be_is_refused(run, changes):
    """The run's batches are of three images."""
    metadata = {"format": "1", "state": progress(**changes)}
    write_checkpoint(run, {"W0": np.zeros((2, 2), dtype=np.float32)}, metadata)
    assert_refused(run)


@pytest.mark.parametrize("kind", ["BF16", "F16", "F8_E4M3", "F8_E5M2", "F4", "C64", "BOOL", "U8", "no such"])
def test_numbers_of_other_kinds_are_refused(run, kind):
    size = {"BF16": 2, "F16": 2, "C64": 8}.get(kind, 1)
    tensor = {"dtype": kind, "shape": [16], "data_offsets": [0, 16 * size]}
    metadata = {"format": "1", "state": progress()}
    header = json.dumps({"__metadata__": metadata, "W0": tensor}).encode()
    (run.path / CHECKPOINT).write_bytes(struct.pack("<Q", len(header)) + header + bytes(16 * size))
    assert_refused(run)


def test_a_pickle_is_not_opened(run, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (run.path / CHECKPOINT).write_bytes(pickle.dumps(Trap()))
    assert_refused(run)
    assert not (tmp_path / "sprung").exists()


def test_a_header_that_promises_too_much_is_refused(run):
    header = b'{"W0":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    (run.path / CHECKPOINT).write_bytes(struct.pack("<Q", len(header)) + header)
    assert_refused(run)
    (run.path / CHECKPOINT).write_bytes(struct.pack("<Q", 2**62) + header)
    assert_refused(run)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused_or_whole(run, data):
    """Byte flips in the numbers cannot be seen; what loads is finite and as much as was saved."""
    run.save(a_state())
    content = bytearray((run.path / CHECKPOINT).read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (run.path / CHECKPOINT).write_bytes(content)
    try:
        state = run.load()
    except ValueError:
        assert_refused(run)
    else:
        assert all(np.isfinite(value).all() for value in state.parameters.values())
        assert sorted(value.shape for value in state.parameters.values()) == [(3,), (4, 3)]


def test_one_flipped_bit_in_a_weight_is_refused(run):
    content = bytearray((run.path / CHECKPOINT).read_bytes())
    content[-1] ^= 1
    (run.path / CHECKPOINT).write_bytes(content)
    assert_refused(run)


@pytest.mark.parametrize(
    "settings",
    [
        {"machine": "qpu"},
        {"machine": "deterministic"},
        {"machine": "chip", "chip_missing": 0.0},
        {"dataset": "patterns", "network": "convolutional", "machine": "chip"},
        {"dataset": "patterns", "machine": "oscillator"},
    ],
)
def test_records_that_name_all_settings_are_read(tmp_path, settings):
    """As earlier versions wrote them: also what the machine and the network lack, at its default."""
    config = TrainConfig.checked(settings)
    every = {name: getattr(config, name) for name in TrainConfig.model_fields}
    if settings.get("network") == "convolutional":
        every["layers"] = (8, 4)  # those of the data set, although the network had none
    (tmp_path / CONFIG).write_text(json.dumps({"config": every, "fingerprint": "abc"}))
    assert RunFolder.open(tmp_path).config == config
    every["free_steps" if settings["machine"] != "deterministic" else "num_sweeps"] = 7
    (tmp_path / CONFIG).write_text(json.dumps({"config": every, "fingerprint": "abc"}))
    with pytest.raises(ValueError, match=r"(free_steps|num_sweeps) is 7, but machine"):
        RunFolder.open(tmp_path)


def test_a_record_names_what_the_machine_has(tmp_path):
    config = TrainConfig.checked({"machine": "deterministic"})
    run = RunFolder.create(tmp_path / "run", config, "abc")
    names = json.loads((tmp_path / "run" / CONFIG).read_text())["config"].keys()
    assert {"free_steps", "nudge"} <= names
    assert not {"num_sweeps", "chip", "gain", "statistic"} & names
    assert RunFolder.open(run.path).config == config
    assert TrainConfig(**config.model_dump()) == config
