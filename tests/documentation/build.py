# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the documentation: ``./run docs`` writes ``.docs/``, and ``python -m tests.documentation.build FOLDER`` another
(and names of modules behind it only those).

The reference of public names is made by pdoc from docstrings; notebooks, as they are committed, and texts become pages
beside it. Nothing in a page is fetched from a network when it is read.
"""

from __future__ import annotations

import html
import inspect
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from string import Template
from types import ModuleType

import nbformat
import pdoc.doc
import pdoc.render
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

import difxnb
from tests.documentation.links import wrong_links

ROOT = Path(__file__).resolve().parents[2]
STYLE = Path(__file__).with_name("page.css")
MARK = "made-by-run-docs"
"""A file in a folder that was made here, and so may be made again."""

MODULES = (
    "difxnb",
    "difxnb.notebook",
    "difxnb.aio",
    "difxnb.errors",
    "difxnb.plots",
    "difxnb.quality.report",
    "difxnb.quality.limits",
    "difxnb.clock",
    "difxnb.clock.solution",
    "difxnb.catalogue",
    "difxnb.recording",
    "difxnb.reports.ivs_report",
    "difxnb.sessions",
    "difxnb.intensives",
    "difxnb.intensives.recipe",
    "difxnb.visibility",
    "difxnb.fringe",
    "difxnb.tables",
    "difxnb.tables.difxlog",
    "difxnb.queue",
    "difxnb.making",
    "difxnb.geometry",
    "difxnb.synthetic",
    "difxnb.formats.vex",
    "difxnb.formats.v2d",
    "difxnb.formats.v2d_templates",
    "difxnb.formats.text_edit",
    "difxnb.formats.clock_change",
    "difxnb.formats.input_model",
    "difxnb.formats.calc_model",
    "difxnb.formats.im_model",
    "difxnb.formats.flag",
    "difxnb.formats.joblist",
    "difxnb.formats.machines",
)
"""What users import, or are given by what they import."""

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="stylesheet" href="page.css">
</head>
<body>
<nav><a href="index.html">difxnb $version</a> <a href="readme.html">overview</a> <a href="recipes.html">recipes</a>
<a href="reference/difxnb.html">reference</a></nav>
<main>
$body
</main>
</body>
</html>
""")
_CODE = re.compile(r"(<pre\b.*?</pre>|<a\b.*?</a>)|<code>([^<\n]+)</code>", re.DOTALL)
_HREF = re.compile(r'href="([^":#]+)(#[^"]*)?"')
_NAME = re.compile(r"difxnb(?:\.\w+)+")


