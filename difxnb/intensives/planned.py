# SPDX-License-Identifier: GPL-3.0-or-later
"""A dry run: what each step of a session would start from. The server is only looked at, and nothing is kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import DifxError
from difxnb.intensives.jobs_made import chosen_scans
from difxnb.intensives.recipe import Recipe
from difxnb.intensives.steps import (
    Context,
    Done,
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
    """What the record has of the steps that are done, and what the others would start from (state ``waiting``).

    One that would fail, as things are, has the state ``failed`` and the reason.
    """
    with tempfile.TemporaryDirectory(prefix="difxnb-plan-") as place:
        if (directory / RECORD).is_file():
            shutil.copy(directory / RECORD, place)
        record = SessionRecord.open(place, session)
        at_once = recipe.with_(wait_s=0.0, look_s=0.0, on_missing="without")
        context = Context(difx, at_once, session, record, anew=times_begun_anew(record), only_looks=True)
        return [await _line(context, step) for step in steps]


async def _line(context: Context, step: Step) -> RecordLine:
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
    began = context.record.begin(step.id, inputs)
    try:
        done = await _looked_at(context, step)
    except _ERRORS as error:
        return context.record.fail(step.id, str(error))
    if step.id in _LOOKED_AT:
        context.outputs[step.id] = context.record.end(step.id, done.outputs, done.why).outputs
    return RecordLine(
        context.session, step.id, "waiting", began.at, began.fingerprint, began.inputs, why=done.why
    )


def _planned(context: Context, step: Step, why: str) -> RecordLine:
    return RecordLine(context.session, step.id, "waiting", context.record.begin(step.id, {}).at, why=why)


async def _looked_at(context: Context, step: Step) -> Done:
    """What can be seen of a step without doing it."""
    if step.id in _LOOKED_AT:
        return await step.run(context)
    if step.id == "search_jobs":
        _, why = chosen_scans(context.vex(), context.recipe.search, context.outputs["data"]["arrived"])
        return Done({}, why)
    return Done({})
