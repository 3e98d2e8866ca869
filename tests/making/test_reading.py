# SPDX-License-Identifier: GPL-3.0-or-later
"""What is understood of a schedule and a ``.v2d``: formats, data, stations, rules; any text gives jobs or reasons."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import CannotMakeJob, FileFormatError
from difxnb.formats.calc_model import Calc
from difxnb.formats.flag import Flag
from difxnb.formats.input import Input
from difxnb.formats.vex import parse_vex
from difxnb.making.drafting import Plan, drawn_up
from difxnb.making.job_calc import job_calc
from difxnb.making.job_files import job_texts
from difxnb.making.job_flags import job_flags
from difxnb.making.job_input import job_input
from difxnb.making.streams import Format, Unreadable, read_format
from tests.making.schedules import observed_at

VEX = observed_at("Aa", "Bb", "Cc")
V2D = """\
vex = e.vex
SETUP default { tInt = 1 nChan = 32 subintNS = 100000000 doPolar = False }
ANTENNA Aa { file = /data/aa.vdif }
ANTENNA Bb { file = /data/bb.vdif }
ANTENNA Cc { file = /data/cc.vdif }
"""


def plan(v2d: str = V2D, vex: str = VEX, lists: dict[str, str] | None = None) -> Plan:
    def read(name: str) -> str:
        if name not in (lists or {}):
            raise FileNotFoundError(2, "No such file or directory", name)
        return (lists or {})[name]

    return drawn_up(parse_vex(vex), v2d, "e", read)


def inputs(v2d: str = V2D, vex: str = VEX, lists: dict[str, str] | None = None) -> list[Input]:
    found = plan(v2d, vex, lists)
    return [job_input(found, draft, Path("/jobs")) for draft in found.drafts]


def reasons(v2d: str = V2D, vex: str = VEX, lists: dict[str, str] | None = None) -> str:
    with pytest.raises(CannotMakeJob) as caught:
        plan(v2d, vex, lists)
    return "\n".join(caught.value.reasons)


def calc(v2d: str = V2D, vex: str = VEX) -> Calc:
    found = plan(v2d, vex)
    return job_calc(found, found.drafts[0], Path("/jobs"), Path("/jobs/e.vex"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("VDIF/8032/2", Format("VDIF", (), 8032, 2)),
        ("vdif8032", Format("VDIF", (), 8032)),
        ("VDIF/2", Format("VDIF", (), 0, 2)),
        ("VDIF-8032", Format("VDIF", (), 8032)),
        ("VDIFL/5016/2", Format("VDIFL", (), 5016, 2)),
        ("VDIFC/8032/2", Format("VDIF", (), 8032, 2, "COMPLEX")),
        ("INTERLACEDVDIFD/0:3/8032/2", Format("INTERLACEDVDIF", (0, 3), 8032, 2, "COMPLEX_DSB")),
        ("VDIF_8032-512-16-2", Format("VDIF", (), 8032, 2)),
        ("Mark5B", Format("MARK5B")),
        ("Mark5B-512-16-2", Format("MARK5B", (), 0, 2)),
        ("Mark4", Format("MKIV")),
        ("VLBA1_2-128-4-2", Format("VLBA", (), 0, 2)),
    ],
)
def test_formats_are_understood(text: str, wanted: Format) -> None:
    assert read_format(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "CODIF/8032/2", "S2", "LBAVSOP", "VDIF/0/2", "INTERLACEDVDIF/0:/1032/2", "?"]
)
def test_formats_that_cannot_be_made_are_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_format(text)


@given(
    st.text(max_size=60) | st.from_regex(r"[A-Za-z]{0,20}[-/_]?[0-9:,]{0,30}[-/][0-9]{0,12}", fullmatch=True)
)
def test_any_format_is_understood_or_refused(text: str) -> None:
    try:
        found = read_format(text)
    except Unreadable:
        return
    assert found.frame_bytes >= 0
    assert all(0 <= thread < 1024 for thread in found.threads)


def test_a_format_of_the_v2d_replaces_that_of_the_schedule() -> None:
    (job,) = inputs(V2D.replace("/data/aa.vdif", "/data/aa.vdif format = INTERLACEDVDIF/0:1/1032/2"))
    first, second, _ = job.datastreams
    assert (first.data_format, first.frame_size) == ("INTERLACEDVDIF/0:1", 1032)
    assert (second.data_format, second.frame_size) == ("VDIF", 8032)
    assert "no size of a frame" in reasons(vex=VEX.replace("VDIF/8032/2", "VDIF"))
    assert "needs its threads" in reasons(V2D.replace("/data/aa.vdif", "x format = INTERLACEDVDIF/1032/2"))
    assert "cannot replace VDIF" in reasons(V2D.replace("/data/aa.vdif", "x format = Mark5B"))


def test_data_are_files_lists_modules_or_made_up() -> None:
    listed = V2D.replace("file = /data/aa.vdif", "filelist = aa.list")
    listed = listed.replace("file = /data/bb.vdif", "module = USN-0001").replace(
        "file = /data/cc.vdif", "source = fake"
    )
    text = "# made\n/d/1.vdif 2024y001d11h00m00s 2024y001d12h02m00s\n\n/d/2.vdif 60310.51 60310.52 # more\n/d/3.vdif\n"
    (job,) = inputs(listed, lists={"aa.list": text})
    assert [(one.data_source, one.files) for one in job.datastreams] == [
        ("FILE", ["/d/1.vdif", "/d/3.vdif"]),
        ("MODULE", ["USN-0001"]),
        ("FAKE", []),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/d/1 60310 60311 the first", "remarks stand behind #"),
        ("/d/1 60310", "a line is a name"),
        ("/d/1 noon night", "is no time"),
        ("/d/1 60311 60310", "ends before it begins"),
        ("# nothing", "names no files"),
        (None, "cannot be read"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(text: str | None, why: str) -> None:
    listed = V2D.replace("file = /data/aa.vdif", "filelist = aa.list")
    assert why in reasons(listed, lists={} if text is None else {"aa.list": text})


def test_a_station_without_data_is_left_out_and_said() -> None:
    found = plan(V2D.replace("ANTENNA Cc { file = /data/cc.vdif }", ""))
    assert [draft.stations for draft in found.drafts] == [("AA", "BB")]
    assert any("Cc has no data" in note for note in found.notes)
    assert "no scan has data of 2 stations" in reasons(V2D.partition("ANTENNA Bb")[0])


def test_stations_are_chosen_renamed_and_ordered() -> None:
    (job,) = inputs("antennas = cc, AA\n" + V2D.replace("/data/cc.vdif", "/data/cc.vdif name = X1"))
    assert [one.name for one in job.telescopes] == ["AA", "X1"]
    (job,) = inputs("antennas = cc, AA\nsortAntennas = False\n" + V2D)
    assert [one.name for one in job.telescopes] == ["CC", "AA"]
    assert [one.files for one in job.datastreams] == [["/data/cc.vdif"], ["/data/aa.vdif"]]
    assert "no station BX" in reasons("antennas = Aa, Bx\n" + V2D)


def test_rules_choose_setups_and_leave_scans_out() -> None:
    rules = "RULE a { scan = No0001 setup = fine }\nRULE b { setup = SKIP }\n"
    rules += "SETUP fine { tInt = 1 nChan = 256 subintNS = 40000000 }\n"
    (job,) = inputs(V2D + rules)
    assert (job.freqs[0].num_channels, job.configurations[0].name) == (256, "m1_fine")
    assert "there is no SETUP none" in reasons(V2D + "RULE a { setup = none }\n")
    assert "is left within" in reasons(V2D + "RULE a { setup = SKIP }\n")


def test_times_and_breaks_cut_jobs() -> None:
    found = plan("mjdStart = 2024y001d12h02m00s\nbreak = 2024-01-01T12:03:00\nmaxGap = 10\n" + V2D)
    assert [(draft.name, draft.start_s % 86400 - 43200, draft.duration_s) for draft in found.drafts] == [
        ("e_1", 120, 60),
        ("e_2", 180, 120),
        ("e_3", 360, 120),
    ]


def test_clocks_come_from_the_v2d_else_from_the_schedule() -> None:
    text = V2D.replace(
        "/data/aa.vdif", "a clockOffset = 2 clockRate = 1e-6 clockEpoch = 60310 deltaClock = 0.5"
    )
    text = text.replace("/data/bb.vdif", "b deltaClock = 0.25 deltaClockRate = 1e-6")
    (job,) = inputs(text)
    assert [one.clock_coeffs for one in job.telescopes] == [
        pytest.approx([2.5, 1e-6]),
        pytest.approx([-0.25, 0.0], abs=1e-12),
        pytest.approx([-0.5, -1e-6]),
    ]


def test_polarizations_are_swapped_and_bands_flipped_to_the_upper_one() -> None:
    """A station that recorded a range as lower sideband: products stand under the upper one."""
    vex = VEX.replace("ref $FREQ = f1 : Aa : Bb : Cc;", "ref $FREQ = f1 : Aa : Bb;\nref $FREQ = f2 : Cc;")
    other = VEX[VEX.index("def f1;") : VEX.index("$IF;")]
    flipped = other.replace("def f1", "def f2").replace("8400.00 MHz : U", "8404.00 MHz : L")
    vex = vex.replace("$IF;", flipped + "$IF;")
    (job,) = inputs(vex=vex)
    assert [(one.freq_mhz, one.sideband) for one in job.freqs] == [(8400, "U"), (8412, "L"), (8404, "L")]
    assert [[one.target_freq for one in baseline.freqs] for baseline in job.baselines] == [[0, 1]] * 3
    assert job.baselines[1].freqs[0].products == [(0, 0)]
    swapped = V2D.replace("/data/aa.vdif", "a polSwap = True").replace("doPolar = False", "")
    (job,) = inputs(swapped)
    assert [[band.pol for band in one.bands] for one in job.datastreams] == [["L"] * 2, ["R"] * 2, ["R"] * 2]


def test_tones_and_bands_of_one_choice() -> None:
    text = V2D.replace("/data/aa.vdif", "a phaseCalInt = 1").replace("doPolar", "freqId = 0 doPolar")
    (job,) = inputs(text)
    assert [one.phase_cal_int_mhz for one in job.datastreams] == [1, 0, 0]
    assert [(one.freq_mhz, one.phase_cals) for one in job.freqs][:2] == [(8400, [0, 2]), (8412, [0, 2])]
    assert {freq.target_freq for baseline in job.baselines for freq in baseline.freqs} == {0}


def test_places_offsets_and_sources_can_be_given() -> None:
    found = calc(
        V2D.replace("/data/aa.vdif", "a X = 1 Y = 2 Z = 3 axisOffset = 1.5")
        + "SOURCE SRC { calCode = B ra = 01:00:00 dec = -10:00:00 }\n"
    )
    first = found.telescopes[0]
    assert (first.x, first.y, first.z, first.offset_m, first.mount) == (1, 2, 3, 1.5, "AZEL")
    assert (found.sources[0].calcode, round(found.sources[0].ra, 6)) == ("B", 0.261799)
    assert "X, Y and Z" in reasons(V2D.replace("/data/aa.vdif", "a X = 1"))


def test_a_station_that_comes_late_is_flagged() -> None:
    vex = VEX.replace("station = Cc : 0 sec : 300 sec", "station = Cc : 30 sec : 270 sec")
    found = plan(vex=vex)
    start = 60310.5
    assert job_flags(found.drafts[0]) == [
        Flag(start, pytest.approx(start + 30 / 86400), 2),
        Flag(pytest.approx(start + 300 / 86400), pytest.approx(start + 360 / 86400), 0),
        Flag(pytest.approx(start + 300 / 86400), pytest.approx(start + 360 / 86400), 1),
        Flag(pytest.approx(start + 270 / 86400), pytest.approx(start + 360 / 86400), 2),
    ]
    assert job_flags(found.drafts[0], 4) == []
    assert len(job_flags(found.drafts[0], 8)) == 3


def test_machines_and_threads_are_written_where_they_are_named() -> None:
    text = "nCore = 2  nThread = 3\nmachines = Head, n1, n2, c1, c2\n" + V2D.replace(
        "/data/bb.vdif", "b machine = own"
    )
    found = plan(text)
    texts = job_texts(found, Path("/jobs"), "e.v2d", vex_file=Path("/jobs/e.vex"))
    assert texts["e_1.machines"].split() == ["head", "n1", "own", "n2", "c1", "c2"]
    assert texts["e_1.threads"].split()[3:] == ["2", "3", "3"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("mode = m1;", "mode = m9;", "its mode m9 is not in $MODE"),
        ("source = SRC;", "source = OTHER;", "its source OTHER is not in $SOURCE"),
        ("source = SRC;", "source = SRC; source = SRC2;", "several phase centres"),
        ("0 sec : 300 sec", "0 sec : long", "cannot be read"),
        ("site_position = 4000000.000 m :", "site_position = west :", "no site_position"),
        ("axis_type = az : el;", "", "no axis_type"),
        ("ref_coord_frame = J2000", "ref_coord_frame = B1950", "B1950"),
        ("ra = 04h42m56.9s;", "", "place of source SRC"),
        ("$EOP;", "$COMMENT;", "no Earth orientation"),
        ("$EOP;\n", "$EOP;\r\n", "DOS line ends"),
        ("sample_rate = 8.0", "sample_rate = 16.0", "twice the bandwidth"),
        ("TAI-UTC= 37 sec;", "", "TAI-UTC"),
        ("eop_ref_epoch= 2024y00", "eop_ref_epoch= 2023y00", "Earth orientation is known for"),
    ],
)
def test_schedules_that_cannot_be_used_are_refused(old: str, new: str, why: str) -> None:
    assert old in VEX
    assert why in reasons(vex=VEX.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("tInt = 1", "tInt = x", "tInt 'x' is no number"),
        ("vex = e.vex", "vex = e.vex\nbaselines = Aa-Bb", "baselines"),
        ("vex = e.vex", "vex = e.vex\r", "DOS line ends"),
        ("vex = e.vex", "vex = e.vex\nmode = profile", "pulsars"),
        ("vex = e.vex", "vex = e.vex\nmaxgap = 3", "maxGap is meant?"),
        ("file = /data/aa.vdif", "file = a module = b", "exclude each other"),
        ("file = /data/aa.vdif", "mark6file = a", "Mark6"),
        ("ANTENNA Bb", "ANTENNA aa", "two blocks"),
        ("file = /data/aa.vdif", "networkPort = 5", "network"),
        ("file = /data/aa.vdif", "filelist = a, b", "several datastreams"),
        ("file = /data/aa.vdif", "file = a freqClockOffs = 1, 0", "the first is not 0"),
        ("file = /data/aa.vdif", "file = a freqClockOffs = 0", "1 values for 2 recorded frequencies"),
        ("file = /data/aa.vdif", "file = a loOffsets = 1.5", "1 values for 2 recorded frequencies"),
        ("file = /data/aa.vdif", "file = a loOffsets = 0, x", "'x' is no number"),
        ("file = /data/aa.vdif", "file = a freqClockOffs = 0, 1:2:3:4", "one, two or three numbers"),
        ("file = /data/aa.vdif", "file = a sampling = COMPLEX", "another sampling"),
        ("vex = e.vex", "vex = e.vex\nEOP 60310 { tai_utc = 37 }", "leave it in one of them"),
        ("vex = e.vex", "vex = e.vex\njobSeries = a/b", "only letters and digits"),
        ("file = /data/aa.vdif", "file = a name = bb", "several stations are called BB"),
        (
            "vex = e.vex",
            "vex = e.vex\nEOP 60310.5 { tai_utc = 37 }",
            "EOP 60310.5: a .calc has Earth orientation of 0h",
        ),
        (
            "vex = e.vex",
            "vex = e.vex\nEOP 60310 { tai_utc = 37 } EOP 2024-01-01T00:00:00 { tai_utc = 37 }",
            "EOP 2024-01-01T00:00:00: a .calc has Earth orientation of 0h of different days",
        ),
        ("vex = e.vex", "vex = e.vex\nsingleSetup = False\nmaxGap = 1000", ""),
    ],
)
def test_v2ds_that_cannot_be_used_are_refused(old: str, new: str, why: str) -> None:
    if why:
        assert why in reasons(V2D.replace(old, new))
    else:
        assert plan(V2D.replace(old, new)).drafts  # one mode is no reason


def test_two_modes_in_one_job_are_refused() -> None:
    """They would be two configurations; apart they are two jobs."""
    vex = VEX.replace(
        "$STATION;", VEX[VEX.index("def m1;") : VEX.index("$STATION;")].replace("m1", "m2") + "$STATION;"
    )
    head, tail = vex.split("scan No0002;")
    vex = head + "scan No0002;" + tail.replace("mode = m1", "mode = m2")
    assert [draft.mode for draft in plan(vex=vex).drafts] == ["m1", "m2"]
    assert "several configurations" in reasons("singleSetup = False\n" + V2D, vex)


def test_each_frequency_has_its_own_clock_and_oscillator() -> None:
    offsets = "allowAllClockOffsets = True\n" + V2D.replace(
        "file = /data/aa.vdif", "file = a loOffsets = 1.25, -3e2 freqClockOffs = -0.5:0.25, 0.125:0:-90"
    )
    made = plan(offsets)
    first, second, _ = job_input(made, made.drafts[0], Path("/srv")).datastreams
    assert [
        (one.clock_offset_us, one.clock_offset_delta_us, one.phase_offset_deg, one.freq_offset_hz)
        for one in (*first.recorded_freqs, *second.recorded_freqs)
    ] == [(-0.5, 0.25, 0, 1.25), (0.125, 0, -90, -300), (0, 0, 0, 0), (0, 0, 0, 0)]


_WORDS = ["", ";", "-1", "0", "1e300", "nan", "Aa", "U", "99999999999", "{", "}", "=", ":", "x/y"]


@settings(deadline=None)
@given(data=st.data())
def test_any_change_of_both_files_gives_jobs_or_reasons(data: st.DataObject) -> None:
    """Whatever stands there: files that can be written, or a documented error; nothing else."""
    texts = []
    for text in (VEX, V2D):
        lines = text.splitlines()
        for _ in range(data.draw(st.integers(0, 3))):
            number = data.draw(st.integers(0, len(lines) - 1))
            words = lines[number].split(" ")
            place = data.draw(st.integers(0, len(words) - 1))
            words[place] = data.draw(
                st.sampled_from(
                    ["", ";", "-1", "0", "1e300", "nan", "Aa", "U", "99999999999", "{", "}", "=", ":", "x/y"]
                )
                | st.text(max_size=6)
            )
            lines[number] = " ".join(words)
        texts.append("\n".join(lines) + "\n")
    try:
        found = plan(texts[1], texts[0])
        job_texts(found, Path("/jobs"), "e.v2d", vex_file=Path("/jobs/e.vex"))
    except (CannotMakeJob, FileFormatError):
        return
    assert found.drafts
