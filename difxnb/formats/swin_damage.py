# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what is wrong at a place of a SWIN file, and find where its records go on.

Bytes and an offset go in, a reason or the offset of the next record comes out. Mirrors ``difx-files.md`` 13.

A spectrum may hold the bytes of a sync word by chance. So a place counts as the beginning of a record only if all
numbers of its header can be, and if another record, or the end of the file, comes where it ends.
"""

from __future__ import annotations

from typing import NamedTuple

from difxnb.formats.swin import problem_of_start
from difxnb.formats.swin_bytes import SwinBytes
from difxnb.formats.swin_header import CHANNEL_BYTES, HEADER_BYTES, START, day_of, freq_of, problem_of
from difxnb.formats.swin_lengths import RecordLengths

_ANOTHER_KIND = (START[:4][::-1], b"BASE")
_DAYS_OF_A_JOB = 30
_ENOUGH = 16
"""Bytes of an incomplete header that tell it from the end of a spectrum."""


class Trouble(NamedTuple):
    """Why no record could be taken at a place.

    Attributes
    ----------
    reason : str
    is_tail : bool
        Whether it is only that the file ends within the record.
    """

    reason: str
    is_tail: bool


def is_another_kind(content: SwinBytes) -> bool:
    """Whether a file is of another byte order or age of DiFX."""
    return content.peek(0, 4) in _ANOTHER_KIND


def trouble_at(content: SwinBytes, lengths: RecordLengths, offset: int) -> Trouble:
    """What is wrong at an offset."""
    header, rest = content.peek(offset, HEADER_BYTES), content.size - offset
    problem = problem_of_start(header[: len(START)])
    if problem:
        return Trouble(problem, False)
    if rest < HEADER_BYTES:
        return Trouble(f"the last record ends after {rest} bytes, within its header", True)
    problem = problem_of(header)
    if problem:
        return Trouble(f"found {problem}, which cannot be", False)
    length = lengths.of(freq_of(header))
    if length:
        return Trouble(f"the last record ends after {rest} of {length} bytes", length > rest)
    if lengths.are_given:
        return Trouble(_unknown(content, lengths, offset, freq_of(header)), False)
    return Trouble(f"the last record ends after {rest} bytes, and none of its frequency is complete", True)


def _unknown(content: SwinBytes, lengths: RecordLengths, offset: int, freq: int) -> str:
    """Why the job's numbers do not tell how long a record is."""
    suggested = channels_by_distance(content, offset)
    hint = f"; the next record comes after {suggested} channels" if suggested > 0 else ""
    try:
        count = lengths.asked(freq)
    except LookupError:
        return f"refers to frequency {freq}, which the job does not have{hint}; is the .input the one of this file?"
    return f"frequency {freq} has {count} channels{hint}"


def hint_of_wrong_lengths(content: SwinBytes, lengths: RecordLengths, before: int) -> str:
    """What the record before a damaged place tells of the job's numbers of channels; may be empty."""
    if before < 0 or not lengths.are_given:
        return ""
    freq = freq_of(content.peek(before, HEADER_BYTES))
    expected = (lengths.of(freq) - HEADER_BYTES) // CHANNEL_BYTES
    found = channels_by_distance(content, before)
    if found in (-1, 0, expected):
        return ""
    return (
        f"; the record before, at byte {before}, is of frequency {freq} and should have {expected} channels, but the "
        f"next record comes after {found}; is the .input the one of this file?"
    )


def channels_by_distance(content: SwinBytes, offset: int) -> int:
    """Channels between the header at an offset and the next, which may be incomplete.

    0 where the distance is none of whole channels, so that something else is wrong; -1 where no record follows.
    """
    own, begin = content.peek(offset, HEADER_BYTES), offset + HEADER_BYTES
    for place in content.find(START, begin + CHANNEL_BYTES):
        header, (channels, rest) = content.peek(place, HEADER_BYTES), divmod(place - begin, CHANNEL_BYTES)
        if len(header) < _ENOUGH and (content.size - begin) % CHANNEL_BYTES == 0:
            continue
        whole = header + own[len(header) :]
        if not problem_of(whole) and abs(day_of(whole) - day_of(own)) <= _DAYS_OF_A_JOB:
            return 0 if rest else channels
    return -1


def find_next(
    content: SwinBytes, lengths: RecordLengths, start: int, *, stop: int | None = None, growing: bool
) -> int:
    """Offset of the first record from `start` on, and before `stop`; -1 where there is none."""
    for place in content.find(START, start):
        if stop is not None and place >= stop:
            break
        if is_record(content, lengths, place, growing=growing):
            return place
    return -1


def is_record(content: SwinBytes, lengths: RecordLengths, place: int, *, growing: bool) -> bool:
    """Whether a record begins at a place and another, or the end of a file that does not grow, where it ends."""
    header = content.peek(place, HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[: len(START)] != START or problem_of(header):
        return False
    length = lengths.of(freq_of(header))
    if not length and not lengths.are_given:
        length = HEADER_BYTES + CHANNEL_BYTES * max(0, channels_by_distance(content, place))
    if length <= HEADER_BYTES or place + length > content.size:
        return False
    following = content.peek(place + length, HEADER_BYTES)
    if len(following) < HEADER_BYTES:
        return not growing and START.startswith(following[: len(START)])
    return following[: len(START)] == START and not problem_of(following)
