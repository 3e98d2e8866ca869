# SPDX-License-Identifier: GPL-3.0-or-later
"""Tones of an integration as lines of ``PCAL_*`` files (``difx-files.md`` 14)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from difxnb.formats.input_model import Datastream, Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.pcal import PcalBlock
from difxnb.server.engine.combs import Comb
from difxnb.server.engine.plan import ConfigPlan
from difxnb.server.engine.schedule import NS, IntegrationSpan
from difxnb.server.engine.tones import ToneSums


def tone_blocks(
    inp: Input, plan: ConfigPlan, span: IntegrationSpan, sums: Sequence[ToneSums | None]
) -> dict[str, list[PcalBlock]]:
    """Sort the tones of an integration by antenna; those without any signal are left out, as mpifxcorr does."""
    blocks: dict[str, list[PcalBlock]] = {}
    for place, (row, comb, own) in enumerate(zip(plan.datastreams, plan.combs, sums, strict=True)):
        if comb is not None and own is not None and own.values.any():
            stream = inp.datastreams[row]
            name = inp.telescopes[stream.telescope_index].name
            blocks.setdefault(name, []).append(_block(inp, plan, span, place, stream, comb, own))
    return blocks


def _block(
    inp: Input,
    plan: ConfigPlan,
    span: IntegrationSpan,
    place: int,
    stream: Datastream,
    comb: Comb,
    sums: ToneSums,
) -> PcalBlock:
    frequency = np.full((len(comb.bands), comb.most), np.nan)
    for row, band in enumerate(comb.bands):
        frequency[row, : len(band.frequency_hz)] = np.array(band.frequency_hz) / 1e6
    letters = np.array([[band.pol] for band in stream.bands])
    middle = round(inp.start_seconds * NS) + span.start_ns + span.scan.int_ns // 2
    time_ns = (inp.start_mjd - UNIX_EPOCH_MJD) * DAY_S * NS + middle
    return PcalBlock(
        datastream=place,
        frequency_mhz=frequency,
        polarization=np.where(np.isnan(frequency), "", letters),
        time_ns=np.array([time_ns]),
        duration_ns=np.array([span.scan.int_ns]),
        tones=sums.tones(comb, plan.samples)[np.newaxis],
    )
