# SPDX-License-Identifier: GPL-3.0-or-later
"""A small schedule and its ``.v2d`` for tests, in which single lines can be changed."""

from __future__ import annotations

from difxnb.formats.v2d import V2d, parse_v2d
from difxnb.formats.vex import Vex, parse_vex
from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import vex_text

V2D = """\
vex = e.vex
antennas = {antennas}
tweakIntTime = True
nCore = 1  nThread = 2
machines = head, one, two, three, four
SETUP default {{ tInt = 1  nChan = 32  nFFTChan = 32  subintNS = 100000000  doPolar = False }}
{blocks}
"""


def vex() -> Vex:
    """Schedule of the small demonstration."""
    return parse_vex(vex_text(small_experiment()), "/data/e.vex")


def codes() -> list[str]:
    """Its stations."""
    return [one.key for one in vex().station_list]


def v2d(more: str = "", **of_stations: str) -> V2d:
    """A ``.v2d`` with data for each station; `more` goes before the blocks, `of_stations` into them."""
    blocks = [
        f"ANTENNA {code} {{ file = /data/{code}.vdif  clockOffset = 0  {of_stations.get(code, '')} }}"
        for code in codes()
    ]
    text = V2D.format(antennas=", ".join(codes()), blocks="\n".join(blocks))
    return parse_v2d(text.replace("SETUP", f"{more}\nSETUP", 1), "/data/e.v2d")
