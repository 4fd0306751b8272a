"""examples/folder_of_pictures.py, on pictures that are made here."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "folder_of_pictures.py"


def draw(rng, shape):
    """A shape in some colour and place, on a picture that is no square."""
    picture = Image.new("RGB", (48, 40))
    x, y = rng.integers(8, 14, 2).tolist()
    colour = tuple(rng.integers(160, 256, 3).tolist())
    pen = ImageDraw.Draw(picture)
    if shape == "disc":
        pen.ellipse((x, y, x + 22, y + 22), fill=colour)
    elif shape == "bar":
        pen.rectangle((x, y + 7, x + 24, y + 13), fill=colour)
    else:
        pen.rectangle((x + 8, y - 4, x + 14, y + 24), fill=colour)
    return picture


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for shape in ("bar", "disc", "post"):
        (tmp_path / "shapes" / shape).mkdir(parents=True)
        for k in range(20):
            draw(rng, shape).save(tmp_path / "shapes" / shape / f"{k}.{('png', 'jpg')[k % 2]}")
    (tmp_path / "shapes" / "disc" / "notes.txt").write_text("no picture")
    return tmp_path / "shapes"


def run(*words):
    return subprocess.run([sys.executable, EXAMPLE, *words], capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "shape"), [([], "(16, 16, 1)"), (["--colour", "--side", "10"], "(10, 10, 3)")]
)
def test_it_learns_to_tell_them_apart(pictures, options, shape):
    result = run(pictures, *options)
    assert result.returncode == 0, result.stderr
    first, second, *_ = result.stdout.splitlines()
    assert first == f"60 pictures of {shape}: bar, disc, post"
    share, count = re.fullmatch(r"([\d.]+)% of (\d+) test pictures right", second).groups()
    assert int(count) == 12
    assert float(share) > 80


def test_an_empty_folder_is_one_line(tmp_path):
    result = run(tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path} holds no pictures, expected one subfolder of them for each class\n"
