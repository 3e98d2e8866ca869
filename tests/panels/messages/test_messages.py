# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser of messages: filters, pauses, causes, counts, and what hostile texts cannot do."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from difxnb.panels.messages import AlertsModel, AlertsPanel, MessagesModel, MessagesPanel
from difxnb.panels.messages.model import MOST_ROWS
from difxnb.recording.tables import RecordedAlerts, RecordedMessages
from difxnb.wire.message import Alert, Header, Message, Status

T0 = 1_704_110_400.0
HOSTILE = "<script>alert(1)</script>\x1b[2J"


def said(body: object, source: str = "n1", job: str = "e_1", number: int | None = None) -> Message:
    return Message(Header(source, (), 0, job), body, number, 50)  # type: ignore[arg-type]


@pytest.fixture
def messages() -> RecordedMessages:
    made = RecordedMessages(lambda: T0, 1000)
    made.add(said(Status(None, "Starting", "Version 2.9")), T0)
    made.add(said(Alert("", "all is fine", 4), "n2"), T0 + 1)
    made.add(said(Alert("", "data are late", 3), "n2", "e_2"), T0 + 2)
    made.add(said(Alert("", "no such file /x", 2)), T0 + 3)
    return made


def texts(model: MessagesModel) -> list[str]:
    return [row.text for row in model.snapshot().found.rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["no such file /x", "data are late", "all is fine", "Version 2.9"]),
        ({"severity": "warning"}, ["no such file /x", "data are late"]),
        ({"source": "N2"}, ["data are late", "all is fine"]),
        ({"job": "_2"}, ["data are late"]),
        ({"text": "LATE"}, ["data are late"]),
        ({"text": "."}, ["Version 2.9"]),
        ({"text": "^(all|no)", "is_regex": True}, ["no such file /x", "all is fine"]),
        ({"source": "n2", "severity": "error"}, []),
    ],
)
def test_filters(messages: RecordedMessages, wanted: dict[str, str | bool], found: list[str]) -> None:
    model = MessagesModel(messages)
    model.want(**wanted)
    assert texts(model) == found
    assert model.snapshot().found.fitting == len(found)


def test_types_as_they_are_counted(messages: RecordedMessages) -> None:
    model = MessagesModel(messages)
    kinds = dict(model.snapshot().counts)
    (status,) = [kind for kind, count in kinds.items() if count == 1]
    model.want(type=status)
    assert texts(model) == ["Version 2.9"]


def test_a_pattern_that_is_none_is_told_in_words(messages: RecordedMessages) -> None:
    model = MessagesModel(messages)
    model.want(text="(", is_regex=True)
    shown = model.snapshot()
    assert shown.is_problem
    assert "no regular expression" in shown.message
    assert shown.found.rows == ()
    model.want(text="x" * 500, is_regex=False)
    assert "longer than" in model.snapshot().message


def test_a_pause_holds_still_and_counts(messages: RecordedMessages) -> None:
    with MessagesPanel(MessagesModel(messages)) as panel:
        toggle = widget(panel, widgets.ToggleButton)
        toggle.value = True
        messages.add(said(Alert("", "after all", 3)), T0 + 5)
        panel.paint()
        assert "after all" not in everything(panel)
        assert "paused; 1 came since" in everything(panel)
        toggle.value = False
        panel.model.want(severity="warning")
        panel.paint()
        assert "after all" in everything(panel)


def test_another_filter_ends_a_pause(messages: RecordedMessages) -> None:
    with MessagesPanel(MessagesModel(messages)) as panel:
        widget(panel, widgets.ToggleButton).value = True
        panel.model.want(job="e_2")
        panel.paint()
        assert widget(panel, widgets.ToggleButton).value is False
        assert not panel.model.snapshot().is_paused


def test_only_the_newest_are_shown_and_the_rest_is_counted(messages: RecordedMessages) -> None:
    for number in range(MOST_ROWS + 50):
        messages.add(said(Alert("", f"row {number:03}", 4)), T0 + 10)
    model = MessagesModel(messages)
    assert texts(model)[0] == f"row {MOST_ROWS + 49:03}"
    with MessagesPanel(model) as panel:
        panel.paint()
        assert "54 more messages that fit not shown" in everything(panel)


def test_what_the_painter_writes_is_no_wish(messages: RecordedMessages) -> None:
    with MessagesPanel(MessagesModel(messages)) as panel:
        kinds = next(one for one in all_widgets(panel.widget) if getattr(one, "description", "") == "Type")
        panel.paint()
        assert len(kinds.options) == 1 + len(panel.model.snapshot().counts)
        kinds.value = kinds.options[1][1]
        chosen = panel.model.filter.type
        assert chosen == kinds.options[1][1]
        messages.add(said(Status(None, "Done")), T0 + 9)
        panel.paint()
        assert panel.model.filter.type == chosen
        assert kinds.value == chosen


def test_severities_have_words_and_signs_beside_colours(messages: RecordedMessages) -> None:
    with MessagesPanel(MessagesModel(messages)) as panel:
        panel.paint()
        assert "! warning" in everything(panel)
        assert "✗ error" in everything(panel)


def test_hostile_texts_do_nothing() -> None:
    messages, alerts = RecordedMessages(lambda: T0, 10), RecordedAlerts()
    for item in (said(Alert("", HOSTILE * 300, 2), HOSTILE, HOSTILE), said(Status(None, HOSTILE))):
        messages.add(item, T0)
        alerts.add(item, T0)
    with MessagesPanel(MessagesModel(messages), AlertsModel(alerts)) as panel:
        panel.paint()
        for page in (everything(panel), panel.twin().html):
            assert "<script" not in page
            assert "\x1b" not in page
            assert "more characters" in page
            assert len(page) < 50_000


def test_troubles_are_told_once_the_worst_first() -> None:
    alerts = RecordedAlerts()
    for number in range(5):
        alerts.add(said(Alert("", "data are late", 3), number=number + 1), T0 + number)
    alerts.add(said(Alert("", "no such file /x", 1)), T0)
    with AlertsPanel(AlertsModel(alerts)) as panel:
        panel.paint()
        first, second = panel.model.snapshot().rows
        assert (second.cause, second.count) == ("data are late", 5)
        assert first.severity == "SEVERE"
        assert "data are late" in everything(panel)
    with AlertsPanel(AlertsModel(RecordedAlerts())) as panel:
        panel.paint()
        assert "No trouble was told of." in everything(panel)


def all_widgets(root: widgets.Widget) -> list[widgets.Widget]:
    return [root, *(one for child in getattr(root, "children", ()) for one in all_widgets(child))]


def widget(panel: MessagesPanel, kind: type[widgets.Widget]) -> widgets.Widget:
    return next(one for one in all_widgets(panel.widget) if isinstance(one, kind))


def everything(panel: MessagesPanel | AlertsPanel) -> str:
    return "".join(one.value for one in all_widgets(panel.widget) if isinstance(one, widgets.HTML))
