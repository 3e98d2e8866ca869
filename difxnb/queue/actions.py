# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue would do next, as values: to be done, or only to be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to be done with one job.

    Attributes
    ----------
    number : int
        Its entry in the queue.
    job : str
        Its name.
    why : str
        What it is due to; empty where it goes without saying.
    """

    number: int
    job: str
    why: str = ""

    @property
    def text(self) -> str:
        """The action as a sentence."""
        return _because(self._does(), self.why)

    def _does(self) -> str:
        return f"keep {self.job} as it is"

    def __str__(self) -> str:
        return self.text


class Keep(Action):
    """Leave the job as it is."""

    __slots__ = ()


class Start(Action):
    """Start the job now."""

    __slots__ = ()

    def _does(self) -> str:
        return f"start {self.job}"


class Attach(Action):
    """Look for a job that was under way before, and follow it."""

    __slots__ = ()

    def _does(self) -> str:
        return f"look for {self.job}, and follow it where it runs"


class GiveUp(Action):
    """Leave the job failed, start nothing more, and tell."""

    __slots__ = ()

    def _does(self) -> str:
        return f"give {self.job} up and hold the queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryNow(Action):
    """Start the job again as it is.

    Attributes
    ----------
    at : float
        When, unix seconds.
    """

    at: float

    def _does(self) -> str:
        return f"start {self.job} again at {datetime.fromtimestamp(self.at, UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryWithout(Action):
    """Make the job again without some stations, and start what was made.

    Attributes
    ----------
    stations : tuple of str
    """

    stations: tuple[str, ...]

    def _does(self) -> str:
        return f"make {self.job} again without {', '.join(self.stations)}"


def _because(text: str, why: str) -> str:
    return f"{text}: {why}" if why else text
