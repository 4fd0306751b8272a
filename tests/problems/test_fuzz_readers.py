"""A short run of the fuzzer of the readers of problem files, of which benchmarks has the long one."""

import pytest

from benchmarks.problems import fuzz_readers


@pytest.mark.slow
def test_files_are_read_right_or_refused():
    outcomes, wrong = fuzz_readers.fuzz(4800, seed=1)
    assert wrong == []
    assert outcomes.total() == 4800
    for kind in fuzz_readers.KINDS:
        assert outcomes[f"{kind} whole, right"] == 4800 / len(fuzz_readers.KINDS) / 4
        assert outcomes[f"{kind} damaged, refused"] > 90
        assert outcomes[f"{kind} damaged, read"] > 0


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("parse_problem", lambda content, name, **_: {}["topology"]),
        (
            "parse_problem",
            lambda content, name, **_: (_ for _ in ()).throw(ValueError(f"{name}: two\nlines")),
        ),
        ("check_energies", lambda problem, sample, rng: problem.bqm.energy({})),
    ],
    ids=["an exception", "two lines", "a wrong model"],
)
def test_the_fuzzer_sees_what_is_wrong(name, broken, monkeypatch):
    """The fuzzer with a reader, or a model, that is broken."""
    monkeypatch.setattr(fuzz_readers, name, broken)
    _, wrong = fuzz_readers.fuzz(48, seed=1)
    assert len(wrong) >= 12
    assert all(given for _, _, given in wrong)
