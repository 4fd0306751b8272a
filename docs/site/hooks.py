"""What the site needs beyond MkDocs: notebooks and files outside `docs` as pages, and the API reference.

Links in `docs` lead to files of the repository, so that they work in any viewer of it. Here what they lead to
is made part of the site: Markdown pages and pictures as they are, other text as a page that shows it, a
notebook as the page that its cells make. The names of each section of `docs/api.md` become a page of
`reference`. The Markdown of each page lies beside it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import latex2mathml.converter
import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)(?=[#)])")
# A name that is searched for is found where it is explained.
FIRST_IN_SEARCH = "---\nsearch:\n  boost: 3\n---"
ROW = re.compile(r"^\| `(ising_ep\.[\w.]+)` \|", re.MULTILINE)
external: set[str] = set()
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n`]+)\$", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made here, and what pages link to outside `docs`."""
    for file in [each for each in files if each.src_uri.endswith(".ipynb")]:
        for made in notebook_files(file, config):
            files.append(made)
    for made in reference_files((ROOT / "docs" / "api.md").read_text("utf-8"), config):
        files.append(made)
    waiting = [file for file in files if file.src_uri.endswith(".md")]
    while waiting:
        page = waiting.pop()
        for target in targets(page.content_string, home(page)):
            if is_outside(target) and files.get_file_from_path(uri(target)) is None:
                added = outside_file(target, config)
                files.append(added)
                waiting += [added] if added.src_uri.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links to files of the repository into links to their pages."""
    here = posixpath.dirname(page.file.src_uri)
    base = posixpath.dirname(home(page.file))

    def of_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(base, link[1]))
        return posixpath.relpath(uri(target), here or ".") if (ROOT / target).is_file() else link[1]

    markdown = LINK.sub(of_site, markdown)
    if page.file.src_uri == "api.md":
        markdown = ROW.sub(r"| [`\1`][\1] |", markdown)
    return markdown


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Lays the Markdown of a page beside it, for readers of plain text, and notes links to other sites."""
    if not page.file.src_uri.startswith("reference/"):
        path = Path(config.site_dir, page.file.src_uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page.markdown or "", "utf-8")
    external.update(re.findall(r'<a [^>]*href="(https?://[^"]+)"', output))
    return output


def on_post_build(config: MkDocsConfig) -> None:
    """Lists the links to other sites, which nothing here follows."""
    Path(config.site_dir, "external-links.txt").write_text("\n".join(sorted(external)) + "\n", "utf-8")


def home(file: File) -> str:
    """Gives the path in the repository of what a page was made of, from which its links lead on."""
    inside = file.generated_by is not None or Path(file.abs_src_path or "").is_relative_to(ROOT / "docs")
    return f"docs/{file.src_uri}" if inside else file.src_uri


def is_outside(target: str) -> bool:
    """Tells whether a path in the repository is none of `docs`."""
    return not target.startswith("docs/") and (ROOT / target).is_file()


def uri(target: str) -> str:
    """Gives the place in the site of a file of the repository."""
    path = "index.md" if target == "README.md" else target.removeprefix("docs/")
    if path.endswith(".ipynb"):
        return path.removesuffix(".ipynb") + ".md"
    return path if path.endswith((".md", ".png")) else f"{path}.md"


def targets(markdown: str, page: str) -> list[str]:
    """Lists the paths in the repository that a page links to."""
    return [
        posixpath.normpath(posixpath.join(posixpath.dirname(page), link)) for link in LINK.findall(markdown)
    ]


def outside_file(target: str, config: MkDocsConfig) -> File:
    """Makes a file of the site of one that lies outside `docs`."""
    if target.endswith((".md", ".png")):
        return File(target, str(ROOT), config.site_dir, config.use_directory_urls)
    language = {".py": "python", ".rs": "rust"}.get(Path(target).suffix, "text")
    text = (ROOT / target).read_text("utf-8")
    content = f"---\nsearch:\n  exclude: true\n---\n# {target}\n\n````{language}\n{text}````\n"
    return File.generated(config, uri(target), content=content)


def notebook_files(file: File, config: MkDocsConfig) -> list[File]:
    """Makes the page of a notebook and its pictures."""
    notebook = nbformat.read(file.abs_src_path, as_version=4)
    stem = posixpath.basename(file.src_uri).removesuffix(".ipynb")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = FORMULA.sub(mathml, cell.source)
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": f"{stem}_pictures", "output_files_dir": f"{stem}_pictures"}
    )
    title, rest = text.lstrip().split("\n", 1)
    note = f'This page is a notebook: <a href="{stem}.ipynb" download>{stem}.ipynb</a>.'
    pages = [File.generated(config, uri(file.src_uri), content=f"{title}\n\n{note}\n{rest}")]
    folder = posixpath.dirname(file.src_uri)
    return pages + [
        File.generated(config, posixpath.join(folder, name), content=content)
        for name, content in resources["outputs"].items()
    ]


def mathml(formula: re.Match[str]) -> str:
    """Turns TeX into what a browser shows by itself."""
    display = "block" if formula[1] else "inline"
    return latex2mathml.converter.convert(formula[1] or formula[2], display=display)


def reference_files(api: str, config: MkDocsConfig) -> list[File]:
    """Makes a page of docstrings of each section of the list of names."""
    pages = []
    for section in api.split("\n## ")[1:]:
        title, text = section.split("\n", 1)
        before = re.sub(r"(?<=\]\()(?=[^)]*\))", "../", text.split("\n|", 1)[0])
        entries = [f"::: {name}{options(name)}\n" for name in ROW.findall(text)]
        slug = re.sub(r"\W+", "-", title.lower())
        content = "\n".join([FIRST_IN_SEARCH, f"# {title}", before, *entries])
        pages.append(File.generated(config, f"reference/{slug}.md", content=content))
    return pages


def options(name: str) -> str:
    """Gives what is asked for beside a name: of a module its docstring alone, as its names have entries."""
    path = ROOT / "python" / name.replace(".", "/")
    module = path.with_suffix(".py").exists() or (path / "__init__.py").exists()
    return "\n    options:\n      members: false" if module else ""
