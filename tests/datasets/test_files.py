"""A user's files: what is read, and that whatever is wrong with one becomes one clear line."""

import gzip
import io
import pickle
import re
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ising_ep import datasets
from support.data import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    assert_one_line,
    idx,
    npy_bytes,
    npz_bytes,
    npz_with_member,
    small_arrays,
    small_idx,
    write_files,
)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npz_round_trip(tmp_path, save, order):
    arrays = small_arrays()
    floats = np.asarray((arrays["x_train"] - 128.0) / 64, order=order)
    save(tmp_path / "mine.npz", **arrays | {"x_train": floats, "y_train": arrays["y_train"].astype(">i4")})
    mine = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(mine.x_train, floats.reshape(20, 6))  # floats as they are
    np.testing.assert_array_equal(mine.x_test, arrays["x_test"].reshape(10, 6) / np.float32(255))
    assert (mine.name, mine.num_classes, mine.image_shape) == ("mine", 10, (3, 2, 1))
    assert mine.x_train.dtype == np.float32
    assert mine.y_train.dtype == np.int64


@pytest.mark.parametrize(
    ("shape", "image_shape"),
    [
        ((12,), None),
        ((6, 2), (6, 2, 1)),
        ((6, 2, 1), (6, 2, 1)),
        ((2, 2, 3), (2, 2, 3)),
        ((3, 1, 4), (3, 1, 4)),
        ((3, 2, 2), None),
        ((1, 2, 6), None),
        ((1, 2, 2, 3), None),
    ],
)
def test_npz_flattens_row_by_row_and_tells_the_shape(tmp_path, shape, image_shape):
    """Channels are the last of four dimensions, where they are 1, 3 or 4."""
    arrays = small_arrays()
    pixels = {
        "x_train": np.arange(240, dtype=np.uint8).reshape(20, *shape),
        "x_test": np.arange(120, dtype=np.uint8).reshape(10, *shape),
    }
    np.savez(tmp_path / "mine.npz", **arrays | pixels)
    loaded = datasets.load_npz(tmp_path / "mine.npz", train_per_class=1)
    assert loaded.x_train.shape == (10, 12)
    assert loaded.image_shape == image_shape
    np.testing.assert_array_equal(np.rint(255 * loaded.x_test).ravel(), np.arange(120))


# What is refused

ARRAYS = small_arrays()
NAN, INFINITE, HUGE = (np.full((20, 3, 2), value) for value in (np.nan, -np.inf, 1e300))


def test_boolean_images_are_0_and_1(tmp_path):
    path = tmp_path / "mine.npz"
    bright = ARRAYS["x_train"] > 9
    path.write_bytes(npz_bytes(x_train=bright))
    np.testing.assert_array_equal(datasets.load_npz(path).x_train, bright.reshape(len(bright), -1))


