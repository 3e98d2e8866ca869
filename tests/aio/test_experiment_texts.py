# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the schedule and the ``.v2d`` of an experiment come from, and for which stations they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from difxnb.errors import (
    FileFormatError,
    RemoteFileNotFound,
)
from difxnb.formats.v2d import parse_v2d
from difxnb.formats.v2d_templates import V2dTemplate
from difxnb.formats.vex import parse_vex, read_vex
from tests.aio.experiment_room import (
    NAME,
    STATIONS,
    V2D,
    VEX,
    workshop,
)


async def test_a_schedule_from_everywhere(tmp_path: Path) -> None:
    """The server's file wins over one of the same path here; ``file:`` means the one here."""
    here = tmp_path / "here.vex"
    here.write_text(VEX + "* from here\n")
    async with workshop(tmp_path) as (difx, root):

        async def shown(vex: object) -> tuple[str, str, str]:
            frame = await difx.new_experiment(f"{root}/exp", vex=vex, v2d=V2D, make=False, preview=True)  # type: ignore[arg-type]
            path, note = frame.loc[2, ["path", "detail"]]
            return path, frame.attrs["texts"][path], note

        name, text, note = await shown(here)
        assert (name, text, note) == (f"{root}/exp/here.vex", here.read_text(), f"{here} on this machine")
        assert (await shown(f"file:{here}"))[1] == here.read_text()
        assert (await shown(read_vex(here)))[0] == f"{root}/exp/here.vex"
        assert (await shown(parse_vex(VEX)))[0] == f"{root}/exp/{NAME}.vex"
        assert (await shown(VEX))[:2] == (f"{root}/exp/{NAME}.vex", VEX)
        assert (await shown(f"{root}/src/{NAME}.vex"))[1] == VEX
        with serving(VEX.encode()) as url:
            name, text, note = await shown(f"{url}/a/b.vex?x=1")
            assert (name, text, note) == (f"{root}/exp/b.vex", VEX, f"{url}/a/b.vex?x=1")
        with pytest.raises(OSError, match=r"b\.vex could not be fetched: \[Errno"):
            await shown(f"{url}/a/b.vex")  # nobody is there any more
        with pytest.raises(ValueError, match="a password"):
            await shown("https://a:b@c/d.vex")
        with pytest.raises(RemoteFileNotFound, match="nor on this machine"):
            await shown("/no/such.vex")
        with pytest.raises(FileNotFoundError):
            await shown("no-such.vex")
        with pytest.raises(ValueError, match="this is a directory"):
            await shown(f"{root}/src")
        with pytest.raises(FileFormatError):
            await shown("no schedule\nat all;\n")


async def test_a_v2d_from_everywhere_names_the_schedule(tmp_path: Path) -> None:
    here = tmp_path / "orders.v2d"
    here.write_text("# mine\nvex = other.vex  # this one\n" + V2D.partition("vex = ")[2].partition("\n")[2])
    template = "vex = ${VEX}\nantennas = ${STATIONS}\nnCore = ${cores:2}\nSETUP default { tInt = ${tint} }\n"
    async with workshop(tmp_path) as (difx, root):

        async def shown(**keywords: object) -> tuple[str, str]:
            frame = await difx.new_experiment(
                f"{root}/exp",
                vex=f"{root}/src/{NAME}.vex",
                make=False,
                preview=True,
                **keywords,  # type: ignore[arg-type]
            )
            path = frame.loc[1, "path"]
            return path, frame.attrs["texts"][path]

        for given in (here, f"file:{here}", parse_v2d(here.read_text(), here)):
            path, text = await shown(v2d=given)
            assert path == f"{root}/exp/orders.v2d"
            assert text.startswith(f"# mine\nvex = {NAME}.vex  # this one\n")
        assert here.read_text().startswith("# mine\nvex = other.vex")
        for given in ({"v2d": V2dTemplate(template)}, {"template": template}):
            path, text = await shown(**given, variables={"tint": 0.5})
            assert path == f"{root}/exp/{NAME}.v2d"
            assert "nCore = 2\nSETUP default { tInt = 0.5 }" in text
            assert f"vex = {NAME}.vex\n" in text
        with pytest.raises(ValueError, match="give one of the two"):
            await shown()
        with pytest.raises(ValueError, match="give one of the two"):
            await shown(v2d=V2D, template=template)
        with pytest.raises(ValueError, match="variables are for templates"):
            await shown(v2d=V2D, variables={"tint": 1})
        with pytest.raises(ValueError, match="tint"):
            await shown(template=template)
        bad = tmp_path / "a_b.v2d"
        bad.write_text(V2D)
        with pytest.raises(ValueError, match="vex2difx names jobs after"):
            await shown(v2d=bad)


async def test_stations_are_chosen(tmp_path: Path) -> None:
    first, *others = STATIONS
    async with workshop(tmp_path) as (difx, root):

        async def antennas(**keywords: object) -> list[str]:
            frame = await difx.new_experiment(
                f"{root}/exp",
                vex=f"{root}/src/{NAME}.vex",
                v2d=V2D,
                make=False,
                preview=True,
                **keywords,  # type: ignore[arg-type]
            )
            return parse_v2d(frame.attrs["texts"][frame.loc[1, "path"]]).words("antennas")

        assert await antennas(stations=[code.lower() for code in STATIONS[:2]]) == STATIONS[:2]
        assert await antennas(without=[first]) == others
        with pytest.raises(ValueError, match="there is no station 'Zz' in the schedule; there are"):
            await antennas(without=["Zz"])
        with pytest.raises(ValueError, match="no station would be left"):
            await antennas(without=STATIONS)
        for keywords in ({"stations": first}, {"without": first}):
            with pytest.raises(ValueError, match=f"{next(iter(keywords))} is a list of names; got '{first}'"):
                await antennas(**keywords)


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """An HTTP server of one answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
