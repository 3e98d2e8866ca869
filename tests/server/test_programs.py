# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed programs: found by plain names, run without a shell, read line by line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from difxnb.server.programs import MAX_LINE, NoSuchProgram, Programs
from difxnb.wire.recorders import OutputLine
from tests.server.peers import run
from tests.server.recorder_rooms import install


async def lines(
    programs: Programs, name: str, *arguments: str, directory: Path
) -> tuple[list[OutputLine], int | None]:
    async with programs.run(name, *arguments, directory=str(directory)) as started:
        found = [line async for line in started.lines()]
    return found, started.status


def test_output_status_and_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFX_CONTROL_TOKEN_FILE", "/secret")
    monkeypatch.setenv("DIFXROOT", "/opt/difx")
    script = 'echo "$1|$2"; pwd; echo "$DIFXROOT$DIFX_CONTROL_TOKEN_FILE"; command -v p; printf x; exit 3'
    where = install(tmp_path / "bin", {"p": script})
    (tmp_path / "run").mkdir()

    async def main() -> None:
        found, status = await lines(Programs(where), "p", "a b", "$(x)", directory=tmp_path / "run")
        text = [line.text for line in found]
        assert text == [
            "a b|$(x)",
            str((tmp_path / "run").resolve()),
            "/opt/difx",
            str(where.resolve() / "p"),
            "x",
        ]
        assert status == 3

    run(main())


@pytest.mark.parametrize("name", ["", "..", "sub/p", "/bin/sh", "-p", "p;q", "plain", "nosuch", "sub"])
def test_what_is_no_program(tmp_path: Path, name: str) -> None:
    where = install(tmp_path, {"p": ""})
    (tmp_path / "plain").write_text("not executable")
    (tmp_path / "sub").mkdir()
    programs = Programs(where)
    assert programs.has("p")
    assert not programs.has(name)
    with pytest.raises(NoSuchProgram, match="not among"):
        programs.find(name)


def test_without_a_directory_there_are_none() -> None:
    assert not Programs().has("sh")
    with pytest.raises(NoSuchProgram, match="not told where programs are"):
        Programs().find("sh")


def test_the_directory_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        Programs(tmp_path / "none")


def test_long_lines_are_cut_and_the_rest_is_read(tmp_path: Path) -> None:
    """H25: a line of any length is bounded."""
    where = install(tmp_path, {"p": f"exec {sys.executable} -c \"print('x' * 3_000_000); print('after')\""})

    async def main() -> None:
        found, _ = await lines(Programs(where), "p", directory=tmp_path)
        assert [len(line.text) for line in found] == [MAX_LINE, 5]

    run(main())


def test_many_lines_all_arrive(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(20000):\n    print(n)\n    n % 100 or print('e', file=sys.stderr)\n"
    (tmp_path / "many.py").write_text(script)
    where = install(tmp_path, {"p": f"exec {sys.executable} {tmp_path}/many.py"})

    async def main() -> None:
        found, status = await lines(Programs(where), "p", directory=tmp_path)
        assert [line.text for line in found if not line.is_error] == [str(n) for n in range(20000)]
        assert sum(line.is_error for line in found) == 200
        assert status == 0

    run(main())


def test_a_child_that_holds_the_output_open_does_not_hold_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("difxnb.server.programs._LINGER", 0.01)
    where = install(tmp_path, {"p": "echo done; sleep 1000 &"})

    async def main() -> None:
        found, status = await lines(Programs(where), "p", directory=tmp_path)
        assert [line.text for line in found] == ["done"]
        assert status == 0

    run(main())


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("#!/nonexistent/interpreter\n")
    os.chmod(tmp_path / "p", 0o755)

    async def main() -> None:
        with pytest.raises(OSError, match="No such file"):
            await lines(Programs(tmp_path), "p", directory=tmp_path)

    run(main())
