# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `pcal`: pulse calibration tones that are missing, weak, strong, off in phase, or that jump.

In go tones as the correlator measured them, and those that the ``.input`` asks for (``difx-files.md`` 14). Of each
comb, the tones of an antenna, band and letter, amplitudes are held against the comb's median, which one tone does not
move, or against that of the antenna where all of a comb are gone. A tone is there where its phase goes on from one
integration to the next: noise has any. Phases of a comb lie on a line in frequency, its delay; a tone off that line is
something else at the same frequency. The phase that all tones of a comb have in common jumps where it goes on
differently than between other integrations, within scans: a gap is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.naming import named
from difxnb.quality.tones import Comb, combs, expected_tones, measured_tones
from difxnb.quality.trend import NORMAL_MAD
from difxnb.quality.verdict import Check, Scale, Verdict, graded, not_applicable, worst, worst_first

NAME = "pcal"
_LEAST_PAIRS = 4  # of integrations, for phases to go on between
_LEAST_LINE = 4  # tones on a line of phases
_DELAYS = 32  # steps of delay per tone and ambiguity
_GAP = 1.5  # integrations from one to the next beyond which there is a gap
_FINE, _MISSING, _WEAK, _STRONG, _OFF = "fine", "missing", "weak", "strong", "off in phase"
_JUMP = "phase jump"


def check_pcal(material: Material, limits: Section) -> Check:
    """Judge every tone that the job was to measure, and the phases of combs."""
    expected = (
        {} if material.input is None else expected_tones(material.input, material.samplings, limits["edge"])
    )
    if material.input is None and material.pcal is not None:
        expected = measured_tones(material.pcal)
    if not expected:
        why = material.why_no("pcal") if material.input is None else "the job extracts no tones"
        return not_applicable(NAME, why)
    antennas = list(dict.fromkeys(antenna for antenna, _, _ in expected))
    if material.pcal is None or not material.pcal.sizes["time"]:
        return _without_files(material, antennas)
    evidence = _judged(list(combs(material.pcal, expected)), limits)
    tones = evidence[evidence["state"] != _JUMP]
    bad = (tones["state"] != _FINE).groupby(tones["antenna"]).mean()
    verdicts = [graded(share, limits["look"], limits["no_go"]) for share in bad]
    if len(tones) < len(evidence):
        verdicts.append(Verdict.LOOK)
    evidence["verdict"] = [str(Verdict.GO if state == _FINE else Verdict.LOOK) for state in evidence["state"]]
    lost = bad.index[bad > limits["no_go"]]
    evidence.loc[evidence["antenna"].isin(lost) & (evidence["state"] != _FINE), "verdict"] = str(
        Verdict.NO_GO
    )
    limit = f"at most {limits['look']:g} of an antenna's tones not fine (no-go above {limits['no_go']:g}), no jumps"
    return Check(
        NAME,
        worst(verdicts),
        float(bad.max()),
        "",
        limit,
        _text(evidence) + material.so_far,
        worst_first(evidence, "relative"),
        Scale("relative", limits["weak"]),
    )


def _without_files(material: Material, antennas: list[str]) -> Check:
    why = material.why_no("pcal")
    if material.dataset is None and not material.size:
        return not_applicable(NAME, material.why_no("dataset"))
    if material.running or material.is_part:
        return not_applicable(NAME, f"{why}{material.so_far}")
    evidence = pd.DataFrame({"antenna": antennas, "state": _MISSING, "verdict": str(Verdict.NO_GO)})
    text = f"tones of {named(antennas)} were to be extracted, but {why}"
    return Check(NAME, Verdict.NO_GO, 1.0, "", "tones of every antenna that the .input names", text, evidence)


def _judged(every: list[Comb], limits: Section) -> pd.DataFrame:
    """Every tone with its state, and every jump."""
    amplitude = {id(comb): _amplitudes(comb) for comb in every}
    rows: list[dict[str, Any]] = []
    for comb in every:
        whole = np.concatenate([amplitude[id(one)] for one in every if one.antenna == comb.antenna])
        typical = max(_median(amplitude[id(comb)]), limits["weak"] * _median(whole))
        relative = amplitude[id(comb)] / typical if typical > 0 else np.zeros(len(comb.frequency))
        goes_on = _continuity(comb)
        state = np.full(len(relative), _FINE, dtype=object)
        state[relative < limits["weak"]] = _WEAK
        state[relative > limits["strong"]] = _STRONG
        state[_off_line(comb, state == _FINE) > limits["phase"]] = _OFF
        state[(relative < limits["missing"]) | (goes_on < limits["continuity"])] = _MISSING
        own = {"antenna": comb.antenna, "band": comb.band, "polarization": comb.letter, "time": pd.NaT}
        rows += [
            {**own, "frequency_mhz": frequency / 1e6, "relative": one, "continuity": on, "state": kind}
            for frequency, one, on, kind in zip(comb.frequency, relative, goes_on, state, strict=True)
        ]
        rows += [
            {**own, "time": pd.Timestamp(moment), "relative": np.nan, "phase_step": step, "state": _JUMP}
            for moment, step in _jumps(comb, state != _MISSING, limits)
        ]
    return pd.DataFrame(rows)


