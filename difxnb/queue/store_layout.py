# SPDX-License-Identifier: GPL-3.0-or-later
"""How a queue is laid out in a file of SQLite, and how one is opened.

The file belongs on a disk of this machine: several processes share it through memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from difxnb.errors import FileFormatError

VERSION = 1
"""Of the layout; files of a newer one are refused."""

APPLICATION = 0x44694651
"""What tells our files from others of SQLite."""

_MAGIC = b"SQLite format 3\0"
_TABLES = (
    """CREATE TABLE entries(
        number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, server TEXT NOT NULL,
        input_file TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, priority INTEGER NOT NULL,
        position REAL NOT NULL, added REAL NOT NULL, since REAL NOT NULL, progress REAL NOT NULL,
        tries INTEGER NOT NULL, session TEXT NOT NULL, machines JSON, options JSON, policy JSON,
        hidden INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX shown ON entries(hidden, position)",
    """CREATE TABLE history(
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, number INTEGER, state TEXT NOT NULL, why TEXT NOT NULL,
        progress REAL, what TEXT NOT NULL, of TEXT NOT NULL)""",
    "CREATE INDEX told ON history(number)",
    "CREATE TABLE settings(name TEXT PRIMARY KEY, value JSON NOT NULL)",
)


def open_database(path: Path | None, patience: float) -> sqlite3.Connection:
    """Open or make the file of a queue; without a path one in memory.

    It may be used from any thread, by one at a time. Each statement waits so many seconds for other processes.

    Raises
    ------
    FileFormatError
        It is a file of another kind, a damaged one, or of a newer layout.
    OSError
        It cannot be opened or made.
    """
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no directory {path.parent}")
    if path is not None and path.is_file():
        _require_sqlite(path)
    try:
        database = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise OSError(f"{path} cannot be opened: {error}") from error
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _require_sqlite(path: Path) -> None:
    """Refuse a file of another kind before SQLite looks: a very short one it takes for empty, and writes over it."""
    with path.open("rb") as file:
        beginning = file.read(len(_MAGIC))
    if beginning and beginning != _MAGIC:
        raise FileFormatError(path, "", "this is no queue: file is not a database")


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    try:
        if not _is_ours(database, path):
            database.execute("PRAGMA journal_mode = WAL")
            _make(database)
            _is_ours(database, path)
        database.execute("PRAGMA synchronous = FULL")
        _hasten(database)
        database.execute("SELECT number, key, hidden FROM entries LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        raise OSError(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise FileFormatError(path, "", f"this is no queue: {error}") from error


def _hasten(database: sqlite3.Connection) -> None:
    """Add an index that files did not have at first; a file that cannot be written now gets it another time."""
    with contextlib.suppress(sqlite3.OperationalError):
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'named'").fetchone():
            database.execute("CREATE INDEX IF NOT EXISTS named ON entries(input_file)")


def _is_ours(database: sqlite3.Connection, path: Path | None) -> bool:
    """Whether it is laid out already; FileFormatError where it is something else."""
    version, application, tables = _told(database)
    if not tables and not application and not version:
        return False
    if application != APPLICATION:
        raise FileFormatError(path, "", "this is a file of SQLite, and no queue")
    if version > VERSION:
        raise FileFormatError(
            path,
            "",
            f"the queue is laid out in version {version}; this program knows versions up to {VERSION}",
        )
    return True


def _told(database: sqlite3.Connection) -> tuple[int, int, int]:
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    application = int(database.execute("PRAGMA application_id").fetchone()[0])
    tables = int(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    return version, application, tables


def _make(database: sqlite3.Connection) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        if not _told(database)[2]:  # nobody else was quicker
            for statement in _TABLES:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {APPLICATION}")
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
