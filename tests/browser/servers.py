# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Jupyter server for a browser: a child on 127.0.0.1, at a port of its own, with a token and nobody's settings.

One server serves JupyterLab (``lab/tree/…``), Notebook 7 (``notebooks/…``) and Voila (``voila/render/…``).
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_SECONDS = 90.0
_LOOK_SECONDS = 0.1
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
_COMMAND = [
    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
    # Lets tests ask a page whether it is ready, though not what to do.
    *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
    # What `./run lab` and Binder set, too: frames for a closed tab are not kept.
    "--MappingKernelManager.buffer_offline_messages=False",
    *(["--allow-root"] if os.getuid() == 0 else []),
]


@dataclass(frozen=True)
class JupyterServer:
    """A server that answers.

    Attributes
    ----------
    url, token : str
        Where it is, and what it wants to be told.
    root : Path
        Where its notebooks are.
    """

    url: str
    token: str
    root: Path

    def at(self, path: str) -> str:
        """Address of a page, token included."""
        return f"{self.url}{path}{'&' if '?' in path else '?'}token={self.token}"

    def ask(self, path: str, method: str = "GET") -> Any:
        """Ask the server's own interface; gives what it answers."""
        request = urllib.request.Request(f"{self.url}api/{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def end_kernels(self) -> None:
        """End every kernel, and its session."""
        for session in self.ask("sessions"):
            self.ask(f"sessions/{session['id']}", "DELETE")
        for kernel in self.ask("kernels"):
            self.ask(f"kernels/{kernel['id']}", "DELETE")


@contextmanager
def jupyter(folder: Path, root: Path) -> Iterator[JupyterServer]:
    """Run a server until the block ends; `folder` gets its settings and its log."""
    token = secrets.token_hex(16)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            _COMMAND, cwd=root, env=_surroundings(folder, token), stdout=log, stderr=log
        )
        try:
            yield JupyterServer(_address(process, folder), token, root)
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                process.kill()
                process.wait()


def _surroundings(folder: Path, token: str) -> dict[str, str]:
    settings = folder / "config" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(_SETTINGS))
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data"}
    folders = {name: str(folder / where) for name, where in (own | {"IPYTHONDIR": "ipython"}).items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return inherited | folders | {"JUPYTER_TOKEN": token, "JUPYTERLAB_WORKSPACES_DIR": str(folder / "spaces")}


def _address(process: subprocess.Popen[bytes], folder: Path) -> str:
    """Wait until it has written down where it listens, and answers there."""
    note = folder / "runtime" / f"jpserver-{process.pid}.json"
    for _ in range(int(READY_SECONDS / _LOOK_SECONDS)):
        if process.poll() is not None:
            break
        url = json.loads(note.read_text())["url"] if note.is_file() and note.stat().st_size else None
        if url is not None and _answers(url):
            return str(url)
        threading.Event().wait(_LOOK_SECONDS)
    raise AssertionError(f"Jupyter did not start:\n{(folder / 'log').read_text(errors='replace')[-4000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}api", timeout=10):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
