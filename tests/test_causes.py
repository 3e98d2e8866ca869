# SPDX-License-Identifier: GPL-3.0-or-later
"""What alerts mean: each rule by a text, and the texts of real jobs and conversations by the rules."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.formats.input import read_input
from difxnb.tables import plain_cause
from difxnb.tables.cause_rules import RULES
from difxnb.tables.causes import LONGEST, without_numbers
from difxnb.tables.difxlog import read_difxlog
from difxnb.wire.control import Notice
from difxnb.wire.message import Alert, Message, parse
from tests.alert_texts import ORDINARY, TROUBLE
from tests.recordings import NAMES, events

TESTS = Path(__file__).parent
LOGS = sorted((TESTS / "reference").glob("*/*/*.difxlog"))
CAPTURES = sorted((TESTS / "wire" / "captures").glob("*.jsonl*"))
INPUT = TESTS / "reference" / "mpifxcorr-output" / "alpha_1" / "alpha_1.input"


@cache
def alpha():
    return read_input(INPUT)


@pytest.mark.parametrize("name", [rule.name for rule in RULES if not rule.is_progress])
def test_every_rule_of_trouble_knows_its_text(name: str) -> None:
    cause = plain_cause(TROUBLE[name], alpha(), mpi_id=2, source="n1")
    assert cause is not None, "no rule knows it"
    assert cause.rule == name, "a rule before it knows the text as well"
    assert not cause.is_progress
    assert re.fullmatch(r"\S.*[^\s:]", cause.text)
    assert "{" not in cause.text
    assert "  " not in cause.text


@pytest.mark.parametrize("name", ORDINARY)
def test_what_is_no_trouble(name: str) -> None:
    cause = plain_cause(ORDINARY[name])
    assert cause is not None
    assert (cause.rule, cause.is_progress) == (name, True)


def test_no_rule_has_two_names_or_two_rules_one() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.seen for rule in RULES)


@pytest.mark.parametrize(
    ("text", "rank", "words", "antenna", "datastream"),
    [
        ("Couldn't find any valid data", 2, "no data from antenna BB", "BB", 1),
        ("Couldn't find any valid data", 3, "no data from antenna CC", "CC", 2),
        ("Couldn't find any valid data", 0, "no data from one antenna", None, None),
        ("Couldn't find any valid data", 9, "no data from datastream 8", None, 8),
        ("Datastream 1's readthread is exiting, after not finding any data at all!", 3,
         "no data from antenna AA", "AA", 0),
        ("Number of recorded bands for datastream 2 (4) does not match with MkV file", 1,
         "antenna CC recorded another number of bands than the .input file says", "CC", 2),
        ("Cannot open baseband data file bb.vdif", None, "no data from antenna BB: bb.vdif cannot be opened", "BB", 1),
        ("Cannot open baseband data file other.vdif", None,
         "no data from one antenna: other.vdif cannot be opened", None, None),
        ("Datastream 2: Error reading socket", 2, "antenna BB does not deliver data over the network", "BB", 1),
    ],
)  # fmt: skip
def test_antennas_are_named(
    text: str, rank: int | None, words: str, antenna: str | None, datastream: int | None
) -> None:
    cause = plain_cause(text, alpha(), mpi_id=rank)
    assert cause is not None
    assert (cause.text, cause.antenna, cause.datastream) == (words, antenna, datastream)


def test_an_input_file_that_contradicts_itself_names_nobody() -> None:
    empty = replace(alpha(), configurations=[], telescopes=[])
    cause = plain_cause("Couldn't find any valid data", empty, mpi_id=2)
    assert cause is not None
    assert (cause.text, cause.antenna) == ("no data from datastream 1", None)
    lost = replace(alpha(), telescopes=[])
    assert plain_cause("Couldn't find any valid data", lost, mpi_id=2).antenna is None


def test_one_trouble_is_one_whatever_tells_of_it() -> None:
    texts = ("Cannot open baseband data file b.vdif", "Couldn't find any valid data", "No valid data found.")
    keys = {plain_cause(text, mpi_id=2).key for text in texts}
    assert keys == {("no data", 1)}
    assert plain_cause(texts[1], mpi_id=1).key != plain_cause(texts[1], mpi_id=2).key
    one, other = (plain_cause(f"Output file /d/{job}.difx exists.").key for job in ("e_1", "e_2"))
    assert one != other
    swap = TROUBLE["swapping"]
    assert plain_cause(swap, source="n1").text == "host n1 runs out of memory and swaps (4321 kB)"
    assert plain_cause(swap, source="n1").key != plain_cause(swap, source="n2").key


def test_what_no_rule_knows() -> None:
    assert plain_cause("The dish is full of snow") is None
    assert plain_cause("") is None


def alerts_of(path: Path) -> list[tuple[str, int | None]]:
    """Alerts that a real server relayed in a capture, with the rank of their sender."""
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    stream = b"".join(
        bytes.fromhex(row.get("hex", "")) for row in rows if (row.get("conn"), row.get("dir")) == (1, "s2c")
    )
    messages = map(parse, re.findall(rb"<\?xml.*?</difxMessage>", stream, re.DOTALL))
    return [
        (message.body.text or "", message.header.mpi_id)
        for message in messages
        if isinstance(message, Message) and isinstance(message.body, Alert)
    ]


def known_share(texts: list[tuple[str, int | None]]) -> tuple[float, set[str]]:
    """Share of the kinds of texts that rules know, and the kinds that they do not."""
    kinds = {without_numbers(text): (text, rank) for text, rank in texts}
    unknown = {kind for kind, (text, rank) in kinds.items() if plain_cause(text, mpi_id=rank) is None}
    return 1 - len(unknown) / len(kinds), unknown


def test_the_alerts_of_real_jobs_are_known() -> None:
    """All kinds of alerts in the reference logs and captures; what is left over is listed when this fails."""
    entries = [entry for path in LOGS for entry in read_difxlog(path).entries]
    logged = [(e.text, e.mpi_id) for e in entries if e.kind not in ("STATUS", "WEIGHTS", "TRANSIENT", "")]
    relayed = [alert for path in CAPTURES for alert in alerts_of(path)]
    assert len(logged) > 500
    assert len(relayed) > 1000
    share, unknown = known_share(logged + relayed)
    assert unknown <= {"hello & bye", "an alert"}, "made for the captures, and no texts of DiFX"
    assert share > 0.97


def test_troubles_of_a_real_job_without_data() -> None:
    (path,) = (path for path in CAPTURES if path.name.startswith("31_start_missing_data"))
    causes = [plain_cause(text, mpi_id=rank) for text, rank in alerts_of(path)]
    troubles = {cause.text for cause in causes if not cause.is_progress}
    files = {text for text in troubles if "cannot be opened" in text}
    assert {cause.key for cause in causes if not cause.is_progress} == {("no data", n) for n in (0, 1, 2)}
    assert len(files) == 3
    assert troubles - files == {f"no data from datastream {number}" for number in (0, 1, 2)}


def test_what_a_real_server_said_in_vain() -> None:
    """Of what guiServer calls errors, most is a banner of MPI or ordinary progress; the rest is known."""
    said = {
        event.text.strip()
        for name in NAMES
        if not name.startswith("crash")
        for event in events(name, "s2c")
        if isinstance(event, Notice)
    }
    known = {text: plain_cause(text) for text in said}
    rules = {cause.rule for cause in known.values() if cause is not None and not cause.is_progress}
    assert rules >= {
        "output exists", "input file fails the check", "host not known", "machines not said", "program failed",
        "module not mounted", "daemons of MPI", "message too long", "execution stopped", "delay model not made",
    }  # fmt: skip
    commands = [text for text in said if text.lower().startswith("executing: ")]
    assert commands
    assert all(known[text] is None for text in commands)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=2 * LONGEST), st.one_of(st.none(), st.integers(-3, 10**9)))
def test_any_text_can_be_asked_about(text: str, rank: int | None) -> None:
    cause = plain_cause(text, alpha(), mpi_id=rank)
    assert cause is None or cause.text
    assert len(without_numbers(text)) <= LONGEST


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TROUBLE.values())), st.text(max_size=50), st.text(max_size=50))
def test_texts_in_other_words_around_them(text: str, before: str, after: str) -> None:
    cause = plain_cause(f"{before}{text}{after}", alpha(), mpi_id=1)
    assert cause is None or "{" not in cause.text or "{" in before + after
