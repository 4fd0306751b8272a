"""The paper's results, one study each: what to run, its table, its figure, and the paper's own numbers.

Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat. Commun. 15,
3671 (2024), https://doi.org/10.1038/s41467-024-46879-4.

    python -m papers.laydevant2024 all --quick

from the root of a checkout runs them; `studies` says how. A study is a module that says what to run and draws
the table and the figure, and a Markdown file of the same name with the sentences about its numbers.
`contents` lists the studies, `training_runs` and `variants` are what several of them share.

It is a module of a package, and not a script by its path, because units run in spawned processes: these find
`papers.laydevant2024.chip` and `studies` by the same names as the first process, on the same `sys.path`.
"""