def _amplitudes(comb: Comb) -> NDArray[np.float64]:
    """Median amplitude of each tone; what was not measured is 0."""
    return np.asarray(np.median(np.nan_to_num(np.abs(comb.tones), nan=0.0), axis=0), dtype=float)


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if values.size else 0.0


def _steps(comb: Comb) -> tuple[NDArray[np.complex128], NDArray[np.bool_]]:
    """Products of each integration and the conjugate of the one before, shape (time - 1, tone), 0 where one is missing.

    And whether the two follow each other without a gap.
    """
    tones = np.nan_to_num(comb.tones.astype(np.complex128), nan=0.0)
    apart = np.diff(comb.time_ns) / 1e9
    return tones[1:] * np.conj(tones[:-1]), apart <= _GAP * np.fmax(comb.length_s[1:], comb.length_s[:-1])


def _continuity(comb: Comb) -> NDArray[np.float64]:
    """How well the phase of each tone goes on: 1 where all steps are the same, some 1/√n of n steps of noise.

    1 where too few integrations follow each other to tell.
    """
    products, follows = _steps(comb)
    products = products[follows]
    if len(products) < _LEAST_PAIRS:
        return np.ones(len(comb.frequency))
    size = np.abs(products).sum(axis=0)
    return np.asarray(np.divide(np.abs(products.sum(axis=0)), size, out=np.zeros(len(size)), where=size > 0))


def _off_line(comb: Comb, fine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the phase of each tone is from the line of all that are fine, rad; 0 where no line can be told."""
    places = np.flatnonzero(fine)
    off = np.zeros(len(fine))
    if len(places) < _LEAST_LINE:
        return off
    tones = np.nan_to_num(comb.tones[:, places].astype(np.complex128), nan=0.0)
    strongest = int(np.abs(tones).sum(axis=0).argmax())
    phasor = (tones * np.conj(tones[:, [strongest]])).sum(axis=0)
    phasor = np.divide(phasor, np.abs(phasor), out=np.zeros_like(phasor), where=phasor != 0)
    apart = comb.frequency[places] - comb.frequency[places[0]]
    spacing = float(np.diff(apart).min())
    span = max(len(places), round(apart[-1] / spacing) + 1)
    delay = np.arange(_DELAYS * span) / (_DELAYS * span * spacing)
    turned = phasor * np.exp(-2j * np.pi * delay[:, None] * apart)
    best = turned[np.abs(turned.sum(axis=1)).argmax()]
    off[places] = np.abs(np.angle(best * np.conj(best.sum())))
    return off


def _jumps(comb: Comb, there: NDArray[np.bool_], limits: Section) -> list[tuple[np.datetime64, float]]:
    """When the phase of all tones jumps, and by how much (rad), against the median of its steps."""
    products, follows = _steps(comb)
    common = products[:, there].sum(axis=1)
    places = np.flatnonzero(follows & (common != 0))
    if len(places) < _LEAST_PAIRS:
        return []
    usual = np.median(common[places].real) + 1j * np.median(common[places].imag)
    step = np.angle(common[places] * np.conj(usual))
    scatter = NORMAL_MAD * float(np.median(np.abs(step)))
    far = np.abs(step) > max(limits["jump"], limits["sigmas"] * scatter)
    moments = (comb.time_ns[:-1] + comb.time_ns[1:])[places[far]] // 2
    return list(zip(moments.view("datetime64[ns]"), step[far].tolist(), strict=True))


def _text(evidence: pd.DataFrame) -> str:
    """Antennas without tones, then tones by what is wrong with them, then jumps."""
    tones = evidence[evidence["state"] != _JUMP]
    said = []
    for state in (_MISSING, _WEAK, _STRONG, _OFF):
        of_state = tones[tones["state"] == state]
        for antenna, rows in of_state.groupby("antenna", sort=False):
            total = int((tones["antenna"] == antenna).sum())
            if len(rows) == total:
                said.append(f"all {total} tones of {antenna} {state}")
            else:
                which = named(
                    f"{row.frequency_mhz:.10g} MHz {row.polarization}" for row in rows.itertuples(index=False)
                )
                said.append(f"{len(rows)} of {total} tones of {antenna} {state}: {which}")
    jumps = evidence[evidence["state"] == _JUMP]
    for antenna, rows in jumps.groupby("antenna", sort=False):
        first = rows.sort_values("time").iloc[0]
        said.append(
            f"phases of {antenna} jump by {np.degrees(abs(first['phase_step'])):.0f}° at "
            f"{pd.Timestamp(first['time']).strftime('%H:%M:%S')}"
            + (f", and {len(rows) - 1} jumps more" if len(rows) > 1 else "")
        )
    return "; ".join(said) or f"{len(tones)} tones of {named(dict.fromkeys(tones['antenna']))}, all fine"
