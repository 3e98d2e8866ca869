# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up schedule of two scans in which single lines can be changed, and what else tests of making jobs need."""

from __future__ import annotations

SITES = {
    "Aa": "4000000.000 m : 500000.000 m : 4900000.000 m",
    "Bb": "3370000.000 m : 700000.000 m : 5350000.000 m",
    "Cc": "4100000.000 m : 1500000.000 m : 4600000.000 m",
}


def observed_at(*stations: str, scans: tuple[tuple[int, int], ...] = ((0, 300), (360, 120))) -> str:
    """A ``.vex`` of 2024-01-01 from noon on; scans begin and last so many seconds."""
    everywhere = " : ".join(stations)
    lines = [
        "VEX_rev = 1.5;",
        "$GLOBAL;",
        "ref $EXPER = MADE;",
        "$EXPER;",
        "def MADE; exper_name = MADE; exper_nominal_start = 2024y001d12h00m00s;",
        "exper_nominal_stop = 2024y001d13h00m00s; enddef;",
        "$MODE;",
        "def m1;",
        *(
            f"ref ${block} = {name} : {everywhere};"
            for block, name in {"FREQ": "f1", "IF": "i1", "BBC": "b1", "TRACKS": "t1"}.items()
        ),
        "enddef;",
        "$STATION;",
        *(
            f"def {one}; ref $SITE = S{one}; ref $ANTENNA = AZEL; ref $CLOCK = c{one}; enddef;"
            for one in stations
        ),
        "$SITE;",
        *(
            f"def S{one}; site_type = fixed; site_name = S{one}; site_ID = {one}; site_position = {SITES[one]}; enddef;"
            for one in stations
        ),
        "$ANTENNA;",
        "def AZEL; axis_type = az : el; axis_offset = 0.0 m; enddef;",
        "$CLOCK;",
        *(
            f"def c{one}; clock_early = 2024y001d00h00m00s : 0.5 usec : 2024y001d00h00m00s : 1e-12; enddef;"
            for one in stations
        ),
        "$SOURCE;",
        "def SRC; source_name = SRC; ra = 04h42m56.9s; dec = 26d10'20.0\"; ref_coord_frame = J2000; enddef;",
        "$FREQ;",
        "def f1;",
        "sample_rate = 8.0 Ms/sec;",
        "chan_def = : 8400.00 MHz : U : 4.00 MHz : &CH01 : &BBC01 : &PC;",
        "chan_def = : 8412.00 MHz : L : 4.00 MHz : &CH02 : &BBC02 : &PC;",
        "enddef;",
        "$IF;",
        "def i1; if_def = &IF_A : A : R : 7600.0 MHz : U; enddef;",
        "$BBC;",
        "def b1; BBC_assign = &BBC01 : 1 : &IF_A; BBC_assign = &BBC02 : 2 : &IF_A; enddef;",
        "$TRACKS;",
        "def t1; track_frame_format = VDIF/8032/2;",
        *(
            f"fanout_def = A : &CH0{band} : {part} : 1 : {2 * band + bit};"
            for band in (1, 2)
            for bit, part in enumerate(("sign", "mag"))
        ),
        "enddef;",
        "$SCHED;",
        *(line for number, scan in enumerate(scans, start=1) for line in _scan(number, *scan, stations)),
        "$EOP;",
        *(
            f"def E{day}; TAI-UTC= 37 sec; eop_ref_epoch= 20{year}; num_eop_points=1; eop_interval= 24 hr; "
            "ut1-utc= -0.0087 sec; x_wobble= 0.13 asec; y_wobble= 0.20 asec; enddef;"
            for day, year in enumerate(("23y364d", "23y365d", "24y001d", "24y002d", "24y003d"))
        ),
    ]
    return "\n".join(lines) + "\n"


def _scan(number: int, start: int, length: int, stations: tuple[str, ...]) -> list[str]:
    hours, rest = divmod(start, 3600)
    when = f"2024y001d{12 + hours:02d}h{rest // 60:02d}m{rest % 60:02d}s"
    lines = [f"station = {one} : 0 sec : {length} sec : 0 GB : : : 1;" for one in stations]
    return [f"scan No{number:04d};", f"start = {when}; mode = m1; source = SRC;", *lines, "endscan;"]
