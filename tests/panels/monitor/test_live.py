# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel over a job that really runs, over its recording, and over a line that breaks."""

from __future__ import annotations

from pathlib import Path

from IPython.utils.capture import CapturedIO

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.panels.monitor import MonitorModel, MonitorPanel
from difxnb.panels.monitor.snapshot import MonitorSnapshot
from difxnb.panels.work import Work
from difxnb.recording import open_recording
from difxnb.wire.job import JobOutcome
from tests.notebook.far_end import FarEnd, line_to
from tests.panels.stage import MakeStage, Stage, connected


async def recording(difx: aio.Correlator, path: Path) -> aio.SessionRecorder:
    return difx.record(path)


def test_a_running_job_is_watched_and_its_recording_shows_the_same(stage: Stage, cell: CapturedIO) -> None:
    path = stage.root / "session.dxr"
    recorder = stage.call(recording(stage.difx, path))
    run = stage.call(stage.placed_job().start(monitor=True))
    model = MonitorModel(run.monitor, stage.work, weights=lambda: run.weights)
    panel = MonitorPanel(model)
    panel.show()
    assert stage.call(run.wait(60)) is JobOutcome.DONE
    expected = 2 * len(run.monitor.products)
    stage.until(lambda: run.monitor.version >= expected, "not everything came")
    stage.until(lambda: "the strongest is" in panel.caption.value, "no numbers were shown")
    stage.until(lambda: panel.picture.value, "no picture was shown")
    assert not panel.failures
    assert model.snapshot().condition.state == "live"
    model.set_kind("weights")
    stage.until(lambda: model.look().weights is not None and model.look().weights.sizes["time"])
    assert set(model.look().weights["antenna"].values) == {"AA", "BB"}
    model.set_kind("spectra")
    stage.call(run.monitor.close())
    stage.until(lambda: model.snapshot().condition.state == "ended" and "ended" in panel.head.value)
    model.gather()
    live = model.snapshot()
    panel.close()
    stage.call(recorder.stop())
    # Drawn anew: axes of a picture that grew may have kept a little more room than was needed in the end.
    with MonitorPanel(MonitorModel(run.monitor, stage.work)) as anew:
        picture = anew.twin().picture
    require_the_same_of_the_recording(path, live, picture)


def require_the_same_of_the_recording(path: Path, live: MonitorSnapshot, picture: bytes | None) -> None:
    model = MonitorModel(open_recording(path).monitors["job"])
    with MonitorPanel(model) as replayed:
        model.gather()
        seen = model.snapshot()
        assert (seen.rows, seen.matrix, seen.count) == (live.rows, live.matrix, live.count)
        assert (seen.condition.state, seen.offered) == ("not live", live.offered)
        assert picture
        assert replayed.twin().picture == picture
        replayed.choosers.watch_all.click()
        assert "not live" in model.snapshot().message


def test_other_products_are_asked_for_by_name(stage: Stage) -> None:
    monitor = stage.call(stage.placed_job().monitor())
    model = MonitorModel(monitor, stage.work)
    with MonitorPanel(model) as panel:
        model.gather()
        everything = model.snapshot().offered
        assert everything.watched_products == everything.products
        model.choose(polarizations=["RR"])
        panel.choosers.watch_shown.click()
        stage.until(lambda: "products are watched now" in model.snapshot().message)
        stage.until_idle()
        assert set(monitor.products["polarization"]) == {"RR"}
        assert set(monitor.products["baseline"]) == {"AA-BB", "AA-AA", "BB-BB"}
        model.gather()
        panel.paint()
        assert f"{len(monitor.products)} of {everything.products} products watched" in panel.head.value
        panel.choosers.watch_all.click()
        stage.until(lambda: len(monitor.products) == everything.products)


def test_a_choice_that_the_server_cannot_meet_is_told(stage: Stage) -> None:
    monitor = stage.call(stage.placed_job().monitor())
    model = MonitorModel(monitor, stage.work)
    model.gather()
    stage.call(monitor.close())
    model.watch_all()
    stage.until(lambda: model.snapshot().is_problem)
    assert "has been closed; open another one" in model.snapshot().message
    stage.work.close()
    model.watch_all()
    assert "the connection has been closed" in model.snapshot().message
    model.close()


def test_a_lost_line_is_told_and_the_panel_goes_on(far: FarEnd, make_stage: MakeStage) -> None:
    stage = make_stage()
    line, port = far.enter(line_to(stage.root))
    with LoopThread("client behind a line") as loop:
        difx = loop.call(connected(port, "real-name"))
        try:
            monitor = loop.call(difx.job(str(stage.input_file)).monitor())
            model = MonitorModel(monitor, Work(loop.submit, lambda: None))
            with MonitorPanel(model) as panel:
                model.gather()
                assert model.snapshot().condition.state == "live"
                far.loop.call(line.go_dead())  # or it might be live again before anybody looks
                stage.until(lambda: monitor.interruption or monitor.failure, "nothing was noticed")
                model.gather()
                panel.paint()
                told = model.snapshot().condition
                assert told.state in ("interrupted", "failed")
                assert told.why
                assert told.state in panel.head.value
        finally:
            loop.call(difx.close(force=True))


def test_what_is_held_stands_still_while_more_comes(make_stage: MakeStage) -> None:
    stage = make_stage(job="long")
    run = stage.call(stage.placed_job().start(monitor=True))
    model = MonitorModel(run.monitor, stage.work)
    stage.until(lambda: run.monitor.version > 0, "nothing came")
    model.pause()
    model.gather()
    before, held = model.snapshot(), model.look()
    assert before.count > 0
    stage.until(lambda: run.monitor.version > 2 * before.condition.version, "no more came")
    model.gather()
    after = model.snapshot()
    assert after.condition.version > before.condition.version, "what comes is counted"
    assert (after.count, after.rows, model.look()) == (before.count, before.rows, held)
    stage.call(run.stop())
    stage.call(run.monitor.close())
    model.resume()
    model.gather()
    assert model.snapshot().count == run.monitor.dataset.sizes["time"] > before.count
    model.close()
