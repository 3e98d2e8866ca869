# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of an ``.input`` file about recordings: datastreams, their frequencies and bands.

Fields are in the file's own units, which are in the names where they could be doubted. Mirrors ``difx-files.md`` 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class RecordedFreq:
    """A frequency that a datastream recorded: a row of the FREQ table.

    Attributes
    ----------
    clock_offset_us, clock_offset_delta_us : float
        By how much this frequency is earlier than the antenna's clock says (other than that clock, mpifxcorr 2.9 adds
        it to the delay), and delay of R minus that of L, µs.
    phase_offset_deg : float
        Phase between the polarisations, degrees.
    freq_offset_hz : float
        By how much the local oscillator is too high, Hz.
    """

    freq_index: int = 0
    clock_offset_us: float = 0.0
    clock_offset_delta_us: float = 0.0
    phase_offset_deg: float = 0.0
    freq_offset_hz: float = 0.0
    num_pols: int = 1


@dataclass(slots=True)
class ZoomFreq:
    """A frequency cut from a recorded one: a row of the FREQ table."""

    freq_index: int = 0
    num_pols: int = 1


@dataclass(slots=True)
class Band:
    """One polarisation of one frequency of a datastream.

    Attributes
    ----------
    pol : str
        ``R``, ``L``, ``X``, ``Y``…
    freq : int
        Index into the datastream's own recorded (or zoom) frequencies, not a row of the FREQ table.
    """

    pol: str = "R"
    freq: int = 0


RecordedBand = Band
ZoomBand = Band


@dataclass(slots=True)
class Datastream:
    """The recording of an antenna (or a part of it): a row of the DATASTREAM table, with its files.

    Attributes
    ----------
    telescope_index : int
        Row of the TELESCOPE table.
    data_format : str
        ``VDIF``, ``INTERLACEDVDIF/0:1``, ``MARK5B``…
    frame_size : int
        Bytes of a data frame, header included.
    data_sampling : str
        ``REAL``, ``COMPLEX``, ``COMPLEX_DSB``…
    data_source : str
        ``FILE``, ``MODULE``, ``MARK6``, ``NETWORK`` or ``FAKE``.
    processing_method : str
        Stands in some files in the place of `filterbank_used`; empty where it does not.
    tcal_frequency : int or None
        Hz; None where the line is absent.
    phase_cal_int_mhz : float
        Spacing of the phase calibration tones, MHz; 0 extracts none.
    files : list of str
        Recordings; for modules their serial number.
    port, tcp_window : str, int
        Of the NETWORK table: port or interface name; window in kB, or minus the size of UDP packets in bytes.
    """

    telescope_index: int = 0
    tsys: float = 0.0
    data_format: str = "VDIF"
    quantisation_bits: int = 2
    frame_size: int = 8032
    data_sampling: str = "REAL"
    data_source: str = "FILE"
    filterbank_used: bool = False
    processing_method: str = ""
    tcal_frequency: int | None = None
    phase_cal_int_mhz: float = 0.0
    phase_cal_divisor: int | None = None
    phase_cal_base_mhz: float | None = None
    recorded_freqs: list[RecordedFreq] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    zoom_freqs: list[ZoomFreq] = field(default_factory=list)
    zoom_bands: list[Band] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    port: str = "0"
    tcp_window: int = 0

    @property
    def num_bands(self) -> int:
        """Recorded and zoom bands together; the baseline table counts zoom bands after recorded ones."""
        return len(self.bands) + len(self.zoom_bands)

    def band_freq_index(self, band: int) -> int:
        """Row of the FREQ table of a band, numbered as in the baseline table."""
        if band < len(self.bands):
            return self.recorded_freqs[self.bands[band].freq].freq_index
        return self.zoom_freqs[self.zoom_bands[band - len(self.bands)].freq].freq_index

    def band_pol(self, band: int) -> str:
        """Polarisation letter of a band, numbered as in the baseline table."""
        if band < len(self.bands):
            return self.bands[band].pol
        return self.zoom_bands[band - len(self.bands)].pol