BAD_ARRAYS = {
    "nan": ({"x_train": NAN}, "x_train holds nan in image 0"),
    "infinite": ({"x_train": INFINITE}, "x_train holds -inf"),
    "beyond float32": ({"x_train": HUGE}, "x_train holds 1e+300"),
    "integer pixels": ({"x_train": ARRAYS["x_train"].astype(np.int32)}, "x_train holds int32"),
    "pixels of 255": (
        {"x_train": ARRAYS["x_train"].astype(np.float32)},
        f"x_train holds values up to {ARRAYS['x_train'].max()} with root mean square",
    ),
    "test pixels of 255": (
        {"x_test": ARRAYS["x_test"].astype(np.float64)},
        "expected about 1 and at most 5: give pixels of 0..255 as uint8, or divide them by 255",
    ),
    "huge pixels": ({"x_train": np.full((20, 3, 2), -1e30)}, "with root mean square 1e+30, expected about 1"),
    "huge half precision": ({"x_train": np.full((20, 3, 2), 6e4, np.float16)}, "with root mean square 6e+04"),
    "pixel of another sign": ({"x_train": np.full((20, 6), 1j)}, "x_train holds complex128, expected uint8"),
    "one-dimensional images": ({"x_train": np.zeros(20)}, "x_train has shape (20,)"),
    "scalar images": ({"x_test": np.float32(0)}, "x_test has shape ()"),
    "no images": (
        {"x_train": ARRAYS["x_train"][:0], "y_train": ARRAYS["y_train"][:0]},
        "x_train has shape (0, 3, 2)",
    ),
    "images of no pixels": ({"x_test": np.zeros((10, 0))}, "x_test has shape (10, 0)"),
    "two-dimensional labels": ({"y_train": ARRAYS["y_train"][:, None]}, "y_train has shape (20, 1)"),
    "lengths differ": ({"y_test": ARRAYS["y_test"][:-1]}, "x_test has 10 images, y_test 9 labels"),
    "image shapes differ": ({"x_test": np.zeros((10, 2, 3))}, "x_test has images (2, 3), expected (3, 2)"),
    "fractional labels": ({"y_train": ARRAYS["y_train"] + 0.5}, "y_train holds 0.5, expected whole numbers"),
    "labels that are no numbers": (
        {"y_test": np.where(ARRAYS["y_test"] == 3, np.nan, 0)},
        "y_test holds nan, expected whole numbers",
    ),
    "infinite labels": ({"y_test": np.full(10, np.inf)}, "y_test holds inf, expected whole numbers"),
    "labels past precision": ({"y_train": ARRAYS["y_train"] + 1e17}, "expected whole numbers"),
    "negative whole floats": ({"y_train": ARRAYS["y_train"] - 1.0}, "y_train holds label -1.0, expected"),
    "negative label": ({"y_train": ARRAYS["y_train"].astype(int) - 3}, "y_train holds label -3"),
    "gap in labels": ({"y_train": ARRAYS["y_train"] * 2}, "y_train holds 10 different labels up to 18"),
    "one class": ({"y_train": ARRAYS["y_train"] * 0}, "y_train holds 1 different labels up to 0"),
    "unknown test label": ({"y_test": ARRAYS["y_test"] + 5}, "y_test holds label 14, expected 0..9"),
    "object images": (
        {"x_train": np.full((20, 2), None)},
        "x_train holds object, expected uint8, booleans or",
    ),
    "object labels": ({"y_train": np.full(20, None)}, "y_train holds object, expected integers"),
    "text labels": ({"y_train": ARRAYS["y_train"].astype(str)}, "y_train holds <U3, expected integers"),
    "missing images": ({"x_train": None}, "x_train: no such array"),
    "missing labels": ({"y_test": None}, "y_test: no such array, expected x_train, y_train, x_test, y_test"),
}


@pytest.mark.parametrize(("changes", "part"), BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_bad_arrays(tmp_path, changes, part):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz_bytes(**changes))
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        datasets.load_npz(path)
    assert_one_line(error, part)


GOOD_NPZ = npz_bytes()
BAD_NPZ = {
    "empty": (b"", "not a zip file"),
    "pickle": (pickle.dumps([1, 2]), "not a zip file"),
    "truncated": (GOOD_NPZ[:-30], "not a zip file"),
    "member not npy": (npz_with_member(b"hello, world"), "x_train: the magic string"),
    "promises more": (npz_with_member(npy_bytes((20, 3, 2), bytes(100))), "promises 120 bytes, found 100"),
    "trailing data": (npz_with_member(npy_bytes((20, 3, 2), bytes(121))), "promises 120 bytes, found more"),
    "promises terabytes": (
        npz_with_member(npy_bytes((20, 3, 2 * 10**11))),
        "x_test has images (3, 2), expected (3, 200000000000)",
    ),
    "negative shape": (npz_with_member(npy_bytes((-20, 3, 2), bytes(120))), "x_train has shape (-20, 3, 2)"),
    "doubly negative": (npz_with_member(npy_bytes((-20, -6), bytes(120))), "x_train"),
    "absurd shape": (npz_with_member(npy_bytes((0, 10**40))), "x_train"),
    "nested header": (npz_with_member(npy_bytes("(" * 9000)), "x_train"),
    "npy version 2": (npz_with_member(npy_bytes((20, 6), bytes(120), version=(2, 0))), "npy version (2, 0)"),
    "bzip2": (npz_with_member(npy_bytes((20, 6), bytes(120)), zipfile.ZIP_BZIP2), "zip compression 12"),
}


