# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process that behaves as it is told: ``scripted_correlator.py BEHAVIOUR JOB.input``.

It speaks the frames of difxnb.server.child_frames without using any of difxnb, so that it starts at once and
checks the layout from outside.
"""

import os
import signal
import struct
import sys
import time

behaviour, input_file = sys.argv[1:3]
job = os.path.basename(input_file).removesuffix(".input")
stopped = False


def frame(number, payload):
    data = struct.pack(">ii", number, len(payload)) + payload
    while data:
        data = data[os.write(1, data) :]


def message(kind, body, sequence=0):
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<difxMessage><header><from>vm</from>'
        f"<mpiProcessId>0</mpiProcessId><identifier>{job}</identifier><type>{kind}</type></header><body>"
        f"<seqNumber>{sequence}</seqNumber>{body}</body></difxMessage>"
    )
    frame(1, text.encode())


def status(state, sequence=0, progress="<visibilityMJD>0</visibilityMJD>"):
    body = f"<input>{input_file}</input><state>{state}</state><message></message>{progress}"
    message("DifxStatusMessage", f"<difxStatus>{body}</difxStatus>", sequence)


def setting(key):
    with open(input_file) as lines:
        return next(float(line.split(":")[1]) for line in lines if line.startswith(key))


def integration(number, *, told=True):
    """One of five, with the times of a job of one second; where it is not told, it is in the log alone."""
    start = setting("START MJD") + setting("START SECONDS") / 86400
    text = (
        f"<alertMessage>Vis. {number} to write out time {number * 0.2:g}</alertMessage><severity>4</severity>"
    )
    message("DifxAlertMessage", f"<difxAlert>{text}</difxAlert>", number)
    if not told:
        return
    now, stop = start + (number + 0.5) / 5 / 86400, start + 1 / 86400
    status(
        "Running",
        number,
        f"<visibilityMJD>{now:.9f}</visibilityMJD><jobstartMJD>{start:.9f}</jobstartMJD>"
        f'<jobstopMJD>{stop:.9f}</jobstopMJD><weight ant="0" wt="0.900"/><weight ant="1" wt="0.800"/>',
    )


def stop(*_):
    global stopped
    stopped = True


signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "stubborn" else stop)
status("Starting")
if behaviour in ("endless", "stubborn"):
    number = 0
    while not stopped:
        number += 1
        status("Running", number)
        frame(4, struct.pack(">ii", 43200 + number, 8) + struct.pack("<16f", *[number] * 16))
        time.sleep(0.01)
    status("Terminating")
    status("Terminated")
    sys.exit(0)
if behaviour == "integrates":
    for number in range(5):
        integration(number)
    status("Ending")
elif behaviour == "muffled":
    for number in range(5):
        integration(number, told=number < 2)
    status("Ending")
elif behaviour in ("patient", "halfway"):
    number, last = 0, 4 if behaviour == "patient" else 1
    while not stopped:
        integration(min(number, last))
        number += 1
        time.sleep(0.01)
elif behaviour == "flood":
    for number in range(20_000):
        frame(2, b"line %d" % number)
elif behaviour == "lines":
    frame(2, b"output")
    frame(3, b"a Warning")
    os.write(2, b"broken\nhalf a")
    os.write(2, b" line\nlast without end")
elif behaviour == "recovers":
    frame(3, b"broken")
    frame(2, b"works again")
elif behaviour == "rubbish":
    os.write(1, b"\xff" * 64)
    time.sleep(60)
elif behaviour == "half-results":
    frame(4, struct.pack(">iif", 43200, 8, 1.0))
    time.sleep(60)
elif behaviour == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
status("Done")
