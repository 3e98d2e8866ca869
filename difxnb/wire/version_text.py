# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of DiFX as its programs write them, compared.

In: texts such as ``DiFX-2.9.0``, ``DIFX-2.9``, ``Version 2.9`` or ``DIFX-DEVEL``. Out: whether they can be the same. A
label says less than a file does, so only what both say counts: ``2.9`` is ``2.9.0``.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?:\.(\d+))?")
_NAME = re.compile(r"^\W*(?:difx|mpifxcorr|version)[\s_-]*", re.IGNORECASE)


def version_number(text: str) -> tuple[int, ...]:
    """Numbers of a version; empty where the text names none, such as that of a development version.

    Examples
    --------
    >>> version_number("DiFX-2.9.0"), version_number("DIFX-DEVEL")
    ((2, 9, 0), ())
    """
    found = _NUMBER.search(_bare(text))
    return tuple(int(part) for part in found.groups() if part is not None) if found else ()


def differ(one: str, other: str) -> bool:
    """Whether two texts name versions that cannot be the same; what says nothing differs from nothing.

    Examples
    --------
    >>> differ("DIFX-2.9", "DiFX-2.9.0"), differ("DIFX-2.8.1", "2.9"), differ("DIFX-DEVEL", "2.9")
    (False, True, True)
    """
    first, second = version_number(one), version_number(other)
    if first and second:
        common = min(len(first), len(second))
        return first[:common] != second[:common]
    bare_one, bare_other = _bare(one), _bare(other)
    return bool(bare_one and bare_other) and bare_one != bare_other


def _bare(text: str) -> str:
    """The text without the words that stand before a version."""
    before, text = "", text.strip()
    while before != text:
        before, text = text, _NAME.sub("", text)
    return text.lower()
