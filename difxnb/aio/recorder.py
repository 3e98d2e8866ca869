# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorder of the correlator: its modules, their directories, and data off them (guiserver.md 7.8 to 7.11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from difxnb.aio.overheard import OnLine, Overheard, require_timeout
from difxnb.aio.recorder_answers import Answers
from difxnb.aio.recorder_commands import RecorderCommands
from difxnb.aio.recorder_frames import (
    copy_frame,
    directory_frame,
    modules_frame,
    output_frame,
    smart_frame,
    versions_frame,
)
from difxnb.client.recorders import check_command, check_target
from difxnb.errors import FileFormatError, NoReply, RecorderError
from difxnb.formats.module_directory import parse_module_directory
from difxnb.wire.message import Alert, Mark5Status, Mark5Version, Mark6Status, Message, Smart
from difxnb.wire.recorders import scan_list

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator


class Recorder(RecorderCommands):
    """One Mark5 or Mark6 unit, or several that mk5control knows by one name. Made by `Correlator.recorder`.

    Commands that destroy something, or that nobody here knows, need ``confirm=True``; commands are not confirmed by
    the recorders, and what they do shows in `Correlator.messages`.

    Attributes
    ----------
    name : str
        Host name, or what mk5control expands: ``03``, ``01-04``, ``mark5``, ``all``.
    """

    def __init__(self, correlator: Correlator, name: str) -> None:
        self.name = check_target(name)
        self._correlator = correlator

    async def send(
        self, command: str, *, confirm: bool = False, timeout: float = 60.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Send an mk5control command; the other verbs say the same in words, and wait for answers.

        Parameters
        ----------
        command : str
            One word, at most 31 characters, such as ``getvsn``.
        confirm : bool
            Needed for commands that destroy something, and for those not known here.
        timeout : float
            Seconds until mk5control must have ended.
        progress : callable, optional
            Called with each line that is printed meanwhile.

        Returns
        -------
        DataFrame
            What mk5control printed: ``text error``; nothing as a rule, and nothing of what the recorder does.

        Raises
        ------
        NotConfirmed
            `confirm` is needed.
        UnsafeValue, ValueError
            Not one plain word.
        RecorderError
            mk5control itself failed.
        NoReply, ConnectionLost
        """
        check_command(command, self.name, confirm=confirm)
        with Overheard(self._correlator.listen, progress) as overheard:
            talk = await self._correlator.head_node.control_recorder(
                self.name,
                command,
                confirm=confirm,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
            complaints = talk.output.complaints
            if complaints:
                raise RecorderError(
                    f"{command} on {self.name} was not sent: {' / '.join(complaints[-3:])}",
                    [line.text for line in talk.output.lines],
                )
        frame = output_frame(talk.output.lines)
        frame.attrs.update(lines=[line.text for line in talk.output.lines], warnings=overheard.warnings)
        return frame

    # --- questions, answered by messages ----------------------------------------------------------------

    async def modules(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Which modules are in.

        Parameters
        ----------
        timeout : float
            Seconds to wait for the answer; of a group, for the answers.

        Returns
        -------
        DataFrame
            ``recorder bank vsn state heard``, one row per bank of a Mark5 or slot of a Mark6.

        Raises
        ------
        NoReply
            No answer: a recorder that is busy gives none, nor one that is off or unknown.
        RecorderError, ConnectionLost
        """
        return modules_frame(await self._answers("getvsn", (Mark5Status, Mark6Status), timeout))

    async def clear(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Have the daemon forget that the recorder is busy, which it may be wrong about; answers as `modules`."""
        return modules_frame(await self._answers("clear", (Mark5Status,), timeout))

    async def versions(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Versions of firmware and libraries: ``recorder part version``; errors as those of `modules`."""
        return versions_frame(await self._answers("getver", (Mark5Version,), timeout))

    async def smart(self, *, timeout: float = 10.0) -> pd.DataFrame:
        """Health of the disks: ``recorder vsn disk time id name value suspect``; errors as those of `modules`."""
        return smart_frame(await self._answers("getsmart", (Smart,), timeout, several=True))

    async def file_systems(self, *, timeout: float = 10.0) -> list[str]:
        """What can be mounted, as the host tells it in alerts; errors as those of `modules`."""
        heard = await self._answers("listfs", (Alert,), timeout, several=True)
        return [message.body.text or "" for message, _ in heard if isinstance(message.body, Alert)]

    async def _answers(
        self, command: str, kinds: tuple[type, ...], timeout: float, *, several: bool = False
    ) -> list[tuple[Message, float]]:
        """Send a command, and wait for what the daemons of the recorders answer."""
        quiet = self._correlator.head_node.patience.quiet if several else 0.0
        with Answers(self._correlator.listen, self.name, command, kinds) as answers:
            await self.send(command, timeout=timeout)
            heard = await answers.wait(require_timeout(timeout), quiet)
        if not heard:
            raise NoReply(
                f"{command} on {self.name}: no answer in {timeout:g} s. A recorder that is busy, off or not known "
                "gives none; nor is it heard where messages of its type are not selected"
            )
        return heard

    # --- modules ----------------------------------------------------------------------------------------

    async def directory(
        self, vsn: str, generate: bool = False, *, timeout: float = 600.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Read the directory of a module.

        Parameters
        ----------
        vsn : str
            Serial number of the module, eight characters.
        generate : bool
            Make the directory file anew from the module first, which takes minutes. The one there is replaced.
        timeout : float
            Seconds for the whole.
        progress : callable, optional
            Called with each line that is printed meanwhile.

        Returns
        -------
        DataFrame
            ``scan name start stop duration format tracks bytes position rate note``, one row per scan. In ``attrs``:
            ``vsn``, ``bank``, ``path`` and ``date`` of the file, ``content`` (its lines), ``lines`` (what was printed)
            and ``warnings``.

        Raises
        ------
        RemoteFileNotFound
            There is no directory file.
        RecorderError
            It could not be read or made.
        FileFormatError
            The directory file is damaged.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        with Overheard(self._correlator.listen, progress, repeats=True) as overheard:
            talk = await self._correlator.head_node.module_directory(
                self.name,
                vsn,
                generate=generate,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
            if talk.dropped:
                raise FileFormatError(
                    talk.path or vsn, "", f"{talk.dropped} lines too many to be a directory"
                )
            content = parse_module_directory("\n".join(talk.content), talk.path or vsn)
        frame = directory_frame(content)
        lines = [line.text for line in talk.output.lines]
        frame.attrs.update(
            vsn=content.vsn,
            bank=content.bank,
            path=talk.path,
            date=talk.date,
            content=talk.content,
            lines=lines,
            warnings=[*_warnings(lines, talk.output.complaints), *overheard.warnings_beside(lines)],
        )
        return frame

    async def copy(
        self,
        vsn: str,
        scans: str | int | Iterable[int],
        destination: str,
        overwrite: bool = False,
        *,
        timeout: float = 3600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Copy scans of a module into a directory.

        Parameters
        ----------
        vsn : str
            Serial number of the module, or ``A``, ``B``, ``Active``.
        scans : str, int or iterable of int
            Numbers, counted from 1; or a text as mk5cp reads it: ``1-3,7``, ``all``, ``last``, a name, a range of times
            (``60000.1_60000.2``) or of bytes.
        destination : str
            Directory, as the recorder sees it.
        overwrite : bool
            Allow that copies of such scans which are there are replaced. They are looked for where the head node sees
            the same directory.
        timeout : float
            Seconds for the whole. The copy goes on when they have passed; `stop_copy` ends it.
        progress : callable, optional
            Called with each line that is printed meanwhile.

        Returns
        -------
        DataFrame
            ``scan name file`` of each scan that mk5cp says it has copied; what else it printed is in
            ``attrs["lines"]``, and what went wrong with other scans in ``attrs["warnings"]``.

        Raises
        ------
        RecorderError
            Nothing was copied; the text says what mk5cp said.
        RemoteFileExists
            There are copies, and `overwrite` is not said.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        chosen = scan_list(scans)
        with Overheard(self._correlator.listen, progress, repeats=True) as overheard:
            talk = await self._correlator.head_node.copy_scans(
                self.name,
                vsn,
                chosen,
                destination,
                overwrite=overwrite,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
            lines = [line.text for line in talk.output.lines]
            frame = copy_frame(talk.output.lines)
            if frame.empty:
                quoted = " / ".join(talk.output.complaints[-5:]) or "mk5cp said nothing"
                raise RecorderError(
                    f"copy of {vsn} scans {chosen} on {self.name}: nothing was copied: {quoted}", lines
                )
        warnings = [*_warnings(lines), *overheard.warnings_beside(lines)]
        frame.attrs.update(lines=lines, warnings=warnings)
        return frame

    async def file_list(
        self,
        files: str | Sequence[str],
        destination: str,
        format: str,
        mjd: int,
        overwrite: bool = False,
        *,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Write a list of recordings with their times; see `Correlator.file_list`, which does it."""
        return await self._correlator.file_list(
            files, destination, format, mjd, overwrite, timeout=timeout, progress=progress
        )

    def __repr__(self) -> str:
        return f"<Recorder {self.name} of {self._correlator.address.host}>"


def _warnings(lines: Iterable[str], complaints: Sequence[str] = ()) -> list[str]:
    """Lines that say that something went wrong, or that are complaints by where they came from."""
    telling = ("Warning", "Error")
    return [line for line in lines if line in complaints or line.startswith(telling) or "NOT copied" in line]
