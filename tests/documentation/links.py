# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with pages and texts: links that lead nowhere, things fetched from a network, names that are none."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache, cached_property
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
}
"""Elements that a browser loads something for, and where they say what."""
_IN_STYLES = re.compile(r"""(?:url\(|@import)\s*['"]?\s*((?:https?:)?//[^'")\s]+)""")
_IN_SCRIPTS = re.compile(r"""(?:fetch|import|open)\(\s*['"]((?:https?:)?//[^'"]+)""")
_CODE = re.compile(r"^( *)```.*?^\1```|``([^`]+)``|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"(?<![\w./-])difxnb(?:\.[A-Za-z_]\w*)+(?![\w/-])")
_FILES = ("toml", "sqlite", "conf", "ipynb", "html", "egg", "css")


class PageLinks(HTMLParser):
    """Anchors of a page, where it leads, and what is loaded with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._within = tag
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in _FETCHED and _FETCHED[tag] in found:
            self.loaded.append(found[_FETCHED[tag]])
        self.loaded += _IN_STYLES.findall(found.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self._within == "style":
            self.loaded += _IN_STYLES.findall(data)
        elif self._within == "script":
            self.loaded += _IN_SCRIPTS.findall(data)

    def handle_endtag(self, tag: str) -> None:
        self._within = ""


def wrong_links(folder: Path) -> list[str]:
    """Say which links and loaded files of the pages of a folder are not there, and which are not local."""
    pages = {path: PageLinks(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    wrong = []
    for path, page in pages.items():
        where = path.relative_to(folder)
        for loaded in page.loaded:
            if not loaded.startswith("data:") and _is_elsewhere(loaded):
                wrong.append(f"{where} fetches {loaded}")
        for link in [*page.links, *page.loaded]:
            if not _is_elsewhere(link) and not _leads(path, link, pages):
                wrong.append(f"{where} leads to {link}, which is not there")
    for path in folder.rglob("*.css"):
        wrong += [f"{path.name} fetches {one}" for one in _IN_STYLES.findall(path.read_text("utf-8"))]
    return wrong


def _is_elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.scheme or parts.netloc)


def _leads(path: Path, link: str, pages: dict[Path, PageLinks]) -> bool:
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    fragment = unquote(parts.fragment)
    return not fragment or target not in pages or fragment in pages[target].anchors


# --- names in texts ---------------------------------------------------------------------------------------


def code_of(text: str) -> Iterator[str]:
    """What stands as code in a text: blocks and spans."""
    for found in _CODE.finditer(text):
        yield found[2] or found[3] or found[0]


def names_in(code: str) -> set[str]:
    """Dotted names of this package in a piece of code; names of files are none."""
    found = {name[0] for name in _NAME.finditer(code)}
    return {name for name in found if name.rpartition(".")[2] not in _FILES}


@cache
def exists(name: str) -> bool:
    """Whether a dotted name of this package leads somewhere: modules, what is in them, fields and properties."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return _has(found, parts[length:])
    return False


def _has(found: object, names: list[str]) -> bool:
    for name in names:
        known = inspect.isclass(found) and name in _annotated(found)
        if isinstance(found, property | cached_property) or known:
            return True  # what it gives is known only when there is one
        if not hasattr(found, name):
            return False
        found = inspect.getattr_static(found, name) if inspect.isclass(found) else getattr(found, name)
    return True


def _annotated(kind: type) -> set[str]:
    return {name for part in kind.__mro__ for name in vars(part).get("__annotations__", {})}


def unknown_names(text: str) -> set[str]:
    """Dotted names in the code of a text that do not exist."""
    return {name for code in code_of(text) for name in names_in(code) if not exists(name)}


# --- verbs of what a cell holds ---------------------------------------------------------------------------

HELD = {
    "difx": "boxed.DemoCorrelator",
    "job": "notebook.Job",
    "run": "notebook.JobRun",
    "recorder": "notebook.Recorder",
    "night": "notebook.intensive_run.IntensiveRun",
}
"""Names of objects in texts, and of what kind they are."""


def unknown_verbs(code: str) -> set[str]:
    """Attributes that a piece of Python takes of a correlator, a job or a run, and that these do not have."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and (names := _chain(node)) and names[0] in HELD:
            missing = _missing(names)
            if missing:
                found.add(missing)
    return found


def _chain(node: ast.expr) -> list[str]:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


def _missing(names: list[str]) -> str:
    module, _, name = f"difxnb.{HELD[names[0]]}".rpartition(".")
    kind: type | None = getattr(import_module(module), name)
    for depth, name in enumerate(names[1:], 2):
        if kind is None:
            return ""
        if not hasattr(kind, name) and name not in _annotated(kind):
            return ".".join(names[:depth])
        kind = _kind_of(inspect.getattr_static(kind, name, None))
    return ""


def _kind_of(member: object) -> type | None:
    """What a property gives, where its annotation is a class of the notebook's face."""
    from difxnb import notebook

    if not isinstance(member, property) or member.fget is None:
        return None
    word = str(member.fget.__annotations__.get("return", "")).removesuffix(" | None")
    kind = getattr(notebook, word, None)
    return kind if inspect.isclass(kind) else None
