# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of the real guiServer 2.9 that a client must survive, each switchable by name.

The server is right by default; a fault is reproduced only when it was asked for. What makes the real server
crash is not reproduced, except that ``dies-after-job`` drops the connection as such a crash does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

LOSING_TIME = 0.02
"""Seconds after connecting in which the real server loses packets (guiserver.md 3.2 and 15)."""

REAL_VERSION = "DEVELr7531"
"""What the real server has answered to a version request since November 2016 (guiserver.md 3.3)."""

REAL_LABEL = "DIFX-2.9"
"""Label of the DiFX version that the real server finds."""


@dataclass(frozen=True)
class Quirks:
    """Which faults are on. All are off in ``Quirks()``.

    Attributes
    ----------
    wrong_lengths : bool
        Four of the six monitor data packets declare 4 bytes too few.
    shared_offsets : bool
        All polarization products of a baseline and band are announced with the first one's offset.
    half_delay : bool
        The monitor's delay is half of what its lag axis says.
    mixed_means : bool
        One accumulator serves the running means of all products.
    zero_lags : bool
        Every lag is 0.0 and the signal-to-noise ratio reads ``-nan``.
    datastream_names : bool
        Telescope names in the product list are looked up with datastream indices.
    recorded_autos : bool
        Autocorrelations are listed for every recorded band, in the array of results or not, with offsets that
        count all of these; those of zoom bands are not listed.
    data_timeout : bool
        The monitor's data thread gives up after a gap between integrations.
    lost_packets : bool
        Packets of the first moments of a connection are discarded.
    silent_files : bool
        File operations that fail say nothing.
    text_uploads : bool
        Each 1024-byte block of an upload ends at its first NUL, and a fragment replaces the destination.
    late_close : bool
        Side connections of TCP mode stay open long after their last byte.
    lost_stops : bool
        A stop kills at once, so that no final state is logged; the starter learns of it only when it came
        over its own connection.
    ignored_status : bool
        The exit status of the correlator is not looked at.
    real_name : bool
        The server introduces itself with the version text of the real one, and without the variable by which
        clients know this one: they take the precautions that the real one needs.
    forgotten_jobs : bool
        A client that turns its relay on learns nothing of jobs that spoke before.
    failing_restart : bool
        A restart second ends the job, since mpifxcorr takes the option for its input file.
    late_log : bool
        States and weights reach the log of a job with its next alert, or at its end.
    dies_after_job : bool
        The main connection breaks right after the terminal packet of a job (not part of ``"2.9"``).
    """

    wrong_lengths: bool = False
    shared_offsets: bool = False
    half_delay: bool = False
    mixed_means: bool = False
    zero_lags: bool = False
    datastream_names: bool = False
    recorded_autos: bool = False
    data_timeout: bool = False
    lost_packets: bool = False
    silent_files: bool = False
    text_uploads: bool = False
    late_close: bool = False
    lost_stops: bool = False
    ignored_status: bool = False
    real_name: bool = False
    forgotten_jobs: bool = False
    failing_restart: bool = False
    late_log: bool = False
    dies_after_job: bool = False

    @classmethod
    def none(cls) -> Quirks:
        """A server without faults."""
        return cls()

    @classmethod
    def of(cls, text: str | None) -> Quirks:
        """Read a comma-separated list: ``"2.9"`` for the usual set, hyphenated names, ``-name`` to drop one.

        Raises
        ------
        ValueError
            A name is not known.

        Examples
        --------
        >>> Quirks.of("2.9,-zero-lags").half_delay
        True
        >>> Quirks.of("silent-files")
        Quirks(silent_files=True)
        """
        chosen: dict[str, bool] = {}
        for word in filter(None, (part.strip() for part in (text or "").split(","))):
            if word == "2.9":
                chosen |= {name: True for name in _NAMES if name != "dies_after_job"}
            else:
                chosen[_field(word.removeprefix("-"))] = not word.startswith("-")
        return replace(cls(), **chosen)

    def __repr__(self) -> str:
        """Show what is on, which is the interesting part."""
        on = ", ".join(f"{name}=True" for name in _NAMES if getattr(self, name))
        return f"Quirks({on})"


_NAMES = tuple(field.name for field in fields(Quirks))


def _field(word: str) -> str:
    name = word.replace("-", "_")
    if name not in _NAMES:
        known = ", ".join(n.replace("_", "-") for n in _NAMES)
        raise ValueError(f"no quirk is called {word!r}; there are 2.9, {known}")
    return name
