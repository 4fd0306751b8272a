"""The network of one's own in docs/learning.md, with a skip and a lateral layer: it learns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ising_ep import training

PAGE = Path(__file__).parents[2] / "docs" / "learning.md"


@pytest.mark.slow
def test_the_network_of_the_page_learns_digits():
    [snippet] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    page: dict[str, Any] = {}
    exec(snippet, page)
    network, digits, parameters = page["network"], page["digits"], page["state"].parameters
    ids = np.arange(len(digits.x_test), dtype=np.uint32)
    found = training.free_outputs(page["rule"], parameters, digits.x_test, ids)
    assert (training.classes(network, found) == digits.y_test).mean() > 0.8
    for name, value in network.initial_parameters(np.random.default_rng(0)).items():
        assert (parameters[name] != value).any()
