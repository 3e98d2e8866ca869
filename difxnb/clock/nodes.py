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
    ends = [
        pd.DataFrame(
            {
                "antenna": pd.Categorical(
                    table[f"antenna{n + 1}_name"], categories=list(antennas)
                ).codes.astype(np.int64)
            }
            | ({"band": table["band"].to_numpy()} if "band" in offsets else {})
            | ({"polarization": hands[:, n]} if "polarization" in offsets else {})
        )
        for n in (0, 1)
    ]
    both = pd.concat(ends, ignore_index=True)
    labels = both.drop_duplicates().sort_values(list(both.columns)).reset_index(drop=True)
    places = both.merge(labels.assign(node=np.arange(len(labels))), on=list(both.columns), how="left")["node"]
    pairs = np.asarray(places, dtype=np.int64).reshape(2, -1).T
    return Nodes(np.asarray(labels["antenna"], dtype=np.int64), labels.drop(columns="antenna"), pairs)
