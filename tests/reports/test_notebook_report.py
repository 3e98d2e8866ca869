# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports by notebooks, run by the real papermill in a real kernel: whole, or a cell is named; no kernel stays."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from base64 import b64decode
from contextlib import suppress
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

import difxnb
from difxnb.errors import FileFormatError, NotebookFailed, OutputExists
from difxnb.reports.notebook_report import OWN, parameters_of
from tests.browser.pictures import is_blank
from tests.stored_jobs import ALPHA

pytestmark = pytest.mark.slow


WORDS = st.sampled_from(["cells", "source", "metadata", "tags", "parameters", "cell_type"])
CELLS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.text(max_size=20)
            | st.lists(st.text(max_size=9), max_size=3)
            | st.sampled_from(["a = b: int"]),
            "metadata": st.fixed_dictionaries({"tags": st.just(["parameters"])}),
        }
    ),
    max_size=2,
)


def written(path: Path, *sources: str, tagged: bool = True) -> Path:
    """A notebook of somebody's own; its first cell has the parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if tagged:
        cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where notebooks are run; other processes of this suite run theirs elsewhere."""
    place = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def require_nothing_left(scratch: Path) -> None:
    """No kernel, whose command names its folder, and no folder."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            assert str(scratch).encode() not in process.read_bytes()
    assert list(scratch.iterdir()) == []


@pytest.mark.timeout(300)
def test_the_notebook_of_the_package_becomes_a_page_that_fetches_nothing(
    tmp_path: Path, scratch: Path
) -> None:
    """All that the plain page tells, the notebook beside it, and no kernel afterwards."""
    html = difxnb.report(ALPHA, tmp_path, notebook=True, parameters={"most_rows": 3})
    assert html == tmp_path / "alpha_1-notebook.html"
    executed = tmp_path / "alpha_1-notebook.ipynb"
    assert sorted(tmp_path.iterdir()) == [html, executed]
    require_nothing_left(scratch)

    page = html.read_text()
    assert "<script" not in page
    assert "default-src 'none'" in page
    words = " ".join(unescape(re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)).split())
    for known in (
        "Report on alpha_1",
        "alpha_1: go",
        "fringes on 3 of 3 baselines",
        "21 more rows are left out",
        "against AA",
        hashlib.sha256(ALPHA.read_bytes()).hexdigest(),
    ):
        assert known in words
    pictures = [b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page)]
    assert len(pictures) == 4
    assert not any(map(is_blank, pictures))

    notebook = nbformat.read(executed, as_version=4)
    assert notebook.metadata["papermill"]["output_path"] == str(executed)
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    assert not [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"]


@pytest.mark.timeout(300)
def test_a_cell_that_fails_is_named_and_what_ran_is_kept(tmp_path: Path, scratch: Path) -> None:
    """Nothing else is written, and what was kept before stays."""
    own = written(
        tmp_path / "own.ipynb", "job = ''\nlimit = 1", "print(job, limit)", "1 / (limit - 7)", "after = 1"
    )
    (tmp_path / "night-failed.ipynb").write_text("of yesterday")
    with pytest.raises(
        NotebookFailed, match=r"cell 3 of own\.ipynb failed \(1 / \(limit - 7\)\): ZeroDivi"
    ) as error:
        difxnb.report(ALPHA, tmp_path / "night.html", notebook=own, parameters={"limit": 7})
    assert error.value.cell == 3
    assert error.value.kept == tmp_path / "night-failed-2.ipynb"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "night-failed-2.ipynb", "night-failed.ipynb", "own.ipynb"
    ]  # fmt: skip
    kept = nbformat.read(error.value.kept, as_version=4)
    assert f"{ALPHA} 7\n" in [one.get("text") for cell in kept.cells for one in cell.get("outputs", [])]
    require_nothing_left(scratch)


def test_nothing_is_run_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    """Of the two files either is enough; and what is run is never replaced by what it became."""
    own = written(tmp_path / "own.ipynb", "job = ''")
    (tmp_path / "night.ipynb").write_text("mine")
    with pytest.raises(OutputExists, match=r"night\.ipynb exists already"):
        difxnb.report(ALPHA, tmp_path / "night.html", notebook=own)
    with pytest.raises(OutputExists, match="unless it is what is run"):
        difxnb.report(ALPHA, tmp_path / "own.html", notebook=own, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night.ipynb", "own.ipynb"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no Jupyter notebook of format 4"),
        ("[]", "no Jupyter notebook of format 4"),
        (json.dumps({"cells": [{"source": "job = 1", "metadata": {}}]}), "no cell has the tag parameters"),
        (
            json.dumps({"cells": [{"source": "job <- 1 +", "metadata": {"tags": ["parameters"]}}]}),
            "no Python",
        ),
    ],
)
def test_what_is_no_notebook_for_this_is_refused(tmp_path: Path, content: str, told: str) -> None:
    bad = tmp_path / "bad.ipynb"
    bad.write_text(content)
    with pytest.raises(FileFormatError, match=told):
        difxnb.report(ALPHA, tmp_path, notebook=bad)


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        (
            {"notebook": True, "parameters": {"limit": 1}},
            ValueError,
            "has no parameter limit; it has job, limits",
        ),
        ({"notebook": True, "parameters": {"limits": object()}}, TypeError, "texts, numbers"),
        ({"parameters": {"limits": None}}, ValueError, "parameters are for a notebook"),
        ({"notebook": "nowhere.ipynb"}, FileNotFoundError, "nowhere"),
        ({"notebook": True, "path": "no/such/folder.html"}, FileNotFoundError, "no/such"),
    ],
)
def test_what_cannot_be_asked_is_told_at_once(
    tmp_path: Path, asked: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        difxnb.report(ALPHA, **{"path": tmp_path, **asked})
    assert list(tmp_path.iterdir()) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=60) | JSON.map(json.dumps) | CELLS.map(lambda cells: json.dumps({"cells": cells})))
def test_any_file_has_names_of_parameters_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(FileFormatError):
        assert all(name.isidentifier() for name in parameters_of(path))


def test_a_part_of_a_job_has_no_notebook(tmp_path: Path) -> None:
    part = difxnb.open_visibilities(ALPHA).difx.baseline("AA", "BB")
    with pytest.raises(ValueError, match=r"name the \.input"):
        difxnb.report(part, tmp_path, notebook=True)


def test_what_is_not_installed_is_named_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "papermill", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape("needs papermill: pip install 'difxnb[report]'")):
        difxnb.report(ALPHA, tmp_path, notebook=True)


def test_the_notebook_of_the_package_has_no_outputs() -> None:
    assert parameters_of(OWN) == ["job", "limits", "most_rows"]
    assert not [cell for cell in nbformat.read(OWN, as_version=4).cells if cell.get("outputs")]
