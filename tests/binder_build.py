# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what Binder builds, in a fresh environment, and run notebooks there.

Run it with ``python tests/binder_build.py [NOTEBOOK…]``.

As repo2docker does it: the files of the commit, ``binder/requirements.txt`` into an environment of the Python that
``binder/runtime.txt`` names, ``binder/postBuild`` in the checkout, and everything else by ``binder/start``. What
it does not do is the system around it: Ubuntu's packages and conda's Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPENED = "notebooks/00-first-light.ipynb"
ASK = """
import json
from jupyter_server.serverapp import ServerApp
app = ServerApp()
app.initialize(argv=["--port=0"], find_extensions=False, new_httpserver=False)
print(json.dumps([app.kernel_manager.buffer_offline_messages, app.default_url]))
"""


def step(words: str, command: Sequence[str], **options: object) -> str:
    """Run one step; gives what it printed, and says how long it took."""
    begin = time.monotonic()
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    print(f"{time.monotonic() - begin:6.1f} s  {words}", flush=True)
    return str(done.stdout)


def build(folder: Path, uv: str) -> tuple[Path, dict[str, str]]:
    """Make the checkout and its environment; gives the checkout, and the variables of its programs."""
    checkout, environment = folder / "checkout", folder / "environment"
    checkout.mkdir()
    files = step("list the files of the project", ["git", "ls-files", "-z"], cwd=ROOT)
    for name in files.split("\0"):
        if name and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes((ROOT / name).read_bytes())
            (checkout / name).chmod((ROOT / name).stat().st_mode)
    python = (checkout / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    step("make an environment", [uv, "venv", "--quiet", "--seed", "--python", python, str(environment)])
    requirements = ["-r", str(checkout / "binder" / "requirements.txt")]
    into = ["--quiet", "--python", str(environment)]
    step("install requirements.txt", [uv, "pip", "install", *into, "--require-hashes", *requirements])
    inherited = {"HOME": str(folder)} | {
        name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ
    }
    variables = inherited | {"PATH": f"{environment}/bin:{os.environ['PATH']}"}
    step("postBuild", ["binder/postBuild"], cwd=checkout, env=variables)
    return checkout, variables


def main(notebooks: Sequence[str]) -> int:
    """Build, look at the settings of the server, and run the notebooks."""
    uv = next(str(path) for path in (ROOT / ".tools" / "bin" / "uv", *_on_path("uv")) if path.is_file())
    with tempfile.TemporaryDirectory(prefix="binder-") as folder:
        checkout, variables = build(Path(folder), uv)
        start = ["binder/start"]
        told = step("ask the server", [*start, "python", "-c", ASK], cwd=checkout, env=variables)
        assert told.splitlines()[-1] == f'[false, "/lab/tree/{OPENED}"]', told
        for notebook in notebooks or [OPENED]:
            command = [*start, "jupyter", "execute", "--timeout=100", notebook]
            step(f"run {notebook}", command, cwd=checkout, env=variables)
    return 0


def _on_path(program: str) -> list[Path]:
    return [Path(folder) / program for folder in os.get_exec_path()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
