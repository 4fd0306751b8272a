"""The gallery: energies that it says are exact are, and its pictures are small and on the page."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks import gallery
from ising_ep.network import FullyConnected

PAGE = (gallery.DOCS / "gallery.md").read_text()


def test_lowest_energies_are_those_of_all_states():
    """Of 6 hidden and 4 output spins, two for each class, by trying every state."""
    network = FullyConnected(9, (6, 4), 2)
    parameters = network.initial_parameters(np.random.default_rng(0))
    image = np.random.default_rng(1).normal(size=9).astype(np.float32)
    fields = network.fields(parameters, image[None])[0]
    rows, cols, values = network.couplings(parameters)
    lowest = []
    for said in network.targets(np.arange(2)):
        states = np.array([[*hidden, *said] for hidden in product((-1, 1), repeat=6)])
        lowest.append((states @ fields + (states[:, rows] * states[:, cols]) @ values).min())
    np.testing.assert_allclose(gallery._lowest_of_classes(network, parameters, image), lowest, rtol=1e-5)


def test_every_picture_is_on_the_page_small_and_made_by_the_command():
    shown = re.findall(r"!\[[^]]+\]\((\w+)\.png\)", PAGE)
    assert set(shown) == set(gallery.PICTURES)
    for name in shown:
        assert Path(gallery.DOCS, f"{name}.png").stat().st_size <= gallery.MOST_BYTES


def test_a_large_picture_gets_smaller_until_it_fits():
    figure = Figure(figsize=(8, 8), dpi=150)
    figure.subplots().imshow(np.random.default_rng(0).random((800, 800, 3)))
    content = gallery.small_png(figure)
    assert content.startswith(b"\x89PNG")
    assert len(content) <= gallery.MOST_BYTES
