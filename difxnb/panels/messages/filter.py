# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages are wanted: in go frames of messages, out comes the part that fits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_TEXT = 500
_LONGEST_PATTERN = 200


@dataclass(frozen=True)
class MessageFilter:
    """What is wanted; empty texts want everything.

    Attributes
    ----------
    type : str
        One type by its plain name, ``"alert"``.
    source, job : str
        Part of the name of a host, or of a job.
    severity : str
        This severity or worse.
    text : str
        Part of the text; with `is_regex` a regular expression. Case does not count.
    """

    type: str = ""
    source: str = ""
    job: str = ""
    severity: str = ""
    text: str = ""
    is_regex: bool = False

    def fault(self) -> str:
        """Why nothing can be found with it, in words; empty where it is fine."""
        if len(self.text) > _LONGEST_PATTERN:
            return f"the text to look for is longer than {_LONGEST_PATTERN} characters"
        if self.is_regex:
            try:
                re.compile(self.text)
            except re.error as error:
                return f"{self.text!r} is no regular expression: {error}"
        return ""

    def part_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that fit; in long texts only the beginning is searched."""
        if self.type:
            frame = frame[frame["type"] == self.type]
        for column, sought in (("from", self.source), ("job", self.job)):
            if sought:
                frame = frame[_contains(frame[column], re.escape(sought))]
        if self.text:
            pattern = self.text if self.is_regex else re.escape(self.text)
            frame = frame[_contains(frame["text"].str.slice(0, _LONGEST_TEXT), pattern)]
        return frame


def _contains(texts: pd.Series[str], pattern: str) -> pd.Series[bool]:
    sought = re.compile(pattern, re.IGNORECASE)
    return texts.map(lambda text: isinstance(text, str) and sought.search(text) is not None).astype(bool)
