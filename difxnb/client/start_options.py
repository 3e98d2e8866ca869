# SPDX-License-Identifier: GPL-3.0-or-later
"""How a job is to be started: the words, programs and options that a start hands to the server's shell.

In: what the user wants. Out: the same, once it is known to be safe. Mirrors guiserver.md 5.4 and 7.4; H16, H17 and
H29 of section 10 are met here.
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.errors import UnsafeValue
from difxnb.wire.files import require_plain
from difxnb.wire.message import START_FUNCTIONS

FUNCTIONS = tuple(word for word in START_FUNCTIONS if word not in ("unknown", "CONFIG_ONLY"))
"""Words that say how a start goes; a check alone is `job_control.check_job`."""

MAX_COMMAND = 1023
"""Bytes of a command line that a real guiServer runs; it cuts the rest (H16)."""

# The words between the values, the number of processes, and room for the setup path, which stands twice.
_FIXED = 320


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What a start may say beyond the name of the job.

    Attributes
    ----------
    function : str
        One of `FUNCTIONS`.
    restart_seconds : int
        Begin so many seconds after the beginning of the job; 0 at the beginning.
    mpi_wrapper, mpi_options, difx_program : str or None
        In place of ``mpirun``, its usual options and ``mpifxcorr``. Blanks separate words.
    """

    function: str = "default"
    restart_seconds: int = 0
    mpi_wrapper: str | None = None
    mpi_options: str | None = None
    difx_program: str | None = None

    def require_safe(self, input_file: str, *, own_server: bool) -> None:
        """Refuse what the server's shell must not see, and what cannot work.

        Raises
        ------
        UnsafeValue
            A character that a shell acts on, or a command line that would be cut.
        ValueError
            An unknown word, or a restart that plain mpifxcorr does not understand (H29).
        TypeError
            Seconds that are no whole number.
        """
        if self.function not in FUNCTIONS:
            raise ValueError(f"function is one of {', '.join(FUNCTIONS)}; got {self.function!r}")
        require_command(self.mpi_wrapper, "mpi_wrapper")
        require_command(self.difx_program, "difx_program")
        if self.mpi_options is not None:
            require_options(self.mpi_options, "mpi_options")
        self._require_short(input_file)
        self._require_possible_restart(own_server)

    def _require_short(self, input_file: str) -> None:
        values = (self.mpi_wrapper, self.mpi_options, self.difx_program)
        length = sum(len(value or "") for value in values) + 2 * len(input_file) + _FIXED
        if length > MAX_COMMAND:
            raise UnsafeValue(
                f"the command for {input_file} could take {length} bytes, and guiServer cuts it at "
                f"{MAX_COMMAND}; use shorter options, or put them into a script"
            )

    def _require_possible_restart(self, own_server: bool) -> None:
        seconds = self.restart_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise TypeError(f"restart_seconds counts whole seconds; got {seconds!r}")
        if seconds < 0:
            raise ValueError(f"restart_seconds counts from the beginning of the job; got {seconds}")
        if seconds and not own_server and self.difx_program is None:
            raise ValueError(
                f"restart_seconds={seconds}: guiServer writes '-r {seconds}.000000' before the input file, where "
                "mpifxcorr wants '-rSECONDS' behind it, and the job would fail; name a difx_program that turns it round"
            )


USUAL = StartOptions()
"""A start from the beginning, with the usual programs."""


def require_command(value: str | None, what: str) -> None:
    """Accept a program with arguments: safe words, the first of which is no option; None is the usual one.

    Raises
    ------
    UnsafeValue
        Naming `what`, the value and the rule that it breaks.
    """
    if value is None:
        return
    require_plain(value.partition(" ")[0], what)
    require_options(value, what)


def require_options(value: str, what: str) -> None:
    """Accept words of letters, digits and ``_ @ % + = : , . / -``, one blank between them.

    Raises
    ------
    UnsafeValue
        As `require_command`.
    """
    for word in value.split(" "):
        # An option begins with what no other value may begin with.
        require_plain(word.lstrip("-") or word, what)
