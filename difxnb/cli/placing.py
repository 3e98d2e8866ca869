# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a job is to run, from the words of a command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.notebook import Job


class Placed(TypedDict):
    """Parameters of `Job.set_machines`."""

    head_node: str
    datastreams: Sequence[str]
    processors: Mapping[str, int]


@dataclass(frozen=True)
class Machines:
    """Hosts as they were named; what was not is chosen for a job.

    Attributes
    ----------
    head : str or None
    sources, processors : tuple of str
    threads : tuple of int
        One for each processor, one for all, or none for one each.
    """

    head: str | None
    sources: tuple[str, ...]
    processors: tuple[str, ...]
    threads: tuple[int, ...]

    @classmethod
    def parse(
        cls, head: str | None, sources: str | None, processors: str | None, threads: str | None
    ) -> Machines:
        """From options; ValueError where they mean nothing together."""
        counts = tuple(_count(word) for word in _words(threads))
        computing = _words(processors)
        if len(counts) > 1 and len(counts) != len(computing):
            raise ValueError(f"{len(counts)} numbers of threads for {len(computing)} processors")
        if counts and not computing:
            raise ValueError("threads belong to processors: name these with --processors")
        if len(set(computing)) < len(computing):
            raise ValueError("a processor is named twice; give it more threads instead")
        return cls(head, _words(sources), computing, counts)

    @property
    def are_named(self) -> bool:
        """Whether anything was named at all."""
        return bool(self.head or self.sources or self.processors)

    def of(self, job: Job) -> Placed:
        """All hosts of a job; those that were not named are near those that were.

        Raises
        ------
        DifxError
            The job cannot be read.
        """
        wanted = job.input.active_datastreams
        named = [*([self.head] if self.head else []), *self.sources, *self.processors]
        sources = self.sources or (named[0],)
        processors = self.processors or (named[0],)
        threads = self.threads or (1,)
        return Placed(
            head_node=self.head or named[0],
            datastreams=sources * wanted if len(sources) == 1 else sources,
            processors=dict(
                zip(processors, threads * len(processors) if len(threads) == 1 else threads, strict=True)
            ),
        )

    def checked(self, job: Job) -> pd.DataFrame:
        """What `Job.set_machines` would write; its refusals of what cannot be."""
        from difxnb.aio.frames import placement_frame
        from difxnb.client.placement import check_placement

        return placement_frame(
            check_placement(**self.of(job), active_datastreams=job.input.active_datastreams)
        )


def _words(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and int(word[:6]) > 0):
        raise ValueError(f"threads are a number, or numbers by commas; got {word!r}")
    return int(word)
