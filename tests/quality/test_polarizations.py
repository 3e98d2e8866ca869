# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `polarizations`: antennas with exchanged hands are named, whichever they are, and so are those that leak."""

from __future__ import annotations

import pytest

from difxnb.quality.verdict import Verdict
from tests.quality.made_amplitudes import network
from tests.quality.made_material import ALPHA, GOOD, of_data, of_fringes, of_job, visibilities
from tests.quality.spoiled_spectra import BETA, USB, checked, place, values

ANTENNAS = ("AA", "BB", "CC", "DD", "EE")
OTHER = {"R": "L", "L": "R"}


@pytest.fixture(scope="module")
def fringes():
    return of_job(ALPHA).fringes


def exchanged(fringes, antenna, bands=(0, 1)):
    """The same with the hands of an antenna exchanged, which is to say labelled wrongly."""
    made = fringes.copy()
    for end in (0, 1):
        here = made[f"antenna{end + 1}_name"].eq(antenna) & made["band"].isin(bands)
        made.loc[here, "polarization"] = [
            hand[:end] + OTHER[hand[end]] + hand[end + 1 :] for hand in made.loc[here, "polarization"]
        ]
    return made


@pytest.mark.parametrize(
    "job",
    [*(job for job in GOOD if job.stem in ("alpha_1", "zeta_1", "epsilon_1")), BETA],
    ids=lambda job: job.stem,
)
def test_good_jobs_have_strong_parallel_hands(job):
    check = checked("polarizations", of_job(job))
    assert check.verdict is Verdict.GO
    assert check.value == pytest.approx(0.3, abs=0.01)  # as truth.json has it


def test_a_source_that_is_half_polarized_is_worth_a_look():
    """As truth.json has it; and nobody is accused."""
    check = checked("polarizations", of_job(USB))
    assert check.verdict is Verdict.LOOK
    assert check.value == pytest.approx(0.5, abs=0.01)
    assert "a source that is so polarized" in check.text
    assert not check.evidence["exchanged"].any()


@pytest.mark.parametrize("antenna", ["AA", "BB", "CC"])
def test_an_antenna_with_exchanged_hands_is_named(antenna, fringes):
    check = checked("polarizations", of_fringes(exchanged(fringes, antenna)))
    assert check.verdict is Verdict.NO_GO
    assert check.text.startswith(f"the polarizations of {antenna} are swapped: ")
    assert set(check.evidence.loc[check.evidence["exchanged"], "antenna"]) == {antenna}
    assert check.evidence.loc[check.evidence["exchanged"], "ratio"].min() > 1 / 0.31


def test_hands_may_be_exchanged_in_one_band_alone(fringes):
    check = checked("polarizations", of_fringes(exchanged(fringes, "CC", bands=(1,))))
    assert check.text.startswith("the polarizations of CC are swapped in band 1: ")
    assert check.evidence.query("exchanged")[["antenna", "band"]].to_numpy().tolist() == [["CC", 1]]


def test_visibilities_that_are_exchanged_are_seen_as_such():
    data = visibilities()
    for baseline in ("AA-BB", "BB-CC"):
        ends = {"AA-BB": (("RR", "RL"), ("LL", "LR")), "BB-CC": (("RR", "LR"), ("LL", "RL"))}[baseline]
        for band in (0, 1):
            for one, other in ends:
                first, second = place(data, baseline, band, one), place(data, baseline, band, other)
                values(data)[first], values(data)[second] = (
                    values(data)[second].copy(),
                    values(data)[first].copy(),
                )
    check = checked("polarizations", of_data(data))
    assert check.text.startswith("the polarizations of BB are swapped")


def test_of_two_antennas_neither_is_accused_alone(fringes):
    pair = exchanged(fringes, "AA")
    check = checked("polarizations", of_fringes(pair[pair["baseline"] == "AA-BB"]))
    assert check.verdict is Verdict.NO_GO
    assert "the polarizations of AA or of BB are swapped in band 0" in check.text


@pytest.mark.parametrize("guilty", [{"BB", "DD"}, {"AA"}, {"EE", "CC"}])
def test_some_of_many_antennas_are_named(guilty):
    def amplitude(first, second, band, hand):
        crossed = (hand[0] != hand[1]) != ((first in guilty) != (second in guilty))
        return 0.1 if crossed else 1.0

    check = checked("polarizations", of_fringes(network(ANTENNAS, amplitude)))
    assert set(check.evidence.loc[check.evidence["exchanged"], "antenna"]) == guilty
    assert set(check.evidence.loc[check.evidence["verdict"] != "go", "antenna"]) == guilty
    assert check.value == pytest.approx(10.0)


@pytest.mark.parametrize(("leak", "verdict"), [(0.2, Verdict.GO), (0.6, Verdict.LOOK)])
def test_an_antenna_that_leaks_is_told_from_those_it_observes_with(leak, verdict):
    def amplitude(first, second, band, hand):
        return 1.0 if hand[0] == hand[1] else 0.05 + leak * ("DD" in (first, second))

    check = checked("polarizations", of_fringes(network(ANTENNAS, amplitude)))
    assert check.verdict is verdict
    found = check.evidence.groupby("antenna")["ratio"].max()
    assert found["DD"] == pytest.approx(0.05 + leak)
    assert (found.drop("DD") < 0.06).all()
    assert ("cross hands of DD reach 0.65 of parallel hands on every" in check.text) == (
        verdict is Verdict.LOOK
    )


def test_weak_fringes_say_nothing():
    weak = network(ANTENNAS, lambda *_: 1.0, snr=10.0)
    assert checked("polarizations", of_fringes(weak)).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("hands", "why"),
    [(("XX", "YY", "XY", "YX"), "linear"), (("RR", "LL"), "no cross hands"), (("RL",), "no cross")],
)
def test_hands_that_cannot_be_judged_say_why(hands, why):
    check = checked("polarizations", of_fringes(network(ANTENNAS, lambda *_: 1.0, hands=hands)))
    assert check.verdict is Verdict.NOT_APPLICABLE
    assert why in check.text


def test_networks_without_a_common_baseline_are_judged_each_by_itself():
    apart = network(ANTENNAS, lambda first, second, band, hand: 1.0 if hand[0] == hand[1] else 0.1)
    apart = apart[apart["baseline"].isin(["AA-BB", "AA-CC", "BB-CC", "DD-EE"])]
    check = checked("polarizations", of_fringes(exchanged(apart, "CC")))
    assert set(check.evidence.loc[check.evidence["exchanged"], "antenna"]) == {"CC"}
