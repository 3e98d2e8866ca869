# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports by notebooks: one is run from top to bottom with the job as its parameter, and shown as HTML.

The notebook of this package is ``job_report.ipynb``; anybody's own serves as well, where one of its cells has the tag
``parameters`` and names `job` in it.
"""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

import xarray as xr

from difxnb.errors import FileFormatError, NotebookFailed, OutputExists
from difxnb.formats.new_file import new_file, replaced_file
from difxnb.markup import printable
from difxnb.quality.gathering import gather, job_of
from difxnb.reports.findings import Reported, Run, input_file_of, source_of
from difxnb.reports.notebook_programs import missing_programs

OWN = Path(__file__).with_name("job_report.ipynb")
"""The notebook that comes with the package."""
_PROGRAM = Path(__file__).with_name("notebook_kernel.py")
_END_SECONDS = 10.0
_MOST_LETTERS = 2000


def notebook_report(
    job: Reported,
    path: str | PathLike[str] | None,
    notebook: str | PathLike[str] | None,
    parameters: Mapping[str, Any],
    *,
    overwrite: bool,
) -> Path:
    """Run a notebook on a job; see :func:`difxnb.report`."""
    _require_extra()
    template = OWN if notebook is None else Path(notebook).absolute()
    known = parameters_of(template)
    input_file = _input_of(job)
    given = {"job": str(input_file)} | {name: _plain(value) for name, value in parameters.items()}
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"{template.name} has no parameter {', '.join(unknown)}; it has {', '.join(known)}")
    html, executed = _targets(path, input_file.stem)
    for target in filter(None, (html, executed)):
        if target.exists() and (not overwrite or target.samefile(template)):
            raise OutputExists(
                f"{target} exists already; overwrite=True replaces it, unless it is what is run"
            )
    if not executed.parent.is_dir():  # before minutes of fitting
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(executed.parent))
    order = {
        "notebook": str(template),
        "parameters": given,
        "cwd": os.getcwd(),
        "title": printable(f"Report on {input_file.stem}"),
        "target": str(executed.absolute()),
        "html": html is not None,
        "closed": template == OWN,
    }
    with tempfile.TemporaryDirectory(prefix="difxnb-report-") as place:
        _run(order, Path(place), template.name, executed)
        _put(Path(place), html, executed, overwrite=overwrite)
    return html or executed


def parameters_of(notebook: Path) -> list[str]:
    """Names that the cell with the tag ``parameters`` gives values to.

    Raises
    ------
    FileNotFoundError
    FileFormatError
        It is no notebook of format 4, no cell has that tag, or that cell is no Python.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [one for one in cells if "parameters" in one["metadata"].get("tags", ())]
        source = "".join(tagged[0]["source"]) if tagged else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(notebook, "", f"no Jupyter notebook of format 4 ({error})") from error
    if source is None:
        raise FileFormatError(notebook, "", "no cell has the tag parameters, so a job cannot be named to it")
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: too deep
        raise FileFormatError(
            notebook, "", f"the cell with the tag parameters is no Python: {error}"
        ) from error
    places = [one.targets if isinstance(one, ast.Assign) else [one.target] for one in statements
              if isinstance(one, ast.Assign | ast.AnnAssign)]  # fmt: skip
    return [name.id for row in places for name in row if isinstance(name, ast.Name)]


def _require_extra() -> None:
    if missing := missing_programs():
        raise ModuleNotFoundError(
            f"a report by a notebook needs {', '.join(missing)}: pip install 'difxnb[report]'"
        )


def _input_of(job: Reported) -> Path:
    """The ``.input``: a kernel of its own opens the files of the job itself."""
    source = source_of(job) if isinstance(job, Run) else job
    if isinstance(source, xr.Dataset):
        found = input_file_of(source)
        if found is None or gather(source).is_part:
            raise ValueError(
                "these visibilities are not all that one job on this machine has written, and a notebook opens files"
                " itself: name the .input, or leave notebook= out"
            )
        return found
    return job_of(source).input_file.absolute()


def _plain(value: object) -> object:
    """A value as it can be named to a kernel."""
    text = os.fspath(value) if isinstance(value, PathLike) else value
    try:
        return json.loads(json.dumps(text))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"parameters of notebooks are texts, numbers, lists and mappings of them; got {value!r}"
        ) from error


def _targets(path: str | PathLike[str] | None, name: str) -> tuple[Path | None, Path]:
    """The HTML, if one is wanted, and the notebook as it ran."""
    own = re.sub(r"[^\w.+-]", "_", name).lstrip(".") + "-notebook.html"
    wanted = Path(own) if path is None else Path(path) / own if Path(path).is_dir() else Path(path)
    return (None, wanted) if wanted.suffix == ".ipynb" else (wanted, wanted.with_suffix(".ipynb"))


def _run(order: Mapping[str, Any], place: Path, name: str, executed: Path) -> None:
    """Run the notebook in a folder of its own; NotebookFailed where a cell fails, and what ran is kept."""
    with (place / "said").open("wb") as said:
        program = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            process_group=0,  # an interrupt at a terminal is for us, and we end it
        )
        with program:
            assert program.stdin is not None
            try:
                line = json.dumps({**order, "folder": str(place)}) + "\n"
                program.stdin.write(line.encode())
                program.stdin.flush()
                program.wait()
            finally:
                _end(program)
    outcome = _outcome(place)
    if outcome:
        where = f"cell {outcome['cell']} of {name} failed" if outcome["cell"] else f"{name} failed"
        line = next(iter(str(outcome.get("source", "")).strip().splitlines()), "")
        shown = f" ({printable(line)[:80]})" if line else ""
        text = f"{where}{shown}: {printable(outcome['error'])[:_MOST_LETTERS]}"
        raise NotebookFailed(text, outcome["cell"], _kept(place, executed))


def _end(program: subprocess.Popen[bytes]) -> None:
    """End the program, and with it its kernel: by closing its standard input, then less gently."""
    assert program.stdin is not None
    program.stdin.close()
    try:
        program.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()


def _outcome(place: Path) -> dict[str, Any]:
    told = place / "outcome.json"
    if told.is_file():
        outcome: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        return outcome
    last = (place / "said").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    return {"cell": 0, "error": "".join(last) or "papermill ended without a word"}


def _kept(place: Path, executed: Path) -> Path | None:
    """Put what ran beside what would have been written, under a name that is free; None where that cannot be."""
    partly = place / "report.ipynb"
    if not partly.is_file() or not os.access(executed.parent, os.W_OK):
        return None
    number = 1
    while True:
        target = executed.with_name(f"{executed.stem}-failed{f'-{number}' if number > 1 else ''}.ipynb")
        try:
            with new_file(target, "notebooks") as partial:
                partial.write_bytes(partly.read_bytes())
        except OutputExists:
            number += 1
        else:
            return target


def _put(place: Path, html: Path | None, executed: Path, *, overwrite: bool) -> None:
    """Give both files their names when both are whole."""
    made = {executed: place / "report.ipynb"} | ({} if html is None else {html: place / "report.html"})
    with ExitStack() as named:
        for target, source in made.items():
            writing = replaced_file(target) if overwrite else new_file(target, "reports")
            named.enter_context(writing).write_bytes(source.read_bytes())
