# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of a correlator report as values, each made of what there is, or with the reason why it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from difxnb.reports.ivs_clocks import clock_rows
from difxnb.reports.ivs_codes import letter_of
from difxnb.reports.ivs_material import HEADER, IvsMaterial
from difxnb.reports.ivs_notes import correlator_notes, station_notes
from difxnb.sessions.finding import rows_of, time_of

_LEGEND = (
    "0    no fringe found: probability of a false alarm above 1e-4",
    "1-9  fringe found; 9 less a fault for phases or amplitudes that scatter over bands or",
    "     over time by more than 11.5 deg or 20 %, and another above 22.9 deg or 40 %",
    "D    no data in one band or more",
    "E    fringe at the edge of the window that was searched",
    "G    amplitude of a band below half the mean, and SNR above 20",
    "N    no data though the job was to give some",
    "-    in the schedule, and not correlated",
    "Fringes and codes are of difxnb.fringe_fit, not of fourfit.",
)
_GROUPS = (("5-9", "56789"), ("0", "0"), ("4-1,A-H,N", "4321ABCDEFGHN"), ("Removed", "-"))
_CODES = (*"0123456789", *"ABCDEFGH", "N", "-")
_SAME_HZ = 1.0
_NO_PREDICTION = "0NDE-"


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes
    ----------
    name : str
        As in its heading.
    why : str
        Why there is nothing to tell; empty where there is.
    values : mapping
        Keys and texts, as of the HEADER.
    table : DataFrame or None
        Rows, in SI units.
    lines : tuple of str
        Sentences.
    legend : tuple of str
        What signs and codes mean.
    """

    name: str
    why: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    lines: tuple[str, ...] = ()
    legend: tuple[str, ...] = ()


def sections_of(material: IvsMaterial) -> dict[str, Section]:
    """All sections, in the order of published reports."""
    return {name: make(material) for name, make in _SECTIONS.items()}


def _header(material: IvsMaterial) -> Section:
    values = {name: material.header.get(name, "") for name in HEADER}
    for name, text in _known(material).items():
        values[name] = values[name] or text
    return Section("HEADER", values=values)


def _known(material: IvsMaterial) -> dict[str, str]:
    """Values of the header that the record and the jobs tell."""
    known = {"SESSNAME": _session(material), "CORRTIME": _correlated(material)}
    if material.span is not None:
        start, stop = material.span
        hours = (stop - start).total_seconds() / 3600
        known |= {"OBSTIME": f"{start:%Y-%m-%d}", "UTSTART": f"{start:%H%M}", "DOY": f"{start:%j}"}
        known["DURATION"] = f"{hours:.4f}".rstrip("0").rstrip(".")
    return known


def _session(material: IvsMaterial) -> str:
    names = {line.session for line in material.lines}
    names = names or {one.material.calc.obscode for one in material.found if one.material.calc is not None}
    return " ".join(sorted(names - {""}))


def _correlated(material: IvsMaterial) -> str:
    """Days on which the jobs ran, by their logs or by the record."""
    days = set[str]()
    for one in material.found:
        if one.material.log is not None:
            entries = one.material.log.frame()
            times = entries["time"] if "time" in entries else pd.Series(dtype="datetime64[ns]")
            days |= {
                f"{stamp:%Y/%m/%d}" for stamp in times.dropna().agg(["min", "max"]) if not pd.isna(stamp)
            }
    for row in [] if days else rows_of(material.outputs("correlate"), "jobs"):
        stamps = [time_of(row.get(name)) for name in ("begun", "ended")]
        days |= {f"{stamp:%Y/%m/%d}" for stamp in stamps if stamp is not None}
    ordered = sorted(days)
    return " ".join(dict.fromkeys([ordered[0], ordered[-1]])) if ordered else ""


def _summary(material: IvsMaterial) -> Section:
    counts = material.codes["code"].value_counts()
    if counts.empty:
        return Section("SUMMARY", _why_no_codes(material))
    total = int(counts.sum())
    correlated = total - int(counts.get("-", 0))
    rows = []
    for label, codes in _GROUPS:
        number = int(sum(counts.get(code, 0) for code in codes))
        of_correlated = number / correlated if label != "Removed" and correlated else float("nan")
        rows.append((label, number / total, of_correlated))
    table = pd.DataFrame(rows, columns=["codes", "of_total", "of_correlated"])
    shares = "Shares of scans of baselines, in each range of frequencies by itself."
    legend = (shares,) if material.vex is not None else (shares, _OF_JOBS)
    return Section("SUMMARY", table=table, legend=legend)


_OF_JOBS = "All scans are those of the jobs: without a schedule, what no job was made for is not counted."


def _why_no_codes(material: IvsMaterial) -> str:
    if not material.found:
        return material.why_no_jobs
    return "; ".join(dict.fromkeys(one.material.why_no("fringes") for one in material.found))


def _correlator_notes(material: IvsMaterial) -> Section:
    return Section("CORRELATOR_NOTES", lines=correlator_notes(material))


def _station_notes(material: IvsMaterial) -> Section:
    lines = station_notes(material)
    why = "" if lines else f"no station is known of: {material.why_no_jobs}"
    return Section("STATION_NOTES", why, lines=lines)


def _drop_channels(material: IvsMaterial) -> Section:
    if not material.codes["snr"].notna().any():
        return Section("DROP_CHANNELS", _why_no_codes(material))
    lines = tuple(dict.fromkeys(line for one in material.found for line in _without_data(one.material.cross)))
    said = "All recorded bands take part in the fits, less one channel at either end of each."
    return Section("DROP_CHANNELS", lines=lines or ("none",), legend=(said,))


def _without_data(cross: object) -> list[str]:
    """Stations and bands of which no product has data, while others of the station have."""
    import xarray as xr

    if not isinstance(cross, xr.Dataset):
        return []
    weights = cross["WEIGHT"].max([axis for axis in cross["WEIGHT"].dims if axis not in ("baseline", "band")])
    found = []
    for antenna in sorted({*cross["antenna1_name"].values, *cross["antenna2_name"].values}):
        mine = (cross["antenna1_name"].values == antenna) | (cross["antenna2_name"].values == antenna)
        best = weights.transpose("baseline", "band").values[mine].max(axis=0, initial=0.0)
        if (best > 0).any():
            found += [f"{antenna} band {cross['band'].values[place]}" for place in (best <= 0).nonzero()[0]]
    return found


def _manual_pcal(material: IvsMaterial) -> Section:
    if not material.codes["snr"].notna().any():
        return Section("MANUAL_PCAL", _why_no_codes(material))
    calibrated = material.codes[material.codes["band_phase_rms"].notna()]
    if calibrated.empty:
        said = "Bands were fitted with phases of their own."
        return Section("MANUAL_PCAL", lines=("none",), legend=(said,))
    stations = sorted({*calibrated["antenna1"], *calibrated["antenna2"]})
    said = "Phases between bands are those of the strongest scan of each baseline."
    return Section("MANUAL_PCAL", lines=tuple(map(str, stations)), legend=(said,))


def _channels(material: IvsMaterial) -> Section:
    if not material.inputs:
        return Section("CHANNELS", material.why_no_jobs)
    bands = pd.concat([one.frame("bands") for one in material.inputs], ignore_index=True)
    bands = bands[bands["kind"] == "recorded"].assign(polarization=bands["polarization"].str.upper())
    rows = bands.drop_duplicates(["frequency", "sideband", "polarization"]).copy()
    rows["letter"] = [letter_of(float(one)) for one in rows["frequency"]]
    rows = rows.sort_values(["frequency", "polarization", "sideband"], kind="stable")
    edges = rows.groupby("letter")["frequency"].transform(lambda part: part.rank(method="dense"))
    rows["channel"] = [
        f"{row['letter']}{row['polarization']}{int(number)}{row['sideband']}"
        for row, number in zip(rows.to_dict("records"), edges, strict=True)
    ]
    rows["bbc"] = [_converter(row, material) for row in rows.to_dict("records")]
    table = rows[["channel", "bbc", "frequency", "bandwidth"]].reset_index(drop=True)
    legend = ("XR1U = band, polarization, number, sideband; MHz at the edge, and the width.",)
    without = "Numbers of converters are not in job files: a schedule has them."
    return Section("CHANNELS", table=table, legend=legend if material.vex is not None else (*legend, without))


def _converter(row: Mapping[Any, Any], material: IvsMaterial) -> str:
    """The converter of a band in the schedule; empty where it has none or stations differ."""
    if material.vex is None:
        return ""
    bands = material.vex.bands()
    alike = (bands["frequency"] - float(row["frequency"])).abs() < _SAME_HZ
    alike &= (bands["sideband"] == row["sideband"]) & bands["polarization"].isin(["", row["polarization"]])
    names = {str(name) for name in bands.loc[alike, "bbc"]} - {""}
    return names.pop() if len(names) == 1 else ""


def _clocks(material: IvsMaterial) -> Section:
    if not material.inputs:
        return Section("CLOCKS", material.why_no_jobs)
    legend = (
        "Early is positive, as in clock_early of a VEX file; used: what the jobs were correlated with.",
        "- : no readings of counters were given."
        if material.counts is None
        else "fmout-gps: a line through readings.",
    )
    return Section("CLOCKS", table=clock_rows(material), legend=legend)


def _qcodes(material: IvsMaterial) -> Section:
    if material.codes.empty:
        return Section("QCODES", _why_no_codes(material))
    counts = pd.crosstab([material.codes["baseline"], material.codes["letter"]], material.codes["code"])
    counts = counts.reindex(columns=list(_CODES), fill_value=0).astype("int64")
    counts["Tot"] = counts.sum(axis=1)
    table = counts.reset_index()
    table.columns.name = None
    return Section("QCODES", table=table, legend=_LEGEND)


def _snr_ratios(material: IvsMaterial) -> Section:
    if material.predicted is None:
        return Section(
            "SNR_RATIOS", "no predicted SNRs are known, as schedules do not hold them; predicted= takes them"
        )
    if material.codes.empty:
        return Section("SNR_RATIOS", _why_no_codes(material))
    keys = [name for name in ("scan", "baseline", "letter") if name in material.predicted]
    seen = material.codes[~material.codes["code"].isin(list(_NO_PREDICTION))]
    both = seen.merge(material.predicted[[*keys, "snr"]], on=keys, suffixes=("", "_predicted"))
    both = both[both["snr_predicted"] > 0]
    if both.empty:
        return Section("SNR_RATIOS", "no fringe that was found has a predicted SNR")
    ratios = (both["snr"] / both["snr_predicted"]).groupby([both["baseline"], both["letter"]])
    table = ratios.agg(ratio="mean", n="size").reset_index()
    return Section(
        "SNR_RATIOS", table=table, legend=("Mean of SNR found over SNR predicted, and of how many.",)
    )


def _control_file(material: IvsMaterial) -> Section:
    return Section("FOURFIT_CONTROL_FILE", "fringes were fitted by difxnb.fringe_fit, without fourfit")


_SECTIONS: dict[str, Callable[[IvsMaterial], Section]] = {
    "HEADER": _header,
    "SUMMARY": _summary,
    "CORRELATOR_NOTES": _correlator_notes,
    "STATION_NOTES": _station_notes,
    "DROP_CHANNELS": _drop_channels,
    "MANUAL_PCAL": _manual_pcal,
    "CHANNELS": _channels,
    "CLOCKS": _clocks,
    "QCODES": _qcodes,
    "SNR_RATIOS": _snr_ratios,
    "FOURFIT_CONTROL_FILE": _control_file,
}
