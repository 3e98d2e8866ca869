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
    edges = [(freq.low_edge_hz, freq.bandwidth_hz) for freq in input.freqs]
    own = [
        [edges[stream.band_freq_index(k)] for k in range(stream.num_bands)] for stream in input.datastreams
    ]
    uses = {  # most baselines of a datastream use it alike
        (stream, side, freq.target_freq, tuple(freq.products))
        for baseline in (input.baselines[row] for row in config.baseline_indices)
        for freq in baseline.freqs
        for stream, side in ((baseline.datastream_a, 0), (baseline.datastream_b, 1))
    }
    kinds = defaultdict[int, set[bool]](set)
    for stream, side, target, products in uses:
        kinds[stream].update(own[stream][product[side]] == edges[target] for product in products)
    return any(len(kind) > 1 for kind in kinds.values())
