# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of vex2difx, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from difxnb.formats.v2d_parameters import MOST_INT, Kind, Parameter

SKIP = "SKIP"
"""Setup of scans that are not correlated."""
DATA_NAMES = (
    "file",
    "mark6file",
    "filelist",
    "mark6filelist",
    "module",
    "networkPort",
    "windowSize",
    "UDP_MTU",
    "source",
    "fake",
)
"""Parameters that say where the data of a station are."""

_BAND_TRUE = ("TRUE", "True", "true")
_CENTRE_TRUE = ("true", "True", "TRUE", "t", "T")
_COMPLEX = ("REAL", "COMPLEX", "COMPLEX_DSB")
_SOURCES = ("NONE", "MODULE", "MARK5", "FILE", "NETWORK", "FAKE", "MARK6", "SHAREDMEMORY", "UNSPECIFIED")
_TONES = ("vex", "none", "ends", "all", "smart", "most")


def _rows(
    block: str, *rows: tuple[str, Kind, str, str, str] | tuple[str, Kind, str, str, str, dict[str, Any]]
) -> Iterator[Parameter]:
    """Rows of name, kind, default, unit, meaning and what else there is to say."""
    for name, kind, default, unit, text, *more in rows:
        rest: dict[str, Any] = dict(*more)
        if kind == "int" or rest.get("item") == "int":
            rest = {"least": 0, "most": MOST_INT, **rest}
        yield Parameter(block, name, kind, default, unit, rest.pop("since", ""), text, **rest)


def _named(parameters: Iterator[Parameter]) -> Mapping[str, Parameter]:
    return MappingProxyType({name: one for one in parameters for name in one.names})


_POSITIVE = {"least": 0.0}

_GLOBAL = _rows(
    "",
    ("vex", "text", "", "", "schedule; a name without a slash at its begin counts from where vex2difx runs"),
    ("antennas", "words", "", "", "stations that are correlated; without it all of the schedule"),
    ("baselines", "words", "*-*", "", "baselines that are correlated, such as Aa-Bb or Aa-*"),
    ("mjdStart", "time", "", "", "data before this are left out", {"aliases": ("start",)}),
    ("mjdStop", "time", "", "", "data after this are left out", {"aliases": ("stop",)}),
    ("break", "list", "", "", "times at which jobs are cut", {"aliases": ("breaks",), "item": "time"}),
    ("startSeries", "int", "1", "", "number of the first job"),
    ("jobSeries", "text", "", "", "name of the jobs; letters and digits; without it the name of the file",
     {"aliases": ("pass",)}),
    ("singleScan", "bool", "False", "", "a job for each scan"),
    ("singleSetup", "bool", "True", "", "no job with scans of two setups"),
    ("allowOverlap", "bool", "False", "", "jobs may overlap in time"),
    ("mediaSplit", "bool", "True", "", "cut jobs where a station changes its medium"),
    ("maxGap", "float", "180", "s", "cut jobs at gaps that are longer", _POSITIVE),
    ("maxLength", "float", "7200", "s", "longest job", _POSITIVE),
    ("minLength", "float", "2", "s", "shortest job", _POSITIVE),
    ("maxSize", "float", "2000", "MB", "largest output of a job", _POSITIVE),
    ("minSubarray", "int", "2", "", "fewest stations of a job"),
    ("tweakIntTime", "bool", "False", "", "change the integration time a little where that fits better"),
    ("padScans", "bool", "True", "", "fill gaps between scans of a job"),
    ("simFXCORR", "bool", "False", "", "times as the hardware correlator of the VLBA had them"),
    ("dataBufferFactor", "int", "32", "", "size of the data buffer in reads"),
    ("nDataSegments", "int", "8", "", "parts of the data buffer"),
    ("maxReadSize", "int", "25000000", "byte", "most that is read at once"),
    ("minReadSize", "int", "4000000", "byte", "least that is read at once"),
    ("visBufferLength", "int", "80", "", "integrations that are kept open"),
    ("nCore", "int", "0", "", "cores in the .threads file; with nThread, or neither"),
    ("nThread", "int", "0", "", "threads of each core; with nCore, or neither"),
    ("machines", "words", "", "", "computers for the .machines file: head, data, cores", {"since": "2.6"}),
    ("threadsFile", "text", "", "", "a .threads file that is there already"),
    ("outPath", "text", "", "", "directory in which the output is to be", {"since": "2.6"}),
    ("outputFormat", "word", "DIFX", "", "how visibilities are written", {"choices": ("DIFX", "ASCII")}),
    ("delayModel", "text", "", "", "program that makes the delay model", {"since": "2.6"}),
    ("sortAntennas", "bool", "True", "", "stations by name, not in the order of antennas"),
    ("exhaustiveAutocorrs", "bool", "False", "", "autocorrelations between datastreams of a station as well",
     {"since": "2.7"}),
    ("allowAllClockOffsets", "bool", "False", "", "the first of freqClockOffs need not be 0"),
    ("fake", "bool", "False", "", "made-up data for all stations"),
    ("mode", "word", "NORMAL", "", "PROFILE: to find the profile of a pulsar", {"choices": ("NORMAL", "PROFILE")}),
    ("invalidMask", "int", "ffffffff", "", "kinds of flags that are written, hexadecimal",
     {"numeral": 16, "most": 2**32 - 1}),
)  # fmt: skip

