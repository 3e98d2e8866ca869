# SPDX-License-Identifier: GPL-3.0-or-later
"""A far end for programs, and a server that they find by the environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from difxnb.server.gui_server import GuiServer
from tests.cli.nursery import Nursery
from tests.cli.programs import Program
from tests.client.peers import own_server
from tests.notebook.conftest import far
from tests.notebook.far_end import FarEnd

__all__ = ["far", "served"]


def lead_to(server: GuiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have programs connect to a server without being told where it is."""
    monkeypatch.setenv("DIFX_CONTROL_HOST", "127.0.0.1")
    monkeypatch.setenv("DIFX_CONTROL_PORT", str(server.port))


@pytest.fixture
def served(far: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a server to which programs connect by themselves."""
    root = tmp_path.resolve() / "root"
    root.mkdir()
    lead_to(far.enter(own_server(root)), monkeypatch)
    return root


@pytest.fixture(scope="session", autouse=True)
def nursery() -> Iterator[None]:
    """Where programs are copied from; its socket is there before tests are watched for what they leave."""
    if sys.platform != "linux":  # they are started one by one there
        yield
        return
    Program.nursery = Nursery()
    yield
    Program.nursery.close()
    Program.nursery = None
