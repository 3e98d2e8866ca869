# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check found, each thing with its severity and, where it keeps the job from starting, a box to waive it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from difxnb.markup import printable
from difxnb.panels import shown
from difxnb.panels.bound import Bound, write
from difxnb.panels.launch.keyed_rows import KeyedRows
from difxnb.panels.launch.look import FindingRow

MOST_FINDINGS = 40
"""Findings that are shown, those that block first; those left out are counted."""


class FindingView:
    """One finding."""

    def __init__(self, finding: str, waive: Callable[[str, bool], None]) -> None:
        self.waived = widgets.Checkbox(
            description="start all the same",
            tooltip=f"Waive the finding {printable(finding)}",
            indent=False,
            layout=widgets.Layout(width="auto"),
        )
        self._waived = Bound(self.waived, lambda on: waive(finding, on))
        self.words = widgets.HTML(layout=widgets.Layout(flex="1 1 20em", min_width="14em"))
        layout = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.box = widgets.HBox([self.waived, self.words], layout=layout)

    def paint(self, finding: FindingRow) -> None:
        """Write what has changed."""
        self._waived.write(finding.waived)
        write(self.waived.layout, display="" if finding.blocks else "none")
        write(self.words, value=shown.page(shown.line(finding_words(finding), finding_tone(finding))))


def finding_words(finding: FindingRow) -> str:
    """A finding in one line."""
    effect = (
        "waived" if finding.waived else "keeps the job from starting" if finding.blocks else "only a note"
    )
    return f"{finding.severity}, {effect}: {finding.text}"


def finding_tone(finding: FindingRow) -> str:
    """How a finding is to be marked."""
    if finding.blocks and not finding.waived:
        return "bad"
    return "" if finding.severity == "INFO" else "warn"


class FindingsView:
    """All findings of a check.

    Parameters
    ----------
    waive : callable
        Gets the id of a finding, and whether it is waived, when somebody changes that.
    """

    def __init__(self, waive: Callable[[str, bool], None]) -> None:
        self.rows = KeyedRows(lambda finding: FindingView(finding, waive))
        self.title = widgets.HTML()
        self.box = widgets.VBox([self.title, self.rows.box])

    def paint(self, findings: Sequence[FindingRow] | None, *, passed: bool) -> None:
        """Write what has changed."""
        rows = sorted(findings or (), key=lambda finding: not finding.blocks)
        first = {row.id: row for row in rows[:MOST_FINDINGS]}
        self.rows.keep(list(first))
        for finding in first.values():
            self.rows[finding.id].paint(finding)
        write(self.title, value=findings_html(findings, passed=passed, left=len(rows) - len(first)))


def findings_html(findings: Sequence[FindingRow] | None, *, passed: bool, left: int = 0) -> str:
    """What the check says on the whole; nothing where there was none."""
    if findings is None:
        return ""
    verdict = "Check: it would run." if passed else "Check: it would be refused."
    more = shown.quiet(f"{left} more findings are not shown" if left else "")
    return shown.page(shown.line(verdict, "good" if passed else "bad"), more)
