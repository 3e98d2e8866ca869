# SPDX-License-Identifier: GPL-3.0-or-later
"""From sums to visibilities: scale, weights, SWIN records and the array of results.

``mpifxcorr-algorithm.md`` 6, "Normalisation" and "Weight written"; order of records as in ``difx-files.md``
13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.input_model import Input
from difxnb.formats.swin import baseline_number, encode_record
from difxnb.server.engine.cross import Sums
from difxnb.server.engine.delay_model import DelayModel
from difxnb.server.engine.plan import ConfigPlan, PlannedProduct
from difxnb.server.engine.schedule import NS, IntegrationSpan

_DAY_NS = 86400 * NS


@dataclass(frozen=True, slots=True)
class Visibilities:
    """What an integration gave, ready to write.

    Attributes
    ----------
    records : list of bytes
        SWIN records; none for products of no weight.
    result : ndarray
        complex64, the array of results.
    weights : list of float
        Mean autocorrelation weight per datastream.
    """

    records: list[bytes]
    result: NDArray[np.complex64]
    weights: list[float]


def start_of(inp: Input, span: IntegrationSpan) -> tuple[int, float]:
    """MJD and seconds of an integration's nominal start."""
    days, rest = divmod(round(inp.start_seconds * NS) + span.start_ns, _DAY_NS)
    return inp.start_mjd + days, rest / NS


def visibilities(
    inp: Input, model: DelayModel, plan: ConfigPlan, span: IntegrationSpan, sums: Sequence[Sums]
) -> Visibilities:
    """Normalise the sums of an integration."""
    nominal = plan.transforms * span.scan.int_ns / span.scan.subint_ns
    result = np.zeros(plan.result_length, np.complex64)
    records = []
    for planned in plan.products:
        weight = _weight_sum(planned, sums[planned.group])
        if weight > 0:
            spectrum = sums[planned.group].spectrum(planned.first, planned.second) / (weight * plan.samples)
            product = planned.product
            result[product.offset : product.offset + product.channels] = spectrum
            records.append(_record(inp, model, span, planned, weight / nominal, spectrum))
    return Visibilities(records, result, _mean_weights(plan, sums, nominal))


def _weight_sum(planned: PlannedProduct, sums: Sums) -> float:
    if planned.squared:
        return float(sums.pair_weights[planned.first, planned.second])
    return float(sums.weights[planned.first])


def _record(
    inp: Input,
    model: DelayModel,
    span: IntegrationSpan,
    planned: PlannedProduct,
    weight: float,
    spectrum: NDArray[np.complex128],
) -> bytes:
    product, scan = planned.product, span.scan
    mjd, seconds = start_of(inp, span)
    uvw = (0.0, 0.0, 0.0)
    if product.kind == "cross":
        centre_ns = span.start_ns + scan.int_ns // 2
        uvw = model.uvw(scan.scan, product.antenna1, product.antenna2, span.start_ns, centre_ns)
    return encode_record(
        baseline=baseline_number(product.antenna1, product.antenna2),
        mjd=mjd,
        seconds=seconds + scan.int_ns / NS / 2,
        config=scan.config,
        source=scan.source,
        freq=product.freq_index,
        polarization=product.polarization,
        pulsar_bin=product.pulsar_bin,
        weight=weight,
        uvw=uvw,
        spectrum=spectrum.astype(np.complex64),
    )


def _mean_weights(plan: ConfigPlan, sums: Sequence[Sums], nominal: float) -> list[float]:
    weights: list[list[float]] = [[] for _ in plan.datastreams]
    for group, own in zip(plan.groups, sums, strict=True):
        for feed in group.feeds:
            weights[feed.place] += [float(own.weights[row]) / nominal for row in feed.rows]
    return [sum(values) / len(values) if values else 0.0 for values in weights]
