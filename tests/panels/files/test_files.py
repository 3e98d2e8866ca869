# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser of files: going about, reading, choosing, changing, and refusals in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from difxnb.panels.files import FilesModel, FilesPanel
from difxnb.panels.files.listing import MOST_ROWS
from difxnb.panels.files.model import HEAD_LETTERS
from tests.notebook.far_end import FarEnd
from tests.panels.cabled import cabled
from tests.panels.stage import MakeStage, Stage


@pytest.fixture
def panel(stage: Stage) -> Iterator[FilesPanel]:
    """A browser that shows the root of the server."""
    with opened(stage) as panel:
        yield panel


def opened(stage: Stage) -> FilesPanel:
    panel = FilesPanel(FilesModel(stage.difx, stage.work, str(stage.root)))
    settle(panel, stage)
    return panel


def settle(panel: FilesPanel, stage: Stage) -> None:
    """Paint, wait for what was asked for, and paint what came of it."""
    panel.paint()
    stage.until_idle()
    panel.paint()


def choose(panel: FilesPanel, name: str) -> None:
    """Press on a line of the list, as a browser does."""
    panel.list.value = next(path for path in listed(panel) if path.endswith(f"/{name}"))


def listed(panel: FilesPanel) -> list[str]:
    return [path for _, path in panel.list.options]


def test_a_directory_is_listed_and_gone_into_and_left(stage: Stage, panel: FilesPanel) -> None:
    (stage.root / "below").mkdir()
    (stage.root / "below" / "inside.txt").write_text("x")
    panel.refresh.click()
    settle(panel, stage)
    assert listed(panel)[0] == str(stage.root / "below"), "directories come first"
    choose(panel, "below")
    panel.open.click()
    settle(panel, stage)
    assert listed(panel) == [str(stage.root / "below" / "inside.txt")]
    assert panel.path.value == str(stage.root / "below")
    panel.up.click()
    settle(panel, stage)
    assert str(stage.root / "job.input") in listed(panel)


def test_lines_show_sizes_and_dates(stage: Stage, panel: FilesPanel) -> None:
    os.utime(stage.root / "job.input", (0, 1_700_000_000))
    panel.refresh.click()
    settle(panel, stage)
    label = next(label for label, path in panel.list.options if path.endswith("job.input"))
    assert "2023-11-14 22:13" in label.replace("\u00a0", " ")
    assert "kB" in label


def test_patterns_filters_and_orders(stage: Stage, panel: FilesPanel) -> None:
    panel.path.value = f"{stage.root}/*.calc"
    settle(panel, stage)
    assert listed(panel) == [str(stage.root / "job.calc")]
    panel.up.click()
    settle(panel, stage)
    panel.filter.value = "JOB.I"
    panel.paint()
    assert {Path(path).name for path in listed(panel)} == {"job.input", "job.im"}
    panel.filter.value = "*.im"
    panel.paint()
    assert listed(panel) == [str(stage.root / "job.im")]
    panel.filter.value = ""
    panel.jobs_only.value = True
    panel.paint()
    assert listed(panel) == [str(stage.root / "job.input")]
    panel.jobs_only.value = False
    panel.order.value = "largest first"
    panel.paint()
    assert listed(panel)[0].endswith(".vdif")


def test_a_job_is_chosen_and_told_to_whoever_asked(stage: Stage, panel: FilesPanel) -> None:
    told: list[str] = []
    panel.model.on_chosen.append(told.append)
    assert panel.use.disabled
    choose(panel, "job.calc")
    panel.paint()
    assert panel.use.disabled
    panel.model.choose()
    assert "job.calc is chosen" in panel.model.snapshot().message
    choose(panel, "job.input")
    panel.paint()
    panel.use.click()
    assert told == [str(stage.input_file)]
    panel.open.click()
    assert told == [str(stage.input_file)] * 2


def test_a_path_of_a_file_leads_to_its_directory_with_the_file_chosen(
    stage: Stage, panel: FilesPanel
) -> None:
    panel.path.value = str(stage.input_file)
    settle(panel, stage)
    assert panel.path.value == str(stage.root)
    assert panel.list.value == str(stage.input_file)


def test_the_beginning_of_a_text_is_shown_and_escaped(stage: Stage, panel: FilesPanel) -> None:
    (stage.root / "notes.txt").write_text("<b>bold</b>\x1b[31m" + "y" * HEAD_LETTERS)
    panel.refresh.click()
    settle(panel, stage)
    choose(panel, "notes.txt")
    panel.read.click()
    settle(panel, stage)
    assert "&lt;b&gt;bold" in panel.head.value
    assert "\x1b" not in panel.head.value
    assert f"the first {HEAD_LETTERS} of {HEAD_LETTERS + 16} letters" in panel.head.value
    assert "&lt;b&gt;bold" in panel.twin().html
    panel.close_text.click()
    panel.paint()
    assert panel.head.value == ""


