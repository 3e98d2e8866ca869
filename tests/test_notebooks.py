# SPDX-License-Identifier: GPL-3.0-or-later
"""Every notebook runs from top to bottom in a real kernel, renders, and is committed without outputs."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from difxnb.synthetic import make_experiment
from difxnb.synthetic.made_before import PLACE

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
MOST_CELLS = 25

# In a process of its own, because the messaging library of Jupyter keeps sockets for as long as one lives.
_RUN = [sys.executable, "-c", "from nbclient.cli import main; main()"]
_PANEL = re.compile(r"\.panel\(\)")
_TWIN = re.compile(r'<div class="difxnb-twin difxnb-twin-\w+">(.*?)</div>', re.DOTALL)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The recordings of the demonstration, made once, as on Binder; the server of each notebook is its own."""
    place = tmp_path_factory.mktemp("made")
    make_experiment(place)
    yield str(place)
    shutil.rmtree(place)


def test_there_are_notebooks_of_every_number() -> None:
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(10))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_short_and_committed_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert len(cells) < MOST_CELLS
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_how_to_use_a_real_correlator(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert any(
        re.search(r"difxnb\.(connect|check_quality|open_visibilities)\(", cell.source) for cell in cells
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_renders(path: Path, tmp_path: Path, recordings: str) -> None:
    copy = Path(shutil.copy(path, tmp_path))
    done = subprocess.run(
        [*_RUN, "--inplace", "--timeout=250", str(copy)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {PLACE: recordings},
    )
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(copy, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert outputs
    for output in outputs:
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr" or "Warning" not in output["text"], output["text"]
    panels = sum(len(_PANEL.findall(cell.source)) for cell in cells if cell.cell_type == "code")
    require_twins(rendered(copy), panels)


def rendered(path: Path) -> str:
    """The notebook as a page, as those see it who have no kernel; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        html, _ = HTMLExporter().from_filename(str(path))
    return str(html)


def require_twins(html: str, panels: int) -> None:
    """As many panels as were shown left tables or words, none of them empty, and none says that it failed."""
    twins = _TWIN.findall(html)
    assert len(twins) >= panels
    for twin in twins:
        assert re.sub(r"<style>.*?</style>|<[^>]*>", "", twin, flags=re.DOTALL).strip()
        assert "cannot be told" not in twin
