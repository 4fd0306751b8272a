"""The page: what stands above the studies, and the studies in their order."""

from __future__ import annotations

from studies.page import Page

from . import chip, convolutional, deterministic, digits, energy, fully_connected, nudge, reads

COMMAND = "python -m papers.laydevant2024"
HEAD = f"""\
# Laydevant, Markovic, Grollier (2024), reproduced

"Training an Ising machine with equilibrium propagation", Nature Communications 15, 3671 (2024),
<https://doi.org/10.1038/s41467-024-46879-4>. `{COMMAND}` wrote this page from the results in
`results/`; `{COMMAND} all` runs what is missing and writes it anew. MNIST/100 is the first 100
training images of each class. The paper tests on the first 10 test images of each class, where an accuracy of
0.89 has a standard error of 0.03; all 10,000 test images, where it is 0.003, come first here. A ± is one
standard deviation over the seeds.
"""

PAGE = Page(
    head=HEAD,
    command=COMMAND,
    studies=(
        fully_connected.STUDY,
        chip.STUDY,
        deterministic.STUDY,
        convolutional.STUDY,
        energy.STUDY,
        nudge.STUDY,
        reads.STUDY,
        digits.STUDY,
    ),
)
