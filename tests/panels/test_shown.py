# SPDX-License-Identifier: GPL-3.0-or-later
"""What panels are made of: texts that cannot act on a page, and tables and lines in one style."""

from __future__ import annotations

import re

import pytest

from difxnb.panels import shown

HOSTILE = "<script>x</script>\u202e\x1b[0m"


@pytest.mark.parametrize(
    "html",
    [
        shown.safe(HOSTILE),
        shown.line(HOSTILE, "bad", is_news=True),
        shown.quiet(HOSTILE),
        shown.heading(HOSTILE),
        shown.said(HOSTILE, is_problem=True),
        shown.preformatted(HOSTILE, 100),
        shown.facts({HOSTILE: HOSTILE}),
        shown.table((HOSTILE,), shown.texts([(HOSTILE,)]), HOSTILE),
    ],
)
def test_texts_are_text_wherever_they_stand(html: str) -> None:
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert not {"\u202e", "\x1b"} & set(html)


def test_lines_keep_their_breaks_and_what_is_too_long_is_counted() -> None:
    assert "one\ntwo" in shown.line("one\ntwo", "warn")
    assert "\n" not in shown.safe("one\ntwo")
    assert shown.line("x" * 2001).endswith("x… (1 more characters)</div>")
    assert shown.preformatted("abc", 2) == "<pre>ab… (1 more characters)</pre>"
    assert shown.line("", "bad") == shown.quiet("") == shown.facts({"a": ""}) == ""


def test_every_class_of_the_pieces_is_in_the_one_style_sheet() -> None:
    pieces = [
        shown.page(shown.line("a", tone), shown.quiet("b"), shown.facts({"a": "b"})) for tone in shown.TONES
    ]
    mark = shown.Mark("word", "!", shown.RED)
    pieces += [shown.badge(mark), shown.bar(0.5), shown.said("a"), shown.table(("a",), [["b"]])]
    names = {name for names in re.findall(r'class="([^"]*)"', "".join(pieces)) for name in names.split()}
    assert {name for name in names if f".{name} " not in shown.STYLE} == {"difxnb-tone-"}
    assert shown.STYLE.count("<style>") == 1


def test_no_rule_of_the_style_sheet_is_about_what_is_not_ours() -> None:
    """Sheets of outputs hold for the whole notebook."""
    sheet = shown.STYLE.removeprefix("<style>").removesuffix("</style>")
    heads = [head for rule in sheet.split("}") if (head := rule.split("{")[0].strip())]
    assert len(heads) > 10
    for head in heads:
        for selector in re.split(r",(?![^(]*\))", head):
            assert selector.strip().startswith(".difxnb-"), selector
