# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of DiFX around a job: of the server, of the files, of what runs it; and a warning where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from difxnb.aio.job_files import JobFiles
from difxnb.errors import FileFormatError, RemoteFileNotFound, VersionMismatch
from difxnb.formats.calc import parse_calc
from difxnb.wire.version_text import differ

_IN_A_BOX = "difxnb-"
"""How the version of the embedded correlator begins, which is no version of DiFX."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A version, what has it, and who says so."""

    what: str
    version: str
    source: str


class VersionedJob(JobFiles):
    """A job and the versions of DiFX around it."""

    _has_warned = False

    async def versions(self) -> pd.DataFrame:
        """Versions of DiFX around the job, as far as they are known.

        Returns
        -------
        DataFrame
            ``what`` (``server``: whose programs are run; ``files``: what made the job; ``mpifxcorr``: what ran it last,
            as it said itself), ``version``, ``source``. ``attrs["differ"]`` says whether two of them cannot be the
            same; ``2.9`` and ``2.9.0`` can.

        Raises
        ------
        NoReply, ConnectionLost
        """
        found = await self._known_versions()
        frame = pd.DataFrame(
            {name: pd.Series([getattr(v, name) for v in found], dtype=object) for name in _Version.__slots__}
        )
        frame.attrs["differ"] = _differing(found) is not None
        return frame

    async def version_note(self) -> str | None:
        """What there is to warn of before the job is started with the server's programs; None where nothing is.

        The correlator in a box is no version of DiFX, and does not count.
        """
        server = self._correlator.server
        if server.is_embedded or not server.version_in_use:
            return None
        known = await self._known_versions()
        if not self._correlator.jobs.is_running(self.identifier):
            known = [version for version in known if version.what != "mpifxcorr"]  # that of an earlier run
        found = _differing(known)
        if found is None:
            return None
        told = ", ".join(f"{v.what} {v.version} ({v.source})" for v in found)
        installed = ", ".join(server.difx_versions["version"]) or "nothing else"
        return (
            f"DiFX versions around {self.name} differ: {told}. "
            f"difx.server.use_version(name) chooses another; installed: {installed}"
        )

    async def warn_of_versions(self) -> str | None:
        """Warn where versions differ, once; gives what there is to say each time."""
        note = await self.version_note()
        if note is not None and not self._has_warned:
            self._has_warned = True
            self._correlator.warn(VersionMismatch(note))
        return note

    async def _known_versions(self) -> list[_Version]:
        server = self._correlator.server
        chosen = "use_version" if server.setup_path else "its environment"
        heard = self._correlator.jobs.version_of(self.identifier)
        candidates = [
            _Version("server", "" if server.is_embedded else server.version_in_use, chosen),
            _Version("files", await self._calc_version(), f"{self.base}.calc"),
            _Version("mpifxcorr", "" if heard.startswith(_IN_A_BOX) else heard, "its messages"),
        ]
        return [candidate for candidate in candidates if candidate.version]

    async def _calc_version(self) -> str:
        path = f"{self.base}.calc"
        try:
            content = await self._correlator.get_file(path)
            calc = parse_calc(content.decode("utf-8", "replace"), Path(path))
        except (RemoteFileNotFound, FileFormatError):
            return ""  # a job without a good .calc fails for better reasons than this
        return calc.difx_version or calc.difx_label


def _differing(found: Sequence[_Version]) -> tuple[_Version, ...] | None:
    """All versions, if two of them cannot be the same."""
    clash = any(differ(one.version, other.version) for one, other in combinations(found, 2))
    return tuple(found) if clash else None
