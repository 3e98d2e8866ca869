# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that can be made, links that lead somewhere, names that exist, examples that run."""

from __future__ import annotations

import ast
import builtins
import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest
import typer
import xarray as xr

import difxnb
from difxnb import plots
from difxnb.cli import app
from difxnb.synthetic import default_experiment
from tests.documentation.links import (
    PageLinks,
    code_of,
    exists,
    names_in,
    unknown_names,
    unknown_verbs,
    wrong_links,
)
from tests.made_visibilities import made

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "notebooks" / "recipes.md"
TEXTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "notebooks").glob("*.md")),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MODULES = sorted((ROOT / "difxnb").rglob("*.py"))
FEW = ("difxnb", "difxnb.errors", "difxnb.formats.flag")
"""Modules that pages are made of here; ./run docs takes all, for half a minute."""

STATIONS = ("Ky", "Ny", "Wz")
VEX = "\n".join(
    [
        "VEX_rev = 1.5;",
        "$GLOBAL;\n  ref $EXPER = EX01;",
        "$EXPER;\n  def EX01;\n    exper_name = EX01;\n  enddef;",
        "$STATION;",
        *(f"  def {name};\n  enddef;" for name in STATIONS),
        "$SCHED;\n  scan No0001;\n    start = 2023y056d00h01m40s;\n    mode = M; source = S;",
        *(f"    station = {name} : 0 sec : 10 sec : 0 GB : : : 1;" for name in STATIONS),
        "  endscan;\n",
    ]
)


def blocks_of(text: str, language: str) -> list[str]:
    """Blocks of a text in a language; those that are marked as well are left out."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


# --- pages ------------------------------------------------------------------------------------------------


ORDERS = """\
import sys
from pathlib import Path
from tests.documentation.build import build
theirs, ours, *modules = sys.argv[1:]
try:
    build(Path(theirs), modules)
except SystemExit as refusal:
    print(refusal)
