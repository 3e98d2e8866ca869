# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters for a running job (difxmessage.md 6.10), with what only its own files can tell to be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from difxnb import aio
from difxnb.wire.message import Parameter
from tests.client.peers import ROBUST, own_server
from tests.jobs_to_run import put


@asynccontextmanager
async def job_of(made: Path, root: Path) -> AsyncIterator[tuple[aio.Correlator, aio.Job]]:
    input_file = put(made, "short", root.resolve())
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        yield difx, difx.job(str(input_file))


async def test_parameters_go_to_one_job_and_come_back(made: Path, tmp_path: Path) -> None:
    """difxmessage.md 14.11: without an addressee every job would obey."""
    async with job_of(made, tmp_path) as (difx, job):
        preview = await job.send_parameter("dumpsta", True, preview=True)
        assert preview.message.header.to == ("job",)
        assert preview.message.body == Parameter(-2, "dumpsta", (), "true")
        assert difx.messages.frame().empty
        sent = await job.send_parameter("stachannels", 64, target="datastreams", indices=(1, 2))
        assert sent.heard is True
        assert sent.message.body == Parameter(-3, "stachannels", (1, 2), "64")
        assert sent.message.header.identifier == "job"
        assert difx.messages.frame()["job"].tolist() == ["job"]
        with pytest.raises(ValueError, match="knows no parameter 'reboot'"):
            await job.send_parameter("reboot", True)


async def test_stopping_at_a_moment_of_the_observation(made: Path, tmp_path: Path) -> None:
    async with job_of(made, tmp_path) as (_, job):
        inp = await job.input()
        begin = (inp.start_mjd - 40587) * 86400 + inp.start_seconds
        middle = begin + inp.execute_time / 2
        sent = await job.stop_at(datetime.fromtimestamp(middle, UTC), preview=True)
        assert isinstance(sent.message.body, Parameter)
        assert float(sent.message.body.value or 0) == pytest.approx(middle)
        assert (await job.stop_at(middle)).heard is True
        now = datetime.now(UTC)
        for wrong in (begin, begin + inp.execute_time + 1, now):
            with pytest.raises(ValueError, match=r"job observed from .* to .* UTC; .* is not within"):
                await job.stop_at(wrong)


async def test_updating_a_clock(made: Path, tmp_path: Path) -> None:
    async with job_of(made, tmp_path) as (_, job):
        names = [telescope.name for telescope in (await job.input()).telescopes]
        by_name = await job.update_clock(names[1].lower(), 0.012, 1.5e-7, preview=True)
        by_index = await job.update_clock(1, 0.012, 1.5e-7, preview=True)
        assert by_name.xml == by_index.xml
        assert by_name.message.body == Parameter(-1, "clockupdate", (), "1:0.012:1.5e-07")
        for wrong in ("ZZ", 99, -1, None):
            with pytest.raises(ValueError, match="there is no"):
                await job.update_clock(wrong, 0.1)
        with pytest.raises(ValueError, match="1 to 10 coefficients"):
            await job.update_clock(0)
        with pytest.raises(ValueError, match="coefficients are numbers"):
            await job.update_clock(0, float("nan"))


async def test_names_that_messages_would_cut(tmp_path: Path) -> None:
    """difxmessage.md 14.10: another job of the same beginning would obey as well."""
    name = "a_job_with_a_name_of_33_characters"[:33]
    async with own_server(tmp_path) as server, aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        job = difx.job(f"/data/{name}.input")
        with pytest.raises(ValueError, match=f"messages carry only '{name[:31]}'"):
            await job.send_parameter("dumpsta", True)
        sent = await difx.send(Parameter(-2, "dumpsta", (), "true"), to=job.identifier)
        assert sent.heard is True
