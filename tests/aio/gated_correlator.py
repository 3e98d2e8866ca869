# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between a server and its correlator: ``gated_correlator.py COUNT GATE COMMAND…``.

So many integrations pass; those behind wait until a byte comes through the named pipe GATE. However fast the
correlator is, and however slow everybody else, the job is in the middle of it meanwhile.
"""

import subprocess
import sys

from difxnb.server.child_frames import FrameId
from difxnb.wire.packet import PacketReader, encode_packet

allowed, gate, *command = sys.argv[1:]
left = int(allowed)
reader = PacketReader(max_payload=2**28)
with subprocess.Popen(command, stdout=subprocess.PIPE) as correlator:
    assert correlator.stdout is not None
    while data := correlator.stdout.read1():
        reader.receive_data(data)
        while (frame := reader.next_packet()) is not None:
            if frame.id == FrameId.DUMP:
                if left == 0:
                    with open(gate, "rb") as word:
                        word.read(1)
                left -= 1
            sys.stdout.buffer.write(encode_packet(frame.id, frame.payload))
            sys.stdout.buffer.flush()
sys.exit(correlator.returncode)
