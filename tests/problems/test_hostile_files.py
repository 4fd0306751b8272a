"""A hundred files made to take all memory or to last for ever: each is refused in one line, or harmless.

They are read in processes of their own, whose address space is bounded to 2 GiB above what they have when all
is imported. What a reader takes is bounded before it is taken: none of them may even run into that limit.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ising_ep.config import TrainConfig
from ising_ep.training.checkpoint import array_digest
from ising_ep.training.record import DataRecord
from ising_ep.training.run_folder import CHECKPOINT, CONFIG, METRICS, SOLVER, RunFolder

LIMIT = 2**31
SECONDS = 20
# The only ones that are read: one that takes as much as it may, and settings of a run that is not begun.
ALLOWED = "npz-as much as is read.npz"

# Reads each of the files and prints one line of JSON: its name, what was said, and processor seconds.
READER = """
import json, resource, sys, time
from pathlib import Path
import dwave.graphs, safetensors
from ising_ep import datasets
from ising_ep.training.run_folder import RunFolder
from ising_ep.chip import Chip
from ising_ep.embedding import Embedding
from ising_ep.network import FullyConnected

chip = Chip.perfect("chimera", 2)
network = FullyConnected(4, (2, 2), 2)

def read_run(path):
    run = RunFolder.open(path)
    run.solver()
    return run.load(network.shapes())

def read_embedding(path):
    Embedding.load(path, chip).verify(network, chip)

READERS = {
    "npz": datasets.load_npz,
    "images": lambda path: datasets.load_images(path, 4),
    "idx": datasets.load_mnist,
    "chip": lambda path: Chip.named(str(path)),
    "embedding": read_embedding,
    "run": read_run,
}

pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in map(Path, sys.argv[2:]):
    began = time.process_time()
    try:
        READERS[path.name.split("-")[0]](path)
        said = None
    except (ValueError, OSError) as error:
        said = str(error)
    print(json.dumps([path.name, said, time.process_time() - began]), flush=True)
"""


def npy(shape, data=b"", descr="<f4", header=None) -> bytes:
    text = header or f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(kind: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def with_zeros(path: Path, shape: tuple[int, int], size: int, **others: bytes) -> None:
    """An .npz whose x_train is so many zeros, written piece by piece."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x_train.npy", "w", force_zip64=True) as member:
            member.write(npy(shape, descr="|u1"))
            for start in range(0, size, 2**24):
                member.write(bytes(min(2**24, size - start)))
        for name, content in others.items():
            archive.writestr(f"{name}.npy", content)


LABELS = npy((2,), b"\0\1", "|u1")
IMAGES = npy((2, 4), bytes(8), "|u1")
GOOD = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}
SHAPES = {
    "negative": "(-1, -4)",
    "no images": "(0, 4)",
    "a terabyte": f"(2, {2**40})",
    "beyond 64 bits": f"(2, {2**70})",
    "two gigabytes": f"(2, {2**29})",
    "many dimensions": f"({'1, ' * 60})",
    "a scalar": "()",
    "floats": "(2.0, 4)",
    "text": "('2', 4)",
    "deep": "(" * 3000,
    "calls": "(__import__('os').system('true'), 4)",
    "powers": "(2, 9**9**9)",
}


