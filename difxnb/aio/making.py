# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs made from ``.v2d`` files, delay models of jobs, lists of recordings (guiserver.md 7.7 and 7.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from difxnb.aio.overheard import OnLine, Overheard, require_timeout
from difxnb.aio.recorder import Recorder
from difxnb.aio.recorder_frames import made_frame, models_frame, recordings_frame
from difxnb.aio.remarks import complaints_of, remarks_frame
from difxnb.client.head_node import AsyncHeadNode

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from difxnb.aio.correlator import Correlator, Listener
    from difxnb.client.vex2difx import Made


class MakingVerbs:
    """The verbs of a `Correlator` that make jobs, delay models and lists, and the way to its recorders."""

    head_node: AsyncHeadNode

    if TYPE_CHECKING:

        def listen(self, listener: Listener) -> Callable[[], None]:
            """Have `listener` called with everything heard."""

    def recorder(self, name: str) -> Recorder:
        """A recorder; nothing is asked of it yet.

        Parameters
        ----------
        name : str
            Its host name; or what mk5control expands, for commands to several: ``01-04``, ``mark5``, ``all``.

        Raises
        ------
        UnsafeValue, ValueError
            No plain host name.
        """
        return Recorder(cast("Correlator", self), name)

    async def make_jobs(
        self,
        v2d: str,
        *,
        calc: str = "difxcalc",
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Run vex2difx on a ``.v2d`` file, then the delay model program on the new jobs.

        Parameters
        ----------
        v2d : str
            Absolute path on the server. The jobs go beside it.
        calc : str
            The delay model program: ``difxcalc``, ``calcif2``, or what the site has.
        overwrite : bool
            Allow that jobs of this series which are there are replaced.
        timeout : float
            Seconds for the whole. Both programs can take minutes and say nothing meanwhile, so that no silence ends it
            before: a guiServer that hangs in it, and answers all else, is told by this alone. Then a note of the error
            says for how long nothing was said.
        progress : callable, optional
            Called with each line that is said meanwhile, and with each file that is done.

        Returns
        -------
        DataFrame
            ``job input model replaced modified``, one row per new job; `model` is None where the program made none. In
            ``attrs``: ``lines`` (all that was said), ``warnings`` (complaints of the programs, and what the files
            tell), ``remarks`` (a DataFrame ``time severity program text`` of what the programs said; `severity` is
            ``"error"``, ``"warning"`` or ``"note"``, by their own words), ``dropped`` (lines that were too many).

        Raises
        ------
        RemoteFileNotFound
            There is no such file or directory.
        RemoteFileExists
            There are jobs of this series, and `overwrite` is not said.
        NothingMade
            No new job is there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        with Overheard(self.listen, progress) as overheard:
            made = await self.head_node.make_jobs(
                v2d,
                calc=calc,
                overwrite=overwrite,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
        frame = made_frame(made)
        without = frame.loc[frame["model"].isna(), "input"].tolist()
        noted = [f"no delay model was made for {path}" for path in without]
        return _with_remarks(frame, overheard, [*noted, *_surprises(made)])

    async def make_models(
        self,
        pattern: str,
        *,
        calc: str = "difxcalc",
        overwrite: bool = False,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Run the delay model program alone, on jobs that are there.

        Parameters
        ----------
        pattern : str
            Absolute path of a job, or of several with ``*`` and ``?``; ``.input`` at its end may be left out.
        calc, timeout, progress
            As for `make_jobs`.
        overwrite : bool
            Allow that models which are there are removed first, as guiServer does.

        Returns
        -------
        DataFrame
            ``job model replaced modified``, one row per new model; ``attrs`` as from `make_jobs`.

        Raises
        ------
        RemoteFileNotFound
            No ``.calc`` file matches.
        RemoteFileExists
            There are models, and `overwrite` is not said.
        NothingMade
            No new model is there afterwards.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        with Overheard(self.listen, progress) as overheard:
            made = await self.head_node.make_models(
                pattern,
                calc=calc,
                overwrite=overwrite,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
        return _with_remarks(models_frame(made), overheard, _surprises(made))

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
        """Write a list of recordings with their times, as a ``.v2d`` file names it.

        Parameters
        ----------
        files : str or sequence of str
            Recordings: absolute paths on the server, or patterns with ``*`` and ``?``.
        destination : str
            The list.
        format : str
            Data format; begins with ``VDIF``, ``MARK5B``, ``MKIV`` or ``VLBA``, the latter two as mark5access writes
            them: ``MKIV1_4-512-8-2``.
        mjd : int
            A day near the recordings, for formats that do not tell the year.
        overwrite : bool
            Replace a list that is there.
        timeout : float
            Seconds for the whole.
        progress : callable, optional
            Called with each recording that is done, and with what is said meanwhile.

        Returns
        -------
        DataFrame
            ``file start stop duration listed``; `listed` is False where the server left a recording out, which a real
            one does where two begin at the same time. In ``attrs``: ``destination``, ``lines`` (of the list),
            ``errors`` (whether the server met errors with single files) and ``warnings``.

        Raises
        ------
        RemoteFileExists
            The list is there, and `overwrite` is not said.
        RemoteFileNotFound, RemotePermission, RemoteFileError
            A recording is missing, or the list cannot be written.
        UnsafeValue, ValueError, NoReply, ConnectionLost
        """
        with Overheard(self.listen, progress) as overheard:
            made = await self.head_node.make_file_list(
                files,
                destination,
                format,
                mjd,
                overwrite=overwrite,
                timeout=require_timeout(timeout),
                on_line=overheard.say,
            )
        frame = recordings_frame(made)
        complaints = [text for text in overheard.warnings if not _is_noise(text, mjd)]
        frame.attrs.update(
            destination=made.path,
            lines=list(made.lines),
            errors=made.had_errors and bool(complaints),
            warnings=[*complaints, *_left_out(frame)],
        )
        return frame


def _with_remarks(frame: pd.DataFrame, overheard: Overheard, found: list[str]) -> pd.DataFrame:
    frame.attrs.update(
        lines=overheard.lines,
        warnings=[*complaints_of(overheard.notices), *found],
        remarks=remarks_frame(overheard.heard),
        dropped=overheard.dropped,
    )
    return frame


def _surprises(made: Made) -> list[str]:
    return [
        *(f"{path} was named by the server, and is as it was before" for path in made.untouched),
        *(f"{path} was named by the server, and is not there or empty" for path in made.missing),
    ]


def _is_noise(text: str, mjd: int) -> bool:
    """Whether the server complains of its own making: it tells vsum the day, which vsum takes for a file."""
    complaint = text.removeprefix("filelist generation:").strip()
    return not complaint or complaint.startswith((f"File {mjd} VDIF summary", "File -r VDIF summary"))


def _left_out(frame: pd.DataFrame) -> list[str]:
    names = frame.loc[~frame["listed"], "file"].tolist()
    return [f"{name} is not in the list: another recording begins at the same time" for name in names]
