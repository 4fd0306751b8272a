"""Run folders: nothing is lost, and nothing that is damaged is believed."""

from __future__ import annotations

import csv
import json
import os
import pickle
import resource
import shutil
import signal
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ising_ep.config import TrainConfig
from ising_ep.errors import NotSavedError, StoppedError
from ising_ep.files import atomic
from ising_ep.files.run_lock import LOCK, InUseError
from ising_ep.training.checkpoint import array_digest
from ising_ep.training.record import DataRecord
from ising_ep.training.run_folder import CHECKPOINT, CONFIG, FILES, METRICS, TEMPORARY, RunFolder
from ising_ep.training.state import COLUMNS, TrainState
from support.settings import DEFAULTS_OF_ALL

DATA = DataRecord("abc", num_inputs=4, num_classes=3)


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
    folder = RunFolder.create(tmp_path / "run", TrainConfig(seed=3, batch_size=3), DATA)
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
        RunFolder.create(tmp_path, TrainConfig(), DATA)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RunFolder.create(tmp_path / "file" / "run", TrainConfig(), DATA)


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
        b'{"config": {}, "fingerprint": "abc", "run": "two words"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_settings_that_are_none_are_refused(run, content):
    (run.path / CONFIG).write_bytes(content)
    with pytest.raises(ValueError, match=CONFIG) as error:
        RunFolder.open(run.path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["[1, 2]", "null", "{}", '{"config": 3, "fingerprint": "abc"}'])
def test_settings_that_are_no_object_are_said_to_be_none(run, content):
    (run.path / CONFIG).write_text(content)
    with pytest.raises(ValueError, match=CONFIG) as error:
        RunFolder.open(run.path)
    assert str(error.value).endswith(f": {json.loads(content)}, expected an object with a config")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is full: what is written past so many bytes of a file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_write_that_fails_leaves_the_old_checkpoint_and_says_which(run):
    before = (run.path / CHECKPOINT).read_bytes()
    with files_of_at_most(500), pytest.raises(NotSavedError) as error:
        run.save(a_state(epochs=1))
    assert str(error.value).startswith(
        f"{run.path / CHECKPOINT}: File too large; epoch 2, batch 3 is not saved"
    )
    assert (run.path / CHECKPOINT).read_bytes() == before
    assert sorted(p.name for p in run.path.iterdir()) == sorted([CONFIG, METRICS, CHECKPOINT, LOCK])
    assert run.load().epoch == 2
    run.save(a_state(epochs=1))
    assert run.load().epoch == 1


def test_a_disk_that_is_full_from_the_start_leaves_no_file(tmp_path):
    with files_of_at_most(400), pytest.raises(OSError, match="File too large") as error:
        RunFolder.create(tmp_path / "run", TrainConfig(), DATA)
    assert error.value.filename == str(tmp_path / "run" / CONFIG)
    assert list((tmp_path / "run").iterdir()) == []
    RunFolder.create(tmp_path / "run", TrainConfig(), DATA).close()


# A folder of somebody else's


@pytest.mark.parametrize("name", FILES)
def test_links_in_the_place_of_files_are_refused_to_read_and_to_write(run, tmp_path, name):
    run.close()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to(precious)
    for use in (lambda: RunFolder.open(run.path), run.load, lambda: run.save(a_state())):
        if name == CHECKPOINT or use != run.load:
            with pytest.raises((ValueError, OSError), match=f"{name} is a symbolic link, expected a file"):
                use()
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", FILES)
def test_files_with_two_names_are_not_written(run, tmp_path, name):
    run.close()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run.path / name).unlink(missing_ok=True)
    os.link(precious, run.path / name)
    with pytest.raises(OSError, match=f"{name} is a file with 2 names"):
        run.save(a_state())
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("make", "kind"), [(Path.mkdir, "a folder"), (os.mkfifo, "a named pipe")])
def test_folders_and_pipes_in_the_place_of_files_are_refused(run, name, make, kind):
    run.close()
    (run.path / name).unlink(missing_ok=True)
    make(run.path / name)
    with pytest.raises(ValueError, match=f"{name} is {kind}, expected a file"):
        RunFolder.open(run.path)
    with pytest.raises(OSError, match=f"{name} is {kind}, expected a file"):
        run.save(a_state())


