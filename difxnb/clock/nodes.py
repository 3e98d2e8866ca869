# SPDX-License-Identifier: GPL-3.0-or-later
"""What has a delay of its own between fringes: antennas, or, where these have offsets, their bands and hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from difxnb.clock.measurements import hands_of

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Nodes:
    """What has a delay of its own: antennas, or their bands and hands.

    Attributes
    ----------
    antenna : ndarray
        (node,) place in the list of antennas.
    labels : DataFrame
        One row per node: ``band``, ``polarization`` as far as they divide an antenna.
    ends : ndarray
        (fringe, 2) nodes of antenna 1 and antenna 2.
    """

    antenna: Ints
    labels: pd.DataFrame
    ends: Ints

    def leading_to(self, reference: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Nodes of an antenna that stand for 0, one in each part of the network; and which nodes lead to them."""
        size = len(self.antenna)
        graph = sparse.coo_array(
            (np.ones(len(self.ends)), (self.ends[:, 0], self.ends[:, 1])), shape=(size, size)
        )
        _, part = csgraph.connected_components(graph, directed=False)
        own = np.flatnonzero(self.antenna == reference)
        _, first = np.unique(part[own], return_index=True)
        fixed = own[first]
        return fixed, np.isin(part, part[fixed])


def nodes_of(table: pd.DataFrame, antennas: Sequence[str], offsets: Sequence[str]) -> Nodes:
    """Nodes of a table of fringes."""
    hands = hands_of(table["polarization"])
    names = np.concatenate([table["antenna1_name"], table["antenna2_name"]]).astype(object)
    found: dict[str, NDArray[np.object_]] = {}
    if "band" in offsets:
        found["band"] = np.tile(table["band"].to_numpy(), 2)
    if "polarization" in offsets:
        found["polarization"] = hands.T.ravel()
    places = pd.Index(antennas).get_indexer(pd.Index(names)).astype(np.int64)
    number, kinds = places, {}
    for name, values in found.items():
        codes, kinds[name] = pd.factorize(values, sort=True)
        number = number * len(kinds[name]) + codes
    _, first, node = np.unique(number, return_index=True, return_inverse=True)
    labels = pd.DataFrame({name: values[first] for name, values in found.items()}, index=range(len(first)))
    return Nodes(places[first], labels, node.reshape(2, -1).T.astype(np.int64))
