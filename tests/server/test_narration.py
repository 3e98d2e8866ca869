# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of the embedded correlator are mpifxcorr's, in text, order and rate."""

import pytest

from difxnb.server.engine.narration import Narrator, Written
from difxnb.wire.message import Alert, Diagnostic, Status, parse
from tests.server.made_jobs import MadeJob


@pytest.fixture
def narrator():
    inp = MadeJob(antennas=3, bandwidth=4.0, bands=((8400.0, "U"), (8410.0, "U"))).input()
    return Narrator(inp, "/d/job.input", host="h" * 40, version="V", cores=2)


def bodies(documents):
    return [(m.header.mpi_id, m.body) for m in map(parse, documents)]


def written(number, weights=(1.0, 0.5, 0.0)):
    return Written(number, 0.2 * number, 60310.5, 0.2, tuple(weights))


def test_every_rank_appears_and_leaves(narrator):
    begin, end = bodies(narrator.starting()), bodies([*narrator.ending(), *narrator.done(12.1984)])
    assert [rank for rank, b in begin if isinstance(b, Alert) and b.text.startswith("MPI Process")] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    assert begin[-1][1] == Status(input="/d/job.input", state="Starting", message="Version V")
    assert [b.state for _, b in end if isinstance(b, Status)] == ["Ending", "Done"]
    assert [b.text for _, b in end if isinstance(b, Alert)] == [
        "Total wallclock time was **12.1984** seconds",
        *(f"MPI ID {rank} says BYE!" for rank in range(6)),
    ]


def test_a_stop_is_told_in_two_states(narrator):
    found = bodies([*narrator.terminating(), *narrator.terminated()])
    assert [b.state for _, b in found if isinstance(b, Status)] == ["Terminating", "Terminated"]


def test_headers_are_cut_as_in_difx(narrator):
    message = parse(next(iter(narrator.starting())))
    assert message.header.source == "h" * 31
    assert message.header.identifier == "job"
    assert message.header.type == "DifxAlertMessage"


def test_weights_below_zero_are_left_out(narrator):
    status = next(
        b for _, b in bodies(narrator.written(written(0, (1.0, -1.0, 0.25)), 0.0)) if isinstance(b, Status)
    )
    assert status.weights == ((0, 1.0), (2, 0.25))
    assert status.state == "Running"


def test_diagnostics_come_once_a_second_and_add_up(narrator):
    counts, consumed = [], []
    for number in range(20):
        found = [
            b for _, b in bodies(narrator.written(written(number), 0.3 * number)) if isinstance(b, Diagnostic)
        ]
        counts.append(len(found))
        consumed += [b.bytes for b in found if b.diagnostic_type == "DataConsumed"]
    assert set(counts) == {0, 9}
    assert 5 <= counts.count(9) <= 6
    # 2 bands of 4 MHz, 2 bits: 4 MB/s; the first datastream has all of 0.2 s, the second half of it, the third none.
    assert consumed[:3] == [800_000, 400_000, 0]
    assert consumed[-3] > consumed[0]
