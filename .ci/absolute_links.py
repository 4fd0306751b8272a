"""Makes the README's links to files of this repository absolute: PyPI shows it without them beside it.

    python .ci/absolute_links.py https://github.com/OWNER/NAME COMMIT

Only *Wheels* runs this, on its own checkout, since the repository's address is not known here. Refuses a link
to a file that is not there.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# An inline link or picture, whose target has no scheme and is not a heading of the README.
RELATIVE = re.compile(r"(!?)(\[[^\]]*\]\()(?![a-z]+:|#)([^)#\s]+)")


def absolute(text: str, repository: str, commit: str) -> str:
    """The text, with its relative links as those of a commit; pictures as the files themselves."""

    def link(found: re.Match[str]) -> str:
        mark, before, path = found.groups()
        if not (ROOT / path).exists():
            sys.exit(f"README.md links to {path}, which is not there")
        return f"{mark}{before}{repository}/{'raw' if mark else 'blob'}/{commit}/{path}"

    return RELATIVE.sub(link, text)


def main() -> None:
    """Rewrite README.md."""
    if len(sys.argv) != 3 or not sys.argv[1].startswith("https://"):
        sys.exit(f"usage: {sys.argv[0]} https://ADDRESS_OF_THE_REPOSITORY COMMIT")
    readme = Path("README.md")
    readme.write_text(absolute(readme.read_text("utf-8"), sys.argv[1].rstrip("/"), sys.argv[2]), "utf-8")


if __name__ == "__main__":
    main()
