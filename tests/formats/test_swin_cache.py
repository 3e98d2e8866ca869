# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables from the cache: fresh ones at once, and all that can be wrong with a cache without a word."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.swin_cache import SMALLEST_BYTES, cache_directory, cached_index, prune
from difxnb.formats.swin_scan import index_swin
from difxnb.formats.swin_store import Kept, load, save
from difxnb.formats.swin_table import SwinTable
from tests.formats.made_swin import assert_equal, jobs, record, whole_job

N_CHANNELS = 3000
CHANNELS = {0: N_CHANNELS}
RECORD_BYTES = 74 + 8 * N_CHANNELS


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/difxnb/swin"


@pytest.fixture(scope="module")
def content() -> bytes:
    return b"".join(whole_job((N_CHANNELS,), 128, antennas=2))


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "swin"
    path.write_bytes(content)
    return path


def kept_files(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.exists() else []


def spoil(path: Path) -> None:
    """Damage a file in a way that is seen only when it is indexed."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(RECORD_BYTES)
        file.write(b"\1")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_large_file_is_not_indexed_twice(path: Path, cache: Path) -> None:
    assert path.stat().st_size > SMALLEST_BYTES
    expected = index_swin(path, CHANNELS)
    assert_equal(cached_index(path, CHANNELS), expected)
    assert cache_directory() == cache
    (kept,) = kept_files(cache)
    spoil(path)
    for channels in (CHANNELS, None, lambda freq: N_CHANNELS):
        assert_equal(cached_index(path, channels), expected)
    kept.unlink()
    with pytest.raises(FileFormatError, match=f"byte {RECORD_BYTES}"):
        cached_index(path, CHANNELS)


def test_a_small_file_is_not_kept(path: Path, cache: Path, content: bytes) -> None:
    path.write_bytes(content[: 10 * RECORD_BYTES])
    assert_equal(cached_index(path, CHANNELS), index_swin(path, CHANNELS))
    assert kept_files(cache) == []


def test_a_file_that_was_changed_is_indexed_anew(path: Path, cache: Path) -> None:
    cached_index(path, CHANNELS)
    spoil(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileFormatError, match=f"byte {RECORD_BYTES}"):
        cached_index(path, CHANNELS)


def test_other_channels_are_another_question(path: Path) -> None:
    cached_index(path, CHANNELS)
    for channels in ({0: N_CHANNELS - 1}, {1: N_CHANNELS}):
        with pytest.raises(FileFormatError):
            cached_index(path, channels)


def test_what_was_skipped_is_an_error_for_others(path: Path) -> None:
    spoil(path)
    table = cached_index(path, CHANNELS, on_error="skip")
    assert table.skipped_places == 1
    assert_equal(cached_index(path, CHANNELS, on_error="skip"), table)
    with pytest.raises(FileFormatError, match=f"byte {RECORD_BYTES}"):
        cached_index(path, CHANNELS)


def test_an_unfinished_record_is_an_error_once_nothing_is_written_any_more(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content[:-5])
    assert cached_index(path, CHANNELS, growing=True).unfinished == RECORD_BYTES - 5
    with pytest.raises(FileFormatError, match="growing=True"):
        cached_index(path, CHANNELS)


@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("half", [0, 100])
def test_of_a_file_that_grew_the_rest_is_indexed(
    path: Path, content: bytes, growing: bool, half: int
) -> None:
    path.write_bytes(content[: 750 * RECORD_BYTES + half])
    cached_index(path, CHANNELS, growing=True)
    path.write_bytes(content)
    expected = index_swin(path, CHANNELS)
    spoil(path)  # where it was indexed before; that is not looked at again
    assert_equal(cached_index(path, CHANNELS, growing=growing), expected)


def test_a_file_that_was_written_anew_and_is_longer(path: Path, content: bytes) -> None:
    path.write_bytes(content[: 750 * RECORD_BYTES])
    cached_index(path, CHANNELS, growing=True)
    other = np.frombuffer(content, dtype=np.uint8).copy().reshape(-1, RECORD_BYTES)
    other[:, 42:50] = np.frombuffer(np.float64(0.125).tobytes(), dtype=np.uint8)
    path.write_bytes(other.tobytes())
    assert_equal(cached_index(path, CHANNELS, growing=True), index_swin(path, CHANNELS))


@pytest.mark.parametrize("damage", ["cut", "empty", "bit", "line", "older", "longer", "text"])
def test_a_damaged_cache_is_made_anew(path: Path, cache: Path, damage: str) -> None:
    expected = cached_index(path, CHANNELS)
    (kept,) = kept_files(cache)
    good = kept.read_bytes()
    place = {"bit": len(good) - 100, "line": 30}.get(damage, 0)
    changed = {
        "cut": good[:-1],
        "empty": b"",
        "older": good.replace(b"table 1", b"table 0", 1),
        "longer": good[:-300],
        "text": b"00000000 {}\n",
    }.get(damage, good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
    kept.write_bytes(changed)
    assert_equal(cached_index(path, CHANNELS), expected)
    assert kept.read_bytes()[200:] == good[200:]


def test_what_stands_in_for_a_table_keeps_nobody_waiting(path: Path, cache: Path) -> None:
    expected = cached_index(path, CHANNELS)
    (kept,) = kept_files(cache)
    nested = b"[" * 200_000
    kept.write_bytes(b"%08x %s\n" % (zlib.crc32(nested), nested))
    assert_equal(cached_index(path, CHANNELS), expected)
    kept.unlink()
    os.mkfifo(kept)
    assert_equal(cached_index(path, CHANNELS), expected)
    assert kept.is_file()


def test_a_cache_that_cannot_be_written(path: Path, cache: Path) -> None:
    cache.parent.parent.write_text("a file where the directory should be")
    expected = index_swin(path, CHANNELS)
    for _ in range(2):
        assert_equal(cached_index(path, CHANNELS), expected)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place/x").touch()  # a directory that cannot be replaced
    assert not save(tmp_path / "place", Kept(table_of(tmp_path), 1, 2, b""), most=10**6)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".new")] == []


def test_a_table_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    assert not save(tmp_path / "table", Kept(table_of(tmp_path), 1, 2, b""), most=100)
    assert not (tmp_path / "table").exists()


def table_of(directory: Path) -> SwinTable:
    (directory / "swin").write_bytes(record(0, 3) + record(1, 3, time=1))
    return index_swin(directory / "swin")


@settings(deadline=None, max_examples=30)
@given(jobs(("noise",)), st.binary(max_size=50))
def test_what_is_kept_is_what_comes_back(
    tmp_path_factory: pytest.TempPathFactory, job: object, samples: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "swin"
    path.write_bytes(b"".join(job[0]))  # type: ignore[index]
    place = path.with_name("kept")
    kept = Kept(index_swin(path), 3, 4, samples)
    assert save(place, kept, most=10**6)
    found = load(place, path)
    assert found is not None
    assert_equal(found.table, kept.table)
    assert found[1:] == kept[1:]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_damage_of_what_is_kept_is_seen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.getbasetemp()
    place, table = directory / "kept", table_of(directory)
    assert save(place, Kept(table, 3, 4, b""), most=10**6)
    content = bytearray(place.read_bytes())
    position, value = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    content[position] ^= value
    place.write_bytes(content)
    assert load(place, table.path) is None


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.swin-table"
        path.write_bytes(b"x" * 100)
        os.utime(path, (number, number))
    (tmp_path / "other").write_bytes(b"x" * 1000)
    (tmp_path / ".new-forgotten").touch()
    os.utime(tmp_path / ".new-forgotten", (1, 1))
    (tmp_path / ".new-now").touch()
    prune(tmp_path, 250)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".new-now",
        "3.swin-table",
        "4.swin-table",
        "other",
    ]


def test_two_processes_at_once(path: Path, cache: Path) -> None:
    program = (
        "import sys; from difxnb.formats.swin_cache import cached_index\n"
        f"for _ in range(3): print(cached_index(sys.argv[1], {{0: {N_CHANNELS}}}).offsets.shape)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.communicate()[0].splitlines() == [str(index_swin(path).offsets.shape)] * 3
        assert process.returncode == 0
    assert len(kept_files(cache)) == 1
