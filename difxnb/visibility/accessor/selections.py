# SPDX-License-Identifier: GPL-3.0-or-later
"""The selections of ``ds.difx`` and ``ds.VISIBILITY.difx``, as methods.

In: a Dataset or a DataArray. Out: the same with less in it; the work is in :mod:`difxnb.visibility.accessor.selecting`.
"""

from __future__ import annotations

from typing import Any, Generic

from difxnb.visibility.accessor import selecting
from difxnb.visibility.accessor.selecting import Visibilities


class Selections(Generic[Visibilities]):
    """What can be asked of a Dataset and of a DataArray alike.

    Selections read nothing, keep every axis (with length 1 where one thing is left) and every coordinate, and can
    follow each other. Names may have the wildcards of a shell (``*``, ``?``, ``[…]``), whatever the case of their
    letters; several are alternatives. ValueError where there is no such thing; the text says what there is.
    """

    def __init__(self, data: Visibilities) -> None:
        self._data: Visibilities = data

    def __repr__(self) -> str:
        verbs = [name for name in dir(self) if not name.startswith("_")]
        return f"<difx of a {type(self._data).__name__}: {', '.join(verbs)}>"

    def cross(self) -> Visibilities:
        """Cross-correlations alone.

        Examples
        --------
        >>> ds.difx.cross().baseline.values.tolist()
        ['AA-BB', 'AA-CC', 'BB-CC']
        """
        return selecting.cross(self._data)

    def auto(self) -> Visibilities:
        """Autocorrelations alone.

        Examples
        --------
        >>> ds.difx.auto().baseline.values.tolist()
        ['AA-AA', 'BB-BB', 'CC-CC']
        """
        return selecting.auto(self._data)

    def baseline(self, first: str, second: str | None = None) -> Visibilities:
        """One baseline, read in the order that is asked for.

        A baseline that is there the other way round is turned: V becomes its complex conjugate, UVW changes its sign,
        and the letters of the polarizations change places, since the RL product of AA-BB is the LR product of BB-AA.
        So phases and delays of ``baseline("BB", "AA")`` are those of AA seen from BB, as its label says.

        Parameters
        ----------
        first, second : str
            Names of the antennas, or both in one as ``"AA-BB"``. ``"AA", "AA"`` is the autocorrelation.

        Returns
        -------
        Dataset or DataArray
            Whose axis ``baseline`` has length 1.

        Examples
        --------
        >>> ds.difx.baseline("AA", "BB").baseline.item()
        'AA-BB'
        >>> turned = ds.difx.baseline("BB-AA")
        >>> turned.baseline.item(), turned.antenna1_name.item()
        ('BB-AA', 'BB')
        >>> forth = ds.difx.baseline("AA", "BB").VISIBILITY.sel(polarization="RL", band=0)
        >>> back = turned.VISIBILITY.sel(polarization="LR", band=0)
        >>> bool((back.values == forth.values.conj()).all())
        True
        """
        return selecting.baseline(self._data, first, second)

    def antenna(self, *names: str) -> Visibilities:
        """All baselines with one of these antennas at either end, autocorrelations too, as they are.

        Examples
        --------
        >>> ds.difx.antenna("CC").baseline.values.tolist()
        ['AA-CC', 'BB-CC', 'CC-CC']
        """
        return selecting.antenna(self._data, *names)

    def scan(self, *scans: str | int) -> Visibilities:
        """Scans by name; a number means the scan whose name ends with it, as 2 means ``No0002``.

        Examples
        --------
        >>> sorted(set(ds.difx.scan(2).scan_name.values.tolist()))
        ['No0002']
        >>> ds.difx.scan("No0001", "No0002").sizes["time"] == ds.sizes["time"]
        True
        """
        return selecting.scan(self._data, *scans)

    def source(self, *names: str) -> Visibilities:
        """Integrations on a source; of several phase centres those on it.

        Examples
        --------
        >>> sorted(set(ds.difx.source("SRCB").scan_name.values.tolist()))
        ['No0002']
        """
        return selecting.source(self._data, *names)

    def band(self, *rows: int, frequency: Any = None) -> Visibilities:
        """Bands by their row of the FREQ table, or by what they cover.

        Parameters
        ----------
        *rows : int
            Labels of ``band``.
        frequency : float, or a tuple or slice of two
            Hz, or MHz where below a million: bands that contain it, or that reach into the range ``(low, high)``; an
            end that is None is open.

        Examples
        --------
        >>> ds.difx.band(3).band.values.tolist()
        [3]
        >>> ds.difx.band(frequency=(8.40e9, 8.41e9)).band.values.tolist()
        [0]
        """
        return selecting.band(self._data, *rows, frequency=frequency)

    def polarization(self, *names: str) -> Visibilities:
        """Polarization products by their letters.

        Examples
        --------
        >>> ds.difx.polarization("R*").polarization.values.tolist()
        ['RR', 'RL']
        """
        return selecting.polarization(self._data, *names)

    def parallel(self) -> Visibilities:
        """Parallel hands: products of equal letters.

        Examples
        --------
        >>> ds.difx.parallel().polarization.values.tolist()
        ['RR', 'LL']
        """
        return selecting.parallel(self._data)

    def crosshands(self) -> Visibilities:
        """Cross hands: products of different letters.

        Examples
        --------
        >>> ds.difx.crosshands().polarization.values.tolist()
        ['RL', 'LR']
        """
        return selecting.crosshands(self._data)
