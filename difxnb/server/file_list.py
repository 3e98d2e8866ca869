# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of recordings with their times (guiserver.md 7.11).

In: a request, an open side connection, the programs there are. Out: the packets of the exchange in the real server's
order, and the list, sorted by start time. Where ``vsum`` or ``m5bsum`` are not installed, times are read here. The list
takes the place of an old one when it is complete; recordings that start at the same time are all in it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from difxnb.errors import FileFormatError
from difxnb.server.confinement import Confinement
from difxnb.server.files import error_text, replacing, write_all
from difxnb.server.programs import Programs
from difxnb.server.recorders import Tell
from difxnb.server.recording_times import recording_times
from difxnb.server.side import SideConnection
from difxnb.wire.control import FileListRequest, Notice, NoticeSeverity, encode
from difxnb.wire.file_list import (
    CANCEL,
    FORMATS,
    FileListEvent,
    FileListId,
    Recording,
    encode_file_list,
    parse_recording,
)

_SUMMARIES = {"MARK5B": "m5bsum", "VDIF": "vsum"}
_ANSWER = 4  # bytes


@dataclass(frozen=True)
class Listing:
    """One request, with what it needs to be carried out.

    Attributes
    ----------
    root : Confinement
    programs : Programs
    side : SideConnection
    tell : callable
        Sends a packet on the main connection.
    """

    root: Confinement
    programs: Programs
    side: SideConnection
    tell: Tell

    async def run(self, request: FileListRequest) -> None:
        """Do what was asked for; the terminal packet comes in any case."""
        await self._packet(FileListId.TASK_STARTED)
        ok = await self._may_write(request) and await self._write(request)
        await self._packet(FileListId.TASK_ENDED_GRACEFULLY if ok else FileListId.TASK_TERMINATED)

    async def _may_write(self, request: FileListRequest) -> bool:
        if not request.data_format.startswith(FORMATS):
            await self._packet(FileListId.BAD_FORMAT, request.data_format)
            return False
        try:
            exists = self.root.real(request.destination).exists()
        except PermissionError:
            await self._packet(FileListId.PATH_ACCESS_FAILURE, request.destination)
            return False
        except OSError as error:
            await self._packet(FileListId.OPEN_ERROR, error_text(error))
            return False
        if not exists:
            return True
        await self._packet(FileListId.DESTINATION_EXISTS, request.destination)
        return await self._answer() != CANCEL

    async def _answer(self) -> bytes:
        """Wait for the bare integer that answers; a client that sends a whole packet begins with the same."""
        answer = b""
        while len(answer) < _ANSWER:
            data = await self.side.read()
            if not data:
                raise ConnectionResetError("the client left without an answer")
            answer += data
        return answer[:_ANSWER]

    async def _write(self, request: FileListRequest) -> bool:
        try:
            with replacing(self.root, request.destination) as descriptor:
                await self._packet(FileListId.FINAL_NAME, request.destination)
                recordings = await self._examine(request)
                lines = [line for _, line in sorted(recordings, key=lambda found: found[0])]
                write_all(
                    descriptor, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
                )
        except OSError as error:
            await self._packet(FileListId.OPEN_ERROR, error_text(error))
            return False
        return True

    async def _examine(self, request: FileListRequest) -> list[tuple[float, str]]:
        """Find out start times and lines of all recordings that can be read, telling each."""
        found: list[tuple[float, str]] = []
        had_errors = False
        for path in request.files:
            lines, complaints = await self._lines_of(path, request)
            for line in lines:
                await self._packet(FileListId.FILE_RESULT, line)
                recording = parse_recording(line)
                found.append((0.0 if recording is None else recording.start_mjd, line))
            for complaint in complaints:
                await self._complain(complaint)
            had_errors |= bool(complaints)
        await self._event(FileListEvent(FileListId.PROCESSED_COUNT, count=len(found)))
        if had_errors:
            await self._packet(FileListId.ERRORS_ENCOUNTERED)
        return found

    async def _lines_of(self, path: str, request: FileListRequest) -> tuple[list[str], list[str]]:
        """Lines about a recording, and complaints."""
        try:
            self.root.real(path)
            summary = next((p for f, p in _SUMMARIES.items() if request.data_format.startswith(f)), "")
            if self.programs.has(summary):
                return await self._summarize(summary, path, request.reference_mjd)
            recording = await asyncio.to_thread(self._read, path, request)
        except (OSError, FileFormatError) as error:
            complaint = error_text(error) if isinstance(error, OSError) else str(error)
            # The real server lists what it decodes itself even where it cannot: with times of zero.
            decoded_inside = request.data_format.startswith(("MKIV", "VLBA"))
            return ([f"{path} 0.000000 0.000000"] if decoded_inside else []), [complaint]
        return [recording.line], []

    def _read(self, path: str, request: FileListRequest) -> Recording:
        with os.fdopen(self.root.open_file(path), "rb") as content:
            return recording_times(content, path, request.data_format, request.reference_mjd)

    async def _summarize(self, program: str, path: str, mjd: int) -> tuple[list[str], list[str]]:
        """Run a program; lines that do not begin with the recording's name are complaints, on either output."""
        lines: list[str] = []
        complaints: list[str] = []
        where = str(self.root.root)
        # The real server tells vsum the day as well, which that takes for the name of a file.
        day = ["-r", str(mjd)] if program == "m5bsum" else []
        async with self.programs.run(program, "-s", *day, path, directory=where) as run:
            async for line in run.lines():
                if line.is_error or (line.text and not line.text.startswith(path)):
                    complaints.append(line.text)
                elif line.text:
                    lines.append(line.text)
        return lines, complaints

    async def _packet(self, event_id: FileListId, text: str = "") -> None:
        await self._event(FileListEvent(event_id, text))

    async def _event(self, event: FileListEvent) -> None:
        await self.side.write(encode_file_list(event))

    async def _complain(self, text: str) -> None:
        await self.tell(encode(Notice(NoticeSeverity.ERROR, f"filelist generation: {text}")))
