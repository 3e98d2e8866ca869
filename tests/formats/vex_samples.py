# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules for tests: the public ones, and a small one that is made here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from difxnb.formats.vex import Vex, read_vex

SUFFIXES = (".vex", ".vex2", ".skd", ".vix", ".obs", ".difx")

SMALL = """\
VEX_rev = 1.5;
$GLOBAL;
  ref $EXPER = X1;
$EXPER;
def X1;
  exper_name = X1;
enddef;
$MODE;
def m; * one for both
  ref $FREQ = f : Aa : Bb;
  ref $FREQ = g : Cc;
  ref $IF = i;
  ref $BBC = b;
  ref $TRACKS = t : Aa : Bb;
  ref $TRACKS = m5 : Cc;
enddef;
$STATION;
def Aa;
  ref $SITE = SA; ref $ANTENNA = AN; ref $DAS = D;
  ref $CLOCK = ca;
enddef;
def Bb;
  ref $SITE = SB; ref $ANTENNA = AN; ref $DAS = D;
enddef;
def Cc;
  ref $SITE = SC; ref $ANTENNA = AC;
enddef;
$SITE;
def SA; site_name = ALPHA; site_ID = Aa; site_position = 4000 km : 500000 m : 4.9e6 m; enddef;
def SB; site_name = BETA; site_position = 4000001.0 m : 500002.0 m : 4900003.0 m; enddef;
def SC; site_name = GAMMA; site_position = 4000001 m : 500002 m : 4900004 m; enddef;
$ANTENNA;
def AN; axis_type = ha : dec; axis_offset = 250 cm; enddef;
def AC; axis_type = x : yew; axis_offset = 0 m; enddef;
$DAS;
def D; record_transport_type = Mark5B; enddef;
$CLOCK;
def ca;
  clock_early = : 1 usec : 2024y001d00h00m00s : 1e-12;
enddef;
$SOURCE;
def S; source_name = OJ287; ra = 08h00m00.0s; dec = -00d30'00.0"; ref_coord_frame = J2000; enddef;
$FREQ;
def f;
  sample_rate = 8 Ms/sec;
  chan_def = : 8400.0 MHz : U : 4 MHz : &CH02 : &B1 : &P;
  chan_def = : 8.412 GHz : L : 4000 kHz : &CH01 : &B2 : &P;
enddef;
def g;
  sample_rate = 8 Ms/sec;
  chan_def = : 8400.0 MHz : U : 4 MHz : &CH01 : &B1 : &P;
  chan_def = : 8404.0 MHz : U : 4 MHz : &CH02 : &B1 : &P;
  chan_def = : 8408.0 MHz : U : 4 MHz : &CH03 : &B1 : &P;
enddef;
$IF;
def i;
  if_def = &IFA : A : R : 7600 MHz : U : 1 MHz;
  if_def = &IFB : B : L : 7600 MHz : U;
enddef;
$BBC;
def b; BBC_assign = &B1 : 1 : &IFA; BBC_assign = &B2 : 2 : &IFB; enddef;
$TRACKS;
def t;
  track_frame_format = VDIF/8032/2;
  fanout_def = : &CH01 : sign : 1 : 0; fanout_def = : &CH01 : mag : 1 : 1;
  fanout_def = : &CH02 : sign : 1 : 2; fanout_def = : &CH02 : mag : 1 : 3;
enddef;
def m5;
  track_frame_format = Mark5B;
  fanout_def = A : &CH02 : sign : 1 : 6; fanout_def = A : &CH01 : sign : 1 : 18;
enddef;
$SCHED;
scan No0001;
  start = 2024y001d12h00m00s; mode = m; source = S;
  station = Aa : 0 sec : 300 sec : 0 GB : 1A : &n : 1;
  station = Bb : 10 sec : 5 min : 0 GB : : : 0;
  station = Cc : 2 sec : 310 sec;
endscan;
scan No0002; * short
  start = 2024y001d23h59m30.5s; mode = m; source = S;
  station = Aa : 0 sec : 60 sec : 0 GB : : : 1;
  station = Bb : 0 sec : 60 sec : 0 GB : : : 1;
endscan;
"""


@cache
def public_schedules(shared: Path) -> list[Path]:
    """All of them, VEX 1.5 and 2.0."""
    return [
        path
        for path in sorted((shared / "data/difx-samples").rglob("*"))
        if path.is_file() and path.suffix in SUFFIXES and b"VEX_rev" in path.read_bytes()[:400]
    ]


@cache
def read(path: Path) -> Vex:
    """What is in a file; nothing of it changes."""
    return read_vex(path)


def sample(shared: Path, name: str) -> Vex:
    """A public one by the name of its file."""
    (path,) = [path for path in public_schedules(shared) if path.name == name]
    return read(path)
