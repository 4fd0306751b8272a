"""Checks what is about to be published.

    python .ci/check_dist.py FOLDER

FOLDER has one sdist and one or more wheels. Each is small, is of the version of rust/Cargo.toml, and holds
the whole package and its licences, and nothing else: no tests, no results, no data sets, no second core.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from release_notes import ROOT, version

MOST_BYTES = {"sdist": 2_000_000, "wheel": 4_000_000}
LICENCES = {"LICENSE", "NOTICE"}
# Of the repository; maturin writes PKG-INFO, and a copy of README.md that Cargo.toml names.
SDIST = LICENCES | {"README.md", "CHANGELOG.md", "CITATION.cff", "Cargo.toml", "Cargo.lock", "pyproject.toml"}
SDIST_ADDS = {"PKG-INFO", "rust/README.md"}
CORE = re.compile(r"ising_ep/_core(\.abi3\.so|\.pyd)")


def tracked(folder: str) -> set[str]:
    """The files of a folder that git knows."""
    listed = subprocess.check_output(["git", "ls-files", "-z", folder], cwd=ROOT, text=True)
    return set(listed.split("\0")) - {""}


def compare(what: str, found: set[str], expected: set[str]) -> None:
    """Ends the program where files are missing or too many."""
    for problem, names in (("lacks", expected - found), ("should not hold", found - expected)):
        if names:
            sys.exit(f"{what} {problem} {', '.join(sorted(names))}")


def check_sdist(path: Path) -> None:
    """The sources of package and core, so that a wheel can be built from them without git."""
    with tarfile.open(path) as archive:
        top = f"ising_ep-{version()}/"
        names = {member.name.removeprefix(top) for member in archive if member.isfile()}
    compare(path.name, names, SDIST | SDIST_ADDS | tracked("python") | tracked("rust"))


def check_wheel(path: Path) -> None:
    """The package as git has it, one core for every Python from 3.11, and the metadata."""
    tag = path.name.removeprefix(f"ising_ep-{version()}-")
    if not tag.startswith("cp311-abi3-"):
        sys.exit(f"{path.name} is not for Python 3.11 and all that follow: cp311-abi3")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    metadata = f"ising_ep-{version()}.dist-info/"
    cores = {name for name in names if CORE.fullmatch(name)}
    if len(cores) != 1:
        sys.exit(f"{path.name} has {len(cores)} compiled cores, expected 1")
    compare(
        path.name,
        {name for name in names if not name.startswith(metadata)} - cores,
        {name.removeprefix("python/") for name in tracked("python")},
    )
    compare(
        path.name,
        {name.removeprefix(metadata) for name in names if name.startswith(metadata)},
        {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "sboms/ising-ep.cyclonedx.json"}
        | {f"licenses/{name}" for name in LICENCES},
    )


def main() -> None:
    """Check each file, and say how large it is."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    folder = Path(sys.argv[1])
    sdists, wheels = sorted(folder.glob("*.tar.gz")), sorted(folder.glob("*.whl"))
    if len(sdists) != 1 or not wheels:
        sys.exit(
            f"{folder} has {len(sdists)} sdists and {len(wheels)} wheels, expected one sdist and a wheel"
        )
    for kind, paths, check in (("sdist", sdists, check_sdist), ("wheel", wheels, check_wheel)):
        for path in paths:
            if path.stat().st_size > MOST_BYTES[kind]:
                sys.exit(
                    f"{path.name} has {path.stat().st_size:,} bytes, expected at most {MOST_BYTES[kind]:,}"
                )
            check(path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
