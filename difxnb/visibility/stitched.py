# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the autocorrelations of a job are among those that mpifxcorr 2.9 writes wrongly.

In goes an ``.input``, out comes yes or no. Mirrors ``difx-files.md`` 17.1.
"""

from __future__ import annotations

from collections import defaultdict

from difxnb.formats.input import Configuration, Input


def has_doubtful_autocorrelations(input: Input) -> bool:
    """Whether a datastream that writes autocorrelations has some of its bands stitched into others, but not all."""
    return any(_is_mixed(input, config) for config in input.configurations if config.write_autocorrs)


def _is_mixed(input: Input, config: Configuration) -> bool:
    """Whether of some datastream both kinds of bands are used: under their own name, and under another's."""
    freqs, kinds = input.freqs, defaultdict[int, set[bool]](set)
    for row in config.baseline_indices:
        baseline = input.baselines[row]
        rows = baseline.datastream_a, baseline.datastream_b
        for freq in baseline.freqs:
            for product in freq.products:
                for stream, band in zip(rows, product, strict=True):
                    own = freqs[input.datastreams[stream].band_freq_index(band)]
                    kinds[stream].add(own.same_band(freqs[freq.target_freq]))
    return any(len(kind) > 1 for kind in kinds.values())
