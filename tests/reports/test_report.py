# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on stored jobs: all that is known is in one file, and nothing in it acts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

import difxnb
from difxnb.errors import OutputExists
from difxnb.reports.page import MOST_ROWS, page
from difxnb.reports.pictures import Picture
from tests.browser.pictures import is_blank
from tests.reports.pages import Page
from tests.stored_jobs import ALPHA

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "section", "p", "span", "div"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img"),
}
ATTRIBUTES = {
    *("charset", "name", "content", "http-equiv", "lang", "class", "style", "scope", "tabindex", "alt", "src")
}


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return difxnb.report(ALPHA, tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="module")
def alpha_page(alpha: Path) -> Page:
    return Page(alpha.read_text())


def test_it_has_the_name_of_the_job(alpha: Path) -> None:
    assert alpha.name == "alpha_1-report.html"


def test_it_is_whole_by_itself(alpha: Path, alpha_page: Page) -> None:
    """Only elements and attributes that fetch nothing and run nothing, and a policy that forbids the rest."""
    assert set(alpha_page.tags) == ELEMENTS
    assert alpha_page.attributes <= ATTRIBUTES
    assert "default-src 'none'" in alpha.read_text()
    assert "url(" not in alpha.read_text()


def test_it_tells_every_verdict_and_every_fringe(alpha_page: Page) -> None:
    ds = difxnb.open_visibilities(ALPHA)
    for check in difxnb.check_quality(ALPHA):
        assert check.name in alpha_page.texts
        assert check.text in alpha_page.texts
    for delay in difxnb.fringe_fit(ds)["delay"]:
        assert f"{delay * 1e9:.3f}" in alpha_page.texts


def test_it_tells_where_it_comes_from(alpha_page: Page) -> None:
    assert hashlib.sha256(ALPHA.read_bytes()).hexdigest() in alpha_page.texts
    for known in (str(ALPHA), "2.9", difxnb.__version__, pd.__version__):
        assert known in alpha_page.texts


def test_its_pictures_show_something(alpha_page: Page) -> None:
    assert len(alpha_page.pictures) == 4
    assert not any(map(is_blank, alpha_page.pictures))


def test_it_is_not_written_over(tmp_path: Path) -> None:
    there = tmp_path / "mine.html"
    there.write_text("mine")
    with pytest.raises(OutputExists, match="overwrite=True"):
        difxnb.report(ALPHA, there)
    assert there.read_text() == "mine"


def test_it_is_written_over_where_that_is_asked_for(tmp_path: Path, alpha: Path) -> None:
    """Of a single autocorrelation there is little to tell, and that is told."""
    there = tmp_path / "mine.html"
    there.write_text("mine")
    ds = difxnb.open_visibilities(ALPHA).difx.baseline("AA", "AA").isel(time=slice(2))
    assert difxnb.report(ds, there, overwrite=True) == there
    told = Page(there.read_text()).texts
    assert "there are no fringes" in told
    assert "not solved: there are no fringes to tell clocks from" in told
    assert list(tmp_path.iterdir()) == [there]


def test_names_do_nothing_to_the_page(tmp_path: Path) -> None:
    """A job and a scan that are called like elements, with control characters, on pages and in pictures."""
    scan = "<script>alert(2)</script>\x07$\\no"
    name = "<img src=x onerror=alert(1)>\x1b[2J&amp;"
    ds = difxnb.open_visibilities(ALPHA).difx.baseline("AA", "BB")
    ds = ds.assign_coords(scan_name=("time", [scan] * ds.sizes["time"]))
    ds.attrs |= {"job": name, "input_file": "", name: name}
    written = difxnb.report(ds, tmp_path)
    text = written.read_text()
    told = Page(text)
    assert set(told.tags) <= ELEMENTS
    assert told.attributes <= ATTRIBUTES
    assert not {"\x1b", "\x07"} & set(text)
    assert "not drawn" not in text
    shown = "<img src=x onerror=alert(1)>\\x1b[2J&amp;"
    for where in (f"Report on {shown}", shown, f"data: {shown}", "<script>alert(2)</script>\\x07$\\no"):
        assert where in told.texts
    assert written.name == "_img_src_x_onerror_alert_1____2J_amp_-report.html"


def test_what_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        difxnb.report(tmp_path / "nothing.input")
    with pytest.raises(TypeError, match="int"):
        difxnb.report(3)  # type: ignore[arg-type]


def test_rows_that_are_left_out_are_counted() -> None:
    from difxnb.reports.findings import findings_of

    found = findings_of(difxnb.open_visibilities(ALPHA).difx.baseline("AA", "AA").isel(time=slice(1)))
    files = pd.DataFrame({"file": ["one"] * (MOST_ROWS + 7)})
    pictures = [Picture("nothing", "not drawn: there is nothing", None)]
    told = Page(page(found, pictures, {}, files, pd.DataFrame()))
    assert told.texts.count("one") == MOST_ROWS
    assert "7 more rows are left out" in told.texts
    assert "nothing. not drawn: there is nothing" in told.texts
