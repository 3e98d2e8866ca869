# SPDX-License-Identifier: GPL-3.0-or-later
"""What is complained of in the output of a job, and what is only mpirun talking of its own command line.

guiServer takes each line of error output without the word "warning" for an error, and starts jobs with an option that
Open MPI 4 calls deprecated, on fifteen such lines (guiserver.md 15). In: lines in their order. Out: complaints, those
between two rules of dashes as one text.
"""

from __future__ import annotations

from collections import deque

_RULE = "-" * 20
_NOTICE = "have been deprecated and replaced as follows"
_LONGEST_BLOCK = 60
_KEPT = 5


class Complaints:
    """Complaints among lines of error output.

    Attributes
    ----------
    count : int
        Complaints so far; of a text between rules whose second rule has not come, none yet.
    notices : int
        Texts of mpirun about its own options so far.
    """

    def __init__(self) -> None:
        self.count = self.notices = 0
        self._latest: deque[str] = deque(maxlen=_KEPT)
        self._block: list[str] | None = None

    @property
    def latest(self) -> tuple[str, ...]:
        """The last of them."""
        return tuple(self._latest)

    def add(self, line: str) -> None:
        """Take in a line."""
        if _is_rule(line):
            self._turn()
        elif self._block is None:
            self._keep(line)
        else:
            self._block.append(line)
            if len(self._block) > _LONGEST_BLOCK:
                self.end()

    def end(self) -> None:
        """Take what stands behind a first rule for complaints, as no second one comes."""
        for line in self._block or ():
            self._keep(line)
        self._block = None

    def _turn(self) -> None:
        if self._block is None:
            self._block = []
            return
        text = " ".join(" ".join(self._block).split())
        self._block = None
        if _NOTICE in text:
            self.notices += 1
        else:
            self._keep(text)

    def _keep(self, text: str) -> None:
        if text.strip():
            self.count += 1
            self._latest.append(text.strip())


def _is_rule(line: str) -> bool:
    plain = line.strip()
    return plain.startswith(_RULE) and not plain.strip("-")
