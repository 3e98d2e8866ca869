# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ``.v2d`` with its blocks as mappings: what is set in them changes the text, and nothing else in it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from difxnb.errors import FileFormatError
from difxnb.formats.text_edit import TextEdit
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_statements import with_block
from difxnb.formats.v2d_text import V2dBlock, V2dText, parse_v2d_text

if TYPE_CHECKING:
    from difxnb.formats.vex import Vex

_MOST_TEXT = 1 << 23


class V2dFile(MutableMapping[str, Any]):
    """Text, statements and blocks of a ``.v2d``; :class:`~difxnb.formats.v2d.V2d` has what is made of them."""

    def __init__(self, text: str, path: str | Path | None = None, *, original: str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.original = text if original is None else original
        self._vex: Vex | str | PathLike[str] | None = None
        self._read: tuple[tuple[Path, int, int], Vex] | None = None
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
        self._newlines: list[int] | None = None
        self._by_kind = dict[str, list[V2dBlock]]()
        self._numbers = dict[tuple[str, str], int]()
        for one in self._statements.blocks:
            same = self._by_kind.setdefault(one.kind, [])
            self._numbers.setdefault((one.kind, _key(one.kind, one.name)), len(same))
            same.append(one)
        self._common = V2dParameters(self)

    @property
    def statements(self) -> V2dText:
        """Blocks and statements with their places in the text."""
        return self._statements

    def line_at(self, place: int) -> int:
        """Line, from 1, of a character of the text."""
        if self._newlines is None:
            self._newlines = [match.start() for match in re.finditer("\n", self._text)]
        return bisect_left(self._newlines, place) + 1

    def statements_of(self, kind: str) -> Sequence[V2dBlock]:
        """Blocks of a kind, with their places in the text."""
        return self._by_kind.get(kind, ())

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
        return self.text == other.text if isinstance(other, V2dFile) else NotImplemented

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
        number = self._numbers.get((kind, _key(kind, name)))
        if number is None and kind == "OUTPUTBAND" and not name and self.statements_of(kind):
            number = 0  # whatever its name is
        if number is not None:
            return V2dParameters(self, kind, number)
        if not make:
            raise KeyError(f"{kind} {name}".rstrip())
        self.text = with_block(self._statements, kind, name)
        return self.block(kind, name)

    def blocks(self, kind: str | None = None) -> list[V2dParameters]:
        """All blocks, or those of a kind, in their order; comments are not among them."""
        if kind is not None:
            return [V2dParameters(self, kind, number) for number in range(len(self.statements_of(kind)))]
        counts = dict[str, int]()
        found = list[V2dParameters]()
        for one in self._statements.blocks:
            number = counts[one.kind] = counts.get(one.kind, -1) + 1
            if one.kind != "COMMENT":
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

    def schedule(self) -> Vex | None:
        """Its schedule: as given, else the one that it names, from its own directory; None where it is not there.

        Raises
        ------
        FileFormatError
            It is no schedule.
        FileNotFoundError
            It was given, and is not there.
        """
        from difxnb.formats.vex import Vex, read_vex

        if self._vex is None:
            found = self._vex_beside()
            if found is None:
                return None
            facts = found.stat()
            stamp = (found, facts.st_mtime_ns, facts.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, read_vex(found))
            return self._read[1]
        if not isinstance(self._vex, Vex):
            self._vex = read_vex(self._vex)
        return self._vex

    def _vex_beside(self) -> Path | None:
        """The schedule that it names, if it is in its directory or below."""
        words = self.words("vex")
        if self.path is None or not words:
            return None
        directory = self.path.resolve().parent
        for place in (directory / words[-1], directory / Path(words[-1]).name):
            if directory in place.resolve().parents and place.is_file():
                return place
        return None

    def changed(self, text: str) -> Self:
        """Another text for the same file."""
        new = type(self)(text, self.path, original=self.original)
        new._vex, new._read = self._vex, self._read
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

    def __init__(self, v2d: V2dFile, kind: str) -> None:
        self._v2d, self._kind = v2d, kind

    def __getitem__(self, name: str) -> V2dParameters:
        return self._v2d.block(self._kind, name)

    def __iter__(self) -> Iterator[str]:
        first = dict[str, str]()
        for one in self._v2d.statements_of(self._kind):
            first.setdefault(_key(self._kind, one.name), one.name)
        return iter(first.values())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self._kind}: {', '.join(self) or 'none'}>"


def _key(kind: str, name: str) -> str:
    """Name as vex2difx compares it."""
    return name.upper() if kind == "ANTENNA" else name
