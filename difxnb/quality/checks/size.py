# SPDX-License-Identifier: GPL-3.0-or-later
"""Check `size`: bytes of the visibilities against what the job was to write.

In go the size of the SWIN files and the job's schedule, ``.input`` and ``.calc``; out comes the share of the expected
bytes that is there. Every product of every integration is a record of a header and 8 bytes a channel, once for each
phase centre (``difx-files.md`` 13, 16.9). Nothing is read of the files: this holds also where they cannot be.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from difxnb.formats.result_layout import result_layout
from difxnb.formats.swin import CHANNEL_BYTES, HEADER
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.schedule import ScheduledScan
from difxnb.quality.verdict import Check, Verdict, graded, not_applicable

NAME = "size"


def check_size(material: Material, limits: Section) -> Check:
    """Compare the bytes that are there with those that every record of the job would make."""
    schedule = material.schedule
    if material.size is None:
        return not_applicable(NAME, material.why_no("size"))
    if schedule is None:
        return not_applicable(NAME, material.why_no("input" if material.input is None else "calc"))
    if any(schedule.input.configurations[scan.configuration].pulsar_binning for scan in schedule.scans):
        return not_applicable(NAME, "pulsar bins: how many there are is in none of the job's files read here")
    sizes = [_expected_bytes(material, scan) for scan in schedule.scans]
    expected = sum(sizes)
    if not expected:
        return not_applicable(NAME, f"there is nothing to be expected{material.so_far}")
    share = material.size / expected
    verdict = graded(share, limits["look"], limits["no_go"])
    if verdict is Verdict.GO and share > limits["most"]:
        verdict = Verdict.LOOK
    evidence = pd.DataFrame(
        {
            "job": [material.job],
            "scans": [len(sizes)],
            "bytes": [material.size],
            "expected": [expected],
            "share": [share],
            "verdict": [str(verdict)],
        }
    )
    text = f"{material.size} of {expected} bytes, {share:.1%}{material.so_far}"
    if share > limits["most"]:
        text += "; more than one run of the job may have written there"
    limit = f"{limits['look']:g} to {limits['most']:g} (no-go below {limits['no_go']:g})"
    return Check(NAME, verdict, share, "", limit, text, evidence)


def _expected_bytes(material: Material, scan: ScheduledScan) -> int:
    """Bytes that a scan makes; of a running job, up to the integration that came last."""
    assert material.input is not None
    assert material.calc is not None
    centers = next(len(one.phase_centers) for one in material.calc.scans if one.identifier == scan.name)
    layout = result_layout(material.input, scan.configuration, phase_centers=max(1, centers))
    once = sum(HEADER.itemsize + CHANNEL_BYTES * product.channels for product in layout)
    integrations = scan.integrations
    if material.running and material.attendance is not None:
        since_s = (int(material.attendance.time_ns.max(initial=0)) - scan.start_ns) / 1e9
        integrations = int(np.clip(np.ceil(since_s / scan.integration_s), 0, integrations))
    return integrations * once
