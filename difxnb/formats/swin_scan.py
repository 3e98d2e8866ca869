# SPDX-License-Identifier: GPL-3.0-or-later
"""Find where every spectrum of a SWIN file lies, from the headers alone.

The bytes of a file go in, a :class:`~difxnb.formats.swin_table.SwinTable` comes out. Mirrors ``difx-files.md`` 13.

Offsets are proposed for a whole block of the file at once: at equal distances while all records are equally long,
else by the frequency of each record. All headers there are then checked together, and what lies before the
first that is not as it should be is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.swin import Channels
from difxnb.formats.swin_bytes import SwinBytes, opened
from difxnb.formats.swin_chains import record_places
from difxnb.formats.swin_damage import (
    Trouble,
    channels_by_distance,
    find_next,
    hint_of_wrong_lengths,
    is_another_kind,
    trouble_at,
)
from difxnb.formats.swin_gather import Gathered, SkippedPlaces
from difxnb.formats.swin_header import (
    CHANNEL_BYTES,
    HEADER_BYTES,
    HIGHEST_FREQ,
    START,
    Headers,
    decode,
    freq_of,
    is_sane,
    leading,
    product_is_sane,
    product_keys,
    runs_of,
    well_formed,
)
from difxnb.formats.swin_lengths import RecordLengths
from difxnb.formats.swin_table import Skipped, SwinTable

OnError = Literal["raise", "skip"]
"""What damage leads to."""

_FAR_APART = 2**16
"""Bytes of a record from which on it costs less to read headers one by one."""
_MOST_FAR = 4096
_ALL, _FEW = 2**30, 16
"""Records that are looked at together: behind damage there may be more of it."""


def index_swin(
    path: str | Path, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = False
) -> SwinTable:
    """Index a SWIN file.

    Parameters
    ----------
    path : str or Path
        The file; it may be empty.
    channels : callable or mapping, optional
        Channels of a spectrum by row of the FREQ table, for example ``Input.channels``. Without it they are
        found from the distance to the next record.
    on_error : {"raise", "skip"}
        Whether damage is an error, or is passed over and listed in the table.
    growing : bool
        Whether the correlator may still be writing: an incomplete last record is then counted, not an error.

    Returns
    -------
    SwinTable

    Raises
    ------
    FileFormatError
        With the byte at which the damage starts, what was expected there and what was found. A file that is
        big-endian, has the ASCII headers of DiFX 1 or another header version is refused in any case.
    """
    path = Path(path).absolute()
    with opened(path, mapped=not growing) as content:
        return _Scan(content, RecordLengths(channels, {}), on_error, growing).run(0)


def extend(
    table: SwinTable, channels: Channels | None = None, *, on_error: OnError = "raise", growing: bool = True
) -> SwinTable:
    """Index what was appended to a file since its table was made.

    Parameters
    ----------
    table : SwinTable
        As it was; it is not changed.
    channels, on_error, growing
        As of :func:`index_swin`.

    Returns
    -------
    SwinTable
        The same as if the whole file had been indexed anew.

    Raises
    ------
    FileFormatError
        The file has become shorter, or what was appended is damaged.
    """
    with opened(table.path, mapped=not growing) as content:
        if content.size < table.end:
            raise FileFormatError(
                table.path,
                f"byte {content.size}",
                f"the file ends here, and had {table.end} bytes when it was indexed; open it anew",
            )
        scan = _Scan(content, RecordLengths(channels, _known_channels(table)), on_error, growing)
        scan.begin_with(table)
        return scan.run(table.end)


def _known_channels(table: SwinTable) -> Mapping[int, int]:
    return dict(zip(table.products["freq"].tolist(), table.products["channels"].tolist(), strict=True))


class _Proposal(NamedTuple):
    """Where records should begin, and what is there; `step` is their length where all should have the same."""

    offsets: NDArray[np.int64]
    headers: Headers
    step: int


class _Scan:
    """One walk through a file."""

    def __init__(self, content: SwinBytes, lengths: RecordLengths, on_error: OnError, growing: bool) -> None:
        if on_error not in ("raise", "skip"):
            raise ValueError(f'on_error is "raise" or "skip", not {on_error!r}')
        self._content, self._lengths, self._growing = content, lengths, growing
        self._skips_damage = on_error == "skip"
        self._gathered, self._skips = Gathered(content.path), SkippedPlaces()
        self._equally_long, self._most = True, _ALL

    def begin_with(self, table: SwinTable) -> None:
        """Begin with the records of a table; what was passed over at its end is looked at again."""
        self._gathered.begin_with(table)
        self._skips.listed = [skipped for skipped in table.skipped if skipped.offset < table.end]
        again = [skipped for skipped in table.skipped if skipped.offset >= table.end]
        self._skips.places = table.skipped_places - len(again)
        self._skips.bytes = table.skipped_bytes - sum(skipped.size for skipped in again)

    def run(self, offset: int) -> SwinTable:
        """Go on from an offset to the end of the file."""
        size = self._content.size
        while offset < size:
            following = self._take(offset)
            if following == offset and not self._learns(offset):
                following = self._pass_over(offset)
                if following == offset:
                    break
            offset = following
        return self._gathered.table(self._lengths.table, offset, unfinished=size - offset, skips=self._skips)

    def _take(self, offset: int) -> int:
        """Keep what is proven of the records from an offset on; where the next begins."""
        if self._content.size - offset < HEADER_BYTES:
            return offset
        offsets, headers, step = self._propose(offset)
        headers = headers.first(well_formed(headers))
        headers = headers.first(self._equally_far(headers, step))
        runs, count = runs_of(headers)
        headers = headers.first(count)
        columns = self._gathered.products.columns(product_keys(headers), self._admission(step))
        headers = headers.first(leading(columns >= 0))
        headers = headers.first(self._equally_far(headers, step))
        count = headers.start.size
        if not count:
            return offset
        end = int(offsets[count - 1] + self._lengths.table[_freqs(headers)[-1]])
        if end > self._content.size:
            count -= 1
            end = int(offsets[count])
        headers, runs = headers.first(count), runs.before(count)
        self._gathered.add(offsets[:count], columns[:count], headers, runs)
        self._most = min(4 * self._most, _ALL)
        return end

    def _propose(self, offset: int) -> _Proposal:
        """Where records would be from an offset on, as far as a block reaches."""
        block = self._content.block(offset)
        step = self._lengths.of(int.from_bytes(block[32:34], "little")) if self._equally_long else 0
        if step >= _FAR_APART:
            count = min(1 + (self._content.size - offset - HEADER_BYTES) // step, _MOST_FAR, self._most)
            headers = decode(self._content.heads(offset, step, count), count, HEADER_BYTES)
        elif step:
            count = min(1 + (len(block) - HEADER_BYTES) // step, self._most)
            headers = decode(block, count, step)
        else:
            return self._unequal(offset, block)
        return _Proposal(offset + step * np.arange(count), headers, step)

    def _unequal(self, offset: int, block: memoryview) -> _Proposal:
        """Records of different lengths; the first at least, be its length known or not."""
        places = record_places(block, self._lengths, self._most)
        if places.size < self._most and places[-1] + 2 * self._lengths.longest < len(block):
            self._most = max(places.size, _FEW)  # so that little is in vain where it often ends so early
        return _at(offset, block, places)

    def _equally_far(self, headers: Headers, step: int) -> int:
        """How many headers are in their places because all records before them have the same length."""
        if not step or self._lengths.common == step:
            return headers.start.size
        same = self._lengths.table[_freqs(headers)] == step
        if same.all():
            return int(same.size)
        first = leading(same)
        if self._lengths.table[_freqs(headers)[first]]:
            self._equally_long = False
        return first + 1

    def _admission(self, step: int) -> Callable[[int], bool]:
        """Decide on new products, in order; behind one of another length nothing is in its place."""
        equal = True

        def admits(key: int) -> bool:
            nonlocal equal
            length = self._lengths.of(key & 0xFFFF) if equal and product_is_sane(key) else 0
            equal = not step or length == step
            return length > 0

        return admits

    def _learns(self, offset: int) -> bool:
        """Find the channels of a frequency by the distance to the next record, where nothing else tells them."""
        if self._lengths.are_given or not is_sane(self._content.peek(offset, HEADER_BYTES)):
            return False
        freq = freq_of(self._content.peek(offset, HEADER_BYTES))
        if self._lengths.of(freq):
            return False
        count = channels_by_distance(self._content, offset)
        rest = self._content.size - offset - HEADER_BYTES
        if count < 0 and not self._growing and rest % CHANNEL_BYTES == 0:
            count = rest // CHANNEL_BYTES
        return count > 0 and self._lengths.learn(freq, count) > 0

    def _pass_over(self, offset: int) -> int:
        """Raise, or find where records go on; the same offset where the file ends with what is here."""
        trouble = trouble_at(self._content, self._lengths, offset)
        if trouble.is_tail and self._growing and not self._skips_damage:
            return offset
        if not self._skips_damage or (offset == 0 and is_another_kind(self._content)):
            raise self._error(offset, trouble)
        begin, following = self._resume(offset, trouble)
        if following >= 0:
            self._skip(begin, following, trouble)
            self._most = _FEW
            return following
        if offset == 0 and not trouble.is_tail and self._content.peek(0, 4) == START[:4]:
            raise self._error(offset, trouble)
        if not (trouble.is_tail and self._growing):
            self._skip(offset, self._content.size, trouble)
        return offset

    def _resume(self, offset: int, trouble: Trouble) -> tuple[int, int]:
        """First byte to pass over, and the next record, -1 without one."""
        content, lengths, growing = self._content, self._lengths, self._growing
        before = self._gathered.last_offset()
        if before >= 0 and not trouble.is_tail and before + self._length_at(before) == offset:
            # Bytes may be missing in the record before: then another begins within it.
            following = find_next(content, lengths, before + 1, stop=offset, growing=growing)
            if following >= 0:
                self._gathered.drop_last()
                return before, following
        header = content.peek(offset, HEADER_BYTES)
        length = lengths.of(freq_of(header)) if 0 <= freq_of(header) <= HIGHEST_FREQ else 0
        if length and is_sane(content.peek(offset + length, HEADER_BYTES)):
            return offset, offset + length
        return offset, find_next(content, lengths, offset + 1, growing=growing)

    def _length_at(self, offset: int) -> int:
        return self._lengths.of(freq_of(self._content.peek(offset, HEADER_BYTES)))

    def _skip(self, begin: int, end: int, trouble: Trouble) -> None:
        hint = "" if trouble.is_tail else self._hint()
        self._skips.add(Skipped(begin, end - begin, trouble.reason + hint))

    def _hint(self) -> str:
        return hint_of_wrong_lengths(self._content, self._lengths, self._gathered.last_offset())

    def _error(self, offset: int, trouble: Trouble) -> FileFormatError:
        """What is wrong, and what can be done."""
        if trouble.is_tail:
            advice = '; growing=True if it is still being written, on_error="skip" to leave that record out'
        elif offset == 0 and is_another_kind(self._content):
            advice = ""
        else:
            advice = self._hint() + '; on_error="skip" reads the rest'
        return FileFormatError(self._content.path, f"byte {offset}", trouble.reason + advice)


def _freqs(headers: Headers) -> NDArray[np.int64]:
    return (headers.product & np.uint64(HIGHEST_FREQ)).view(np.int64)


def _at(offset: int, block: memoryview, places: NDArray[np.int64]) -> _Proposal:
    """Headers at places of a block that begins at an offset."""
    everywhere = np.ndarray((len(block) - HEADER_BYTES + 1,), f"V{HEADER_BYTES}", block, 0, (1,))
    return _Proposal(offset + places, decode(everywhere[places], places.size, HEADER_BYTES), 0)
