"""The paper's results, one study each: what to run, its table, its figure, and the paper's own numbers.

Laydevant, Markovic, Grollier, "Training an Ising machine with equilibrium propagation", Nat. Commun. 15,
3671 (2024), https://doi.org/10.1038/s41467-024-46879-4. `study` says what a study is, `studies` lists them,
`runner` runs what is missing, `results` keeps it on disk, and `page` writes what came out.
"""