build(Path(ours), modules)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, in a process of its own: it sets names that are otherwise set when they are asked for."""
    place = tmp_path_factory.mktemp("docs")
    (place / "theirs").mkdir()
    (place / "theirs" / "thesis.tex").write_text("all of it")
    orders = [sys.executable, "-c", ORDERS, str(place / "theirs"), str(place / "pages"), *FEW]
    done = subprocess.run(orders, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "theirs holds something else" in done.stdout
    return place / "pages"


@pytest.mark.slow
def test_each_text_and_notebook_has_a_page_that_the_first_one_leads_to(pages: Path) -> None:
    wanted = {f"{path.stem.lower()}.html" for path in [*TEXTS, *NOTEBOOKS]}
    wanted |= {f"reference/{name.replace('.', '/')}.html" for name in FEW}
    assert set(PageLinks((pages / "index.html").read_text()).links) >= wanted
    assert all((pages / name).is_file() for name in wanted)


@pytest.mark.slow
def test_links_lead_somewhere_and_nothing_is_fetched(pages: Path) -> None:
    assert wrong_links(pages) == []


@pytest.mark.slow
def test_public_names_have_an_entry_with_what_their_docstrings_say(pages: Path) -> None:
    page = (pages / "reference" / "difxnb.html").read_text()
    found = PageLinks(page).anchors
    assert {name for name in difxnb.__all__ if name not in ("aio", "__version__")} <= found
    assert "Importing this is cheap" in page
    assert 'href="reference/difxnb.html#check_quality"' in (pages / "recipes.html").read_text()


@pytest.mark.slow
def test_a_folder_of_somebody_else_is_left_alone(pages: Path) -> None:
    assert [path.name for path in (pages.parent / "theirs").iterdir()] == ["thesis.tex"]


def test_what_is_wrong_with_pages_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="#top">1</a><a href="#gone">2</a><a href="b.html#x">3</a><a href="c.html">4</a>'
        '<a href="https://difx.example/">5</a><script src="https://cdn.example/x.js"></script>'
        "<style>@import 'https://cdn.example/x.css'; p { background: url(//cdn.example/p.png) }</style>"
        '<img src="data:image/png;base64,AAAA">'
    )
    (tmp_path / "b.html").write_text('<p id="x">B</p>')
    assert wrong_links(tmp_path) == [
        "a.html fetches https://cdn.example/x.js",
        "a.html fetches https://cdn.example/x.css",
        "a.html fetches //cdn.example/p.png",
        "a.html leads to #gone, which is not there",
        "a.html leads to c.html, which is not there",
    ]


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*TEXTS, *NOTEBOOKS], ids=lambda path: path.stem)
def test_names_in_texts_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(f"```\n{c.source}\n```" if c.cell_type == "code" else c.source for c in cells)
    assert unknown_names(text) == set()


def test_names_in_docstrings_exist() -> None:
    unknown = {}
    naming = re.compile(r"`[^`\n]*difxnb\.")  # reading all files as Python takes seconds
    for path in (path for path in MODULES if naming.search(path.read_text(encoding="utf-8"))):
        for docstring in docstrings_of(path):
            for name in {name for code in code_of(docstring) for name in names_in(code) if not exists(name)}:
                unknown[name] = path.name
    assert unknown == {}


def test_names_that_do_not_exist_are_found() -> None:
    assert unknown_names("`difxnb.connect()`, `difxnb.errors.JobRefused`, `difxnb.plots.phase(ds)`") == set()
    assert unknown_names("`difxnb.connects()` and ``difxnb.plots.fase``") == {
        "difxnb.connects",
        "difxnb.plots.fase",
    }
    assert unknown_verbs("difx.queue.add(job); run.wait(); job.input.frame()") == set()
    assert unknown_verbs("difx.queue.put(job); run.await_()") == {"difx.queue.put", "run.await_"}


@pytest.mark.parametrize("path", [ROOT / "README.md", RECIPES], ids=lambda path: path.stem)
def test_verbs_of_texts_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    blocks = [*blocks_of(text, "python"), *blocks_of(text, "python by-hand")]
    spans = [code for code in code_of(text) if re.match(r"(difx|job|run|recorder|night)\.\w", code)]
    assert blocks
    for code in [*blocks, *(span for span in spans if is_python(span))]:
        assert unknown_verbs(code) == set(), code


def is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def shell_lines() -> list[str]:
    text = RECIPES.read_text(encoding="utf-8")
    return [line for block in blocks_of(text, "sh") for line in block.splitlines() if line]


@pytest.mark.parametrize("line", shell_lines())
def test_lines_for_a_shell_are_understood(line: str) -> None:
    """Verbs and options are there; what they do is tested where they are."""
    program, *words = shlex.split(line)
    assert program == "difxnb"
    verb: Any = typer.main.get_command(app)
    context = verb.make_context("difxnb", [words[0]])
    while hasattr(verb, "get_command"):
        word = words.pop(0)
        verb = verb.get_command(context, word)
        assert verb is not None, f"there is no verb {word}"
    verb.make_context(word, words)


# --- examples ---------------------------------------------------------------------------------------------

ELSEWHERE = {
    "selections.py": "tests/test_accessor.py runs them",
    "registered.py": "tests/test_accessor.py runs them",
    "frozen.py": "tests/plots draws one, with what ipympl warns of",
}
NEEDED = {"difx", "v2d", "run", "job", "monitor", "recording", "session", "master", "frame"}
"""Names of objects that only a server, a recording or a session gives: examples with them are not run."""


class Shown(doctest.OutputChecker):
    """What an example does not show may be anything."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want.strip() or super().check_output(want, got, optionflags)


