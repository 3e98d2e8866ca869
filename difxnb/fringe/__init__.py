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
Newton's method on ln|S|², so that the grid leaves no trace. A = |S|/Σw, φ = arg S.

**Noise.** Measured in the data, after the fringe has been stopped: from differences between neighbouring
channels and integrations (both at once where there are several integrations, else second differences along
the spectrum). Neither the fringe nor a smooth bandpass leaks into it; outliers (tones, interference) are cut.

**SNR** = |S| / (σ √Σw): amplitude over the rms of one component of the summed noise. Hence the error of the
phase is 1/SNR rad and the probability that noise exceeds s in one given cell is exp(−s²/2) [1, 2].

**Errors** are the Cramér-Rao bound of the model, reached above an SNR of about 7. With reference frequency
and time at the weighted means: phase 1/SNR, delay 1/(2π SNR σ_ν), rate 1/(2π SNR ν₀ σ_t), where σ_ν and σ_t
are the weighted rms spreads of frequency and time [1]; in general the inverse of the full 3 × 3 matrix. They
know thermal noise only, neither atmosphere nor instrument.

**References**

[1] A. E. E. Rogers, Radio Science 5, 1239 (1970).
[2] A. R. Thompson, J. M. Moran, G. W. Swenson, Interferometry and Synthesis in Radio Astronomy, chapter 9.
[3] S. O. Rice, Bell System Technical Journal 23, 282 (1944): crossings of an envelope; R. J. Adler, The
Geometry of Random Fields (1981): the same in two dimensions.
"""

from difxnb.fringe.estimate import estimate_fringe, fringe_scan
from difxnb.fringe.false_alarm import false_alarm_probability
from difxnb.fringe.joint import fit_jointly
from difxnb.fringe.joint_result import Block, JointFringe
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
]
