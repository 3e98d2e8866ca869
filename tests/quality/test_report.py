# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: every kind of source gives the same, good jobs pass, and what is shown acts on no page and no terminal."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import difxnb
from difxnb.catalogue import StoredJob, open_jobs
from difxnb.quality.checks import CHECKS
from difxnb.quality.gathering import gather
from difxnb.quality.report import QualityReport, check_quality
from difxnb.quality.verdict import Check, Scale, Verdict
from difxnb.visibility import open_visibilities
from tests.quality.made_material import GOOD, noise_like, sides, visibilities
from tests.stored_jobs import ALPHA, SWIN_JOBS, encoded, made_job, records_of

FINE = {"go", "look", "not applicable"}


@pytest.fixture(scope="module")
def alpha():
    return check_quality(ALPHA)


@pytest.mark.parametrize("job", GOOD, ids=lambda job: job.stem)
def test_good_jobs_are_no_no_go(job):
    report = check_quality(job)
    assert set(report.frame()["verdict"]) <= FINE
    assert report.verdict in (Verdict.GO, Verdict.LOOK)
    assert [check.name for check in report] == list(CHECKS)
    assert all(check.text for check in report)


@pytest.mark.parametrize(
    "source",
    [
        str(ALPHA),
        ALPHA.with_suffix(".difx"),
        StoredJob(ALPHA),
        SimpleNamespace(input_file=str(ALPHA)),
    ],
    ids=["text", "folder", "stored job", "job of a correlator"],
)
def test_every_kind_of_source_is_the_same_job(source):
    found, same = gather(source), gather(ALPHA)
    assert found.job == "alpha_1"
    xr.testing.assert_identical(found.dataset, same.dataset)
    assert (found.size, found.missing_parts, found.is_part) == (same.size, same.missing_parts, False)
    assert all(part is not None for part in (found.input, found.calc, found.pcal))


def test_visibilities_and_their_job_give_the_same(alpha):
    found = check_quality(open_visibilities(ALPHA))
    assert found.job == "alpha_1"
    pd.testing.assert_frame_equal(found.frame(), alpha.frame())


def test_fringes_are_shown_with_their_correlation(alpha):
    whole = difxnb.fringe_fit(open_visibilities(ALPHA)).set_index(["baseline", "band", "polarization"])
    for row in alpha["fringes"].evidence.itertuples():
        assert row.correlation == whole.loc[(row.baseline, row.band, row.polarization), "correlation"] > 0


def test_it_is_a_public_name(alpha):
    assert difxnb.check_quality is check_quality
    assert isinstance(alpha, QualityReport)


def test_visibilities_without_files_are_judged_by_themselves():
    bare = visibilities()
    bare.attrs = {}
    report = check_quality(bare)
    assert report.job == ""
    assert report["fringes"].verdict is Verdict.GO
    assert report["log"].verdict is Verdict.NOT_APPLICABLE
    assert report["log"].text == "there are no files of this job here"


def test_of_a_selection_only_that_is_judged_which_is_in_it():
    part = open_visibilities(ALPHA).difx.baseline("AA", "BB")
    report = check_quality(part)
    assert report["missing"].verdict is Verdict.GO
    assert "by gaps" in report["missing"].text
    assert report["fringes"].evidence["baseline"].tolist() == ["AA-BB"]


def test_one_product_alone_can_be_judged():
    one = visibilities().isel(baseline=0, band=0, polarization=0)
    assert check_quality(one)["fringes"].value == 1.0


def test_a_bad_job_is_a_no_go_and_the_reason_comes_first():
    good = visibilities()
    is_bb = good["baseline"].copy(data=sides(good, "BB") != 0)
    report = check_quality(noise_like(good, is_bb))
    assert report.verdict is Verdict.NO_GO
    lines = repr(report).splitlines()
    assert "no-go" in lines[0]
    assert lines[1].split()[:3] == ["✗", "no-go", "fringes"]
    assert "BB" in lines[1]


