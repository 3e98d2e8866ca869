# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that runs, told to do something else: the parameters of mpifxcorr (difxmessage.md 6.10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from difxnb.aio.job_files import IDENTIFIER_LENGTH
from difxnb.aio.job_versions import VersionedJob
from difxnb.client.outgoing import Outgoing
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.wire.parameters import make_parameter, unix_seconds


class JobParameters(VersionedJob):
    """The verbs of a `Job` that send messages to its processes."""

    async def send_parameter(
        self,
        name: str,
        value: Any,
        *,
        target: str | int | None = None,
        indices: Sequence[int] = (),
        preview: bool = False,
    ) -> Outgoing:
        """Set a parameter of the running job.

        mpifxcorr says nothing to that, but for a warning among its alerts where it does not understand.

        Parameters
        ----------
        name : str
            ``dumpsta``, ``dumplta``, ``dumpkurtosis``, ``stachannels``, ``ltachannels``, ``clockupdate``, ``stopat`` or
            ``keepacting`` (with False the job stops listening).
        value : object
            See :func:`difxnb.wire.parameters.make_parameter`; `stop_at` and `update_clock` take plainer ones.
        target : str or int, optional
            ``"all"``, ``"cores"``, ``"datastreams"``, or a rank. By default those that the parameter is for.
        indices : sequence of int
            No parameter of mpifxcorr 2.9 takes any.
        preview : bool
            Show what would be sent, and where; send nothing.

        Returns
        -------
        Outgoing
            As of `Correlator.send`.

        Raises
        ------
        ValueError, TypeError
            There is no such parameter, it has no such value, or the job's name is longer than messages carry.
        NoReply, ConnectionLost
        """
        body = make_parameter(name, value, target=target, indices=indices)
        if len(self.name.encode()) > IDENTIFIER_LENGTH:
            raise ValueError(
                f"messages carry only {self.identifier!r} of the name of {self.name}, and every job that begins "
                f"like it would obey; if that is meant, use difx.send(..., to={self.identifier!r})"
            )
        return await self._correlator.send(body, to=self.identifier, preview=preview)

    async def stop_at(self, when: float | datetime, *, preview: bool = False) -> Outgoing:
        """Have the job end when it reaches a moment of the observation, not of the clock on the wall.

        Parameters
        ----------
        when : float or datetime
            Unix seconds, or a datetime in UTC.
        preview : bool
            Show what would be sent, and where; send nothing.

        Raises
        ------
        ValueError, TypeError
            The moment is not within the observation.
        RemoteFileNotFound, FileFormatError, NoReply, ConnectionLost
        """
        inp, seconds = await self.input(), unix_seconds(when)
        begin = (inp.start_mjd - UNIX_EPOCH_MJD) * DAY_S + inp.start_seconds
        end = begin + inp.execute_time
        if not begin < seconds <= end:
            raise ValueError(
                f"{self.name} observed from {_utc(begin)} to {_utc(end)} UTC; {_utc(seconds)} is not within"
            )
        return await self.send_parameter("stopat", seconds, preview=preview)

    async def update_clock(self, antenna: str | int, *coefficients: float, preview: bool = False) -> Outgoing:
        """Add to the clock of an antenna while the job runs.

        Parameters
        ----------
        antenna : str or int
            Its name, or its row in the TELESCOPE table of the ``.input`` file, from 0.
        *coefficients : float
            What is added to its clock polynomial, in µs, µs/s, µs/s²... as in the ``.input`` file: positive where the
            antenna's data are late.
        preview : bool
            Show what would be sent, and where; send nothing.

        Raises
        ------
        ValueError, TypeError
            The job has no such antenna, or these are no coefficients.
        RemoteFileNotFound, FileFormatError, NoReply, ConnectionLost
        """
        names = [telescope.name for telescope in (await self.input()).telescopes]
        if isinstance(antenna, str) and antenna.upper() in names:
            index = names.index(antenna.upper())
        elif isinstance(antenna, int) and 0 <= antenna < len(names):
            index = antenna
        else:
            raise ValueError(f"{self.name} has the antennas {', '.join(names)}; there is no {antenna!r}")
        return await self.send_parameter("clockupdate", (index, *coefficients), preview=preview)


def _utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
