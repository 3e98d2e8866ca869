# SPDX-License-Identifier: GPL-3.0-or-later
"""What mpifxcorr says of itself while it correlates, said for the embedded correlator.

In: a job and its integrations as they are written. Out: difxMessage documents, one sequence per rank, with
the texts and rates of difxmessage.md 6.2, 6.3 and 6.18. No clock in here: times are parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from difxnb.formats.input_model import Input
from difxnb.wire.message import (
    Alert,
    Body,
    Diagnostic,
    Header,
    Message,
    Severity,
    Status,
    message_type,
    to_xml,
)

IDENTIFIER_LENGTH = 31
_DIAGNOSTIC_SPACING = 1.0  # seconds between the diagnostics of one datastream, as mpifxcorr paces them


@dataclass(frozen=True)
class Written:
    """One integration that is in the output file.

    Attributes
    ----------
    number : int
        Counted from 0.
    offset : float
        Its start, seconds from the start of the job.
    centre_mjd : float
        UTC.
    seconds : float
        Its length.
    weights : tuple of float
        Per datastream; negative where there is none.
    """

    number: int
    offset: float
    centre_mjd: float
    seconds: float
    weights: tuple[float, ...]


class Narrator:
    """Writes the messages of all ranks of a job.

    Parameters
    ----------
    inp : Input
    input_file : str
        Path as messages carry it.
    host : str
        Name of this machine.
    version : str
    cores : int
        Core processes; rank 0 is the manager, then come the datastreams, then these.
    """

    def __init__(self, inp: Input, input_file: str, *, host: str, version: str, cores: int = 1) -> None:
        self._input, self._path, self._version = inp, input_file, version
        self._host = host[:IDENTIFIER_LENGTH]
        self._streams = len(inp.configurations[0].datastream_indices)
        self._ranks = 1 + self._streams + cores
        self._sequences = [itertools.count() for _ in range(self._ranks)]
        self._consumed = [0.0] * self._streams
        self._reported = [0.0] * self._streams
        self._next_diagnostics = float("-inf")

    def starting(self) -> Iterator[bytes]:
        """Every rank says where it runs; the manager that the correlator starts."""
        for rank in range(self._ranks):
            yield self._alert(rank, f"MPI Process {rank} is running on host {self._host}")
        yield self._alert(0, f"STARTING mpifxcorr version {self._version}")
        yield self._status("Starting", f"Version {self._version}")

    def written(self, integration: Written, now: float) -> Iterator[bytes]:
        """Progress and weights after an integration; diagnostics when it is time for them."""
        k = integration.number
        yield self._alert(0, f"Vis. {k} to write out time {integration.offset:g}")
        length = self._input.vis_buffer_length
        locked = f"0/{length} visibilities locked for accumulation, most recent index is {k + 1}"
        yield self._alert(0, locked)
        yield self._alert(0, f"1/{length} visibilities ready to write out from {k}", Severity.VERBOSE)
        yield self._running(integration)
        for stream in range(self._streams):
            weight = integration.weights[stream] if stream < len(integration.weights) else 0.0
            self._consumed[stream] += (
                self._bytes_per_second(stream) * integration.seconds * min(1.0, max(weight, 0.0))
            )
        if now >= self._next_diagnostics:
            self._next_diagnostics = now + _DIAGNOSTIC_SPACING
            yield from self._diagnostics(k)

    def ending(self) -> Iterator[bytes]:
        """All data are correlated."""
        yield self._status("Ending")

    def done(self, wall_seconds: float) -> Iterator[bytes]:
        """The output is complete; every rank takes its leave."""
        yield self._alert(0, f"Total wallclock time was **{wall_seconds:g}** seconds")
        yield self._status("Done")
        yield from self._leave()

    def terminating(self) -> Iterator[bytes]:
        """A stop has arrived."""
        yield self._status("Terminating")

    def terminated(self) -> Iterator[bytes]:
        """The output ends with the last whole integration."""
        yield self._status("Terminated")
        yield from self._leave()

    def problem(self, text: str, severity: Severity = Severity.WARNING) -> bytes:
        """Something that the user should know."""
        return self._alert(0, text, severity)

    def _leave(self) -> Iterator[bytes]:
        for rank in range(self._ranks):
            yield self._alert(rank, f"MPI ID {rank} says BYE!")

    def _running(self, integration: Written) -> bytes:
        start = self._input.start_mjd + self._input.start_seconds / 86400
        weights = tuple((i, weight) for i, weight in enumerate(integration.weights) if weight >= 0)
        return self._send(
            0,
            Status(
                input=self._path,
                state="Running",
                visibility_mjd=integration.centre_mjd,
                job_start_mjd=start,
                job_stop_mjd=start + self._input.execute_time / 86400,
                weights=weights,
            ),
        )

    def _diagnostics(self, number: int) -> Iterator[bytes]:
        segments = self._input.num_data_segments
        for stream in range(self._streams):
            rank = stream + 1
            new, self._reported[stream] = (
                self._consumed[stream] - self._reported[stream],
                self._consumed[stream],
            )
            yield self._send(
                rank,
                Diagnostic(
                    diagnostic_type="BufferStatus",
                    thread_id=0,
                    num_buf_elements=segments,
                    start_buf_element=number % max(segments, 1),
                    active_buf_elements=1,
                ),
            )
            yield self._send(rank, Diagnostic(diagnostic_type="InputDatarate", bytes_per_sec=new))
            yield self._send(
                rank, Diagnostic(diagnostic_type="DataConsumed", bytes=int(self._consumed[stream]))
            )

    def _bytes_per_second(self, stream: int) -> float:
        """Rate of a datastream's samples: Nyquist-sampled bands of so many bits."""
        row = self._input.datastreams[self._input.configurations[0].datastream_indices[stream]]
        widths = (self._input.freqs[row.band_freq_index(band)].bandwidth_mhz for band in range(row.num_bands))
        return sum(widths) * 2e6 * row.quantisation_bits / 8

    def _status(self, state: str, message: str | None = None) -> bytes:
        return self._send(0, Status(input=self._path, state=state, message=message))

    def _alert(self, rank: int, text: str, severity: Severity = Severity.INFO) -> bytes:
        return self._send(rank, Alert(input=self._path, text=text, severity=int(severity)))

    def _send(self, rank: int, body: Body) -> bytes:
        header = Header(
            source=self._host,
            mpi_id=rank,
            identifier=self._input.job_name[:IDENTIFIER_LENGTH],
            type=message_type(body),
        )
        return to_xml(Message(header=header, body=body, sequence=next(self._sequences[rank]), size=0))
