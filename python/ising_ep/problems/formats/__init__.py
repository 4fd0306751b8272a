"""Problems as files of other programs have them: every module of this folder reads its `FORMATS`.

A file added here is all that a new format takes. A file is known by its content where that is unmistakable,
then by its name; what could be several things is not guessed: see `ising_ep.problems.choose`.
"""

from importlib import import_module
from pkgutil import iter_modules

from ..parsing.format import Format

_MODULES = sorted(module.name for module in iter_modules(__path__))
TABLE: tuple[Format, ...] = tuple(
    known for name in _MODULES for known in import_module(f".{name}", __name__).FORMATS
)
BY_NAME = {known.name: known for known in TABLE}
