# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays that read from SWIN files what is asked of them, when it is asked.

In go a plan and an index of xarray, out comes an array. They hold no open file, may be read by several threads at
once, and travel as their plan alone.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from difxnb.visibility.stored.assembly import Assembly, assembly_of
from difxnb.visibility.stored.filling import fill_spectra, fill_vectors, fill_weights
from difxnb.visibility.stored.plan import Ints, Plan


class LazyArray(BackendArray):  # type: ignore[misc, unused-ignore]
    """An array along time and some of the axes of a plan.

    Parameters
    ----------
    plan : Plan
    assembly : Assembly
        Of the same plan; in another process it is made anew.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __init__(self, plan: Plan, assembly: Assembly) -> None:
        self.plan = plan
        self._assembly: Assembly | None = assembly
        self.shape = self.shape_of(plan)

    @staticmethod
    @abstractmethod
    def shape_of(plan: Plan) -> tuple[int, ...]:
        """Shape of the array."""

    @abstractmethod
    def read(self, assembly: Assembly, picked: list[Ints]) -> NDArray[Any]:
        """Read what lies at the crossings of indices, which ascend, each once."""

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(_sound(key, self.shape), self.shape, support, self._at)

    def _at(self, key: tuple[Any, ...]) -> NDArray[Any]:
        picked = [_indices(one, size) for one, size in zip(key, self.shape, strict=True)]
        once = [one if _is_strict(one) else np.unique(one) for one in picked]
        if self._assembly is None:
            self._assembly = assembly_of(self.plan)
        found = self.read(self._assembly, once)
        for axis, (wanted, read) in enumerate(zip(picked, once, strict=True)):
            if len(wanted) != len(read):
                found = found.take(np.searchsorted(read, wanted), axis=axis)
        # An array of no dimensions, not a number, where all keys are numbers.
        return found.reshape([len(one) for one, wanted in zip(picked, key, strict=True) if _is_range(wanted)])

    def __getstate__(self) -> dict[str, Any]:
        return {"plan": self.plan}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.plan, self._assembly = state["plan"], None
        self.shape = self.shape_of(self.plan)

    def __dask_tokenize__(self) -> object:
        return type(self).__name__, self.plan


class LazySpectra(LazyArray):
    """VISIBILITY."""

    dtype = np.dtype(np.complex64)

    @staticmethod
    def shape_of(plan: Plan) -> tuple[int, ...]:
        """Time, the axes of the plan, channels."""
        return (plan.n_times, *_sizes(plan), plan.n_channels)

    def read(self, assembly: Assembly, picked: list[Ints]) -> NDArray[np.complex64]:
        """Read spectra."""
        times, *places, channels = picked
        found = fill_spectra(assembly, times, _all_axes(self.plan, places), channels)
        return found.reshape(*(len(one) for one in picked))


class LazyWeights(LazyArray):
    """WEIGHT."""

    dtype = np.dtype(np.float32)

    @staticmethod
    def shape_of(plan: Plan) -> tuple[int, ...]:
        """Time, the axes of the plan."""
        return (plan.n_times, *_sizes(plan))

    def read(self, assembly: Assembly, picked: list[Ints]) -> NDArray[np.float32]:
        """Look up weights."""
        times, *places = picked
        found = fill_weights(assembly, times, _all_axes(self.plan, places))
        return found.reshape(*(len(one) for one in picked))


class LazyVectors(LazyArray):
    """UVW."""

    dtype = np.dtype(np.float64)

    @staticmethod
    def shape_of(plan: Plan) -> tuple[int, ...]:
        """Time, phase centres where there are several, baselines, three."""
        centers = (len(plan.axes[0]),) if plan.kept[0] else ()
        return (plan.n_times, *centers, len(plan.axes[2]), 3)

    def read(self, assembly: Assembly, picked: list[Ints]) -> NDArray[np.float64]:
        """Look up baseline vectors."""
        times, *center, baselines, components = picked
        found = fill_vectors(assembly, times, center[0] if center else np.zeros(1, dtype=np.intp), baselines)
        return found[..., components].reshape(*(len(one) for one in picked))


def _sound(key: indexing.ExplicitIndexer, shape: tuple[int, ...]) -> indexing.ExplicitIndexer:
    """The same key without slices backwards that hold nothing, over which xarray stumbles."""
    if isinstance(key, indexing.VectorizedIndexer):
        return key
    sound = [
        slice(0, 0) if isinstance(one, slice) and not range(*one.indices(size)) else one
        for one, size in zip(key.tuple, shape, strict=True)
    ]
    return type(key)(tuple(sound))


def _sizes(plan: Plan) -> tuple[int, ...]:
    return tuple(len(values) for values, keep in zip(plan.axes, plan.kept, strict=True) if keep)


def _all_axes(plan: Plan, places: list[Ints]) -> list[Ints]:
    """Indices along all five axes, of which an array may lack the first ones."""
    left = iter(places)
    return [next(left) if keep else np.zeros(1, dtype=np.intp) for keep in plan.kept]


def _indices(key: Any, size: int) -> Ints:
    if isinstance(key, slice):
        return np.arange(size, dtype=np.intp)[key]
    found = np.atleast_1d(np.asarray(key, dtype=np.intp))
    if len(found) and not -size <= int(found.min()) <= int(found.max()) < size:
        raise IndexError(f"index {key} is out of bounds for an axis of {size}")
    return np.where(found < 0, found + size, found)


def _is_range(key: Any) -> bool:
    return isinstance(key, slice) or np.ndim(key) > 0


def _is_strict(indices: Ints) -> bool:
    return bool((indices[1:] > indices[:-1]).all())