def test_data_that_are_out_of_order_and_no_numbers_are_judged_all_the_same():
    odd = visibilities().isel(time=[0, 1, 2, 4, 3, 5, 5, 6, 7])
    odd["VISIBILITY"][0, 0] = np.inf
    report = check_quality(odd)
    assert report["order"].verdict is Verdict.NO_GO
    assert report["fringes"].verdict is Verdict.GO


ODD = {
    "a single channel": lambda d: d.isel(channel=[5]).assign_coords(n_channels=("band", [1, 1])),
    "no baseline": lambda d: d.isel(baseline=[]),
    "nothing but NaN": lambda d: d.assign(VISIBILITY=d["VISIBILITY"] * np.nan, WEIGHT=d["WEIGHT"] * 0),
    "huge values": lambda d: d.assign(VISIBILITY=d["VISIBILITY"] * np.float32(1e30)),
    "no weights": lambda d: d.drop_vars("WEIGHT"),
    "no names of scans": lambda d: d.drop_vars(["scan_name", "field_name"]),
    "names that act on a terminal": lambda d: d.assign_coords(scan_name=("time", ["<b>\x1b[2J"] * 8)),
    "years within a scan": lambda d: d.assign_coords(
        time=d["time"].values + (np.arange(8) > 3) * np.timedelta64(3650, "D").astype("timedelta64[ns]")
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_are_reported_and_not_refused(name):
    data = visibilities()
    data.attrs = {"job": "odd", "integration_time": data.attrs["integration_time"]}
    report = check_quality(ODD[name](data))
    assert [check.name for check in report] == list(CHECKS)
    assert all(check.text for check in report)
    json.dumps(report.to_dict(), allow_nan=False)
    assert "\x1b" not in repr(report) + report._repr_html_()


def test_what_cannot_be_fitted_says_why():
    one = visibilities().isel(channel=[5]).assign_coords(n_channels=("band", [1, 1]))
    assert "two or more frequencies" in check_quality(one)["fringes"].text


def test_a_job_without_output_says_so(tmp_path):
    input_file = made_job(tmp_path, {})
    input_file.with_suffix(".difx").rmdir()
    input_file.with_suffix(".difxlog").unlink(missing_ok=True)
    report = check_quality(input_file)
    assert report["fringes"].verdict is Verdict.NOT_APPLICABLE
    assert ".difx" in report["fringes"].text
    assert report["log"].text == f"there is no {input_file.stem}.difxlog"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert check_quality(made_job(empty, b""))["missing"].value == 1.0


def test_a_job_with_damaged_files_is_reported_and_not_refused(tmp_path):
    whole = encoded(records_of(ALPHA))
    input_file = made_job(tmp_path, whole[:300] + b"\1" * 40 + whole[340:])
    input_file.with_suffix(".calc").write_text("nothing of the kind\n")
    report = check_quality(input_file)
    assert report["order"].verdict is not Verdict.GO
    assert "by gaps" in report["missing"].text


def test_fringes_that_were_fitted_already_are_used(alpha):
    table = difxnb.fringe_fit(open_visibilities(ALPHA))
    table["false_alarm_probability"] = 1.0
    assert check_quality(ALPHA, fringes=table)["fringes"].verdict is Verdict.NO_GO


def test_expected_baselines_may_be_named_either_way():
    assert check_quality(ALPHA, expected=["BB-AA"])["fringes"].evidence["baseline"].tolist() == ["AA-BB"]
    with pytest.raises(ValueError, match="no baseline 'AA-XX'"):
        check_quality(ALPHA, expected=["AA-XX"])
    with pytest.raises(ValueError, match="list of baselines"):
        check_quality(ALPHA, expected="AA-BB")


def test_a_job_that_runs_is_judged_so_far():
    report = check_quality(ALPHA, running=True)
    assert report.running
    assert "so far" in repr(report).splitlines()[0]
    assert report["weights"].text.endswith("so far")


def test_live_data_are_judged_so_far():
    live = visibilities()
    live = live.assign(WEIGHT=live["WEIGHT"] * np.nan)
    live.attrs = {"visibility_source": "live monitor"}
    report = check_quality(live)
    assert report.running
    assert report["weights"].verdict is Verdict.NOT_APPLICABLE
    assert report["fringes"].verdict is Verdict.GO
    assert report["missing"].verdict is Verdict.GO


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (17, TypeError, "not of int"),
        (SWIN_JOBS, ValueError, "means 5 jobs"),
        (SimpleNamespace(input_file="/nowhere/job_1.input"), FileNotFoundError, "visibilities\\(directory="),
        ("/nowhere/job_1.input", FileNotFoundError, "nowhere"),
    ],
)
def test_what_is_no_job_is_refused(source, error, text):
    with pytest.raises(error, match=text):
        check_quality(source)


