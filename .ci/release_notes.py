"""Prints what CHANGELOG.md says of a release.

    python .ci/release_notes.py v0.1.0

Refuses a tag that is not "v" and the version of rust/Cargo.toml, and a version that has no dated section.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def version() -> str:
    """The version of the package: every other place takes it from here."""
    return tomllib.loads((ROOT / "rust/Cargo.toml").read_text("utf-8"))["package"]["version"]


def releases() -> dict[str, str]:
    """What the changelog says of each release, by its version, newest first."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    parts = re.split(r"^## \[?(.+?)\]?(?: - (\d{4}-\d\d-\d\d))?$", text, flags=re.MULTILINE)
    sections = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {name: said.strip() for name, date, said in sections if date}


def main() -> None:
    """Print, or refuse."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} TAG")
    tag = sys.argv[1]
    if tag != f"v{version()}":
        sys.exit(f"the tag is {tag}, expected v{version()}, the version of rust/Cargo.toml")
    if not releases().get(version()):
        sys.exit(f"CHANGELOG.md has no dated section {version()}")
    print(releases()[version()])


if __name__ == "__main__":
    main()
