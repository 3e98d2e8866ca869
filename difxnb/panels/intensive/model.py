# SPDX-License-Identifier: GPL-3.0-or-later
"""What a panel of unattended sessions knows: the one that is chosen, how it stands, and what is opened of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from difxnb.panels.acting import ActingModel, Said
from difxnb.panels.intensive.look import ELAPSED_S, Standing, clock_time, standing_of
from difxnb.panels.intensive.session import Desk, Session
from difxnb.panels.intensive.snapshot import Choice, Detail, IntensiveSnapshot, Opened, RecipeText
from difxnb.panels.work import Work

STOP, ANEW = "stop", "begin anew"
"""What is asked for twice."""
_MOST_SESSIONS = 100
_MOST_PROBLEMS = 20
_LONGEST_REPORT = 8 * 2**20


class IntensiveModel(ActingModel):
    """Unattended sessions of one connection, or one of them.

    Parameters
    ----------
    desk : Desk
    work : Work
    run : Session, optional
        The one that is shown from the beginning; no other one may be chosen then.
    now : callable
        Unix seconds.
    """

    def __init__(
        self,
        desk: Desk,
        work: Work,
        run: Session | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(work, clock=clock)
        self.is_bound = run is not None
        self._desk, self._now = desk, now
        self._run = run
        self._path, self._code = "", ""
        self._recipe: RecipeText | None = None
        self._step, self._report = "", ""
        self._detail: tuple[Any, Detail | None] = (None, None)
        self._opened: Opened | None = None
        self._standing: tuple[Session, object, Standing] | None = None
        self._going: Said | None = None
        self._recipes: tuple[str, ...] = ()
        self._codes: tuple[str, ...] = ()
        if not self.is_bound:
            self._look_around()

    @property
    def run(self) -> Session | None:
        """The session that is shown."""
        return self._run

    def snapshot(self) -> IntensiveSnapshot:
        """What is shown now."""
        with self._lock:
            if self._run is None and not self.is_bound:
                self._run = next(reversed(self._desk.sessions), None)
            run = self._run
            standing = None if run is None else self._standing_of(run)
            reports = standing.reports if standing is not None else ()
            return IntensiveSnapshot(
                path=self._path,
                code=self._code,
                choices=self._choices(),
                chosen="" if run is None else _key(run),
                standing=standing,
                recipe=self._recipe,
                detail=None if run is None else self._detail_of(run),
                report=self._report if self._report in reports else next(iter(reports), ""),
                opened=self._opened,
                asks=self._asks(),
                recipes=self._recipes,
                codes=self._codes,
                said=self._said_of(standing),
                under_way=self.under_way,
            )

    def _standing_of(self, run: Session) -> Standing:
        """How a session stands; told anew only where something is another: records grow long."""
        now = self._now()
        slot = now // ELAPSED_S if run.running else 0.0
        states = (
            run.state,
            run.running,
            run.step,
            run.why,
            round(run.progress, 2),
            len(run.record.lines),
            slot,
        )
        known = self._standing
        if known is None or known[:2] != (run, states):
            known = self._standing = (run, states, standing_of(run, now))
        return known[2]

    def _asks(self) -> str:
        pending = self._confirmation.pending
        return next((deed for deed in (STOP, ANEW) if pending.startswith(f"{deed} ")), "")

    def _said_of(self, standing: Standing | None) -> Said:
        """What was said last, but for what is so no more: that a session goes on."""
        said = self.said
        goes_on = standing is not None and not standing.is_over
        return Said() if said is self._going and not goes_on else said

    def now(self) -> str:
        """The time that it is, UTC."""
        return clock_time(self._now())

    def _choices(self) -> tuple[Choice, ...]:
        runs = [] if self.is_bound else list(self._desk.sessions)[-_MOST_SESSIONS:]
        if self._run is not None and self._run not in runs:
            runs = [*(one for one in runs if _key(one) != _key(self._run)), self._run]
        return tuple(Choice(_key(one), one.session, one.state) for one in runs)

    def _detail_of(self, run: Session) -> Detail | None:
        """Of the step that was chosen; put together again only when something was written down."""
        key = (id(run), self._step, len(run.record.lines))
        if self._detail[0] != key:
            self._detail = (key, _detail(run, self._step))
        return self._detail[1]

    # --- what is about to be planned ------------------------------------------------------------------

    def set_path(self, path: str) -> None:
        """Name the file of a recipe, on this machine."""
        with self._changing():
            self._path = path

    def set_code(self, code: str) -> None:
        """Name the session; empty for the name of the recipe and the day."""
        with self._changing():
            self._code = code

    def _look_around(self) -> None:
        """Look for recipes and sessions to choose from."""
        self._work.do("looking for recipes", self._desk.around, self._offer, self._refuse)

    def _offer(self, found: tuple[Sequence[str], Sequence[str]]) -> None:
        recipes, codes = found
        with self._changing():
            self._recipes, self._codes = tuple(recipes), tuple(codes)

    def plan(self) -> None:
        """Make a dry run of the recipe that was named, or again of the one that is shown."""
        with self._lock:
            path, code, run = self._path.strip(), self._code.strip(), self._run
        if self.is_bound or not path:
            if run is None or run.state != "planned":
                self._say("name the file of a recipe first", is_problem=True)
                return
            self._do(f"dry run of {run.session}", lambda: self._desk.plan_again(run), self._planned)
            return
        self._do(f"dry run of {path}", lambda: self._desk.plan(path, code), self._planned)

    def _planned(self, run: Session) -> None:
        self._take(run)
        if not self.is_bound:
            self._look_around()
        if run.state != "planned":
            self._say(f"{run.session} was begun already: this is how it stands")
            return
        frame = run.frame()
        failed, waiting = (frame.loc[frame["state"] == one, "step"].tolist() for one in ("failed", "waiting"))
        if failed:
            self._say(f"as things are now, {run.session} could not do {failed[0]}", is_problem=True)
        elif waiting:
            self._say(f"as things are now, {run.session} waits in {waiting[0]}; Start begins it all the same")
        else:
            self._say(f"nothing was done; Start begins {run.session}")

    # --- one session ----------------------------------------------------------------------------------

    def choose(self, key: str) -> None:
        """Choose the session that is shown, by its key."""
        found = next((one for one in self._desk.sessions if _key(one) == key), None)
        if found is not None:
            self._take(found)

    def _take(self, run: Session) -> None:
        with self._changing():
            if self._run is None or _key(run) != _key(self._run):
                self._opened = None
            self._run = run
            if self._recipe is not None:
                self._recipe = _recipe_text(run)

    def start(self) -> None:
        """Begin what was planned."""
        run = self._chosen()
        if run is None:
            return
        if run.state != "planned":
            self._say(
                f"{run.session} was begun already; make a dry run of another one first", is_problem=True
            )
            return
        self._do(f"start of {run.session}", lambda: self._desk.begin(run), self._begun)

    def _begun(self, run: Session) -> None:
        self._take(run)
        self._say_going(f"{run.session} goes on by itself, as long as this kernel and its connection last")

    def _say_going(self, text: str) -> None:
        with self._changing():
            self._said = self._going = Said(text)

    def stop(self) -> None:
        """Do no further step of the chosen session; asked for twice."""
        run = self._chosen()
        if run is None:
            return
        name = run.session
        question = f"stop {name}? Jobs that run go on, and Resume takes it up again"
        if self._confirms(f"{STOP} {name}", question):
            said = f"{name} is stopped; Resume takes it up where it was"
            self._do(f"stop of {name}", run.stop, lambda _: self._say(said))

    def resume(self) -> None:
        """Take the chosen session up again."""
        run = self._chosen()
        if run is not None:
            name = run.session
            said = f"{name} was taken up where it was"
            self._do(f"resuming {name}", run.resume, lambda _: self._say_going(said))

    def begin_anew(self) -> None:
        """Begin the chosen session from its first step; asked for twice."""
        run = self._chosen()
        if run is None:
            return
        name = run.session
        if run.running or run.state == "planned":
            self._say(f"{name} goes on, or was not begun: nothing to begin anew", is_problem=True)
            return
        question = (
            f"begin {name} anew? All steps are done again, with jobs of other names; what was made stays"
        )
        if self._confirms(f"{ANEW} {name}", question):
            self._do(f"beginning {name} anew", lambda: self._desk.begin_anew(run), self._begun)

    def _chosen(self) -> Session | None:
        if self._run is None:
            self._say("make a dry run of a recipe first", is_problem=True)
        return self._run

    # --- what is opened of it -------------------------------------------------------------------------

    def show_recipe(self, shows: bool) -> None:
        """Show the recipe, or show it no more."""
        with self._changing():
            run = self._run
            self._recipe = _recipe_text(run) if shows and run is not None else None

    def show_step(self, step: str) -> None:
        """Show all that a step took and gave; empty for none."""
        with self._changing():
            self._step = step

    def choose_report(self, path: str) -> None:
        """Choose the report that is opened."""
        with self._changing():
            self._report = path

    def open_report(self) -> None:
        """Open the chosen report."""
        path = self.snapshot().report
        if not path:
            self._say("no report is written yet", is_problem=True)
            return
        title = f"opening {Path(path).name}"
        self._do(
            title, lambda: self._desk.read(Path(path), _LONGEST_REPORT), lambda text: self._open(path, text)
        )

    def _open(self, path: str, text: str) -> None:
        with self._changing():
            self._opened = Opened(path, text)

    def close_report(self) -> None:
        """Show the report no more."""
        with self._changing():
            self._opened = None


def _key(run: Session) -> str:
    return str(run.directory)


def _recipe_text(run: Session) -> RecipeText:
    try:
        text = run.recipe.to_toml()
    except ValueError as error:  # it holds a callable
        text = f"{run.recipe.name}: {error}"
    rows = run.recipe.problems().head(_MOST_PROBLEMS).to_dict("records")
    names = ("severity", "where", "text", "fix")
    severity, where, said, fix = ([str(row[name] or "") for row in rows] for name in names)
    return RecipeText(text, tuple(zip(severity, where, said, fix, strict=True)))


def _detail(run: Session, step: str) -> Detail | None:
    frame = run.frame()
    rows = frame[frame["step"] == step].to_dict("records")
    if not rows:
        return None
    return Detail(step, _told(rows[0]["inputs"]), _told(rows[0]["outputs"]))


def _told(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False, default=str) if values else ""