def docstrings_of(path: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


def examples_of(path: Path) -> list[list[doctest.Example]]:
    """Examples of each docstring, without those that are skipped."""
    parser = doctest.DocTestParser()
    found = (
        [e for e in parser.get_examples(text) if not e.options.get(doctest.SKIP)]
        for text in docstrings_of(path)
    )
    return [examples for examples in found if examples]


WITH_EXAMPLES = [
    path for path in MODULES if ">>>" in path.read_text(encoding="utf-8") and path.name not in ELSEWHERE
]


@pytest.fixture(scope="module")
def ds() -> xr.Dataset:
    """Visibilities with the sources that examples name."""
    whole = made()
    names = whole["field_name"].copy(
        data=["3C273" if n == "SRCA" else "TARGET" for n in whole["field_name"].values]
    )
    return whole.assign_coords(field_name=names)


@pytest.mark.parametrize("path", [p for p in WITH_EXAMPLES if examples_of(p)], ids=lambda p: p.stem)
def test_examples_in_docstrings_run(
    path: Path, ds: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "session.vex").write_text(VEX)
    vex = difxnb.read_vex(tmp_path / "session.vex")
    monkeypatch.chdir(tmp_path)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    names = {"difxnb": difxnb, "plots": plots, "ds": ds, "vex": vex, **vars(import_module(name))}
    for examples in examples_of(path):
        used = {
            node.id for e in examples for node in ast.walk(ast.parse(e.source)) if isinstance(node, ast.Name)
        }
        if used & NEEDED - names.keys():
            continue
        told = doctest.DocTest(examples, dict(names), name, str(path), 0, None)
        said: list[str] = []
        runner = doctest.DocTestRunner(checker=Shown(), optionflags=doctest.NORMALIZE_WHITESPACE)
        assert runner.run(told, out=said.append).failed == 0, "".join(said)


# --- recipes ----------------------------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[difxnb.boxed.DemoCorrelator]:
    """A correlator in a box, found by the environment; what queues and sessions keep goes into its own folder."""
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    experiment = default_experiment(scan_seconds=2, gap_seconds=2, n_bands=1, bandwidth=0.256e6, weak_snr=40)
    with difxnb.demo(tmp_path / "exp", experiment=experiment, model="full") as difx:
        monkeypatch.setenv("DIFX_CONTROL_HOST", "127.0.0.1")
        monkeypatch.setenv("DIFX_CONTROL_PORT", str(difx.port))
        yield difx


MEANT = {
    "exp_1": "demo_1",
    "exp.v": "demo.v",
    "No0007": "No0002",
    "restart_seconds=60": "restart_seconds=1",
    "n4": "localhost",
    **{f'"n{number}"': '"localhost"' for number in range(1, 6)},
    '"AA': '"AL',
    "BB": "BO",
    "VSN+0": "DEMO+",
    '"head"': '"localhost"',
}
"""What names of texts are in the box."""


def translated(code: str, box: difxnb.boxed.DemoCorrelator) -> str:
    for name, other in {"/data/exp": str(box.experiment.directory), **MEANT}.items():
        code = code.replace(name, other)
    return code


@pytest.mark.slow
def test_cells_of_the_recipes_run_one_after_the_other_and_what_the_readme_says_of_files(
    box: difxnb.boxed.DemoCorrelator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RECIPES.read_text(encoding="utf-8")
    (recipe,) = blocks_of(text, "toml")
    (tmp_path / "daily.toml").write_text(translated(recipe, box))
    cells: dict[str, Any] = {}
    try:
        for number, block in enumerate(blocks_of(text, "python")):
            for line in ast.parse(translated(block, box)).body:
                run_as_a_cell_does(line, cells, f"cell {number}")
    finally:
        if "difx" in cells:
            cells["difx"].close()
    assert cells["fringes"]["snr"].max() > 10

    monkeypatch.chdir(box.experiment.directory)
    names: dict[str, Any] = {"difxnb": difxnb, "__builtins__": vars(builtins)}
    lines = [
        line
        for block in blocks_of((ROOT / "README.md").read_text(encoding="utf-8"), "python")
        for line in ast.parse(translated(block, box)).body
    ]
    ran = [line for line in lines if run_if_all_is_here(line, names)]
    assert len(ran) >= 20


NOT_HERE = (
    "2026-",
    "connect(",
    "demo(",
    "read_eop(",
    "pcal",
    "to_zarr(",
    "open_jobs(",
    "open_recording(",
    "/data/",
)
"""What needs a network, more time, or other files than those of the box."""


def run_if_all_is_here(line: ast.stmt, names: dict[str, Any]) -> bool:
    """Run a statement where all that it names is there; say whether it was run."""
    read = {n.id for n in ast.walk(line) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    code = ast.unparse(line)
    if not read <= names.keys() | vars(builtins).keys() or any(word in code for word in NOT_HERE):
        return False
    run_as_a_cell_does(line, names, "README")
    return True


def run_as_a_cell_does(line: ast.stmt, names: dict[str, Any], where: str) -> None:
    """Run a statement; what an expression gives is shown, as a notebook would show it."""
    try:
        if isinstance(line, ast.Expr):
            repr(eval(compile(ast.Expression(line.value), where, "eval"), names))
        else:
            exec(compile(ast.Module([line], []), where, "exec"), names)  # noqa: S102
    except Exception as error:
        error.add_note(f"{where}: {ast.unparse(line)}")
        raise
