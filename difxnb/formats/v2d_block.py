# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of one block of a ``.v2d``, or of those outside of all blocks, as a mapping with values of Python."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from difxnb.errors import FileFormatError
from difxnb.formats.v2d_parameters import Parameter, parameter
from difxnb.formats.v2d_statements import with_value, without_names
from difxnb.formats.v2d_text import V2dBlock, V2dStatement, V2dText
from difxnb.formats.v2d_values import V2dValue, read_value, require_word, written_words


class TextOwner(Protocol):
    """Who keeps the text that blocks are parts of."""

    path: Path | None

    @property
    def statements(self) -> V2dText: ...

    def line_at(self, place: int) -> int: ...

    def statements_of(self, kind: str) -> Sequence[V2dBlock]: ...

    @property
    def text(self) -> str: ...

    @text.setter
    def text(self, text: str) -> None: ...


class V2dParameters(MutableMapping[str, Any]):
    """One block: ``block["tInt"] = 1.0`` changes the text of the file, and nothing else in it.

    Values are in the units of the file (:mod:`difxnb.formats.v2d_parameter_list` has them), times are ``datetime64``
    in UTC, angles rad. Names that vex2difx takes for one and the same are one key. Of names that it does not know the
    value is a text, or a list of them.

    Attributes
    ----------
    kind : str
        ``"ANTENNA"``, ``"SETUP"`` and so on; empty for what stands outside of blocks.
    """

    __slots__ = ("_number", "_owner", "kind")

    def __init__(self, owner: TextOwner, kind: str = "", number: int = 0) -> None:
        self._owner, self.kind, self._number = owner, kind, number

    @property
    def _block(self) -> V2dBlock:
        if not self.kind:
            return self._owner.statements.common
        blocks = self._owner.statements_of(self.kind)
        if self._number >= len(blocks):
            raise KeyError(f"this {self.kind} block is no longer there")
        return blocks[self._number]

    @property
    def name(self) -> str:
        """Name of the block."""
        return self._block.name

    @property
    def statements(self) -> V2dBlock:
        """What stands where."""
        return self._block

    @property
    def where(self) -> str:
        """Kind and name, as they are told: ``ANTENNA Wz``."""
        return f"{self.kind} {self.name}".strip()

    @property
    def line(self) -> int:
        """Line in which it begins, from 1."""
        return self._owner.line_at(self._block.start)

    def line_of(self, name: str) -> int | None:
        """Line of the statement that counts; None where there is none."""
        found = self._found(name)
        return self._owner.line_at(found[-1].name.start) if found else None

    def line_of_statement(self, statement: V2dStatement) -> int:
        """Line of any of its statements."""
        return self._owner.line_at(statement.name.start)

    def words(self, name: str) -> list[str]:
        """All that is given for a parameter, as it is written; empty where nothing is."""
        return [token.text for one in self._found(name) for token in one.values]

    def all_words(self) -> dict[str, list[str]]:
        """All that is given, as it is written, by name."""
        found = dict[str, list[str]]()
        for one in self._block.statements:
            if one.values:
                name = _names(parameter(self.kind, one.name.text), one.name.text)[0]
                found.setdefault(name, []).extend(token.text for token in one.values)
        return found

    def in_force(self, name: str) -> Any:
        """The value that vex2difx takes: what is given, else its default; None where it has none."""
        if name in self:
            return self[name]
        known = parameter(self.kind, name)
        if known is None or not known.default:
            return [] if known is not None and known.is_many else None
        return read_value(known, [known.default])

    def __getitem__(self, name: str) -> Any:
        words = self.words(name)
        if not words:
            raise KeyError(name)
        known = parameter(self.kind, name)
        if known is None:
            return words[0] if len(words) == 1 else words
        try:
            return read_value(known, words)
        except ValueError as error:
            raise FileFormatError(
                self._owner.path or "v2d", f"line {self.line_of(name)}", f"{name}: {error}"
            ) from error

    def __setitem__(self, name: str, value: V2dValue | object) -> None:
        known = parameter(self.kind, name)
        try:
            words = _words(name, known, value)
            is_many = known is None or known.is_many
            text = with_value(
                self._owner.statements, self._block, _names(known, name), words, is_alone=is_many
            )
        except ValueError as error:
            if isinstance(error, FileFormatError):
                raise
            raise ValueError(f"{self.where} {name}: {error}".lstrip()) from error
        self._owner.text = text

    def __delitem__(self, name: str) -> None:
        if not self._found(name):
            raise KeyError(name)
        known = parameter(self.kind, name)
        self._owner.text = without_names(self._owner.statements, self._block, _names(known, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.all_words())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._found(name))

    def _found(self, name: str) -> list[V2dStatement]:
        """Statements with a value for a parameter, under any of its names."""
        names = _names(parameter(self.kind, name), name)
        return [one for one in self._block.statements if one.name.text in names and one.values]

    def __repr__(self) -> str:
        words = (f"{name} = {', '.join(words)}" for name, words in self.all_words().items())
        return f"<{self.where or 'parameters'}: {'; '.join(words) or 'nothing set'}>"


def _names(known: Parameter | None, name: str) -> tuple[str, ...]:
    return known.names if known else (name,)


def _words(name: str, known: Parameter | None, value: object) -> list[str]:
    if known is not None:
        return written_words(known, value)
    require_word(name)
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("vex2difx knows no such parameter; its value can only be a text or a list of texts")
    for word in words:
        require_word(word)
    return list(words)
