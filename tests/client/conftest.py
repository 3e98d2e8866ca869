# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that are coroutines run on a loop of their own, and must leave no task behind."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest


async def _leaving_nothing(test: Coroutine[Any, Any, None]) -> None:
    await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=5.0)
    names = [task.get_name() for task in left if not task.done()]
    assert not names, f"tasks left running: {names}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    test = pyfuncitem.obj(
        **{name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    )
    asyncio.run(_leaving_nothing(test))
    return True
