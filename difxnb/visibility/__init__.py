# SPDX-License-Identifier: GPL-3.0-or-later
"""Visibilities as one Dataset shape, from the live monitor and from SWIN files, and their fringes.

In go monitor blocks or SWIN files, out come xarray Datasets and tables of fringes. A Dataset here has

* ``VISIBILITY`` (time, baseline, band, polarization, channel): complex64, DiFX amplitude units; or NaN
* ``WEIGHT`` (time, baseline, band, polarization): float32, 0…1; 0 where missing, NaN where unknown
* ``UVW`` (time, baseline, uvw): float64, m, antenna 2 minus antenna 1; NaN where unknown
* ``time``: ``datetime64[ns]``, UTC, middle of the integration
* ``baseline``: ``"AA-BB"``; ``"AA-AA"`` for autocorrelations
* ``band``: row of the FREQ table
* ``frequency`` (band, channel): Hz, centre of the channel, ascending; NaN behind a band's last channel
* ``polarization``: ``"RR"``, ``"RL"``…: of antenna 1, of antenna 2

with ``antenna1_name``, ``antenna2_name``, ``is_autocorrelation`` (baseline), ``bandwidth``, ``sideband``,
``n_channels`` (band), ``scan_name`` and ``field_name`` (time). Live data have ``time_uncertainty`` (time) too: s, by
which `time` may be off, 0 where it is exact. ``phase_center`` and ``pulsar_bin`` are
dimensions behind ``time`` where there is more than one; ``UVW`` then has the former too, ``phase_center_name``
(time, phase_center) names the sources and ``field_name`` is the first of them. ``integration_time`` (time), s, is there
where it changes. V = S1 · conj(S2) ∝ exp(+2πi ν τ), τ > 0 where antenna 2 is late; the sign is the same for both
sidebands.

Importing this, which opening visibilities does too, gives every Dataset and DataArray ``difx``:
``ds.difx.baseline("AA", "BB")``, ``ds.difx.normalized()``, ``ds.difx.lags()``, ``ds.difx.mean_over("scan")``,
``ds.difx.summary()`` and more (see `DifxDataset`).

Where things are: `stored` opens files, `live` gathers what a monitor sends, `accessor` answers questions to either,
`msv4` and `netcdf` write for others. `axes` makes every Dataset; `fits` fringes; `phase_cal` reads tones.
"""

from difxnb.visibility.accessor.registered import DifxArray, DifxDataset
from difxnb.visibility.accessor.summary import VisibilitySummary
from difxnb.visibility.fits import fringe_fit, weights_array
from difxnb.visibility.live.products import products_frame
from difxnb.visibility.live.series import VisibilitySeries
from difxnb.visibility.netcdf import save_netcdf
from difxnb.visibility.stored.opening import open_visibilities, reopen, skipped_frame

__all__ = [
    "DifxArray",
    "DifxDataset",
    "VisibilitySeries",
    "VisibilitySummary",
    "fringe_fit",
    "open_visibilities",
    "products_frame",
    "reopen",
    "save_netcdf",
    "skipped_frame",
    "weights_array",
]
