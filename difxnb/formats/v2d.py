# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.v2d``, which says how vex2difx makes jobs of a schedule: read, changed, checked and written.

Nothing is lost: comments, order and layout stay as they are, and a file that is not changed is written as it was read.
Mirrors ``difx-files.md`` 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from difxnb.errors import FileFormatError
from difxnb.formats.keyvalue import read_text
from difxnb.formats.text_edit import TextEdit
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_statements import with_block
from difxnb.formats.v2d_text import V2dText, parse_v2d_text

if TYPE_CHECKING:
    from difxnb.formats.vex import Vex

_MOST_TEXT = 1 << 24


def read_v2d(path: str | PathLike[str], *, vex: Vex | str | PathLike[str] | None = None) -> V2d:
    """Read a ``.v2d``.

    Parameters
    ----------
    path : path-like
        The file.
    vex : Vex or path-like, optional
        Its schedule, against which :meth:`V2d.problems` holds it; by default the one that it names, if it is in the
        same directory or below.

    Returns
    -------
    V2d

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FileFormatError
        vex2difx could not read it either; with the line.

    Examples
    --------
    >>> v2d = read_v2d("r1234.v2d")  # doctest: +SKIP
    >>> v2d["nCore"] = 4  # doctest: +SKIP
    >>> v2d.antennas["Wz"]["clockOffset"] = 1.25  # us; doctest: +SKIP
    >>> v2d.edit()  # the difference  # doctest: +SKIP
    """
    v2d = parse_v2d(read_text(Path(path)), Path(path))
    v2d.use(vex)
    return v2d


def parse_v2d(text: str, path: str | Path | None = "v2d") -> V2d:
    """Understand the text of a ``.v2d``.

    Raises
    ------
    FileFormatError
        With the line, where vex2difx could not read it either.
    """
    return V2d(text, path)


