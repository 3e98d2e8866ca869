# SPDX-License-Identifier: GPL-3.0-or-later
"""A correlator in a box: the server as a child process, a made-up experiment in its root, and a client of it.

The child listens on 127.0.0.1 at a port of its own and ends when its standard input closes, so it cannot outlive the
process that started it, however that one ends.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import weakref
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.notebook import Correlator, connect
from difxnb.server.child import ServerProcess
from difxnb.synthetic import DemoFiles, Model, bad_experiment, make_experiment, read_truth

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.synthetic import Experiment

_TRUTH_NAMES = {
    "delay_s": "delay",
    "phase_rad": "phase",
    "reference_frequency_hz": "reference_frequency",
}


class DemoCorrelator(Correlator):
    """A correlator in a box, connected. It is used like any other; closing it ends its server.

    Attributes
    ----------
    experiment : DemoFiles
        The made-up experiment: ``experiment.input_file`` is its job, and its truth is known.
    port : int
        Where its server listens on 127.0.0.1.
    """

    def __init__(
        self, inner: aio.Correlator, loop: LoopThread, server: ServerProcess, experiment: DemoFiles
    ) -> None:
        super().__init__(inner, loop)
        self.experiment, self.port = experiment, server.port
        self._server = server

    @property
    def truth(self) -> pd.DataFrame:
        """The fringes that were put in, one row per scan, baseline, band and polarization product.

        Columns ``scan source baseline band polarization delay delay_rate phase reference_frequency correlation snr
        strong`` (s, s/s, rad, Hz), at the middle of the scan and of the band; signs as everywhere.
        """
        import pandas as pd

        rows = [dataclasses.asdict(fringe) for fringe in read_truth(self.experiment.directory).fringes]
        frame = pd.DataFrame(rows).drop(columns=["scan_index", "mid_scan_s"]).rename(columns=_TRUTH_NAMES)
        frame.insert(2, "baseline", frame.pop("antenna1") + "-" + frame.pop("antenna2"))
        return frame

    @property
    def _home(self) -> str:
        return str(self.experiment.directory)

    def wait_for_server(self) -> None:
        """Wait until the server ends by itself; an interrupt ends the waiting."""
        self._server.wait()

    def close(self, force: bool = False) -> None:
        """Close the connection and end the server with everything it runs."""
        try:
            super().close(force=True)
        finally:
            self._server.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def demo(
    directory: str | Path | None = None,
    *,
    seed: int = 1,
    experiment: Experiment | None = None,
    fault: str | None = None,
    model: Model = "plain",
    quirks: str | None = None,
) -> DemoCorrelator:
    """Start a correlator in a box on 127.0.0.1 and connect to it.

    Parameters
    ----------
    directory : path, optional
        Where the experiment goes, and what the server shows; made when it is missing. Default: a temporary
        directory, removed with the object.
    seed : int
        Of noise and signals: the same seed gives the same recordings.
    experiment : Experiment, optional
        Another experiment than the default one.
    fault : str, optional
        Something that went wrong at a station, one of :data:`difxnb.synthetic.FAULTS`: the experiment is then that of
        :func:`difxnb.synthetic.bad_experiment`.
    model : {"plain", "full"}
        Delay model of the sky that the recordings are of, as in :func:`difxnb.synthetic.make_experiment`. With
        ``"full"`` jobs that are made again of ``demo.vex`` and ``demo.v2d`` show the same fringes.
    quirks : str, optional
        Faults of a real server to reproduce, such as ``"2.9"``.

    Returns
    -------
    DemoCorrelator

    Raises
    ------
    ServerNotStarted
    OutputExists
        `directory` holds something else already.
    ValueError
        There is no such fault or model, or both an experiment and a fault are given.
    """
    if fault is not None:
        if experiment is not None:
            raise ValueError(
                "either an experiment or a fault, not both; bad_experiment(fault) makes one to change"
            )
        experiment = bad_experiment(fault, seed=seed)
    root = Path(tempfile.mkdtemp(prefix="difxnb-demo-") if directory is None else directory).resolve()
    try:
        files = make_experiment(root, seed=seed, experiment=experiment, model=model)
        server = ServerProcess(root, quirks, ["--demo-recorders", "--report-load"])
        try:
            plain = connect("127.0.0.1", server.port)
        except BaseException:
            server.close()
            raise
    except BaseException:
        if directory is None:
            shutil.rmtree(root)
        raise
    boxed = DemoCorrelator(plain._inner, plain._loop, server, files)
    weakref.finalize(boxed, _clear_away, server, root if directory is None else None)
    return boxed


def _clear_away(server: ServerProcess, directory: Path | None) -> None:
    """End the server of a forgotten box before its directory goes, or its jobs would go on writing there."""
    server.close()
    if directory is not None:
        shutil.rmtree(directory)