def test_a_temporary_name_that_is_a_link_is_not_followed(run, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in (CHECKPOINT, METRICS, CONFIG):
        (run.path / f"{TEMPORARY}{name}").symlink_to(precious)
    run.save(a_state())
    run.remove_leftovers()
    assert precious.read_text() == "mine"
    assert sorted(p.name for p in run.path.iterdir()) == sorted([CONFIG, METRICS, CHECKPOINT, LOCK])


@pytest.mark.parametrize("place", ["link", "hard link", "folder", "pipe"])
def test_files_are_replaced_and_never_written_through(tmp_path, place):
    precious, file = tmp_path / "precious", tmp_path / "file"
    precious.write_text("mine")
    make = {"link": file.symlink_to, "hard link": file.hardlink_to}.get(place)
    if make:
        make(precious)
    else:
        (Path.mkdir if place == "folder" else os.mkfifo)(file)
    with pytest.raises(OSError, match=f"^{file} is a .*, expected"):
        atomic.replace(file, b"new")
    assert precious.read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"precious", "file"}


# Two at once


def test_a_run_has_one_writer(run):
    other = RunFolder.open(run.path)
    assert other.load().epoch == 2  # reading is free
    for write in (
        lambda: other.save(a_state(epochs=1)),
        lambda: other.change(TrainConfig(seed=9), DATA),
        other.remove_leftovers,
    ):
        with pytest.raises(InUseError, match=f"{run.path} is in use by process {os.getpid()} "):
            write()
    assert (run.load().epoch, RunFolder.open(run.path).config.seed) == (2, 3)
    run.close()
    other.save(a_state(epochs=1))
    other.close()
    assert run.load().epoch == 1


def test_of_two_that_create_a_run_one_does(tmp_path):
    first = RunFolder.create(tmp_path, TrainConfig(), DATA)
    with pytest.raises(ValueError, match="is not an empty folder"):
        RunFolder.create(tmp_path, TrainConfig(), DATA)
    (tmp_path / CONFIG).unlink()  # as if it had not got so far
    with pytest.raises(InUseError):
        RunFolder.create(tmp_path, TrainConfig(), DATA)
    first.close()


def test_a_writer_that_lost_its_run_writes_nothing(run):
    before = (run.path / CHECKPOINT).read_bytes()
    (run.path / LOCK).write_bytes(b"{}")
    with pytest.raises(StoppedError, match="no longer this process"):
        run.save(a_state(epochs=1))
    assert (run.path / CHECKPOINT).read_bytes() == before


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
    assert "with the file removed, --resume begins anew" in str(error.value)


def test_a_checkpoint_of_another_run_is_refused_by_its_name(run, tmp_path):
    other = RunFolder.create(tmp_path / "other", TrainConfig(seed=4, batch_size=3), DATA)
    other.save(a_state())
    shutil.copyfile(other.path / CHECKPOINT, run.path / CHECKPOINT)
    assert_refused(run)
    with pytest.raises(ValueError, match=f"it is that of run '{other.name}', expected '{run.name}'"):
        run.load()
    # A folder that an earlier version began has no name, and none of its checkpoints has.
    content = json.loads((run.path / CONFIG).read_text())
    del content["run"]
    (run.path / CONFIG).write_text(json.dumps(content))
    old = RunFolder.open(run.path)
    with pytest.raises(ValueError, match=f"it is that of run '{other.name}', expected one without a name"):
        old.load()
    run.close()
    old.save(a_state())
    assert RunFolder.open(run.path).load().epoch == 2


