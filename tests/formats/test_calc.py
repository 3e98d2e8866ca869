# SPDX-License-Identifier: GPL-3.0-or-later
"""The .calc file: what it says, and that writing gives back every byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.calc import (
    Calc,
    CalcScan,
    CalcTelescope,
    Eop,
    Source,
    format_calc,
    parse_calc,
    read_calc,
    write_calc,
)

REFERENCE = Path(__file__).parents[1] / "reference"
MADE_BY_VEX2DIFX = sorted((REFERENCE / "mpifxcorr-output").rglob("*.calc"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.calc"


@pytest.mark.parametrize("path", MADE_BY_VEX2DIFX, ids=lambda path: path.stem)
def test_writing_gives_back_every_byte(path: Path, tmp_path: Path) -> None:
    write_calc(read_calc(path), tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_writing_gives_back_every_byte_of_public_jobs(shared: Path) -> None:
    paths = sorted((shared / "data/difx-samples").rglob("*.calc"))
    assert len(paths) >= 18
    for path in paths:
        text = path.read_bytes().decode()
        assert format_calc(parse_calc(text, path)) == text, path


@pytest.mark.parametrize("path", sorted((REFERENCE / "raw-jobs").rglob("*.calc")), ids=lambda path: path.stem)
def test_other_blanks_change_no_value(path: Path) -> None:
    calc = read_calc(path)
    assert parse_calc(format_calc(calc), path) == calc


def test_values() -> None:
    calc = read_calc(REFERENCE / "raw-jobs/lsb1bit/lsb1bit.calc")
    assert calc.obscode
    assert [scan.start_s for scan in calc.scans] == [0, 2]
    assert [scan.duration_s for scan in calc.scans] == [1, 2]
    assert [calc.sources[scan.phase_centers[0]].name for scan in calc.scans] == ["SRCA", "SRCB"]
    assert [telescope.name for telescope in calc.telescopes] == ["AA", "BB"]
    assert calc.companion("im") == calc.path.parent / "lsb1bit.im"
    alpha = read_calc(ALPHA)
    assert alpha.start_time == (2024, 1, 1, 12, 0, 0)
    assert (alpha.sources[0].ra, alpha.sources[0].dec, alpha.sources[0].calcode) == (1.234567, 0.456789, "")
    assert alpha.telescopes[2] == CalcTelescope("CC", "AZEL", 0.0, 4850000.0, -260000.0, 4120000.0, "NONE")
    assert [eop.ut1_utc_s for eop in alpha.eops] == [-0.2] * 5


def test_two_phase_centres() -> None:
    calc = read_calc(REFERENCE / "mpifxcorr-output/zeta_1/zeta_1.calc")
    assert len(calc.scans[0].phase_centers) == 2


def test_a_job_made_from_scratch_is_read_back() -> None:
    calc = Calc(
        job_id=3,
        job_start_mjd=60310.5,
        job_stop_mjd=60310.5069444,
        delay_model="CALC",
        obscode="DEMO",
        difx_version="DiFX-2.9.0",
        difx_label="test",
        vex_file="/x/demo.vex",
        start_mjd=60310.5,
        start_time=(2024, 1, 1, 12, 0, 0),
        telescopes=[CalcTelescope("AA", "AZEL", 0.5, 4e6, 5e5, 4.9e6)],
        sources=[Source("A", 1 / 3, -1 / 7, "V", 2), Source("B", 6.1, 0.2)],
        scans=[CalcScan("No0001", 0, 60, "m", pointing_source=1, phase_centers=[1, 0])],
        eops=[Eop(60310, 37, -0.0175, 0.1, 0.2)],
        num_spacecraft=1,
        spacecraft=[("SPACECRAFT 0 NAME", "PROBE"), ("SPACECRAFT 0 ROWS", "0")],
        im_filename="/x/demo_3.im",
        flag_filename="/x/demo_3.flag",
    )
    text = format_calc(calc)
    assert "SOURCE 0 RA:         0.3333333333333333\n" in text
    assert "EOP 0 TAI_UTC (sec):37\n" in text
    assert parse_calc(text) == calc


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("NUM SCANS:          1", "NUM SCANS:          1000000000", "1000000000"),
        ("SCAN 0 POINTING SRC:0", "SCAN 0 POINTING SRC:1", "not between 0 and 0"),
        ("SCAN 0 PHS CTR 0:   0", "SCAN 0 PHS CTR 0:  -1", "SCAN 0 PHS CTR 0"),
        ("START MONTH:        1", "START MONTH:        13", "START MONTH"),
        ("SOURCE 0 RA:         1.23", "SOURCE 0 RA:         one", "SOURCE 0 RA"),
        ("FLAG FILENAME:", "FLAGS:", "the file ends"),
    ],
)
def test_damage_is_named(old: str, new: str, expected: str) -> None:
    text = ALPHA.read_text()
    assert old in text
    with pytest.raises(FileFormatError, match=expected):
        parse_calc(text.replace(old, new), ALPHA)
