"""Files that are either whole or not there: what a write that fails leaves, and says."""

import os
import resource

import pytest

from ising_ep.atomic import replace


def test_a_write_that_fails_names_its_file_and_leaves_the_old_one(tmp_path):
    file = tmp_path / "checkpoint"
    replace(file, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as error:
            replace(file, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.filename == str(file)
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["checkpoint"]
