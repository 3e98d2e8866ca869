# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kernel of a chosen version, and a client that speaks to it as a page with widgets does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / ".tools" / "kernels"
DEADLINE_S = 60.0

Content = dict[str, Any]


class FrontEnd:
    """A page: what was published, and the states of widgets.

    Attributes
    ----------
    published : list of dict
        Messages, oldest first.
    states : dict
        State of each widget by the id of its model.
    """

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.published: list[Content] = []
        self.states: dict[str, Content] = {}

    def run(self, code: str) -> str:
        """Run a cell to its end; what it printed. A cell that fails fails the test."""
        request = self.begin(code)
        self.until_idle(request)
        told = [line for content in self._of(request, "error") for line in content["traceback"]]
        assert not told, "\n".join(told)
        return self.printed(request)

    def begin(self, code: str) -> str:
        """Run a cell, and do not wait for it; gives the id of the request."""
        return self.client.execute(code)

    def until_idle(self, request: str) -> None:
        """Wait for the end of what was asked for."""
        self.until(lambda: self._of(request, "status")[-1:] == [{"execution_state": "idle"}])

    def until_printed(self, request: str, text: str) -> None:
        """Wait until a cell has printed something."""
        self.until(lambda: text in self.printed(request) or self.error(request))
        assert not self.error(request), self.error(request)

    def printed(self, request: str) -> str:
        return "".join(content["text"] for content in self._of(request, "stream"))

    def error(self, request: str) -> str:
        """Name of the exception that ended a cell; empty where none did."""
        return "".join(content["ename"] for content in self._of(request, "error"))

    def _of(self, request: str, kind: str) -> list[Content]:
        return [
            message["content"]
            for message in self.published
            if message["msg_type"] == kind and message["parent_header"].get("msg_id") == request
        ]

    def until(self, holds: Callable[[], object]) -> None:
        """Take in what is published until something holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"what the test waits for did not come; last was {self.published[-5:]}"
            self._take(self.client.get_iopub_msg(timeout=left))

    def _take(self, message: Content) -> None:
        self.published.append(message)
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.states[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif message["msg_type"] == "comm_msg" and content["data"].get("method") in ("update", "echo_update"):
            self.states.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        elif message["msg_type"] == "comm_close":
            self.states.pop(content["comm_id"], None)

    def named(self, description: str) -> str:
        """Id of the widget that is described so."""
        found = [name for name, state in self.states.items() if state.get("description") == description]
        assert len(found) == 1, found
        return found[0]

    def new_subshell(self) -> str:
        """Make a subshell, as a page does for the comms of widgets."""
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=DEADLINE_S)
            if reply["parent_header"]["msg_id"] == request["header"]["msg_id"]:
                return str(reply["content"]["subshell_id"])

    def click(self, model_id: str, subshell: str | None = None) -> str:
        """Press a button; gives the id of the message."""
        return self.send(model_id, {"method": "custom", "content": {"event": "click"}}, subshell)

    def set(self, model_id: str, subshell: str | None = None, **state: object) -> str:
        """Set traits of a widget."""
        return self.send(model_id, {"method": "update", "state": state, "buffer_paths": []}, subshell)

    def send(self, model_id: str, data: Content, subshell: str | None = None) -> str:
        message = self.client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])


@contextmanager
def kernel(version: str, temporary: Path) -> Iterator[FrontEnd]:
    """A kernel of this version of ipykernel, which puts its temporary files into a folder of its own."""
    temporary.mkdir(exist_ok=True)
    paths = [str(KERNELS / version), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TMPDIR": str(temporary),
        "IPYTHONDIR": str(temporary.with_name(temporary.name + "-ipython")),
        "JPY_PARENT_PID": "",
    }
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment)
    client = manager.client()
    try:
        client.start_channels(hb=False)
        client.wait_for_ready(timeout=DEADLINE_S)
        yield FrontEnd(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        client.context.destroy(linger=0)
        manager.cleanup_resources()