_SETUP = _rows(
    "SETUP",
    ("tInt", "float", "2", "s", "integration time", {"least": 1e-9}),
    ("FFTSpecRes", "float", "0.25", "MHz", "resolution of the FFT", {"aliases": ("fftSpecRes",), "least": 1e-12}),
    ("specRes", "float", "0.5", "MHz", "resolution of the output", {"aliases": ("outputSpecRes",), "least": 1e-12}),
    ("nChan", "int", "0", "", "channels of the output; not together with specRes"),
    ("nFFTChan", "int", "0", "", "channels of the FFT; not together with FFTSpecRes"),
    ("specAvg", "float", "0", "", "channels of the FFT in one of the output", _POSITIVE),
    ("doPolar", "bool", "True", "", "cross hands as well"),
    ("doAuto", "bool", "True", "", "write autocorrelations"),
    ("subintNS", "int", "0", "ns", "sub-integration; 0: found by vex2difx"),
    ("guardNS", "int", "0", "ns", "data beyond each sub-integration; 0: found by vex2difx"),
    ("maxNSBetweenUVShifts", "int", "2000000000", "ns", "how often phase centres are moved to"),
    ("maxNSBetweenACAvg", "int", "0", "ns", "how often autocorrelations are sent; 0: found by vex2difx"),
    ("fringeRotOrder", "int", "1", "", "order of the delay within an FFT", {"most": 2}),
    ("strideLength", "int", "0", "", "channels that are rotated at once; 0: found by vex2difx"),
    ("xmacLength", "int", "0", "", "channels that are multiplied at once; 0: found by vex2difx"),
    ("numBufferedFFTs", "int", "10", "", "FFTs before they are multiplied"),
    ("binConfig", "text", "", "", "file with the bins of a pulsar"),
    ("phasedArray", "text", "", "", "file that says how to phase up"),
    ("freqId", "list", "", "", "bands that are correlated; without it all", {"aliases": ("freqIds",), "item": "int"}),
    ("onlyPol", "word", "", "", "the one hand that is correlated", {"choices": ("R", "L", "X", "Y")}),
)  # fmt: skip

_RULE = _rows(
    "RULE",
    ("scan", "words", "", "", "scans to which it applies; without it all", {"aliases": ("scanName",)}),
    ("source", "words", "", "", "sources to which it applies; without it all", {"aliases": ("sourceName",)}),
    ("mode", "words", "", "", "modes to which it applies; without it all", {"aliases": ("modeName",)}),
    ("calCode", "words", "", "", "read and not used"),
    ("qualifier", "list", "", "", "read and not used", {"item": "int", "least": -MOST_INT}),
    ("setup", "text", "", "", "SETUP for these scans; SKIP leaves them out", {"aliases": ("setupName",)}),
)  # fmt: skip


def _centre() -> Iterator[Parameter]:
    """What a source and each of its phase centres may say."""
    return _rows(
        "SOURCE",
        ("ra", "angle", "", "rad", "right ascension, J2000", {"aliases": ("RA",)}),
        ("dec", "angle", "", "rad", "declination, J2000", {"aliases": ("Dec",)}),
        ("name", "text", "", "", "name in the job", {"aliases": ("newName",)}),
        ("calCode", "text", "", "", "a letter for the kind of calibrator"),
        ("ephemObject", "text", "", "", "name of a spacecraft in its ephemeris"),
        ("ephemFile", "text", "", "", "ephemeris of a spacecraft"),
        ("ephemDeltaT", "float", "24", "s", "step of its table", {"least": 1e-3}),
        ("ephemStellarAber", "float", "0", "", "share of the stellar aberration that is corrected"),
        ("ephemClockError", "float", "0", "s", "how wrong its clock is"),
        ("naifFile", "text", "", "", "leap seconds; no longer needed"),
        ("X", "float", "0", "m", "place of a geostationary satellite", {"aliases": ("x",)}),
        ("Y", "float", "0", "m", "place of a geostationary satellite", {"aliases": ("y",)}),
        ("Z", "float", "0", "m", "place of a geostationary satellite", {"aliases": ("z",)}),
    )  # fmt: skip


