# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real guiServer 2.9 listed and sent of a real job, made into a Dataset."""

import numpy as np
import pytest

from difxnb.formats.input import result_layout
from difxnb.visibility import VisibilitySeries
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import MonitorReader, ProductListReader, VisibilityBlock, body_length
from difxnb.wire.packet import PacketReader
from tests.client.peers import captured_reply
from tests.monitor_lists import plain


@pytest.fixture(scope="module", name="heard")
def _heard():
    """The list, and all blocks, of recording 25."""
    packets, listed, reader = PacketReader(body_length=body_length), ProductListReader(), MonitorReader()
    packets.receive_data(captured_reply("25_start_monitor_relay")[1])
    blocks = []
    while (packet := packets.next_packet()) is not None:
        if not listed.complete:
            listed.add(packet)
        elif isinstance(block := reader.add(packet), VisibilityBlock):
            blocks.append(block)
    return listed, blocks


@pytest.fixture(scope="module", name="job")
def _job():
    """A job like the recorded one, as far as its list depends on it."""
    inp = plain(bands=((2200.0, "U"), (2204.0, "U")), bandwidth=4.0, channels=128, int_time=1.0)
    inp.start_mjd, inp.start_seconds, inp.execute_time = 58948, 25200, 20
    for telescope, name in zip(inp.telescopes, ("A1", "A2", "A3"), strict=True):
        telescope.name = name
    return inp


def test_the_list_of_a_real_server(heard, job):
    """difx-files 15: every product found, every offset corrected, the same in both scans."""
    listed, _ = heard
    offer = Offer(listed.products, listed.scans, job)
    assert offer.strangers == 0
    frame = offer.frame
    assert len(frame) == 48
    places = {place.offset: place for place in result_layout(job)}
    assert sorted(frame["offset"]) == sorted(places)
    names = [telescope.name for telescope in job.telescopes]
    for row in frame.itertuples():
        place = places[row.offset]
        assert row.baseline == f"{names[place.antenna1]}-{names[place.antenna2]}"
        assert (row.band, row.polarization, row.channels) == (place.freq_index, place.polarization, 128)
    announced = {product.number: product.offset for product in listed.products if product.scan == 0}
    wrong = frame[frame["offset"] != frame["product"].map(announced)]
    assert set(wrong["polarization"]) == {"LL", "RL", "LR"}
    assert not wrong["is_autocorrelation"].any()
    choice = offer.choose({"baseline": "A3-A1", "frequency": 2206, "polarization": "LR"})
    assert [(p.number, p.offset) for p in choice.products] == [(15, 2048 + 3 * 128)]
    assert choice.scans is None
    assert offer.scans_frame()["start"].diff().iloc[1].total_seconds() == 10


def test_the_data_of_a_real_server(heard, job):
    """Two of twenty integrations never came (15); each that came has its time, scan and source."""
    listed, blocks = heard
    offer = Offer(listed.products, listed.scans, job)
    series = VisibilitySeries(
        job, offer.choose({"polarization": "RR", "band": 0, "kind": "cross"}), scans=offer.scans
    )
    for block in blocks:
        series.add(block)
    dataset = series.dataset()
    seconds = (dataset["time"].values - np.datetime64("2020-04-09T07:00:00")) / np.timedelta64(1, "s")
    assert seconds.tolist() == [k + 0.5 for k in range(19) if k != 13]
    assert (dataset["time_uncertainty"] == 0).all()
    assert dataset["scan_name"].values.tolist() == ["No0001"] * 10 + ["No0002"] * 8
    assert set(dataset["field_name"].values[10:]) == {"SRCB"}
    assert dataset["baseline"].values.tolist() == ["A1-A2", "A1-A3", "A2-A3"]
    assert np.isfinite(dataset["VISIBILITY"].values).all()
    assert series.dropped == 0
