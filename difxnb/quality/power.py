# SPDX-License-Identifier: GPL-3.0-or-later
"""How much power bands have beside each other, so that those without any are known.

In go mean autocorrelations and how bands were sampled, out comes a number for every parallel hand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.sampling import Sampling
from difxnb.quality.spectra import AutoSpectra


def relative_powers(
    spectra: AutoSpectra, samplings: Mapping[tuple[str, int, str], Sampling], edge: float
) -> NDArray[np.float64]:
    """Median power of every parallel hand against others, in the order of `AutoSpectra.parallel`.

    The median of the antenna, and of all whose samples are of the same kind: the greater of them counts. 0 where there
    is no power. A share `edge` of the channels is left out at either end of a band.
    """
    every = spectra.parallel
    power = pd.Series(
        [float(np.median(spectra.values(one).real[spectra.inner(one, edge)])) for one in every], dtype=float
    )
    keys = [(one.antenna, one.band, one.polarization[0]) for one in every]
    kinds = [str(samplings[key].scale) if key in samplings else "" for key in keys]
    known = power.where(power > 0)
    of_antenna, of_kind = (
        known.groupby(names).transform("median").to_numpy(dtype=np.float64)
        for names in ([one.antenna for one in every], kinds)
    )
    relative: NDArray[np.float64] = known.to_numpy(dtype=np.float64) / np.fmax(of_antenna, of_kind)
    return np.nan_to_num(relative, nan=0.0)
