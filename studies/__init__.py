"""What the paper's studies (papers/) and the benchmarks (benchmarks/) are run and written with.

Two things. *Kept units*: settings go in, a result on disk comes out. `units` says what a unit is and keeps
its result, `processes` runs those that are missing, `progress` shows how far they are. *A study with a page*:
`study` says what is made of the results, `page` writes it. `summary` and `markdown` help with means over
seeds, figures, tables and sentences.

This folder is not in the wheel. It is imported from the root of a checkout.
"""