class V2d(MutableMapping[str, Any]):
    """A ``.v2d``: the statements outside of its blocks as a mapping, and its blocks.

    ``v2d["nCore"] = 4`` changes the text, and nothing else in it. Values are in the units of the file
    (:meth:`defaults` has them), times are ``datetime64`` in UTC. What changes several places at once
    (:meth:`without`, :meth:`with_clock`, …) leaves this object alone and gives another one.

    Attributes
    ----------
    path : Path or None
        The file; None where the text comes from elsewhere.
    original : str
        Text of the file as it was read or last written.

    Raises
    ------
    KeyError
        A parameter that is not set.
    ValueError
        A value that the parameter cannot have; with its line (FileFormatError) where the file has it.
    """

    def __init__(self, text: str, path: str | Path | None = None, *, original: str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.original = text if original is None else original
        self._vex: Vex | str | PathLike[str] | None = None
        self.text = text

    @property
    def text(self) -> str:
        """The whole text, as it would be written."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if len(text) > _MOST_TEXT:
            raise FileFormatError(self.path or "v2d", "", f"more than {_MOST_TEXT >> 20} MB; that is no .v2d")
        self._statements = parse_v2d_text(text, self.path or "v2d")
        self._text = text
        self._common = V2dParameters(self)

    @property
    def statements(self) -> V2dText:
        """Blocks and statements with their places in the text."""
        return self._statements

    def __getitem__(self, name: str) -> Any:
        return self._common[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._common[name] = value

    def __delitem__(self, name: str) -> None:
        del self._common[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._common)

    def __len__(self) -> int:
        return len(self._common)

    def __contains__(self, name: object) -> bool:
        return name in self._common

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, V2d) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def in_force(self, name: str) -> Any:
        """The value that vex2difx takes for a parameter: what is given, else its default; None where it has none."""
        return self._common.in_force(name)

    def words(self, name: str) -> list[str]:
        """All that is given for a parameter, as it is written; empty where nothing is."""
        return self._common.words(name)

    def line_of(self, name: str) -> int | None:
        """Line of the statement that counts; None where there is none."""
        return self._common.line_of(name)

    def block(self, kind: str = "", name: str = "", *, make: bool = False) -> V2dParameters:
        """One block.

        Parameters
        ----------
        kind : str
            ``"SETUP"``, ``"RULE"``, ``"SOURCE"``, ``"DATASTREAM"``, ``"ANTENNA"``, ``"ZOOM"``, ``"OUTPUTBAND"`` or
            ``"EOP"``; empty for what stands outside of blocks.
        name : str
            Name of the block; of antennas in upper or lower case. Of several with one name the first.
        make : bool
            Whether to add it where there is none.

        Raises
        ------
        KeyError
            There is no such block.
        """
        if not kind:
            return self._common
        for number, found in enumerate(self._statements.of_kind(kind)):
            if _key(kind, found.name) == _key(kind, name) or (kind == "OUTPUTBAND" and not name):
                return V2dParameters(self, kind, number)
        if not make:
            raise KeyError(f"{kind} {name}".rstrip())
        self.text = with_block(self._statements, kind, name)
        return self.block(kind, name)

    def blocks(self, kind: str | None = None) -> list[V2dParameters]:
        """All blocks, or those of a kind, in their order; comments are not among them."""
        counts = dict[str, int]()
        found = list[V2dParameters]()
        for one in self._statements.blocks:
            number = counts[one.kind] = counts.get(one.kind, -1) + 1
            if one.kind == kind or (kind is None and one.kind != "COMMENT"):
                found.append(V2dParameters(self, one.kind, number))
        return found

    @property
    def antennas(self) -> Mapping[str, V2dParameters]:
        """Blocks of stations by name; upper and lower case are one."""
        return _Blocks(self, "ANTENNA")

    @property
    def setups(self) -> Mapping[str, V2dParameters]:
        """SETUP blocks by name."""
        return _Blocks(self, "SETUP")

    @property
    def sources(self) -> Mapping[str, V2dParameters]:
        """SOURCE blocks by name."""
        return _Blocks(self, "SOURCE")

    @property
    def datastreams(self) -> Mapping[str, V2dParameters]:
        """DATASTREAM blocks by name."""
        return _Blocks(self, "DATASTREAM")

    @property
    def eops(self) -> Mapping[str, V2dParameters]:
        """EOP blocks by their date, as it is written."""
        return _Blocks(self, "EOP")

    @property
    def rules(self) -> list[V2dParameters]:
        """RULE blocks; the first that fits a scan counts."""
        return self.blocks("RULE")

    def use(self, vex: Vex | str | PathLike[str] | None) -> None:
        """Say which schedule belongs to it; None: the one that it names."""
        self._vex = vex

    def changed(self, text: str) -> V2d:
        """Another text for the same file."""
        new = V2d(text, self.path, original=self.original)
        new.use(self._vex)
        return new

    def edit(self) -> TextEdit:
        """What has changed since it was read: its difference, to be looked at before it is written."""
        return TextEdit(self.path or Path("v2d"), self.original, self.text)

    def write(self, path: str | PathLike[str] | None = None, *, overwrite: bool = False) -> Path:
        """Write it, whole or not at all.

        Parameters
        ----------
        path : path-like, optional
            Where to; by default the file that was read, which needs `overwrite`.
        overwrite : bool
            Whether a file that is there may be replaced.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        OutputExists
            The file is there, and `overwrite` was not given.
        FileChanged
            The file that was read is not what it was then, and would be replaced.
        ValueError
            It was not read from a file, and none is named.
        """
        if path is None and self.path is None:
            raise ValueError("this .v2d was not read from a file; name the one to write")
        is_there = self.path is not None and self.path.exists()
        source = self.path if self.path is not None and is_there else Path()
        written = TextEdit(source, self.original, self.text).write(path, overwrite=overwrite)
        if self.path is None or written == self.path.resolve():
            self.path, self.original = self.path or written, self.text
        return written


class _Blocks(Mapping[str, V2dParameters]):
    """Blocks of a kind by name; of several with one name the first."""

    def __init__(self, v2d: V2d, kind: str) -> None:
        self._v2d, self._kind = v2d, kind

    def __getitem__(self, name: str) -> V2dParameters:
        return self._v2d.block(self._kind, name)

    def __iter__(self) -> Iterator[str]:
        names = {_key(self._kind, one.name): one.name for one in reversed(self._v2d.blocks(self._kind))}
        return iter(dict.fromkeys(names[_key(self._kind, one.name)] for one in self._v2d.blocks(self._kind)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self._kind}: {', '.join(self) or 'none'}>"


def _key(kind: str, name: str) -> str:
    """Name as vex2difx compares it."""
    return name.upper() if kind == "ANTENNA" else name
