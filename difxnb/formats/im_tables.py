# SPDX-License-Identifier: GPL-3.0-or-later
"""A delay model as tables and as a line of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from difxnb.formats.im_evaluation import NS, moment, reach_ns, start_ns

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.im_model import Im, ImPolynomial, ImScan

_NAMED = 8


def model_frame(im: Im) -> pd.DataFrame:
    """The model as a table.

    Returns
    -------
    DataFrame
        One row per scan, polynomial, source and antenna: ``scan``, ``polynomial`` (rows), ``source_index`` (0 the
        pointing centre, k the phase centre k - 1), ``source``, ``antenna``, ``start``, ``stop`` (UTC, between which
        the polynomial holds), then the values at its start: ``delay`` (s), ``delay_rate`` (s/s), ``u``, ``v``, ``w``
        (m), in the file's signs, and the other lines under the names and in the units that the file gives them.
    """
    import pandas as pd

    blocks = [
        _block(im, row, number, polynomial)
        for row, scan in enumerate(im.scans)
        for number, polynomial in enumerate(scan.polynomials)
    ]
    if not blocks:
        return pd.DataFrame(columns=_COLUMNS)
    frame = pd.concat(blocks, ignore_index=True)
    frame.attrs["units"] = {"delay": "s", "delay_rate": "s/s", "u": "m", "v": "m", "w": "m"}
    return frame


_COLUMNS = [
    *("scan", "polynomial", "source_index", "source", "antenna", "start", "stop"),
    *("delay", "delay_rate", "u", "v", "w"),
]


def _block(im: Im, row: int, number: int, polynomial: ImPolynomial) -> pd.DataFrame:
    import pandas as pd

    names = _source_names(im.scans[row])
    begin = start_ns(polynomial)
    antennas = len(im.telescopes)
    delay = polynomial.delay_us * 1e-6
    rate = delay[..., 1] if delay.shape[-1] > 1 else np.zeros(delay.shape[:-1])
    values = {"delay": delay[..., 0], "delay_rate": rate}
    values |= {axis: getattr(polynomial, axis)[..., 0] for axis in "uvw"}
    values |= {name: array[..., 0] for name, array in polynomial.optional.items()}
    labels: dict[str, Any] = {
        "scan": row,
        "polynomial": number,
        "source_index": np.repeat(np.arange(len(names)), antennas),
        "source": np.repeat(np.array(names, dtype=object), antennas),
        "antenna": np.tile(np.array(im.telescopes, dtype=object), len(names)),
        "start": moment(begin),
        "stop": moment(begin + im.interval_s * NS),
    }
    return pd.DataFrame(labels | {name: array.ravel() for name, array in values.items()})


def _source_names(scan: ImScan) -> list[str]:
    return [scan.pointing_source, *scan.phase_center_sources]


def scan_frame(im: Im) -> pd.DataFrame:
    """One row per scan: its number, pointing source, phase centres, reach (UTC) and number of polynomials."""
    import pandas as pd

    rows = [
        {
            "scan": row,
            "source": scan.pointing_source,
            "phase_centers": " ".join(scan.phase_center_sources),
            "start": begin,
            "stop": end,
            "polynomials": len(scan.polynomials),
        }
        for row, scan in enumerate(im.scans)
        for begin, end in [_span(im, scan)]
    ]
    return pd.DataFrame(rows, columns=["scan", "source", "phase_centers", "start", "stop", "polynomials"])


def _span(im: Im, scan: ImScan) -> tuple[np.datetime64, np.datetime64]:
    if not scan.polynomials:
        return np.datetime64("NaT", "ns"), np.datetime64("NaT", "ns")
    begin, end = reach_ns(im, scan)
    return moment(begin), moment(end)


def model_text(im: Im) -> str:
    """A line that says how much the model holds."""
    named = " ".join(im.telescopes[:_NAMED]) + (" …" if len(im.telescopes) > _NAMED else "")
    parts = [f"{len(im.telescopes)} antennas ({named})", f"{len(im.scans)} scans"]
    spans = list(_known_spans(im))
    if spans:
        begin, end = min(span[0] for span in spans), max(span[1] for span in spans)
        parts.append(f"{begin.astype('datetime64[s]')} to {end.astype('datetime64[s]')}")
    parts.append(f"order {im.order} over {im.interval_s} s")
    return f"<Im {im.path.stem if im.path is not None else '?'}: {', '.join(parts)}>"


def _known_spans(im: Im) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    return (_span(im, scan) for scan in im.scans if scan.polynomials)
