# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes: delay, delay rate, phase, amplitude, SNR and their errors from complex spectra.

In go visibilities with frequencies ascending, out come numbers; numpy and scipy alone, no clock, no dice.

**Sign.** V = S1 · conj(S2) ∝ exp(+2πi ν τ): τ > 0 where antenna 2 is late, for upper and lower sideband
alike.

**Model.** V(t, ν) = A · exp i[φ + 2π(ν − ν₀) τ + 2π ν τ' (t − t₀)] + noise, where the noise of each of the
real and imaginary parts has the rms σ/√w. ν₀ is the middle of the frequency axis, t₀ the middle of the time
axis.

**Estimator.** Maximum likelihood for that model, which is the maximum of |S|² with S = Σ w V exp(−i…): found
on the grid of a zero-padded FFT (over channels, and over time when a rate is fitted), then refined by
Newton's method on ln|S|², so that the grid leaves no trace. φ = arg S. A = √(|S|² − (k + 1) σ² Σw)/Σw, where k
is the number of coordinates (delay, rate) that were looked for: every maximum takes noise along, which is
subtracted so that A has no bias above an SNR of about 6. The precision of the data is kept (complex64, complex128).

**Windows.** Delay and rate can be confined to (lowest, highest), at the middle of the times; outside they are
never looked for, and a maximum on the border is flagged `at_edge`.

**Noise.** Measured in the data, after the fringe has been stopped: from differences between neighbouring
channels and integrations (both at once where there are several integrations, else second differences along
the spectrum). Neither the fringe nor a smooth bandpass leaks into it; outliers (tones, interference) are cut.
Noise is taken to be as strong in all channels but for that bandpass. Where few channels hold nearly all of the power
(a band that was zeroed, a filter that is much narrower than the band) they are cut like interference, σ is that of the
empty ones, and neither SNR nor false alarm probability nor errors mean anything: give such channels the weight 0, or
state the noise.

**SNR** = |S| / (σ √Σw): amplitude over the rms of one component of the summed noise [1, 2]. Hence the error of the
phase is 1/SNR rad and the probability that noise exceeds s in one given cell is exp(−s²/2). What other programs
call SNR: :func:`snr_in_convention`.

**False alarms.** The probability that noise alone has such a maximum anywhere in the window, by the expected number
of maxima of a random field [3], with the weights of the data and with what is not known of a measured σ.

**Errors** are those of the Cramér-Rao bound: with reference frequency and time at the weighted means phase 1/SNR,
delay 1/(2π SNR σ_ν), rate 1/(2π SNR ν₀ σ_t), where σ_ν and σ_t are the weighted rms spreads of frequency and
time [1]; in general the inverse of the full 3 × 3 matrix. Weak fringes scatter more than that, and the errors
say so: √(SNR² − 5 − 90/SNR²) stands for the SNR (with a rate; √(SNR² − 3.5 − 50/SNR²) without), ours, from
fringes injected in noise. They hold within 10 % for those of true SNR 4 and more that are found in the main lobe;
that a peak is none is what the false alarm probability says. Errors know thermal noise only, neither atmosphere
nor instrument.

**References**

[1] A. E. E. Rogers, Radio Science 5, 1239 (1970).
[2] A. R. Thompson, J. M. Moran, G. W. Swenson, Interferometry and Synthesis in Radio Astronomy, chapter 9.
[3] S. O. Rice, Bell System Technical Journal 23, 282 (1944): crossings of an envelope; R. J. Adler, The
Geometry of Random Fields (1981): the same in two dimensions.
"""

from difxnb.fringe.convention import snr_in_convention
from difxnb.fringe.estimate import estimate_fringe, fringe_scan
from difxnb.fringe.false_alarm import false_alarm_probability
from difxnb.fringe.joint import fit_jointly
from difxnb.fringe.joint.result import Block, JointFringe
from difxnb.fringe.lags import lag_axis, lag_spectrum
from difxnb.fringe.result import Fringe

__all__ = [
    "Block",
    "Fringe",
    "JointFringe",
    "estimate_fringe",
    "false_alarm_probability",
    "fit_jointly",
    "fringe_scan",
    "lag_axis",
    "lag_spectrum",
    "snr_in_convention",
]
