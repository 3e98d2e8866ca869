# SPDX-License-Identifier: GPL-3.0-or-later
"""A night of watching with the tab closed, made short: ``python tests/benchmarks/bench_night.py [--seconds 60]``.

A real Jupyter server runs a kernel with a panel whose picture changes at each look. A client on a websocket, which
answers as a page does, comes, watches for a moment and leaves. All times are divided by `SPEED`: 50 frames a second
instead of 4, a rest of 5 s instead of a minute. Printed is what kernel and server grow by in an hour of an ordinary
night, from the moment when the closed tab is noticed:

- with ``buffer_offline_messages=False``, as ``difxnb lab``, ``./run lab`` and Binder have it, painted all night;
- without it, painted all night, as it would be if nobody noticed the closed tab;
- without it, and panels rest as they do.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import websocket

sys.path.insert(0, str(Path(__file__).parents[2]))

import tests.browser.servers as servers
from tests.benchmarks.bench_soak import sample

SPEED = 12.5
NOTICED_S = 20.0
"""Seconds, on this quick clock, after which panels rest for certain."""
FLAG = "--MappingKernelManager.buffer_offline_messages=False"
PANEL = """
import os, ipywidgets as widgets
from difxnb.panels import Panel, audience, panel as panels
from difxnb.panels.painter import PAINTER
from difxnb.panels.twin import Twin
PAINTER.period /= {speed}
for name in ("ASK_S", "SILENT_S", "REST_S"):
    setattr(audience, name, getattr(audience, name) / {speed})
panels.REST_S, panels.TWIN_PERIOD_S = audience.REST_S, panels.TWIN_PERIOD_S / {speed}
if not {rests}:
    audience.SILENT_S = 1e9

class Noise(Panel):
    def __init__(self):
        self.picture = widgets.Image()
        super().__init__(self.picture)
    def _paint(self):
        self.picture.value = os.urandom(60_000)
    def twin(self):
        return Twin("noise", "<p>noise</p>", os.urandom(60_000))

noise = Noise()
noise.show()
print("process", os.getpid())
"""


class Page:
    """A client that keeps up links between widgets, as a page does, until it leaves."""

    def __init__(self, server: servers.JupyterServer, kernel: str) -> None:
        address = f"{server.url.replace('http', 'ws', 1)}api/kernels/{kernel}/channels?token={server.token}"
        self.socket = websocket.create_connection(address, timeout=60)
        self.session, self._links = secrets.token_hex(8), dict[str, str]()
        self.answers = 0

    def send(self, kind: str, content: dict[str, Any]) -> None:
        header = {"msg_id": secrets.token_hex(8), "msg_type": kind, "session": self.session, "version": "5.3"}
        message = {"header": {**header, "username": "", "date": ""}, "parent_header": {}, "metadata": {}}
        self.socket.send(json.dumps({**message, "content": content, "channel": "shell", "buffers": []}))

    def watch(self, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Take messages in until one is enough."""
        while True:
            data = self.socket.recv()
            message = json.loads(data if isinstance(data, str) else _text(data))
            self._keep_up(message)
            if enough(message):
                return dict(message["content"])

    def _keep_up(self, message: dict[str, Any]) -> None:
        content = message["content"]
        state = content.get("data", {}).get("state", {})
        if state.get("_model_name") == "DirectionalLinkModel":
            source, target = (state[end][0].removeprefix("IPY_MODEL_") for end in ("source", "target"))
            self._links[source] = target
        target = self._links.get(content.get("comm_id", ""))
        if message["msg_type"] == "comm_msg" and target is not None and "value" in state:
            update = {"method": "update", "state": {"value": state["value"]}, "buffer_paths": []}
            self.send("comm_msg", {"comm_id": target, "data": update})
            self.answers += 1


def _text(data: bytes) -> bytes:
    """The message of a frame that has buffers after it."""
    offsets = np.frombuffer(data, ">u4", int.from_bytes(data[:4], "big"), 4)
    return data[offsets[0] : offsets[1] if len(offsets) > 1 else None]


@contextmanager
def jupyter(folder: Path, flag: bool) -> Iterator[tuple[servers.JupyterServer, int]]:
    """A Jupyter server, with or without the flag; and its process."""
    kept = list(servers._COMMAND)
    servers._COMMAND[:] = [part for part in kept if part != FLAG or flag]
    try:
        with servers.jupyter(folder, folder) as server:
            note = next((folder / "runtime").glob("jpserver-*.json"))
            yield server, int(json.loads(note.read_text())["pid"])
    finally:
        servers._COMMAND[:] = kept


def night(folder: Path, flag: bool, rests: bool, seconds: float) -> dict[str, np.ndarray]:
    """MiB of the server and of the kernel, sampled after the client has left."""
    with jupyter(folder, flag) as (server, process):
        kernel = server.ask("kernels", "POST")["id"]
        page = Page(server, kernel)
        with closing(page.socket):
            code = PANEL.format(speed=SPEED, rests=rests)
            page.send("execute_request", {"code": code, "silent": False, "allow_stdin": False})
            told = page.watch(lambda message: message["content"].get("text", "").startswith("process"))
            page.watch(lambda message: page.answers >= 3)
        found: dict[str, list[float]] = {"server": [], "kernel": []}
        processes = {"server": process, "kernel": int(told["text"].split()[1])}
        time.sleep(NOTICED_S)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, number in processes.items():
                found[name].append(sample(number)[0])
            time.sleep(seconds / 60)
        server.end_kernels()
    return {name: np.array(values) for name, values in found.items()}


def growth(mib: np.ndarray, seconds: float) -> float:
    """MiB an hour of an ordinary night, by a line through all but the first third."""
    late = mib[len(mib) // 3 :]
    times = np.arange(len(late)) * seconds / 60
    return float(np.polyfit(times, late, 1)[0]) / SPEED * 3600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    for flag, rests in ((True, False), (False, False), (False, True)):
        with tempfile.TemporaryDirectory() as name:
            found = night(Path(name), flag, rests, seconds)
        how = f"buffer_offline_messages={not flag}, {'panels rest' if rests else 'painted all night'}"
        for name, mib in found.items():
            rate = growth(mib, seconds)
            print(f"{how:50} {name}: {mib[0]:6.1f} → {mib[-1]:6.1f} MiB, {rate:+8.1f} MiB/h", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
