# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel of unattended sessions: looked at first, begun, followed, stopped and taken up, all by pressing buttons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from difxnb.intensives import IntensiveRun, Recipe
from difxnb.notebook.intensive_desk import IntensiveDesk
from difxnb.panels.intensive import IntensiveModel, IntensivePanel
from difxnb.sessions import SessionRecord
from difxnb.synthetic import default_experiment, make_experiment
from tests.panels.stage import MakeStage, Stage

RECIPE = """\
name = "short"
schedule = "{root}/demo.vex"
v2d = "{root}/demo.v2d"
directory = "{root}/{{session}}"
newest = 0
wait_s = 60
look_s = 0.05

[[data]]
station = "BO"
pattern = "{root}/late/BO*"

[report]
html = false
"""
HOSTILE = "<script>x</script>\x1b[31m\u202e"


@contextmanager
def opened(stage: Stage, desk: IntensiveDesk, run: IntensiveRun | None = None) -> Iterator[IntensivePanel]:
    panel = IntensivePanel(IntensiveModel(desk, stage.work, run))
    panel.paint()
    try:
        yield panel
        assert not panel.failures
    finally:
        panel.close()


def settle(panel: IntensivePanel, stage: Stage) -> None:
    """Wait for what was asked for, and paint what came of it."""
    stage.until_idle()
    panel.paint()


def state(panel: IntensivePanel) -> str:
    """What the panel shows, painted now."""
    panel.paint()
    standing = panel.model.snapshot().standing
    return "" if standing is None else standing.state


def shown_by(panel: IntensivePanel) -> str:
    """All that stands in the panel itself."""
    parts = (panel.news, panel.standing, panel.steps, panel.decisions, panel.detail, panel.recipe)
    return "".join(part.value for part in parts)


@pytest.fixture
def night(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, Path]:
    """A server with a small experiment and a recipe; data of one station are not where they are looked for."""
    stage = make_stage()
    monkeypatch.setenv("XDG_STATE_HOME", str(stage.root.parent / "state"))
    root = stage.root / "night"
    experiment = default_experiment(
        n_stations=2, n_scans=1, scan_seconds=2, n_bands=1, bandwidth=0.256e6, polarizations="R"
    )
    make_experiment(root, experiment=experiment, model="full")
    (root / "late").mkdir()
    (root / "short.toml").write_text(RECIPE.format(root=root))
    return stage, root


@pytest.mark.slow
def test_a_session_is_looked_at_begun_stopped_taken_up_and_read_by_buttons(night: tuple[Stage, Path]) -> None:
    stage, root = night
    desk = IntensiveDesk(stage.difx)
    with opened(stage, desk) as panel:
        assert "No session yet" in panel.standing.value
        assert panel.begin.disabled
        assert panel.stop.disabled

        panel.path.value, panel.code.value = f" {root}/short.toml ", "i26327"
        panel.plan.click()
        settle(panel, stage)
        assert state(panel) == "planned"
        assert "waits in data" in panel.news.value
        assert "what it would start from" in panel.steps.value
        assert not (stage.root.parent / "state").exists(), "a dry run leaves nothing"

        panel.begin.click()
        settle(panel, stage)
        stage.until(lambda: state(panel) == "waiting")
        assert "holds no recording" in panel.standing.value
        assert panel.begin.disabled
        assert "as it was at 20" in panel.twin().text
        panel.plan.click()
        settle(panel, stage)
        assert "was begun already" in panel.news.value
        assert state(panel) == "waiting"

        panel.stop.click()
        panel.paint()
        assert "stop i26327?" in panel.news.value
        assert panel.stop.description == "Press again to stop"
        assert state(panel) == "waiting"
        panel.stop.click()
        settle(panel, stage)
        assert state(panel) == "suspended"
        assert "cut off" in panel.steps.value
        assert (panel.stop.disabled, panel.resume.disabled, panel.anew.disabled) == (True, False, False)

        for path in root.glob("BO_*"):
            path.rename(root / "late" / path.name)
        panel.resume.click()
        settle(panel, stage)
        run = panel.model.run
        assert isinstance(run, IntensiveRun)
        stage.loop.call(run.wait(100), 110)
        assert state(panel) == "done"
        assert "goes on" not in panel.news.value
        assert panel.stop.disabled
        assert panel.resume.disabled
        assert not panel.anew.disabled
        assert "Clocks found, against AL" in panel.standing.value
        assert "quality" in panel.standing.value
        assert "12 of 12 steps done" in panel.twin().text
        assert "BO late by" in panel.twin().text

        panel.open.click()
        settle(panel, stage)
        assert "i26327.ivs.txt" in panel.report.value
        assert "HEADER" in panel.report.value
        panel.close_report.click()
        panel.step.value = "clocks"
        panel.shows_recipe.value = True
        panel.paint()
        assert panel.report.value == ""
        assert "delay_error" in panel.detail.value
        assert "wait_s = 60" in panel.recipe.value
    assert "12 of 12 steps done" in panel.twin().text


def kept(stage: Stage, directory: Path, *, name: str = "test") -> tuple[IntensiveRun, SessionRecord]:
    """A session that nobody runs, and its record."""
    record = SessionRecord.open(directory, "one", now=lambda: 1.8e9)
    recipe = Recipe(name=name, schedule="/x.vex", v2d="/x.v2d", directory="jobs")
    return IntensiveRun(stage.difx, recipe, "one", record), record


def did(record: SessionRecord, step: str, outputs: Mapping[str, Any], why: str = "") -> None:
    record.begin(step, {"files": ["/a/b.vdif"]})
    record.end(step, outputs, why)