_SOURCE = _rows(
    "SOURCE",
    ("doPointingCentre", "bool", "True", "", "correlate where the antennas point, beside other phase centres",
     {"aliases": ("doPointingCenter",), "true": _CENTRE_TRUE}),
    ("addPhaseCentre", "pairs", "", "", "further phase centres, such as name@X/RA@12:34:56.7/Dec@-1:02:03",
     {"aliases": ("addPhaseCenter",), "parts": _named(_centre())}),
)  # fmt: skip


def _band(block: str, *, has_parent: bool) -> Mapping[str, Parameter]:
    rows = _rows(
        block,
        ("freq", "float", "", "MHz", "lower edge", {"aliases": ("FREQ",), "least": 1e-6}),
        ("bw", "float", "", "MHz", "bandwidth", {"aliases": ("BW",), "least": 1e-6}),
    )
    parent = _rows(
        block,
        ("noparent", "bool", "False", "", "do not correlate the band of which it is a part",
         {"aliases": ("NOPARENT",), "true": _BAND_TRUE}),
        ("specAvg", "int", "0", "", "channels that are averaged", {"aliases": ("SPECAVG", "specavg")}),
    )  # fmt: skip
    return _named(iter([*rows, *(parent if has_parent else ())]))


def _data(block: str) -> Iterator[Parameter]:
    """What an antenna and a datastream may say of the data."""
    return _rows(
        block,
        ("file", "words", "", "", "files with data", {"aliases": ("files",)}),
        ("filelist", "words", "", "", "files with lines of a name, and mostly when it begins and ends"),
        ("mark6file", "words", "", "", "files in a Mark6 module", {"aliases": ("mark6files",)}),
        ("mark6filelist", "words", "", "", "file lists for a Mark6 module"),
        ("module", "text", "", "", "module (VSN) in a Mark5", {"aliases": ("vsn",)}),
        ("networkPort", "text", "0", "", "port for data that come in while they are correlated"),
        ("windowSize", "int", "0", "byte", "TCP window for such data", {"least": -MOST_INT}),
        ("UDP_MTU", "int", "", "byte", "packet size for such data over UDP"),
        ("source", "word", "UNSPECIFIED", "", "kind of data: fake for made-up ones", {"choices": _SOURCES}),
        ("fake", "text", "", "", "old way to say source = fake"),
        ("format", "text", "", "", "of the data, such as VDIF/8032/2; without it that of the schedule"),
        ("sampling", "word", "", "", "of the data; without it that of the format",
         {"choices": _COMPLEX, "since": "2.1"}),
        ("machine", "text", "", "", "computer that reads the data"),
    )  # fmt: skip