def array_files(folder: Path) -> None:
    """.npz and .npy."""
    for name, shape in SHAPES.items():
        (folder / f"npz-{name}.npz").write_bytes(zipped(**GOOD | {"x_train": npy(shape, bytes(32))}))
        (folder / f"npz-labels {name}.npz").write_bytes(
            zipped(**GOOD | {"y_train": npy(shape, bytes(8), "<i4")})
        )
        (folder / f"images-{name}.npy").write_bytes(npy(shape, bytes(32)))
    for kind in ("O", "|O8", "V1000000000", "<U500000000", "|S2000000000", "<c16", "M8[s]", "no such"):
        content = npy((2, 4), bytes(32), kind)
        (folder / f"npz-{len(kind)}{kind[:3]!r}.npz").write_bytes(zipped(**GOOD | {"x_train": content}))
        (folder / f"images-{len(kind)}{kind[:3]!r}.npy").write_bytes(content)
    long_header = npy(None, header=b"{" + b" " * 65000 + b"}")
    for name, content in {
        "header of spaces": long_header,
        "pickle": b"\x80\x04c__builtin__\nexec\n.",
        "empty": b"",
        "zeros": bytes(10**6),
        "version 3": b"\x93NUMPY\x03\x00" + struct.pack("<I", 2**31),
    }.items():
        (folder / f"npz-{name}.npz").write_bytes(zipped(**GOOD | {"x_train": content}))
        (folder / f"images-{name}.npy").write_bytes(content)
    small = {"x_test": npy((2, 2**10), bytes(2**11), "|u1"), "y_test": LABELS}
    with_zeros(folder / "npz-bomb.npz", (2**20, 2**10), 2**26, y_train=npy((2**20,), b"", "|u1"), **small)
    # Half of what any file may take: 100 MiB of pixels, in 100 kB.
    labels = npy((10**5,), bytes([0, 1]) * 50_000, "|u1")
    with_zeros(folder / ALLOWED, (10**5, 2**10), 10**5 * 2**10, y_train=labels, **small)
    with_zeros(
        folder / "npz-bomb of labels.npz", (2**28, 2**10), 2**26, y_train=npy((2**28,), b"", "<i8"), **small
    )
    with_zeros(folder / "npz-bomb behind a small promise.npz", (2, 2**10), 2**28, y_train=LABELS, **small)
    (folder / "npz-bzip2.npz").write_bytes(zipped(zipfile.ZIP_BZIP2, **GOOD))
    (folder / "npz-many members.npz").write_bytes(
        zipped(zipfile.ZIP_STORED, **{str(k): b"" for k in range(20_000)})
    )
    # Sparse: the sizes are there, the disk is not.
    with (folder / "images-sparse.npy").open("wb") as file:
        file.write(npy((2**40, 4), descr="|u1"))
        file.truncate(2**42)
    with (folder / "npz-sparse.npz").open("wb") as file:
        file.truncate(2**42)
    os.mkfifo(folder / "npz-pipe.npz")
    (folder / "images-endless.npy").symlink_to("/dev/zero")


def idx_files(folder: Path) -> None:
    """Folders with MNIST's four files."""
    names = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    images = struct.pack(">4I", 0x803, 2, 2, 2) + bytes(8)
    labels = struct.pack(">2I", 0x801, 2) + b"\0\1"
    good = dict(zip(names, (images, labels, images, labels), strict=True))
    zeros = bytes(2**26)
    for name, changes in {
        "promise": {names[0]: struct.pack(">4I", 0x803, *(2**32 - 1,) * 3)},
        "promise of two gigabytes": {names[0]: struct.pack(">4I", 0x803, 2**11, 2**10, 2**10)},
        "promise of labels": {names[1]: struct.pack(">2I", 0x801, 2**31 - 1)},
        "bomb": {
            names[0]: None,
            f"{names[0]}.gz": gzip.compress(struct.pack(">4I", 0x803, 2**20, 32, 32) + zeros, 1),
        },
        "bomb of labels": {
            names[1]: None,
            f"{names[1]}.gz": gzip.compress(struct.pack(">2I", 0x801, 2**30) + zeros, 1),
        },
        "bomb behind a small promise": {names[0]: None, f"{names[0]}.gz": gzip.compress(images + zeros, 1)},
        "gz of nothing": {names[0]: None, f"{names[0]}.gz": b"\x1f\x8b\x08\x00" + bytes(20)},
        "a folder in place of a file": {names[0]: None},
    }.items():
        (folder / f"idx-{name}").mkdir()
        for file, content in (good | changes).items():
            if content is not None:
                (folder / f"idx-{name}" / file).write_bytes(content)
    (folder / "idx-a folder in place of a file" / names[0]).mkdir()