@pytest.mark.parametrize(("content", "part"), BAD_NPZ.values(), ids=BAD_NPZ.keys())
def test_bad_npz(tmp_path, content, part):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        datasets.load_npz(path)
    assert_one_line(error, part)


IMAGES, LABELS = small_idx()[TRAIN_IMAGES], small_idx()[TRAIN_LABELS]
BAD_IDX = {
    "empty file": (TRAIN_IMAGES, b"", "ends after 0 bytes"),
    "cut in the header": (TRAIN_IMAGES, IMAGES[:10], "ends after 10 bytes, expected a header of 16"),
    "cut in the data": (TRAIN_IMAGES, IMAGES[:-1], "promises 120 bytes, found 119"),
    "trailing data": (TRAIN_IMAGES, IMAGES + b"\0", "promises 120 bytes, found more"),
    "labels as images": (TRAIN_IMAGES, LABELS, "magic number is 00000801, expected 00000803"),
    "images as labels": (TEST_LABELS, IMAGES, "magic number is 00000803, expected 00000801"),
    "promises more": (TRAIN_LABELS, idx(np.zeros(9, np.uint8))[:-1], "promises 9 bytes, found 8"),
    "promises too much": (
        TRAIN_IMAGES,
        IMAGES[:4] + b"\xff" * 12,
        "header promises 79228162458924105385300197375",
    ),
    "no images": (TRAIN_IMAGES, idx(np.zeros((0, 3, 2), np.uint8)), "x_train has shape (0, 3, 2)"),
    "images of no pixels": (TEST_IMAGES, idx(np.zeros((10, 3, 0), np.uint8)), "x_test has shape (10, 3, 0)"),
    "counts differ": (TRAIN_LABELS, idx(np.zeros(19, np.uint8)), "x_train has 20 images, y_train 19 labels"),
    "label out of range": (
        TEST_LABELS,
        idx(np.arange(1, 11, dtype=np.uint8)),
        "y_test holds label 10, expected 0..9",
    ),
    "shapes differ": (TEST_IMAGES, idx(np.zeros((10, 2, 3), np.uint8)), "x_test has images (2, 3)"),
    "not gzip": (TRAIN_IMAGES + ".gz", IMAGES, "Not a gzipped file"),
    "cut gzip": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES)[:-9], "end-of-stream"),
    "gzip checksum": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES)[:-8] + bytes(8), "CRC check failed"),
    "gzip trailing": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES) + b"more", "Not a gzipped file"),
    "gzip trailing data": (TRAIN_IMAGES + ".gz", gzip.compress(IMAGES + b"\0"), "found more"),
}


@pytest.mark.parametrize(("name", "content", "part"), BAD_IDX.values(), ids=BAD_IDX.keys())
def test_bad_idx(tmp_path, name, content, part):
    files = small_idx()
    del files[name.removesuffix(".gz")]
    write_files(tmp_path, files | {name: content})
    with pytest.raises(ValueError, match=re.escape(str(tmp_path))) as error:
        datasets.load_mnist(tmp_path)
    file_alone_is_bad = not part.startswith(("x_", "y_"))
    assert_one_line(error, part, *([name] if file_alone_is_bad else []))


