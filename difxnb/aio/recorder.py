# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorder of the correlator: its modules, their directories, and data off them (guiserver.md 7.8 to 7.11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator

OnLine = Callable[[str], None]


class Recorder:
    """One Mark5 or Mark6 unit, or several that mk5control knows by one name. Made by `Correlator.recorder`.

    Attributes
    ----------
    name : str
        Host name, or what mk5control expands: ``03``, ``01-04``, ``mark5``, ``all``.
    """

    def __init__(self, correlator: Correlator, name: str) -> None:
        self.name = name
        self._correlator = correlator

    async def send(
        self, command: str, *, confirm: bool = False, timeout: float = 60.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Send an mk5control command; see the typed verbs for those with an answer."""
        raise NotImplementedError

    async def directory(
        self, vsn: str, generate: bool = False, *, timeout: float = 600.0, progress: OnLine | None = None
    ) -> pd.DataFrame:
        """Read the directory of a module; with `generate` make it anew from the module first."""
        raise NotImplementedError

    async def copy(
        self,
        vsn: str,
        scans: str,
        destination: str,
        *,
        timeout: float = 3600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Copy scans of a module into a directory."""
        raise NotImplementedError

    async def file_list(
        self,
        files: Sequence[str],
        destination: str,
        format: str,  # noqa: A002 - the user's word for it
        mjd: int,
        overwrite: bool = False,
        *,
        timeout: float = 600.0,
        progress: OnLine | None = None,
    ) -> pd.DataFrame:
        """Write a list of recordings with their times, as vex2difx reads it."""
        raise NotImplementedError