JSON = {
    "deep": b"[" * 10**6,
    "900 levels": b"[" * 900 + b"1" + b"]" * 900,
    "deep objects": b'{"chains":' * 10**5,
    "lists": b"[" + b"[]," * 5_500_000 + b"1]",
    "objects": b'{"topology":{},"x":[' + b"{}," * 4_000_000 + b"1]}",
    "past the bound": b"[" + b"0," * 10**7 + b"1]",
    "digits": b"[[" + b"9" * 10**7 + b"]]",
    "float of many digits": b"[[0." + b"9" * 10**7 + b"]]",
    "exponent": b"[[1e999999999]]",
    "not text": bytes(range(256)) * 1000,
    "empty": b"",
    "text": b'"' + b"\\ud800" * 10**6 + b'"',
}
CHIPS = {
    "zephyr": {"type": "zephyr", "shape": [100, 100]},
    "wide zephyr": {"type": "zephyr", "shape": [1, 5000]},
    "chimera": {"type": "chimera", "shape": [100, 100, 100]},
    "wide chimera": {"type": "chimera", "shape": [1, 1, 24_000]},
    "pegasus": {"type": "pegasus", "shape": [10**9]},
    "largest zephyr": {"type": "zephyr", "shape": [39, 4]},
    "null": {"type": "zephyr", "shape": None},
    "inf": {"type": "zephyr", "shape": [float("inf")]},
    "nested": {"type": "zephyr", "shape": [[4]]},
    "huge": {"type": "zephyr", "shape": [10**30]},
    "no text": {"type": {}, "shape": [4]},
}