def test_options_of_catalogues_and_jobs_do_not_mix():
    with pytest.raises(ValueError, match="catalogue"):
        check_quality(ALPHA, last=3)
    with pytest.raises(ValueError, match="one job"):
        check_quality(open_jobs(ALPHA), running=True)


def test_the_table_has_a_row_for_every_check(alpha):
    frame = alpha.frame()
    assert list(frame) == ["check", "verdict", "value", "limit", "unit", "text"]
    assert frame["check"].tolist() == list(CHECKS)
    assert len(alpha) == len(frame)
    assert alpha["weights"].name == "weights"
    with pytest.raises(KeyError, match="no check 'colour'; there are fringes"):
        alpha["colour"]


def test_json_has_all_of_it_and_no_numbers_that_it_cannot_have(alpha):
    told = json.loads(json.dumps(alpha.to_dict(), allow_nan=False))
    assert told["verdict"] == alpha.verdict
    weights = next(check for check in told["checks"] if check["check"] == "weights")
    assert weights["value"] == alpha["weights"].value
    assert weights["evidence"]["antenna"] == alpha["weights"].evidence["antenna"].tolist()
    odd = Check(
        "odd", Verdict.LOOK, float("nan"), "", "", "", pd.DataFrame({"x": [np.inf, 1.0], "verdict": "look"})
    )
    made = json.loads(json.dumps(QualityReport("j", (odd,)).to_dict(), allow_nan=False))
    assert made["checks"][0]["evidence"]["x"] == [None, 1.0]


def hostile(verdict=Verdict.NO_GO):
    rows = pd.DataFrame({"antenna": ["<b>$x_1$\x1b[31m"], "value": [2.0], "verdict": [str(verdict)]})
    check = Check(
        "odd", verdict, 2.0, "µs", "at most <1", "<script>x</script>\x1b[2J", rows, Scale("value", 1.0, 3.0)
    )
    return QualityReport("<i>job</i>\x07", (check,))


def test_html_has_words_and_escapes_names():
    page = hostile()._repr_html_()
    assert "<script" not in page
    assert "<i>" not in page
    assert "\x1b" not in page
    assert "✗ no-go" in page  # a word and a mark, not a colour alone
    assert "\x1b" not in repr(hostile())
    assert "\x07" not in repr(hostile())


def test_pictures_are_made_of_every_check_that_says_how(alpha):
    figure = alpha.figure()
    drawn = [axes.get_title() for axes in figure.axes if axes.get_title()]
    wanted = [check for check in alpha if check.scale is not None and len(check.evidence)]
    assert len(drawn) == len(wanted) > 5
    assert all(check.verdict in title for check, title in zip(wanted, drawn, strict=True))
    assert hostile().figure()._repr_png_().startswith(b"\x89PNG")
    assert QualityReport("", ()).figure()._repr_png_().startswith(b"\x89PNG")


def test_limits_of_a_picture_stand_where_the_verdict_changes():
    axes = hostile().figure().axes[0]
    assert {line.get_xdata()[0] for line in axes.lines} == {1.0, 2.0, 3.0}