def test_what_is_no_text_is_not_shown_as_one(stage: Stage, panel: FilesPanel) -> None:
    choose(panel, "AA.vdif")
    panel.open.click()
    settle(panel, stage)
    assert "no text" in panel.head.value


def test_a_directory_is_made_and_removed_when_asked_for_twice(stage: Stage, panel: FilesPanel) -> None:
    panel.new_name.value = "new one"
    panel.mkdir.click()
    settle(panel, stage)
    stage.until_idle()
    panel.paint()
    made = stage.root / "new one"
    assert made.is_dir()
    choose(panel, "new one")
    panel.delete.click()
    settle(panel, stage)
    assert made.is_dir()
    assert "gone for good" in panel.news.value
    assert panel.delete.description.startswith("Press again")
    panel.delete.click()
    stage.until(lambda: not made.exists())
    stage.until_idle()
    panel.paint()
    assert str(made) not in listed(panel)
    assert panel.delete.description == "Delete…"


def test_choosing_something_else_takes_back_the_wish_to_remove(stage: Stage, panel: FilesPanel) -> None:
    choose(panel, "job.calc")
    panel.delete.click()
    choose(panel, "job.im")
    panel.delete.click()
    settle(panel, stage)
    assert (stage.root / "job.calc").exists()
    assert (stage.root / "job.im").exists()


def test_what_a_filter_hides_is_not_chosen_in_the_list_but_is_again_without_it(
    stage: Stage, panel: FilesPanel
) -> None:
    choose(panel, "job.calc")
    panel.paint()
    panel.filter.value = "*.input"
    panel.paint()
    assert panel.list.value is None
    panel.filter.value = ""
    panel.paint()
    assert panel.list.value == str(stage.root / "job.calc")


def test_a_home_that_nobody_has_is_refused_in_words(stage: Stage, panel: FilesPanel) -> None:
    choose(panel, "job.calc")
    for button in (panel.download, panel.upload):
        panel.local.value = "~nobody of that name/file"
        button.click()
        settle(panel, stage)
        assert "home directory" in panel.news.value
        assert panel.model.snapshot().is_problem


def test_files_go_to_this_computer_and_back(stage: Stage, panel: FilesPanel, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    choose(panel, "job.calc")
    panel.local.value = str(here)
    panel.download.click()
    settle(panel, stage)
    assert (here / "job.calc").read_bytes() == (stage.root / "job.calc").read_bytes()
    assert "on this computer" in panel.news.value
    panel.download.click()
    settle(panel, stage)
    assert panel.model.snapshot().is_problem, "nothing is overwritten"
    (here / "mine.txt").write_text("mine")
    panel.local.value = str(here / "mine.txt")
    panel.upload.click()
    stage.until(lambda: (stage.root / "mine.txt").exists())
    settle(panel, stage)
    assert str(stage.root / "mine.txt") in listed(panel)


def test_what_is_not_there_is_said_in_words(stage: Stage, panel: FilesPanel) -> None:
    panel.path.value = f"{stage.root}/nowhere"
    settle(panel, stage)
    assert "nowhere" in panel.news.value
    assert "✗" in panel.news.value
    assert str(stage.input_file) in listed(panel), "what was shown stays"
    panel.model.mkdir("")
    assert "needs a name" in panel.model.snapshot().message


def test_a_server_that_may_only_be_read_refuses_in_words(make_stage: MakeStage) -> None:
    stage = make_stage(read_only=True)
    with opened(stage) as panel:
        panel.new_name.value = "new"
        panel.mkdir.click()
        settle(panel, stage)
        assert "open for reading only" in panel.news.value
        assert not (stage.root / "new").exists()


def test_many_files_are_shown_in_part_and_counted(stage: Stage, panel: FilesPanel) -> None:
    for number in range(MOST_ROWS + 10):
        (stage.root / f"many-{number:04d}").touch()
    panel.refresh.click()
    settle(panel, stage)
    assert len(panel.list.options) == MOST_ROWS
    left_out = len(list(stage.root.iterdir())) - MOST_ROWS
    assert f"{left_out} left out" in panel.counts.value


def test_an_answer_that_comes_late_does_not_lead_back(stage: Stage, panel: FilesPanel) -> None:
    (stage.root / "a").mkdir()
    (stage.root / "b").mkdir()
    panel.model.go(str(stage.root / "a"))
    panel.model.go(str(stage.root / "b"))
    stage.until_idle()
    assert panel.model.snapshot().path == str(stage.root / "b")


def test_what_is_asked_for_while_the_connection_is_lost_is_done_when_it_is_back(
    far: FarEnd, tmp_path: Path
) -> None:
    with cabled(far, tmp_path, tmp_path / "job.input") as stage, opened(stage) as panel:
        stage.cut()
        stage.until(lambda: not stage.difx.connected)
        (tmp_path / "late").touch()
        panel.refresh.click()
        panel.paint()
        assert "under way: list of" in panel.news.value
        assert listed(panel) == []
        stage.mend()
        settle(panel, stage)
        assert listed(panel) == [str(tmp_path / "late")]
