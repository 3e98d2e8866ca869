# SPDX-License-Identifier: GPL-3.0-or-later
"""The last step: tell those whom the recipe names how the session went. Who cannot be told is written down.

A command gets the summary on its standard input, no shell is in between. A webhook gets it by POST. Nobody is told
where the recipe names nobody.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import IO, Any, cast

from difxnb.intensives.recipe import Hook
from difxnb.intensives.recipe_checks import require_address
from difxnb.intensives.steps import Context, Done

COMMAND_S = 60.0
"""How long a command may take."""
WEBHOOK_S = 10.0
"""How long a webhook may take."""
_MOST_SAID = 500
_ENDS = {"end": ("done", "failed"), "done": ("done",), "failed": ("failed",)}


def hooks_inputs(context: Context) -> Mapping[str, Any]:
    """Who is told what."""
    return {"hooks": [[one.on, one.kind, _name(one)] for one in context.recipe.hooks], **summary(context)}


def _name(hook: Hook) -> str:
    if hook.kind == "callable":
        return str(getattr(hook.what, "__qualname__", type(hook.what).__name__))
    return hook.what if isinstance(hook.what, str) else " ".join(cast("tuple[str, ...]", hook.what))


def summary(context: Context) -> dict[str, Any]:
    """How a session went, in a few plain values."""
    failed = [
        line
        for line in (context.record.last(step) for step in _steps(context))
        if line is not None and line.state == "failed"
    ]
    data, quality = context.outputs.get("data", {}), context.outputs.get("quality", {})
    report = context.outputs.get("report", {})
    return {
        "session": context.session,
        "state": "failed" if failed else "done",
        "failed": [{"step": line.step, "why": line.why} for line in failed],
        "missing": data.get("missing", []),
        "clocks": context.outputs.get("clocks", {}).get("changes", []),
        "quality": quality.get("verdict"),
        "files": report.get("files", []),
    }


def _steps(context: Context) -> list[str]:
    return list(dict.fromkeys(line.step for line in context.record.lines if line.step != "hooks"))


async def tell(context: Context) -> Done:
    """Call those hooks whose turn it is; one that fails is said, and is no failure of the session."""
    message = summary(context)
    told, failed = list[str](), list[str]()
    for hook in context.recipe.hooks:
        if message["state"] not in _ENDS[hook.on]:
            continue
        why = await _call(hook, message)
        (failed if why else told).append(f"{_name(hook)}: {why}" if why else _name(hook))
    said = "; ".join(f"could not be told: {one}" for one in failed)
    return Done({"told": told, "failed": failed}, said)


async def _call(hook: Hook, message: Mapping[str, Any]) -> str:
    """Why a hook failed; empty where it did not."""
    if hook.kind == "command":
        return await _command(cast("tuple[str, ...]", hook.what), message)
    if hook.kind == "webhook":
        return await asyncio.to_thread(_post, str(hook.what), message)
    called = cast("Callable[[Mapping[str, Any]], object]", hook.what)
    try:
        answer = called(message)
        if inspect.isawaitable(answer):
            await answer
    except Exception as error:  # noqa: BLE001 - it is somebody else's code, and the session is over
        return f"{type(error).__name__}: {error}"[:_MOST_SAID]
    return ""


async def _command(words: tuple[str, ...], message: Mapping[str, Any]) -> str:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=nothing, stderr=pipe)
    except (OSError, ValueError) as error:
        return str(error)
    try:
        _, said = await asyncio.wait_for(process.communicate(json.dumps(message).encode()), COMMAND_S)
    except TimeoutError:
        return f"it took more than {COMMAND_S:g} s"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        return f"it ended with {process.returncode}: {said.decode(errors='replace').strip()}"[:_MOST_SAID]
    return ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was meant for one address goes to no other."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


def _post(address: str, message: Mapping[str, Any]) -> str:
    require_address(address)
    body = json.dumps(message).encode()
    request = urllib.request.Request(
        address, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    try:
        with opener.open(request, timeout=WEBHOOK_S):
            return ""
    except (OSError, HTTPException, ValueError) as error:
        return str(error)[:_MOST_SAID]