_ANTENNA = _rows(
    "ANTENNA",
    ("name", "text", "", "", "name in the job", {"aliases": ("newName",)}),
    ("clockOffset", "float", "0", "us", "clock at clockEpoch, positive where the station is late",
     {"aliases": ("clock0",), "sums": True}),
    ("clockRate", "float", "0", "us/s", "its rate", {"aliases": ("clock1",), "sums": True}),
    ("clockAccel", "float", "0", "us/s2", "its second order", {"aliases": ("clock2",), "sums": True}),
    ("clockJerk", "float", "0", "us/s3", "its third order", {"aliases": ("clock3",), "sums": True}),
    ("clockEpoch", "time", "50000", "", "time at which clockOffset holds"),
    ("deltaClock", "float", "0", "us", "added to the clock, whichever it is", {"sums": True}),
    ("deltaClockRate", "float", "0", "us/s", "added to its rate", {"sums": True}),
    ("deltaClockAccel", "float", "0", "us/s2", "added to its second order", {"sums": True, "since": "2.9"}),
    ("X", "float", "", "m", "place, in place of that of the schedule", {"aliases": ("x",)}),
    ("Y", "float", "", "m", "place, in place of that of the schedule", {"aliases": ("y",)}),
    ("Z", "float", "", "m", "place, in place of that of the schedule", {"aliases": ("z",)}),
    ("axisOffset", "float", "", "m", "distance of the axes, in place of that of the schedule"),
    ("polSwap", "bool", "False", "", "the two hands are swapped in the data"),
    ("polConvert", "bool", "False", "", "linear hands are converted later: no warning", {"since": "2.7"}),
    ("datastreams", "words", "", "", "DATASTREAM blocks with its data"),
    ("phaseCalInt", "float", "-1", "MHz", "distance of the tones that are extracted; 0: none; -1: as the schedule says",
     {"least": -1.0}),
    ("phaseCalIntDivisor", "int", "1", "", "phaseCalInt is divided by it", {"least": 1, "since": "2.9"}),
    ("toneSelection", "word", "smart", "", "tones that are kept", {"choices": _TONES}),
    ("toneGuard", "float", "-1", "MHz", "distance of kept tones from the edges of a band"),
    ("tcalFreq", "int", "-1", "Hz", "how often the noise diode is switched", {"least": -1}),
    ("freqClockOffs", "list", "", "us", "clock of each band, early is positive; :b:c between hands (us, degrees)",
     {"item": "offsets"}),
    ("loOffsets", "list", "", "Hz", "how much too high the oscillator of each band is", {"item": "float"}),
    ("zoom", "text", "", "", "ZOOM block with its zoom bands"),
    ("addZoomFreq", "pairs", "", "", "zoom bands, such as freq@F/bw@B/noparent@true",
     {"parts": _band("ANTENNA", has_parent=True)}),
    ("mjdStart", "float", "-1", "MJD", "the station is left out before; a number, no other form of time"),
    ("mjdStop", "float", "-1", "MJD", "the station is left out after; a number, no other form of time"),
)  # fmt: skip

_DATASTREAM = _rows(
    "DATASTREAM",
    ("nBand", "int", "0", "", "bands in it; 0: an even share"),
    ("frameSize", "int", "0", "byte", "size of a frame; 0: as format says", {"since": "2.7"}),
    ("nBit", "int", "0", "", "bits of a sample; 0: as format says"),
    ("recorder", "list", "", "", "recorders that it comes from", {"item": "int"}),
    ("tSys", "float", "0", "K", "system temperature for the .input", {"since": "2.7"}),
    ("threadsAbsent", "list", "", "", "VDIF threads that the data lack",
     {"aliases": ("threadAbsent",), "item": "int", "since": "2.7"}),
    ("threadsIgnore", "list", "", "", "VDIF threads that are not correlated",
     {"aliases": ("threadIgnore",), "item": "int", "since": "2.7"}),
)  # fmt: skip

_REST = (
    *_rows(
        "ZOOM",
        ("addZoomFreq", "pairs", "", "", "zoom bands, such as freq@F/bw@B/noparent@true",
         {"aliases": ("zoom", "zoomFreq"), "parts": _band("ZOOM", has_parent=True)}),
    ),
    *_rows(
        "OUTPUTBAND",
        ("outputBandwidth", "float", "", "MHz", "width of bands that are put together; or auto",
         {"choices": ("auto",), "least": 1e-6}),
        ("addOutputBand", "pairs", "", "", "bands that are put together, such as freq@F/bw@B",
         {"parts": _band("OUTPUTBAND", has_parent=False)}),
    ),
    *_rows(
        "EOP",
        ("tai_utc", "float", "0", "s", "TAI - UTC", {"least": -1e3, "most": 1e3}),
        ("ut1_utc", "float", "0", "s", "UT1 - UTC", {"least": -10.0, "most": 10.0}),
        ("xPole", "float", "0", "arcsec", "pole of the Earth, x", {"least": -10.0, "most": 10.0}),
        ("yPole", "float", "0", "arcsec", "pole of the Earth, y", {"least": -10.0, "most": 10.0}),
    ),
)  # fmt: skip

PARAMETERS: tuple[Parameter, ...] = (
    *_GLOBAL,
    *_SETUP,
    *_RULE,
    *_centre(),
    *_SOURCE,
    *_ANTENNA,
    *_data("ANTENNA"),
    *_data("DATASTREAM"),
    *_DATASTREAM,
    *_REST,
)
"""All of them, block by block."""
