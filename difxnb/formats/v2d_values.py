# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a ``.v2d`` as values of Python, and back.

Words come in and a value goes out, or a ValueError that says what is wrong. vex2difx is less strict: it takes
``tInt = x`` for 0 and ``nCore = 1e6`` for 1 without a word. What it would understand otherwise than it looks, is
refused here (vex2difx 3.1: ``src/parserhelp.cpp``, ``parseBoolean parseDouble parseTime parseCoord``).
"""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from difxnb.formats.mjd import DAY_S, LAST_MJD, MJD_ZERO, UNIX_EPOCH_MJD
from difxnb.formats.v2d_parameters import Parameter
from difxnb.formats.v2d_text import KINDS

V2dValue = bool | int | float | str | np.datetime64 | list[Any]
"""What a parameter can be; lists hold numbers, words, times, or dictionaries for pairs."""

_FALSE = ("0", "f", "F", "-")
_MEANT_FALSE = ("no", "off", "none", "null", "never")
_TERM = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_SUM = re.compile(rf"(?:{_TERM.pattern}(?=[+-]|\Z)){{1,50}}", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_HEXADECIMAL = re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,16}", re.ASCII)
# vex2difx reads whole seconds and passes over what follows them.
_CALENDAR = (
    (re.compile(r"(\d{4}-\d\d?-\d\d?T\d\d?:\d\d?:\d\d?)(?:\.\d*)?", re.ASCII), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(r"(\d{4}[A-Za-z]{3}\d\d?-\d\d?:\d\d?:\d\d?)(?:\.\d*)?", re.ASCII), "%Y%b%d-%H:%M:%S"),
    (re.compile(r"(\d{4}y\d{1,3}d\d\d?h\d\d?m\d\d?s)", re.ASCII), "%Yy%jd%Hh%Mm%Ss"),
)
_SECONDS = r"(\d{1,2}(?:\.\d{0,20})?)"
_HOURS = re.compile(rf"([+-]?)(\d{{1,3}})h(\d{{1,2}})m{_SECONDS}s", re.ASCII)
_DEGREES = re.compile(rf"([+-]?)(\d{{1,3}})d(\d{{1,2}})'{_SECONDS}\"", re.ASCII)
_COLONS = re.compile(rf"([+-]?)(\d{{1,3}}):(\d{{1,2}}):{_SECONDS}", re.ASCII)
_WORD = re.compile(r"[^\x00-\x20{}=,]+")
_MOST_WORD = 1000
_MILLISECOND_DAYS = 1e-3 / DAY_S
_SHOWN = 40


class OutOfRange(ValueError):
    """A number beyond the bounds of its parameter."""


def read_value(parameter: Parameter, words: Sequence[str]) -> V2dValue:
    """The value that one or more words stand for; of several, the last, where the parameter is no list.

    Raises
    ------
    ValueError
        They stand for none.
    """
    if parameter.is_many:
        return [_read_item(parameter, word) for word in words]
    if not words:
        raise ValueError("has no value")
    value: V2dValue = _READERS[parameter.kind](parameter, words[-1])
    return value


def written_words(parameter: Parameter, value: object) -> list[str]:
    """Words that stand for a value, as vex2difx reads them.

    Texts are taken as they are, if they can be read.

    Raises
    ------
    ValueError
        The value is none that the parameter can have.
    """
    items = _items(value) if parameter.is_many else [value]
    words = [_written(parameter, item) for item in items]
    for word in words:
        require_word(word)
    read_value(parameter, words)
    return words


def _items(value: object) -> list[object]:
    if isinstance(value, (str, Mapping, bytes)) or not isinstance(
        value, (Sequence, np.ndarray, set, frozenset)
    ):
        return [value]
    items = sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    if not items:
        raise ValueError("needs at least one value; delete it to have none")
    return items


def require_word(word: str) -> None:
    """Refuse what vex2difx would not read as one word.

    Raises
    ------
    ValueError
        It has blanks or marks, begins a comment or a block, or is longer than any value.
    """
    if not word or len(word) > _MOST_WORD:
        raise ValueError(
            f"{word[:_SHOWN]!r} is no word that can stand in a .v2d: empty, or longer than {_MOST_WORD}"
        )
    if not _WORD.fullmatch(word) or word.startswith("#") or word in KINDS:
        raise ValueError(
            f"{word[:_SHOWN]!r} would be read as something else: blanks, braces, = and , end a value, # begins a "
            f"comment, {' '.join(KINDS)} begin a block"
        )


def truth(word: str, true: tuple[str, ...] = ()) -> bool:
    """What vex2difx takes a word for: false where it begins with 0, f, F or -, else true (``no`` is true)."""
    return word in true if true else not word.startswith(_FALSE)


def is_doubtful_truth(word: str, true: tuple[str, ...] = ()) -> bool:
    """Whether somebody probably meant the other thing than vex2difx understands."""
    says_no = word.lower() in (*_MEANT_FALSE, "n") or word.startswith(_FALSE)
    return truth(word, true) == says_no


def read_mjd(text: str) -> float:
    """Modified Julian date of a text in one of the four forms that vex2difx reads.

    Raises
    ------
    ValueError
        It is in none of them.
    """
    for pattern, form in _CALENDAR:
        match = pattern.fullmatch(text)
        if match:
            try:
                mjd = (dt.datetime.strptime(match[1], form) - MJD_ZERO) / dt.timedelta(seconds=DAY_S)
            except ValueError:
                break
            if 0 <= mjd <= LAST_MJD:
                return mjd
    if _TERM.fullmatch(text) and 0 <= float(text) <= LAST_MJD:
        return float(text)
    raise ValueError(
        f"{text[:_SHOWN]!r} is no time; write 2024y001d12h00m00s, 2024-01-01T12:00:00, 2024JAN01-12:00:00 or an MJD"
    )


def mjd_time(mjd: float) -> np.datetime64:
    """Time of a modified Julian date, UTC, rounded to a millisecond, as a text with ten decimals can say it."""
    milliseconds = round((mjd - UNIX_EPOCH_MJD) * DAY_S * 1000)
    return np.datetime64(milliseconds * 10**6, "ns")


def written_time(time: object) -> str:
    """A time as vex2difx reads it: in the form of a schedule, with a fraction of a second as an MJD.

    Raises
    ------
    ValueError
        It is none, or out of bounds.
    """
    stamp = _stamp(time)
    # From 1970: a span from the first day of the MJD would be more than nanoseconds hold from 2151 on.
    mjd = UNIX_EPOCH_MJD + float((stamp - np.datetime64(0, "ns")) / np.timedelta64(1, "D"))
    if not 0 <= mjd <= LAST_MJD:
        raise ValueError(f"{time} is no time of an observation")
    seconds, rest = divmod(int(stamp.astype(np.int64)), 10**9)
    if rest:
        return repr(round(mjd, 10))
    return (dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)).strftime("%Yy%jd%Hh%Mm%Ss")


def _stamp(time: object) -> np.datetime64:
    try:
        moment = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
        if isinstance(moment, dt.datetime) and moment.tzinfo:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        stamp = np.datetime64(moment, "ns")  # type: ignore[call-overload]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{str(time)[:_SHOWN]!r} is no time") from error
    if np.isnat(stamp):
        raise ValueError("NaT is no time")
    return np.datetime64(stamp, "ns")


def _read_bool(parameter: Parameter, word: str) -> bool:
    return truth(word, parameter.true)


def _read_int(parameter: Parameter, word: str) -> int:
    if not (_HEXADECIMAL if parameter.numeral == 16 else _WHOLE).fullmatch(word):
        raise ValueError(f"{word[:_SHOWN]!r} is no whole number")
    return int(_bounded(parameter, int(word, parameter.numeral), word))


def _read_float(parameter: Parameter, word: str) -> float | str:
    if word in parameter.choices:
        return word
    if not (_SUM if parameter.sums else _TERM).fullmatch(word):
        raise ValueError(f"{word[:_SHOWN]!r} is no number")
    return float(_bounded(parameter, math.fsum(float(term) for term in _TERM.findall(word)), word))


def _bounded(parameter: Parameter, value: float, word: str) -> float:
    if not parameter.least <= value <= parameter.most:
        raise OutOfRange(
            f"{word[:_SHOWN]} is out of range; {parameter.least:g} to {parameter.most:g} {parameter.unit}".rstrip()
        )
    return value


def _read_word(parameter: Parameter, word: str) -> str:
    if word.upper() not in (choice.upper() for choice in parameter.choices):
        raise ValueError(f"{word[:_SHOWN]!r} is none of {', '.join(parameter.choices)}")
    return word


def _read_text(_: Parameter, word: str) -> str:
    return word


def _read_time(_: Parameter, word: str) -> np.datetime64:
    return mjd_time(read_mjd(word))


def _read_angle(parameter: Parameter, word: str) -> float:
    is_dec = parameter.name == "dec"
    unit = math.pi / (180 if is_dec else 12)
    match = _COLONS.fullmatch(word) or (_DEGREES if is_dec else _HOURS).fullmatch(word)
    if match:
        size = int(match[2]) + int(match[3]) / 60 + float(match[4]) / 3600
        angle = (-size if match[1] == "-" else size) * unit
    else:
        angle = _plain_angle(word, is_dec)
    if not abs(angle) <= (math.pi / 2 if is_dec else 2 * math.pi) * (1 + 1e-12):
        raise OutOfRange(f"{word[:_SHOWN]} is out of range; a number without a unit is in rad")
    return angle


def _plain_angle(word: str, is_dec: bool) -> float:
    bare = word.removesuffix("deg").removesuffix("rad")
    if not _TERM.fullmatch(bare):
        form = "-1:02:03.4, -1d02'03.4\"" if is_dec else "12:34:56.7, 12h34m56.7s"
        raise ValueError(f"{word[:_SHOWN]!r} is no angle; write {form}, 1.23rad or 12.3deg")
    return float(bare) * (math.pi / 180 if word.endswith("deg") else 1.0)


def _read_item(parameter: Parameter, word: str) -> Any:
    if parameter.kind == "words":
        return word
    if parameter.kind == "pairs":
        return _read_pairs(parameter, word)
    if parameter.item == "offsets":
        parts = word.split(":")
        if len(parts) > 3 or not all(map(_TERM.fullmatch, parts)):
            raise ValueError(f"{word[:_SHOWN]!r} is not one, two or three numbers with colons between them")
        return tuple(_read_float(parameter, part) for part in parts)
    return _READERS[parameter.item](parameter, word)


def _read_pairs(parameter: Parameter, word: str) -> dict[str, V2dValue]:
    """``name@value/name@value``."""
    found = dict[str, V2dValue]()
    for piece in word.split("/"):
        name, at, value = piece.partition("@")
        part = parameter.parts.get(name)
        if part is None or not at:
            raise ValueError(
                f"{piece[:_SHOWN]!r} in {word[:_SHOWN]} is none of {', '.join(parameter.parts)} with @"
            )
        found[part.name] = read_value(part, [value])
    return found


_READERS: Mapping[str, Callable[[Parameter, str], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "float": _read_float,
    "word": _read_word,
    "text": _read_text,
    "time": _read_time,
    "angle": _read_angle,
}


def _written(parameter: Parameter, value: object) -> str:
    """One word for one value."""
    kind = parameter.item or ("text" if parameter.kind == "words" else parameter.kind)
    if kind == "bool":
        return _written_bool(parameter, value)
    if kind == "time":
        return _written_moment(value)
    if isinstance(value, str):
        return value
    if kind == "pairs" and isinstance(value, Mapping):
        return "/".join(f"{name}@{_written_part(parameter, name, part)}" for name, part in value.items())
    if kind == "offsets":
        return ":".join(_number(part) for part in _items(value))
    if kind == "int":
        return _written_int(parameter, value)
    if kind == "angle":
        return _written_angle(parameter, _number(value))
    if kind == "float":
        return _number(value)
    raise ValueError(f"{value!r} is no text"[:200])


def _written_bool(parameter: Parameter, value: object) -> str:
    if isinstance(value, str) and not is_doubtful_truth(value, parameter.true):
        return value
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"needs True or False, not {value!r}"[:200])
    return "True" if value else "False"


def _written_moment(value: object) -> str:
    """A text that is a time already stays."""
    if isinstance(value, str):
        read_mjd(value)
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    return written_time(value)


def _written_part(parameter: Parameter, name: object, value: object) -> str:
    part = parameter.parts.get(str(name))
    if part is None:
        raise ValueError(f"has no {name!r}; it has {', '.join(parameter.parts)}")
    word = _written(part, value)
    if "/" in word:
        raise ValueError(f"{word[:_SHOWN]!r} holds a slash, which ends a part")
    return word


def _written_int(parameter: Parameter, value: object) -> str:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ValueError(f"needs a whole number, not {value!r}"[:200])
    return format(number, "x") if parameter.numeral == 16 else str(number)


def _number(value: object) -> str:
    """The shortest text that is read as the same number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ValueError(f"needs a number, not {value!r}"[:200])
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be written")
    return str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))


def _written_angle(parameter: Parameter, number: str) -> str:
    """Hours or degrees, minutes and seconds; good to a nanoarcsecond."""
    angle = _bounded(parameter, float(number), number)
    decimals = 9 if parameter.name == "dec" else 10
    unit = 180 if parameter.name == "dec" else 12
    parts = round(abs(angle) * unit / math.pi * 3600 * 10**decimals)
    seconds, fraction = divmod(parts, 10**decimals)
    rest = f".{fraction:0{decimals}d}".rstrip("0").rstrip(".")
    sign = "-" if angle < 0 and parts else ""
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{rest}"
