# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a start: what must not reach the server's shell, and what cannot work."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.client.start_options import FUNCTIONS, MAX_COMMAND, USUAL, StartOptions
from difxnb.errors import UnsafeValue

JOB = "/data/exp/e_1.input"
GOOD: list[dict[str, Any]] = [
    {},
    {"mpi_wrapper": "/usr/lib/openmpi/bin/mpirun"},
    {"mpi_wrapper": "mpirun -q --prefix /opt/mpi"},
    {"mpi_options": "--mca mpi_yield_when_idle 1 --mca rmaps seq -x A=b:c"},
    {"difx_program": "runmpifxcorr.DiFX-2.9", "restart_seconds": 60},
    *({"function": word} for word in FUNCTIONS),
]
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"function": "CONFIG_ONLY"}, ValueError, "function is one of default, NRAO"),
    ({"function": "run"}, ValueError, "function is one of"),
    ({"mpi_wrapper": "mpirun;reboot"}, UnsafeValue, "mpi_wrapper"),
    ({"mpi_wrapper": "-h mpirun"}, UnsafeValue, "mpi_wrapper"),
    ({"mpi_wrapper": ""}, UnsafeValue, "mpi_wrapper is empty"),
    ({"difx_program": "mpifxcorr $(x)"}, UnsafeValue, "difx_program"),
    ({"difx_program": "a  b"}, UnsafeValue, "difx_program is empty"),
    ({"mpi_options": "--mca\nrmaps"}, UnsafeValue, "mpi_options"),
    ({"mpi_options": "-x 'A'"}, UnsafeValue, "mpi_options"),
    ({"mpi_options": "--mca a b " * 80 + "c"}, UnsafeValue, "guiServer cuts it at 1023"),
    ({"restart_seconds": -1}, ValueError, "from the beginning"),
    ({"restart_seconds": 1.5}, TypeError, "whole seconds"),
    ({"restart_seconds": True}, TypeError, "whole seconds"),
]


@pytest.mark.parametrize("given_options", GOOD)
def test_what_is_taken(given_options: dict[str, Any]) -> None:
    StartOptions(**given_options).require_safe(JOB, own_server=False)


@pytest.mark.parametrize(("wrong", "error", "text"), BAD)
def test_what_is_refused(wrong: dict[str, Any], error: type[Exception], text: str) -> None:
    """5.4, H16, H17."""
    with pytest.raises(error, match=text):
        StartOptions(**wrong).require_safe(JOB, own_server=True)


def test_a_restart_needs_a_program_that_understands_it() -> None:
    """H29: guiServer writes the option where plain mpifxcorr does not look for it."""
    with pytest.raises(ValueError, match=r"-r 60\.000000.*difx_program"):
        StartOptions(restart_seconds=60).require_safe(JOB, own_server=False)
    StartOptions(restart_seconds=60).require_safe(JOB, own_server=True)
    StartOptions(restart_seconds=60, difx_program="turns-it-round").require_safe(JOB, own_server=False)
    USUAL.require_safe(JOB, own_server=False)


texts = st.none() | st.text(st.characters(max_codepoint=0x17F) | st.sampled_from("-a/ ;$`'\"\n"), max_size=40)


@given(texts, texts, texts)
@settings(max_examples=300)
def test_nothing_that_is_taken_means_anything_to_a_shell(
    wrapper: str | None, options: str | None, program: str | None
) -> None:
    """H17: every word that passes is a word of a shell, and stands for itself."""
    try:
        StartOptions(mpi_wrapper=wrapper, mpi_options=options, difx_program=program).require_safe(
            JOB, own_server=False
        )
    except UnsafeValue:
        return
    for value in (wrapper, options, program):
        if value is not None:
            assert shlex.split(value) == value.split(" ")
            assert [shlex.quote(word) for word in value.split(" ")] == value.split(" ")


def test_a_real_shell_agrees() -> None:
    """The longest and oddest words that are taken come out of /bin/sh as they went in."""
    value = "a_@%+=:,./-1 --x=%Y+@,: -r"
    StartOptions(mpi_options=value).require_safe(JOB, own_server=False)
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {value}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == value.split(" ")


def test_the_longest_command_is_not_cut() -> None:
    """H16: what is accepted stays below the limit with everything that guiServer adds."""
    path = "/" + "d" * 240 + "/e_1.input"
    options = "x" * 190
    StartOptions(mpi_options=options).require_safe(path, own_server=False)
    prefix = "p" * 100
    command = f"mpirun -np 151 --bynode --hostfile {path[:-6]}.machines {options} {prefix} mpifxcorr -r 99999 {path}"
    assert len(f"{command} -Mlocalhost:9999") <= MAX_COMMAND
