# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each spectrum lies in the array of results that the correlator keeps for one integration.

An ``.input`` comes in, a list of products with their offsets goes out. The live monitor asks for spectra by these
offsets, and the order of the records of a SWIN file follows from the same list. Mirrors ``difx-files.md`` 13 and 15.
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.formats.input_model import Input


@dataclass(frozen=True, slots=True)
class ResultProduct:
    """One spectrum of an integration.

    Attributes
    ----------
    kind : str
        ``"cross"``, or ``"auto"`` for what WRITE AUTOCORRS makes.
    baseline : int
        Place in the configuration's list of baselines; -1 for autocorrelations.
    datastream : int
        Place in the configuration's list of datastreams; -1 for cross products.
    freq_index : int
        Row of the FREQ table under which the spectrum is written.
    polarization : str
        Letters of antenna 1 and antenna 2, such as ``"RL"``.
    antenna1, antenna2 : int
        Rows of the TELESCOPE table.
    offset, channels : int
        First complex value in the array of results, and how many.
    band_a, band_b : int
        Bands of the two datastreams (of the same one for an autocorrelation).
    """

    kind: str
    baseline: int
    datastream: int
    freq_index: int
    polarization: str
    antenna1: int
    antenna2: int
    phase_center: int
    pulsar_bin: int
    offset: int
    channels: int
    band_a: int
    band_b: int


def result_layout(
    inp: Input, configuration: int = 0, *, phase_centers: int = 1, pulsar_bins: int = 1
) -> list[ResultProduct]:
    """List the spectra of an integration in the order of the array of results."""
    raise NotImplementedError


def result_length(inp: Input, configuration: int = 0, *, phase_centers: int = 1, pulsar_bins: int = 1) -> int:
    """Complex values in the array of results up to the end of the autocorrelations."""
    raise NotImplementedError


def record_order(products: list[ResultProduct]) -> list[ResultProduct]:
    """Put products into the order in which their records stand in a SWIN file."""
    raise NotImplementedError