def json_files(folder: Path) -> None:
    """Chips, embeddings."""
    for name, content in JSON.items():
        (folder / f"chip-{name}.json").write_bytes(content)
        if name != "lists":  # takes seconds, and one reader reads both
            (folder / f"embedding-{name}.json").write_bytes(content)
    for name, topology in CHIPS.items():
        content = {"topology": topology, "qubits": list(range(10)), "couplers": [[10**30, 0]]}
        if name == "largest zephyr":
            content["couplers"] = [[0, 10**9]]
        (folder / f"chip-{name}.json").write_text(json.dumps(content))
    (folder / "chip-endless.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "embedding-pipe.json")


def checkpoint(header: dict[str, object] | bytes, size: int | None = None, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def run_folders(folder: Path) -> None:
    """Run folders."""

    def run(name: str, **files: bytes | Callable[[Path], object]) -> None:
        path = folder / f"run-{name}"
        with_name = {"config": CONFIG, "checkpoint": CHECKPOINT, "metrics": METRICS, "solver": SOLVER}
        RunFolder.create(path, TrainConfig(machine="qpu"), DataRecord("abc", 64, 10)).close()
        for key, content in files.items():
            file = path / with_name[key]
            file.unlink(missing_ok=True)
            file.write_bytes(content) if isinstance(content, bytes) else content(file)

    def sparse(header: dict[str, object]) -> Callable[[Path], object]:
        def write(file: Path) -> None:
            file.write_bytes(checkpoint(header))
            os.truncate(file, 2**42)

        return write

    state = json.dumps({"epoch": 0, "history": []})
    about = {"format": "1", "state": state, "sha256": ""}

    def tensor(kind: str, shape: list[int], size: int) -> dict[str, object]:
        return {"dtype": kind, "shape": shape, "data_offsets": [0, size]}

    for name, content in JSON.items():
        if name not in ("lists", "objects"):
            run(f"config {name}", config=content)
    big = {"__metadata__": about, "W0": tensor("F32", [2**20, 2**18], 2**40)}
    run("checkpoint of a terabyte", checkpoint=sparse(big))
    run("checkpoint that promises", checkpoint=checkpoint(big))
    run("header of 8 exabytes", checkpoint=checkpoint(b"{}", 2**63))
    run("header of 99 megabytes", checkpoint=checkpoint(b"{}" + b" " * 99_000_000))
    run("header of lists", checkpoint=checkpoint(b'{"a":[' + b"[]," * 10_000_000 + b"1]}"))
    run(
        "many arrays",
        checkpoint=checkpoint(
            {"__metadata__": about} | {str(k): tensor("F32", [0], 0) for k in range(50_000)}
        ),
    )
    run("deep header", checkpoint=checkpoint(b'{"a":' * 10**6))
    shapes = {"W0": (4, 2), "W1": (2, 2), "b0": (2,), "b1": (2,)}
    arrays = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    header, place = {}, 0
    for name, value in arrays.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [place, place + value.nbytes],
        }
        place += value.nbytes
    for name, text in {
        "history of lists": '{"epoch": 0, "history": [' + "[]," * 6_000_000 + "1]}",
        "deep history": '{"epoch": 0, "history": ' + "[" * 10**6,
        "huge epoch": f'{{"epoch": {"9" * 4000}, "history": []}}',
    }.items():
        about = {"format": "1", "state": text, "sha256": array_digest(arrays, text)}
        run(name, checkpoint=checkpoint({"__metadata__": about} | header, data=bytes(place)))
    run(
        "what Adam holds of a terabyte",
        checkpoint=sparse(
            {"__metadata__": {"format": "1", "state": state, "sha256": ""}}
            | header
            | {"m.W0": {"dtype": "F32", "shape": [2**38], "data_offsets": [place, place + 2**40]}}
        ),
    )
    run("endless config", config=lambda file: file.symlink_to("/dev/zero"))
    run("pipe for a checkpoint", checkpoint=os.mkfifo)
    run("deep solver", solver=b"[" * 10**6, checkpoint=b"")
    run("huge metrics", metrics=lambda file: (file.touch(), os.truncate(file, 2**42)))
    run(
        "huge network",
        config=json.dumps(
            {"config": TrainConfig(layers=(2**30, 2**30)).model_dump(), "fingerprint": ""}
        ).encode(),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    array_files(folder)
    idx_files(folder)
    json_files(folder)
    run_folders(folder)
    return sorted(folder.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the address space is bounded on Linux alone")
def test_a_hundred_hostile_files(files):
    assert len(files) > 100
    halves = [files[k::2] for k in range(2)]
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(LIMIT), *map(str, half)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        for half in halves
    ]
    for half, reader in zip(halves, readers, strict=True):
        out, err = reader.communicate()
        results = [json.loads(line) for line in out.splitlines()]
        assert [name for name, *_ in results] == [file.name for file in half], err
        for name, said, seconds in results:
            if name == ALLOWED:
                assert said is None
                continue
            assert said is not None, name
            assert name in said
            assert "\n" not in said
            # The reader's own bound, and not the system's; 60 dimensions make the longest line.
            assert not re.search("[Mm]emory|allocate", re.sub("take .* in memory", "", said)), said
            assert len(said) < 600 + len(str(half[0].parent))
            assert seconds < SECONDS, name


@pytest.mark.parametrize("name", ["", "x" * 81, "a\x1b]0;", "a\0b", "\ud800", "two words", 5, ["a"], True])
def test_a_damaged_name_of_a_run_is_refused(tmp_path, name):
    """Another one in its place would find nothing of what was sent, and pay for all again."""
    run = RunFolder(tmp_path, TrainConfig(dataset="patterns", machine="qpu"), "")
    (tmp_path / SOLVER).write_text(json.dumps({"name": "A solver", "run": name}))
    with pytest.raises(
        ValueError, match=r"solver\.json is damaged: run is .*, expected the run's name"
    ) as refusal:
        run.name_at_solver()
    assert str(refusal.value).isprintable()


def test_the_name_of_a_run_may_be_in_its_journal_alone(tmp_path):
    run = RunFolder(tmp_path, TrainConfig(dataset="patterns", machine="qpu"), "")
    (tmp_path / SOLVER).write_text(json.dumps({"name": "A solver"}))
    assert run.name_at_solver() is None
    (tmp_path / SOLVER).write_text(json.dumps({"name": "A solver", "run": "7b8c80adb8eb"}))
    assert run.name_at_solver() == "7b8c80adb8eb"


@pytest.mark.parametrize("content", ["[]", "null", "{}", '{"name": ["A solver"]}'])
def test_a_solver_without_a_name_is_refused(tmp_path, content):
    (tmp_path / SOLVER).write_text(content)
    with pytest.raises(ValueError, match=r"solver\.json is damaged: it does not say which solver"):
        RunFolder(tmp_path, TrainConfig(dataset="patterns", machine="qpu"), "").solver()
