# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell words: read as a shell would, wherever a shell would do nothing but read."""

import fnmatch
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.errors import UnsafeValue
from difxnb.server.words import read_words
from difxnb.wire.files import quote_once, quote_twice

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30
).filter(lambda name: not name.startswith("-"))


@given(NAMES)
def test_what_clients_quote_comes_back(name):
    assert [w.text for w in read_words(quote_once(name))] == [name]
    assert [w.text for w in read_words(quote_twice(name), levels=2)] == [name]
    assert not any(w.is_pattern for w in read_words(quote_once(name)))


@given(st.text("ab'\"\\ \t*?[]!-", max_size=12))
def test_words_are_those_of_a_shell(value):
    try:
        expected = shlex.split(value)
    except ValueError:
        with pytest.raises(UnsafeValue):
            read_words(value)
        return
    if '"' in value and "\\" in value:
        return  # escapes inside double quotes are refused here
    assert [word.text for word in read_words(value)] == expected


@pytest.mark.parametrize(
    "value", ["$HOME", "`id`", "a;b", "a&", "a|b", "a>b", "a<b", "$(id)", "(a)", "a\nb", "~/x", "#x", '"$x"']
)
def test_what_only_a_shell_can_mean_is_refused(value):
    with pytest.raises(UnsafeValue):
        read_words(value)


def test_a_tilde_or_hash_inside_a_word_is_a_character():
    assert [w.text for w in read_words("/d/e.v2d~ /d/a#b")] == ["/d/e.v2d~", "/d/a#b"]


@given(st.text("ab*?.", max_size=8), st.text("ab.", max_size=8))
def test_wildcards_match_as_in_a_shell(pattern, name):
    words = read_words(pattern)
    if len(words) != 1 or not name:
        return
    hidden = name.startswith(".") and not pattern.startswith(".")
    assert words[0].matches(name) == (fnmatch.fnmatchcase(name, pattern) and not hidden)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("[ab]c", "ac", True),
        ("[!ab]c", "ac", False),
        ("[!ab]c", "xc", True),
        ("[a-c]", "b", True),
        ("[c-a]", "b", False),
        ("[]]", "]", True),
        ("[a", "[a", True),
        ("'*'", "x", False),
        ("\\*", "*", True),
        ("*" * 40 + "b", "a" * 200, False),
    ],
)
def test_brackets_and_quoted_wildcards(pattern, name, expected):
    (word,) = read_words(pattern)
    assert word.matches(name) == expected


def test_components_keep_what_was_quoted():
    (word,) = read_words("/a/'*'/b*")
    assert [(c.text, c.is_pattern) for c in word.components()] == [("a", False), ("*", False), ("b*", True)]


def test_no_pattern_takes_longer_than_its_length_allows():
    (word,) = read_words("*a" * 60 + "*b")
    assert not word.matches("a" * 250)
    assert word.matches("a" * 250 + "b")


@given(st.text("ab[]!-*?", max_size=10), st.text("ab!-[]", min_size=1, max_size=5))
def test_brackets_match_as_in_a_shell(pattern, name):
    words = read_words(pattern)
    if len(words) == 1:
        assert words[0].matches(name) == fnmatch.fnmatchcase(name, pattern)
