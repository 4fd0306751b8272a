"""examples/folder_of_pictures.py, on pictures that are made here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.pictures import draw_pictures

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "folder_of_pictures.py"


@pytest.fixture
def pictures(tmp_path):
    draw_pictures(tmp_path / "shapes", ("bar", "disc", "post"), 20)
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
