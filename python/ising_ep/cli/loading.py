"""Data sets as the commands that train or test on them take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..datasets import Dataset


def load_dataset(
    name: str, data_dir: str | None, train_per_class: int | None = None, test_per_class: int | None = None
) -> Dataset:
    """Load the data set of this name, or of this file; say so before it takes long."""
    from .. import datasets

    loader = datasets.LOADERS.get(name)
    if loader is not None and loader.fetched is not None and data_dir is None:
        click.echo(loader.fetched, err=True)
    return datasets.load(
        name, data_dir=data_dir, train_per_class=train_per_class, test_per_class=test_per_class
    )
