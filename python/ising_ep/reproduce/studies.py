"""All studies, in the order of the page."""

from __future__ import annotations

from . import chip, convolutional, deterministic, digits, energy, fully_connected, nudge, reads
from .study import Study

STUDIES: tuple[Study, ...] = (
    fully_connected.STUDY,
    chip.STUDY,
    deterministic.STUDY,
    convolutional.STUDY,
    energy.STUDY,
    nudge.STUDY,
    reads.STUDY,
    digits.STUDY,
)
