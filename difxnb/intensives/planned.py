# SPDX-License-Identifier: GPL-3.0-or-later
"""A dry run: what each step of a session would start from. The server is only looked at, and nothing is kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from difxnb.errors import DifxError
from difxnb.intensives.jobs_made import chosen_scans
from difxnb.intensives.recipe import Recipe
from difxnb.intensives.steps import (
    Context,
    Done,
    NotThereYet,
    Step,
    StepFailed,
    inputs_of,
    result_of,
    times_begun_anew,
)
from difxnb.sessions.record import RECORD, RecordLine, SessionRecord

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator

_ERRORS = (DifxError, ValueError, TypeError, OSError)
_LOOKED_AT = ("schedule", "eop", "data")


async def planned_lines(
    difx: Correlator, recipe: Recipe, session: str, directory: Path, steps: Sequence[Step]
) -> list[RecordLine]:
    """What the record has of the steps that are done, and what the others would start from (state ``started``).

    One that would wait, as things are, has the state ``waiting``, and one that would fail ``failed``, with the reason.
    """
    with tempfile.TemporaryDirectory(prefix="difxnb-plan-") as place:
        if (directory / RECORD).is_file():
            shutil.copy(directory / RECORD, place)
        record = SessionRecord.open(place, session)
        at_once = recipe.with_(wait_s=0.0, look_s=0.0, on_missing="without")
        context = Context(difx, at_once, session, record, anew=times_begun_anew(record), only_looks=True)
        return [await _line(context, step, recipe) for step in steps]


async def _line(context: Context, step: Step, recipe: Recipe) -> RecordLine:
    context.step = step.id
    try:
        inputs = inputs_of(context, step)
    except (KeyError, StepFailed):
        return _planned(context, step, "it starts from what the steps before give")
    known = result_of(context.record, step.id, inputs)
    if known is not None:
        context.outputs[step.id] = known
        last = context.record.last(step.id)
        assert last is not None
        return last
    if step.id == "hooks":  # how it has gone is not known before
        return _planned(context, step, "", {"hooks": inputs["hooks"]})
    began = context.record.begin(step.id, inputs)
    try:
        done = await _looked_at(context, step)
    except NotThereYet as error:
        if not (recipe.wait_s or recipe.on_missing == "wait"):
            return context.record.fail(step.id, str(error))
        return replace(began, state="waiting", why=f"not there yet, {_patience(recipe, step)}: {error}")
    except _ERRORS as error:
        return context.record.fail(step.id, str(error))
    if step.id in _LOOKED_AT:
        context.outputs[step.id] = context.record.end(step.id, done.outputs, done.why).outputs
    if step.id == "data" and done.outputs["missing"]:
        said = "; ".join(f"{one['station']} {one['why']}" for one in done.outputs["missing"])
        return replace(began, state="waiting", why=f"not there yet, {_patience(recipe, step)}: {said}")
    return replace(began, why=done.why)


def _patience(recipe: Recipe, step: Step) -> str:
    """How long what is late would be waited for, and what would follow."""
    if step.id != "data":
        return f"and waited for {recipe.wait_s:g} s"
    if recipe.on_missing == "wait":
        return "and waited for without end"
    then = "left out" if recipe.on_missing == "without" else "the end of the session"
    return f"and waited for {recipe.wait_s:g} s, then {then}"


def _planned(context: Context, step: Step, why: str, inputs: Mapping[str, Any] | None = None) -> RecordLine:
    return replace(context.record.begin(step.id, inputs or {}), why=why)


async def _looked_at(context: Context, step: Step) -> Done:
    """What can be seen of a step without doing it."""
    if step.id in _LOOKED_AT:
        return await step.run(context)
    if step.id == "search_jobs":
        _, why = chosen_scans(context.vex(), context.recipe.search, context.outputs["data"]["arrived"])
        return Done({}, why)
    return Done({})