def peak_while_refused(load, path, part):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=part):
            load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros_npz(**sizes):
    """An .npz whose arrays are promised to be (sizes) bytes, and are 16 MiB of zeros each; it has 64 KiB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in sizes.items():
            archive.writestr(f"{name}.npy", npy_bytes(shape, bytes(2**24)))
    return buffer.getvalue()


@pytest.mark.slow
def test_promises_and_bombs_do_not_take_memory(tmp_path):
    header = IMAGES[:4] + struct.pack(">3I", 2_000_000, 32, 32)  # two billion bytes, under the limit
    promise = write_files(tmp_path / "promise", small_idx() | {TRAIN_IMAGES: header})
    less = write_files(tmp_path / "less", small_idx())
    (less / TRAIN_IMAGES).write_bytes(IMAGES[:4] + struct.pack(">3I", 100_000, 32, 32))
    bomb = write_files(tmp_path / "bomb", small_idx())
    (bomb / TRAIN_IMAGES).unlink()
    (bomb / f"{TRAIN_IMAGES}.gz").write_bytes(gzip.compress(IMAGES + bytes(2**24)))
    files = {
        "promise": npz_with_member(npy_bytes((20, 3, 2), b"")),
        "bomb": npz_with_member(npy_bytes((20, 3, 2), bytes(2**24)), zipfile.ZIP_DEFLATED),
        # As large as what was seen: four arrays, each within what one may have.
        "four": zeros_npz(x_train=(1_500_000, 1000), y_train=(1_500_000,), x_test=(2, 1000), y_test=(2,)),
        "labels": zeros_npz(x_train=(20, 6), y_train=(20, 75_000_000), x_test=(2, 6), y_test=(2,)),
    }
    for name, content in files.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
    np.save(tmp_path / "images.npy", np.zeros((2, 6)))
    with (tmp_path / "images.npy").open("r+b") as file:
        file.write(npy_bytes((100_000_000, 6)))
    for load, path, part in (
        (
            datasets.load_mnist,
            promise,
            "promises 2048000000 bytes, which take 10240000000 in memory, expected",
        ),
        (datasets.load_mnist, less, "promises 102400000 bytes, found 0"),
        (datasets.load_mnist, bomb, "found more"),
        (datasets.load_npz, tmp_path / "promise.npz", "promises 120 bytes, found 0"),
        (datasets.load_npz, tmp_path / "bomb.npz", "found more"),
        (
            datasets.load_npz,
            tmp_path / "four.npz",
            "promises 1501502002 bytes, which take 7507510010 in memory",
        ),
        (datasets.load_npz, tmp_path / "labels.npz", r"y_train has shape \(20, 75000000\), expected"),
        (
            lambda path: datasets.load_images(path, 6),
            tmp_path / "images.npy",
            "promises 600000000 bytes, which",
        ),
    ):
        assert peak_while_refused(load, path, part) < 2**22


@pytest.mark.slow
def test_what_a_file_may_take_grows_with_it(tmp_path):
    """More than any file may take, in one that has a fifth of it, and in one that has a thousandth."""
    pixels = np.zeros((120_000, 1000), np.uint8)
    labels = np.arange(len(pixels)) % 2
    arrays = {"x_train": pixels, "y_train": labels, "x_test": pixels[:2], "y_test": labels[:2]}
    np.savez(tmp_path / "whole.npz", **arrays)
    loaded = datasets.load_npz(tmp_path / "whole.npz", train_per_class=1)
    assert loaded.x_train.shape == (2, 1000)
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    with pytest.raises(ValueError, match="for its size; uncompressed it is read"):
        datasets.load_npz(tmp_path / "small.npz", train_per_class=1)


def test_booleans_are_zeros_and_ones(tmp_path):
    lit = ARRAYS["x_train"] > 127
    bytes_of_other_values = npy_bytes((20, 3, 2), (lit * np.uint8(7)).tobytes(), descr="|b1")
    for content in (npz_bytes(x_train=lit), npz_with_member(bytes_of_other_values)):
        (tmp_path / "mine.npz").write_bytes(content)
        loaded = datasets.load_npz(tmp_path / "mine.npz")
        np.testing.assert_array_equal(loaded.x_train, lit.reshape(20, 6).astype(np.float32))
    np.save(tmp_path / "new.npy", lit)
    np.testing.assert_array_equal(datasets.load_images(tmp_path / "new.npy", 6), loaded.x_train)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8, ">i8", np.uint64])
def test_labels_are_whole_numbers_of_any_kind(tmp_path, kind):
    (tmp_path / "mine.npz").write_bytes(npz_bytes(y_train=ARRAYS["y_train"].astype(kind)))
    loaded = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(loaded.y_train, ARRAYS["y_train"])
    assert loaded.y_train.dtype == np.int64


def test_two_classes_may_be_booleans(tmp_path):
    halves = {f"y_{split}": ARRAYS[f"y_{split}"] > 4 for split in ("train", "test")}
    (tmp_path / "mine.npz").write_bytes(npz_bytes(**halves))
    loaded = datasets.load_npz(tmp_path / "mine.npz")
    np.testing.assert_array_equal(loaded.y_test, halves["y_test"].astype(int))
    assert loaded.num_classes == 2


def test_images_to_classify_are_scaled_as_those_learned_from(tmp_path):
    pixels = np.full((3, 6), 255, np.uint8)
    np.save(tmp_path / "new.npy", pixels)
    np.testing.assert_array_equal(datasets.load_images(tmp_path / "new.npy", 6), np.ones((3, 6)))
    for suffix, save in ((".npy", np.save), (".npz", lambda path, x: np.savez(path, x=x))):
        path = tmp_path / f"floats{suffix}"
        save(path, pixels.astype(float))
        with pytest.raises(ValueError, match=f"{path}: x holds values up to 255 with root mean square 255"):
            datasets.load_images(path, 6)


@pytest.mark.parametrize("load", [datasets.load_npz, lambda path: datasets.load_images(path, 6)])
def test_what_is_there_and_no_file_is_called_so(tmp_path, load):
    for path, kind in ((tmp_path, "a folder"), ("/dev/null", "a device")):
        with pytest.raises(ValueError, match=f"{path} is {kind}, expected an .np"):
            load(path)
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/nowhere: no such file, expected an .np"):
        load(tmp_path / "nowhere")


# Whatever happens to a file, it loads or is refused in one line


@st.composite
def damages(draw):
    """A function that cuts bytes short or changes one of them."""
    place, change = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 255))

    def damage(content):
        position = int(place * len(content))
        if change == 0:
            return content[:position]
        return content[:position] + bytes([content[position] ^ change]) + content[position + 1 :]

    return damage


def loads_or_is_refused(load, path):
    try:
        loaded = load(path)
    except ValueError as error:
        message = str(error)
    else:
        assert len(loaded.x_train) == len(loaded.y_train)
        assert np.isfinite(loaded.x_train).all()
        return
    assert "\n" not in message
    assert str(path) in message


@settings(max_examples=80, deadline=None)
@given(damage=damages(), name=st.sampled_from(sorted(small_idx())), zipped=st.booleans())
def test_damaged_idx(tmp_path_factory, damage, name, zipped):
    directory = tmp_path_factory.getbasetemp() / f"damaged_{zipped}"
    files = {k + ".gz" * zipped: gzip.compress(v, mtime=0) if zipped else v for k, v in small_idx().items()}
    name += ".gz" * zipped
    write_files(directory, files | {name: damage(files[name])})
    loads_or_is_refused(datasets.load_mnist, directory)


@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
@settings(max_examples=120, deadline=None)
@given(damage=damages(), inside=st.booleans())
def test_damaged_npz(tmp_path_factory, damage, inside):
    """Damage the archive, or its first array before the zip's checksum covers it."""
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    array = npy_bytes((20, 3, 2), bytes(120))
    path.write_bytes(npz_with_member(damage(array)) if inside else damage(npz_with_member(array)))
    loads_or_is_refused(datasets.load_npz, path)
