# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told how a session went."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from difxnb.intensives.hooks import tell
from difxnb.intensives.recipe import Hook
from tests.intensives.small_sessions import context, put_down


class Posts(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    got: list[Any] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(json.loads(body))
        self.send_response(204 if self.path == "/told" else 500)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def posts() -> Iterator[str]:
    Posts.got = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Posts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_whoever_is_named_is_told_and_whoever_cannot_be_is_written_down(tmp_path: Path, posts: str) -> None:
    heard: list[Mapping[str, Any]] = []

    async def hears(message: Mapping[str, Any]) -> None:
        heard.append(message)

    def breaks(message: Mapping[str, Any]) -> None:
        raise RuntimeError("no ears")

    told = tmp_path / "told.json"
    writes = (sys.executable, "-c", f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())")
    recipe = put_down(tmp_path).with_(
        hooks=(
            Hook("end", "callable", hears),
            Hook("failed", "callable", breaks),
            Hook("done", "callable", breaks),
            Hook("failed", "command", writes),
            Hook("end", "command", (sys.executable, "-c", "raise SystemExit(3)")),
            Hook("end", "command", ("/nowhere/mail",)),
            Hook("end", "webhook", f"{posts}/told"),
            Hook("end", "webhook", f"{posts}/broken"),
        )
    )
    at = context(tmp_path, recipe)
    at.record.begin("data", {})
    at.record.fail("data", "BO not arrived")
    done = asyncio.run(tell(at))
    assert done.outputs["told"][1:] == [" ".join(writes), f"{posts}/told"]
    failed = done.outputs["failed"]
    assert [why.rpartition(": ")[0] != "" for why in failed] == [True] * 4
    assert "no ears" in failed[0]
    assert "ended with 3" in failed[1]
    assert "500" in failed[3]
    (message,) = heard
    assert message["state"] == "failed"
    assert message["failed"] == [{"step": "data", "why": "BO not arrived"}]
    assert json.loads(told.read_text()) == message
    assert Posts.got == [message, message]
