# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files at a time: a few transfers at once, one count of bytes, one error for those that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from difxnb.errors import RemoteFileError

T = TypeVar("T")

# A request to a real server takes some 50 ms, most of it waiting; more at once would only fill its /tmp.
AT_ONCE = 4


class Tally:
    """Adds up what several transfers tell of themselves.

    Parameters
    ----------
    sizes : mapping
        Bytes expected of each.
    progress : callable, optional
        Told bytes done and bytes in all.
    """

    def __init__(self, sizes: Mapping[str, int], progress: Callable[[int, int], None] | None) -> None:
        self._expected = dict(sizes)
        self._done = dict.fromkeys(sizes, 0)
        self._total, self._sum = sum(sizes.values()), 0
        self._progress = progress

    def of(self, name: str) -> Callable[[int, int], None] | None:
        """What one of them is to call; None where nobody wants to know."""
        progress = self._progress
        if progress is None:
            return None

        def add(done: int, size: int) -> None:
            self._sum += done - self._done[name]
            self._total += size - self._expected[name]
            self._done[name], self._expected[name] = done, size
            progress(self._sum, self._total)

        return add


async def do_each(items: Sequence[T], work: Callable[[T], Awaitable[None]], what: str) -> None:
    """Do `work` with every item, a few at once; what fails with one file does not keep the others from it.

    Raises
    ------
    RemoteFileError
        Some failed; of the type of the first, which is its cause. Any other error ends everything at once.
    """
    failures: list[RemoteFileError] = []
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            try:
                await work(item)
            except RemoteFileError as error:
                failures.append(error)

    await _together([worker() for _ in range(min(AT_ONCE, len(items)))])
    if failures and len(items) == 1:
        raise failures[0]
    if failures:
        text = f"{what}: {len(failures)} of {len(items)} files failed, the others are done. {failures[0]}"
        raise type(failures[0])(text) from failures[0]


async def _together(works: Sequence[Awaitable[None]]) -> None:
    """Wait for all; the first error ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
