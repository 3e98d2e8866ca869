# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a job on the server: its input, its delay model, its log, and what its log last said."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.client.placement import base_name
from difxnb.errors import FileFormatError, RemoteFileNotFound
from difxnb.formats.im import Im, parse_im
from difxnb.formats.input import Input, parse_input

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator

# DiFX cuts identifiers at this length, so longer job names are never heard in full.
IDENTIFIER_LENGTH = 31

_log = logging.getLogger(__name__)


class JobFiles:
    """One ``.input`` file on the server, and the files beside it.

    Attributes
    ----------
    input_file : str
        Absolute path on the server.
    base : str
        The same without its extension, which names the job's other files.
    name : str
        File name without directory and extension.
    identifier : str
        What its messages carry: the name, cut at 31 characters.
    known_input : Input or None
        What `input` gave, once it has been called.
    """

    def __init__(self, correlator: Correlator, input_file: str) -> None:
        self.base = base_name(input_file)
        self.input_file = input_file
        self.name = PurePosixPath(input_file).stem
        self.identifier = self.name[:IDENTIFIER_LENGTH]
        self.known_input: Input | None = None
        self._correlator = correlator

    async def input(self) -> Input:
        """The parsed ``.input`` file; fetched once.

        Raises
        ------
        RemoteFileNotFound, FileFormatError
        """
        if self.known_input is None:
            content = await self._correlator.get_file(self.input_file)
            text = content.decode("utf-8", "replace")
            self.known_input = parse_input(text, Path(self.input_file))
            self._correlator.tape.file("input", self.input_file, text)
            self._correlator.jobs.name_antennas(self.identifier, self.known_input)
            self._correlator.alerts.name_antennas(self.identifier, self.known_input)
        return self.known_input

    async def delay_model(self) -> Im | None:
        """The parsed ``.im`` file; None where there is none, or none that can be read."""
        try:
            content = await self._correlator.get_file(f"{self.base}.im")
            text = content.decode("utf-8", "replace")
            model = parse_im(text, Path(f"{self.base}.im"))
            self._correlator.tape.file("im", f"{self.base}.im", text)
            return model
        except RemoteFileNotFound:
            return None
        except FileFormatError as error:
            _log.warning("baseline coordinates will be missing: %s", error)
            return None

    async def keep_calc(self) -> None:
        """Have the ``.calc`` file in the recordings that are being made; nothing where there is none."""
        if self._correlator.tape.is_running:
            try:
                content = await self._correlator.get_file(f"{self.base}.calc")
            except RemoteFileNotFound:
                return
            self._correlator.tape.file("calc", f"{self.base}.calc", content.decode("utf-8", "replace"))

    def outputs(self, inp: Input) -> list[str]:
        """Directories the job writes to: where guiServer looks, and where mpifxcorr does."""
        named = inp.output_filename
        usual = f"{self.base}.difx"
        return [usual, *([named] if named.startswith("/") and named != usual else [])]

    async def status(self) -> pd.DataFrame:
        """What the job's log last said, one row: see `Correlator.job_status`."""
        return await self._correlator.job_status(self.input_file)

    async def log(self) -> str:
        """Text of the ``.difxlog``.

        Raises
        ------
        RemoteFileNotFound
            The job was never started through guiServer.
        """
        return (await self._correlator.get_file(f"{self.base}.difxlog")).decode("utf-8", "replace")
