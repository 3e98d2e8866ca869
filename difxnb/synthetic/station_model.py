# SPDX-License-Identifier: GPL-3.0-or-later
"""What a made-up station is: antenna, clock, receiver and recorder, and all that may be wrong with them.

Plain values. Signs are those of the correlator: clocks and residual delays are positive where a station is late
(``difx-files.md`` 3, 13).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a station's recording, s after the scan start in the station's own recorded time."""

    scan: int
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True)
class PulseCal:
    """Tones that a station injects into its receiver, all in phase at every whole second of its recorded time.

    Attributes
    ----------
    interval_hz : int
        Distance of the tones, which are at its multiples, Hz.
    amplitude : float
        Of each tone, in units of the rms of the receiver's noise.
    delay_s : float
        By which the tones arrive late, s.
    absent_hz : tuple of int
        Sky frequencies of tones that are missing, Hz.
    """

    interval_hz: int
    amplitude: float = 0.03
    delay_s: float = 0.0
    absent_hz: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Carrier:
    """A line of interference: its sky frequency, Hz, and amplitude in units of the rms of the receiver's noise."""

    frequency_hz: int
    amplitude: float


@dataclass(frozen=True, slots=True)
class PhaseJump:
    """A station's signal is turned by so many rad from some second of a scan to its end."""

    scan: int
    start_s: float
    phase_rad: float


@dataclass(frozen=True, slots=True)
class Station:
    """A made-up antenna with its receiver and recorder.

    Attributes
    ----------
    code, name : str
        Two upper-case letters, and the long name.
    position_m : tuple of float
        Geocentric X, Y, Z, m.
    clock_us, clock_rate_us_s : float
        Clock that the job knows of (it goes into the ``.input``), µs and µs/s, about 0h of the first day.
    residual_delay_s, residual_rate : float
        What the job does not know of: delay at the start of the job, s, and its rate, s/s. Fringes must show them.
    phase_rad : float
        Phase of the station's signal, rad.
    left_delay_s, left_phase_rad : float
        What the left-hand polarization has beyond that.
    common_power : float
        Share of the voltage's variance that is the sky's signal, 0…1.
    data_format : str
        As the ``.input`` has it. ``INTERLACEDVDIF/0`` makes mpifxcorr allow for missing frames, which it does not do
        for plain ``VDIF``.
    missing, invalid : tuple of Gap
        Frames that were not recorded, and frames that carry the invalid bit.
    pulse_cal : PulseCal or None
        Tones, which the job then is to extract from all bands; none as a rule.
    carriers : tuple of Carrier
        Lines of interference.
    phase_jumps : tuple of PhaseJump
        Turns of the phase within scans.
    silent_bands : tuple of int
        Rows of bands in which the sampler gets no voltage at all.
    swapped_polarizations : bool
        The right-hand receiver is recorded as left-hand and the other way round.
    level : float
        Rms of the voltage in units of what the sampler's thresholds are made for.
    """

    code: str
    name: str
    position_m: tuple[float, float, float]
    clock_us: float = 0.0
    clock_rate_us_s: float = 0.0
    residual_delay_s: float = 0.0
    residual_rate: float = 0.0
    phase_rad: float = 0.0
    left_delay_s: float = 0.0
    left_phase_rad: float = 0.0
    common_power: float = 0.3
    data_format: str = "VDIF"
    missing: tuple[Gap, ...] = ()
    invalid: tuple[Gap, ...] = ()
    pulse_cal: PulseCal | None = None
    carriers: tuple[Carrier, ...] = ()
    phase_jumps: tuple[PhaseJump, ...] = ()
    silent_bands: tuple[int, ...] = ()
    swapped_polarizations: bool = False
    level: float = 1.0

    def residual_s(self, seconds: float, polarization: str) -> float:
        """Residual delay of a polarization, s, so many seconds after the start of the job."""
        extra = self.left_delay_s if polarization == "L" else 0.0
        return self.residual_delay_s + extra + self.residual_rate * seconds

    def signal_phase_rad(self, polarization: str) -> float:
        """Phase of a polarization, rad."""
        return self.phase_rad + (self.left_phase_rad if polarization == "L" else 0.0)