def test_the_name_of_a_run_stays(run, tmp_path):
    run.change(run.config.model_copy(update={"epochs": 9}), DATA)
    copy = RunFolder.open(shutil.copytree(run.path, tmp_path / "copy"))
    assert copy.name == run.name
    assert copy.load().epoch == 2


def write_checkpoint(run: RunFolder, parameters, metadata) -> None:
    """With the right checksum, so that what it holds is what gets it refused."""
    if metadata is not None:
        metadata = {**metadata, "sha256": array_digest(parameters, metadata["state"])}
    save_file(parameters, run.path / CHECKPOINT, metadata=metadata)


def test_a_place_where_a_run_can_be_is_taken(run):
    write_checkpoint(run, {"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress()})
    assert run.load().epoch == 0


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (6,), ()])
def test_what_adam_remembers_has_the_shape_of_its_parameter(run, shape):
    arrays = {"W0": np.zeros((2, 3), dtype=np.float32), "m.W0": np.zeros(shape, dtype=np.float32)}
    write_checkpoint(run, arrays, {"format": "1", "state": progress()})
    if shape == (2, 3):
        assert run.load({"W0": (2, 3)}).memory["m"]["W0"].shape == shape
    else:
        assert_refused(run)


def test_arrays_of_an_optimizer_of_ones_own_come_back_apart(run):
    state = a_state()
    state.memory = {kind: {k: v + 1 for k, v in state.parameters.items()} for kind in ("velocity", "drag")}
    run.save(state)
    for shapes in (None, {name: value.shape for name, value in state.parameters.items()}):
        found = run.load(shapes)
        assert found.parameters.keys() == state.parameters.keys()
        assert found.memory.keys() == state.memory.keys()
        for kind, values in state.memory.items():
            for name, value in values.items():
                np.testing.assert_array_equal(found.memory[kind][name], value)


def test_more_arrays_than_can_be_read_back_are_not_saved(run):
    state = a_state()
    state.memory = {f"kind{k}": state.parameters for k in range(5)}
    with pytest.raises(ValueError, match="memory has 5 kinds of arrays, expected 4 at most"):
        run.save(state)


@pytest.mark.parametrize("memory", ["m", [1], None])
def test_a_memory_that_is_no_list_of_names_is_refused(run, memory):
    write_checkpoint(
        run, {"W0": np.zeros((2, 2), dtype=np.float32)}, {"format": "1", "state": progress(memory=memory)}
    )
    assert_refused(run)


def test_what_a_file_holds_reaches_the_terminal_short_and_printable(run):
    arrays = {"\x1b]0;owned\x07" + "W" * 10_000: np.zeros(3, dtype=np.float32)}
    write_checkpoint(run, arrays, {"format": "1", "state": progress()})
    with pytest.raises(ValueError, match="array") as error:
        run.load({"W0": (3,)})
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600 + len(str(run.path))


def test_shapes_are_compared_before_arrays_are_read(run):
    """Sparse, so it takes no disk: 1 TiB of zeros, which nothing could hold."""
    size = 2**40
    header = json.dumps(
        {
            "__metadata__": {"format": "1", "state": progress(), "sha256": ""},
            "W0": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]},
        }
    ).encode()
    with (run.path / CHECKPOINT).open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    with pytest.raises(ValueError, match=r"it has [\d,]+ bytes, expected at most"):
        run.load({"W0": (4, 3), "b0": (3,)})


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


@pytest.mark.slow
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
    every = DEFAULTS_OF_ALL | config.model_dump()
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
    run = RunFolder.create(tmp_path / "run", config, DATA)
    names = json.loads((tmp_path / "run" / CONFIG).read_text())["config"].keys()
    assert {"free_steps", "nudge"} <= names
    assert not {"num_sweeps", "chip", "gain", "statistic"} & names
    assert RunFolder.open(run.path).config == config
    assert TrainConfig(**config.model_dump()) == config
