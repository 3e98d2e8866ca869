# SPDX-License-Identifier: GPL-3.0-or-later
"""One Jupyter server and one Chromium for all tests; those that need them are in one file, so in one worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.servers import JupyterServer, jupyter

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A server whose root holds what notebooks of tests import."""
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copy(HERE / "small_panel.py", root)
    with jupyter(tmp_path_factory.mktemp("jupyter"), root) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Debian's Chromium, without a window.

    It ends with the file, because as long as it lives no other test of this process can run an event loop.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with (
        playwright.sync_playwright() as driver,
        driver.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser,
    ):
        yield browser