@dataclass(frozen=True)
class Page:
    """A text or notebook of the project, and its page."""

    source: str
    notebook: nbformat.NotebookNode

    @property
    def name(self) -> str:
        return f"{Path(self.source).stem.lower()}.html"

    @property
    def title(self) -> str:
        """The first heading."""
        text = "\n".join(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        found = re.search(r"^# (.+)$", text, re.MULTILINE)
        assert found, f"{self.source} has no heading"
        return found[1].strip()


def pages_of(root: Path) -> list[Page]:
    """Texts and notebooks, in the order in which they are listed."""
    texts = ["README.md", "notebooks/recipes.md", "notebooks/shell.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    found = [Page(name, _as_notebook((root / name).read_text(encoding="utf-8"))) for name in texts]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        found.append(Page(f"notebooks/{path.name}", nbformat.read(path, as_version=4)))
    return found


def _as_notebook(text: str) -> nbformat.NotebookNode:
    """A text as a notebook of one cell, so that texts and notebooks come out alike."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def build(target: Path, modules: Iterable[str] = MODULES) -> None:
    """Write everything into a folder, which is replaced only where it was made here."""
    if target.exists() and any(target.iterdir()) and not (target / MARK).is_file():
        raise SystemExit(f"{target} holds something else; name another folder, or move that away")
    pages = pages_of(ROOT)
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "made"
        documented = write_reference(made / "reference", modules)
        write_pages(made, pages, where_names_are(documented))
        write_index(made, pages, documented)
        (made / "page.css").write_text(STYLE.read_text(encoding="utf-8") + _colours(), encoding="utf-8")
        (made / MARK).touch()
        if target.exists():
            shutil.rmtree(target)
        shutil.move(made, target)


# --- the reference ----------------------------------------------------------------------------------------


def write_reference(folder: Path, names: Iterable[str]) -> dict[str, pdoc.doc.Module]:
    """Write a page for each module, and what searches them."""
    for name in difxnb.__all__:  # they come when they are asked for, and pdoc looks only at what is there
        vars(difxnb)[name] = getattr(difxnb, name)
    documented = {name: pdoc.doc.Module(import_module(name)) for name in names}
    pdoc.render.configure(docformat="numpy", show_source=False, footer_text=f"difxnb {difxnb.__version__}")
    with warnings.catch_warnings():
        # Annotations of names that are imported for type checkers only are shown as they are written.
        warnings.filterwarnings("ignore", message="Error parsing type annotation")
        for module in documented.values():
            for member in module.flattened_own_members:
                if isinstance(member, pdoc.doc.Class):
                    _take_in_inherited(member)
        for name, module in documented.items():
            file = folder / f"{name.replace('.', '/')}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(pdoc.render.html_module(module, documented), encoding="utf-8")
        (folder / "search.js").write_text(pdoc.render.search_index(documented), encoding="utf-8")
    return documented


def _take_in_inherited(kind: pdoc.doc.Class) -> None:
    """Show what a class has from others of this package as its own: verbs are gathered from many files."""
    ours = [member for member in kind.members.values() if member.taken_from[0].split(".")[0] == "difxnb"]
    vars(kind).update(own_members=ours, inherited_members={})


def where_names_are(documented: Mapping[str, pdoc.doc.Module]) -> dict[str, str]:
    """Addresses of public names in the reference, by dotted name."""
    found = {}
    for name, module in documented.items():
        page = f"reference/{name.replace('.', '/')}.html"
        found[name] = page
        for member in module.flattened_own_members:
            if _is_shown(member):
                found[member.fullname] = f"{page}#{member.qualname}"
            for verb in member.own_members if isinstance(member, pdoc.doc.Class) else ():
                if _is_shown(verb):
                    found[verb.fullname] = f"{page}#{verb.qualname}"
    return found


def _is_shown(member: pdoc.doc.Doc[object]) -> bool:
    return not member.name.startswith("_") and member.kind != "module"


# --- pages ------------------------------------------------------------------------------------------------


def write_pages(folder: Path, pages: Iterable[Page], names: Mapping[str, str]) -> None:
    """Write the page of each text and notebook; nothing is executed."""
    exporter = HTMLExporter(template_name="basic")
    places = {}
    for page in pages:
        path = Path(page.source)
        places |= dict.fromkeys((page.source, path.name, path.stem), page.name)
    for page in pages:
        body, _ = exporter.from_notebook_node(page.notebook)
        body = _linked(_moved(body, Path(page.source).parent, places), places | dict(names))
        _write(folder / page.name, page.title, body)


def _moved(body: str, folder: Path, places: Mapping[str, str]) -> str:
    """Links between files of the project as links between their pages."""

    def moved(link: re.Match[str]) -> str:
        page = places.get((folder / link[1]).as_posix())
        return f'href="{page}{link[2] or ""}"' if page else link[0]

    return _HREF.sub(moved, body)


def _linked(body: str, places: Mapping[str, str]) -> str:
    """Names of pages and public names, where they stand as code, as links."""

    def linked(code: re.Match[str]) -> str:
        if code[1]:
            return code[1]
        text = html.unescape(code[2])
        name = _NAME.match(text)
        place = places.get(text) or (places.get(name[0]) if name else None)
        return f'<a href="{place}">{code[0]}</a>' if place else code[0]

    return _CODE.sub(linked, body)


def write_index(folder: Path, pages: Iterable[Page], documented: Mapping[str, pdoc.doc.Module]) -> None:
    """Write the page from which all others are reached."""
    texts = {page.source: page for page in pages}
    notebooks = [page for source, page in texts.items() if source.endswith(".ipynb")]
    others = [page for page in texts.values() if page not in notebooks]
    entries = {
        "Texts": [(page.name, _heading(page), "") for page in others],
        "Notebooks": [(page.name, page.title, "") for page in notebooks],
        "Reference": [
            (f"reference/{name.replace('.', '/')}.html", name, _first_sentence(module.obj))
            for name, module in documented.items()
        ],
    }
    body = ["<h1>difxnb</h1>", f"<p>{html.escape(_first_sentence(difxnb))}</p>"]
    for heading, links in entries.items():
        body += [f"<h2>{heading}</h2>", "<ul>"]
        for place, text, words in links:
            more = f": {html.escape(words)}" if words else ""
            body.append(f'<li><a href="{place}">{html.escape(text)}</a>{more}</li>')
        body.append("</ul>")
    _write(folder / "index.html", "difxnb", "\n".join(body))


def _heading(page: Page) -> str:
    return "Overview" if page.source == "README.md" else page.title


def _first_sentence(module: ModuleType) -> str:
    """The first line of a docstring without its marks."""
    return (inspect.getdoc(module) or "").partition("\n")[0].replace("`", "")


def _write(file: Path, title: str, body: str) -> None:
    shown = html.escape(title)
    page = _PAGE.substitute(title=shown, body=body, version=html.escape(difxnb.__version__))
    file.write_text(page, encoding="utf-8")


def _colours() -> str:
    """Colours of code, for light and dark."""
    light, dark = (
        HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark")
    )
    return f"\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".docs"
    build(folder, sys.argv[2:] or MODULES)
    print(folder.resolve() / "index.html")
    wrong = wrong_links(folder.resolve())
    print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)
