# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one notebook with papermill and show it as HTML: a program of its own, started by `notebook_report`.

It reads its order from standard input, one line of JSON, and leaves ``report.ipynb``, ``report.html`` and
``outcome.json`` in the folder that the order names. When standard input closes it ends, and its kernel with it.

A program of its own because the messaging library of Jupyter keeps threads and sockets for as long as a process
lives, and because a notebook may be run from a cell, where an event loop runs already.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

_START_SECONDS = 120  # a kernel on a machine that is busy with a job
_CELL_SECONDS = 3600
_ADDED = {"injected-parameters", "papermill-error-cell-tag"}
_CLOSED = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'">
{%- endblock html_head_js -%}
{%- block html_head_js_mathjax -%}{%- endblock html_head_js_mathjax -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
{%- block jupyter_widgets -%}{%- endblock jupyter_widgets -%}
"""
"""The page without scripts: it fetches nothing, and names in data do nothing to it."""


def main() -> None:
    """Do as the order says."""
    order = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    folder = Path(order["folder"])
    _own_settings(folder)
    outcome = _run(order, folder)
    if not outcome and order["html"]:
        (folder / "report.html").write_text(_html(order, folder), encoding="utf-8")
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def _end_with_the_other() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _own_settings(folder: Path) -> None:
    """The kernel is this very Python, and nobody's home is read or written."""
    kernel = folder / "kernels" / "python3"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    os.environ |= {
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("JUPYTER_PATH")])),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _run(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run the notebook; what failed, if anything did."""
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    from papermill.exceptions import PapermillException

    target = folder / "report.ipynb"
    try:
        papermill.execute_notebook(
            str(_copied(Path(order["notebook"]), folder)),
            str(target),
            parameters=order["parameters"],
            cwd=order["cwd"],
            progress_bar=False,
            start_timeout=_START_SECONDS,
            execution_timeout=_CELL_SECONDS,
        )
    except (PapermillException, DeadKernelError, CellControlSignal, NoSuchKernel, RuntimeError) as error:
        name, text = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
        return {"error": f"{name}: {text}"} | _failed(target)
    _name_places(order, target)
    return {}


def _copied(notebook: Path, folder: Path) -> Path:
    """What is to be run, under a name without braces, which papermill would fill in; Python where it names nothing."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content.setdefault("metadata", {}).setdefault("kernelspec", python)
    copy = folder / "given.ipynb"
    copy.write_text(json.dumps(content), encoding="utf-8")
    return copy


def _failed(target: Path) -> dict[str, Any]:
    """Which cell it was, counted as in the notebook that was to be run: papermill adds some of its own."""
    if not target.is_file():
        return {"cell": 0}
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    own = [cell for cell in cells if not _ADDED & set(cell["metadata"].get("tags", ()))]
    found: dict[str, Any] = {"cell": 0}
    for at, cell in enumerate(own, start=1):
        if cell["cell_type"] == "code" and cell["metadata"].get("papermill", {}).get("start_time"):
            found = {"cell": at, "source": "".join(cell["source"])}
    return found


def _name_places(order: dict[str, Any], target: Path) -> None:
    """Write down what the notebook was and became, and not where it was on the way."""
    content = json.loads(target.read_text(encoding="utf-8"))
    content["metadata"]["title"] = order["title"]
    content["metadata"]["papermill"] |= {"input_path": order["notebook"], "output_path": order["target"]}
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _html(order: dict[str, Any], folder: Path) -> str:
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    hidden = {"enabled": True, "remove_input_tags": {"remove-input"}}
    settings = {"raw_template": _CLOSED} if order["closed"] else {}
    exporting: type[Any] = HTMLExporter  # it has no types
    exporter = exporting(config=Config({"TagRemovePreprocessor": hidden}), **settings)
    text, _ = exporter.from_filename(str(folder / "report.ipynb"))
    return str(text)


if __name__ == "__main__":
    main()
