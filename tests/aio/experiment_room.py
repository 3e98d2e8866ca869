# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with a schedule, and what the programs there do: for tests of experiments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from difxnb import aio
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from tests.client.peers import own_server, patience_for
from tests.server.recorder_rooms import install

EXPERIMENT = small_experiment()
NAME = EXPERIMENT.name
VEX = vex_text(EXPERIMENT)
V2D = v2d_text(EXPERIMENT, Path("/data"))
STATIONS = [station.code for station in EXPERIMENT.stations]

# As vex2difx it calls jobs after jobSeries, else after the file.
VEX2DIFX = """\
stem=${2%.v2d}
test -f "$(sed -n 's/^vex = \\([^ ]*\\).*/\\1/p' $2)" || { echo "Error: no schedule" >&2; exit 1; }
echo "Warning: no clock" >&2
echo x > ${stem}_1.input; echo x > ${stem}_1.calc
"""
PROGRAMS = {"vex2difx": VEX2DIFX, "difxcalc": 'echo im > "${2%.calc}.im"'}


@asynccontextmanager
async def workshop(
    tmp_path: Path, quirks: str | None = None, programs: Mapping[str, str] | None = PROGRAMS
) -> AsyncIterator[tuple[aio.Correlator, Path]]:
    """A server whose root holds ``src/NAME.vex``."""
    root = (tmp_path / "root").resolve()
    (root / "src").mkdir(parents=True)
    (root / "src" / f"{NAME}.vex").write_text(VEX)
    where = {"programs": install(tmp_path / "bin", programs)} if programs else {}
    async with (
        own_server(root, quirks, **where) as server,
        aio.connect("127.0.0.1", server.port, patience=patience_for(quirks)) as difx,
    ):
        yield difx, root


def everything(root: Path) -> dict[str, str]:
    """All files below a directory, with their texts."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
