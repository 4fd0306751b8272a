"""Hypothesis tries the same examples in every run, so that a failure is a change of the code; and no test
reads or writes the user's cache of embeddings.
"""

import pytest
from hypothesis import settings

# No deadline: the machine may be busy.
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
