"""Colour images through the command: learned, moved, drawn."""

import numpy as np
from click.testing import CliRunner

from ising_ep import cli


def test_colour_images_are_learned_moved_and_drawn(tmp_path, monkeypatch):
    """Red squares and blue ones of the same brightness, which only the channels tell apart."""
    monkeypatch.chdir(tmp_path)
    x = np.zeros((20, 5, 4, 3), np.uint8)
    labels = np.arange(20) % 2
    x[labels == 0, 1:4, 1:3, 0] = x[labels == 1, 1:4, 1:3, 2] = 255
    np.savez("squares.npz", x_train=x, y_train=labels, x_test=x, y_test=labels)
    options = "--layers 8,4 --epochs 4 --learning-rate 0.1 --num-reads 3 --num-sweeps 20 --shift 1 --out run"
    result = CliRunner().invoke(cli.main, ["train", "--dataset", "squares.npz", *options.split()])
    assert result.exit_code == 0, result.output
    assert "test accuracy 100.00%" in result.output
    assert (tmp_path / "run" / "weights.png").stat().st_size > 1000
    convolutional = ["train", "--dataset", "squares.npz", "--network", "convolutional"]
    result = CliRunner().invoke(cli.main, convolutional)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1].endswith("takes images of one channel, and these have 3")