def test_names_from_records_and_recipes_are_text_and_bounded(stage: Stage, tmp_path: Path) -> None:
    run, record = kept(stage, tmp_path / HOSTILE.replace("/", ""), name=HOSTILE)
    page = tmp_path / "report.html"
    page.write_text(f'"></iframe>{HOSTILE}')
    did(record, "schedule", {HOSTILE: [HOSTILE] * 9}, HOSTILE)
    did(record, "data", {"missing": [{"station": HOSTILE, "why": HOSTILE * 200}] * 60})
    clock = {"antenna": HOSTILE, "delay": 1e-6, "delay_error": 1e-9, "delay_rate": 1e-12, "n_used": 3}
    did(
        record,
        "clocks",
        {"reference": HOSTILE, "stations": [clock] * 60, "undetermined": {"X" * 999: HOSTILE}},
    )
    check = {"job": HOSTILE, "check": HOSTILE, "verdict": "look", "text": HOSTILE * 200}
    did(record, "quality", {"verdict": HOSTILE, "checks": [check] * 60}, "x" * 2000)
    did(record, "report", {"files": [str(page)]})
    with opened(stage, IntensiveDesk(stage.difx), run) as panel:
        for step in ("schedule", "quality"):
            panel.step.value = step
            panel.shows_recipe.value = True
            panel.open.click()
            settle(panel, stage)
            told = shown_by(panel) + panel.twin().html
            assert "<script>" not in told
            assert not {"\x1b", "\u202e"} & set(told)
            assert "&lt;script&gt;" in told
        assert 'sandbox=""' in panel.report.value, "nothing runs in a page"
        assert "<script>" not in panel.report.value
        assert panel.report.value.count("</iframe>") == 1
        assert not {"\x1b", "\u202e"} & set(panel.twin().text)
        assert "20 more stations not shown" in panel.standing.value
        assert "20 more checks not shown" in panel.standing.value
        assert len(panel.standing.value) + len(panel.steps.value) + len(panel.decisions.value) < 200_000
        assert "every session of this recipe has its jobs in jobs" in panel.recipe.value


def test_records_that_hands_have_changed_are_shown_as_far_as_they_go(stage: Stage, tmp_path: Path) -> None:
    run, record = kept(stage, tmp_path / "record")
    did(record, "data", {"missing": {"DA": 1}})
    did(
        record,
        "clocks",
        {"reference": 3, "stations": ["AL", {"antenna": None, "delay": "late"}], "undetermined": 1},
    )
    did(record, "quality", {"verdict": None, "checks": [1, None, {"verdict": "look"}]})
    did(record, "report", {"files": [None, str(tmp_path / "gone.txt")]})
    with opened(stage, IntensiveDesk(stage.difx), run) as panel:
        assert "4 of 12 steps done" in panel.standing.value
        panel.open.click()
        settle(panel, stage)
        assert "gone.txt is not there any more" in panel.news.value


def test_steps_that_are_done_again_in_their_turn_are_not_told_as_done(stage: Stage, tmp_path: Path) -> None:
    run, record = kept(stage, tmp_path / "record")
    did(record, "data", {"missing": [{"station": "DA", "why": "not arrived"}]})
    did(record, "correct", {"changes": []})
    did(record, "quality", {"verdict": "no-go"})
    record.begin("data", {"files": []})
    run._context.step = "data"
    with opened(stage, IntensiveDesk(stage.difx), run) as panel:
        standing = panel.model.snapshot().standing
        assert standing is not None
        states = {one.step: one.state for one in standing.steps}
        assert (states["data"], states["correct"], states["quality"]) == (
            "cut off",
            "done before",
            "done before",
        )
        assert standing.verdict == ""
        assert standing.done == 0
        assert standing.missing == ()


def test_what_cannot_be_is_refused_in_words(stage: Stage, tmp_path: Path) -> None:
    with opened(stage, IntensiveDesk(stage.difx)) as panel:
        for press, words in (
            (panel.plan, "name the file of a recipe first"),
            (panel.begin, "make a dry run"),
            (panel.stop, "make a dry run"),
            (panel.resume, "make a dry run"),
            (panel.anew, "make a dry run"),
            (panel.open, "no report is written yet"),
        ):
            press.click()
            panel.paint()
            assert words in panel.news.value
        bad = tmp_path / "bad.toml"
        bad.write_text("name = <b>")
        for path, words in ((bad, "no TOML"), (tmp_path / "none.toml", "none.toml")):
            panel.path.value = str(path)
            panel.plan.click()
            settle(panel, stage)
            assert panel.model.snapshot().is_problem
            assert words in panel.news.value
            assert panel.path.value == str(path), "what was typed stays, to be mended"


def test_recipes_and_sessions_of_this_machine_are_offered(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name, text in (("daily", 'name = "a"\nschedule = "/x"'), ("other", "x = 1"), ("bad", "\0")):
        (tmp_path / f"{name}.toml").write_text(text)
    SessionRecord.open(tmp_path / "state" / "difxnb" / "sessions" / "one", "one").begin("data", {})
    with opened(stage, IntensiveDesk(stage.difx)) as panel:
        settle(panel, stage)
        assert panel.path.options == ("daily.toml",)
        assert panel.code.options == ("one",)


def test_painting_writes_nothing_where_nothing_changed(stage: Stage, tmp_path: Path) -> None:
    run, record = kept(stage, tmp_path / "record")
    did(record, "data", {"missing": []})
    with opened(stage, IntensiveDesk(stage.difx), run) as panel:
        written: list[object] = []
        for widget in (
            panel.standing,
            panel.steps,
            panel.news,
            panel.step,
            panel.files,
            panel.stop,
            panel.begin,
        ):
            widget.observe(written.append)
        panel.paint()
        panel.model.choose("none")
        panel.paint()
        assert not written
