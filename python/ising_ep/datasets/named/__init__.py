"""Data sets that are loaded by a name, one file each.

Each file lists its `Loader`s as `LOADERS`. `datasets.load`, the command's help, the settings of a run and the
costs that `ising-ep estimate` tells read them here. Nothing else knows a data set by its name.
"""

from importlib import import_module
from pkgutil import iter_modules

from ..loader import Loader

LOADERS: dict[str, Loader] = {
    loader.name: loader
    for module in iter_modules(__path__)
    for loader in import_module(f"{__name__}.{module.name}").LOADERS
}
NAMES = tuple(LOADERS)
