# SPDX-License-Identifier: GPL-3.0-or-later
"""Earth orientation from a server on this machine: fetched, kept, old, damaged, not to be had."""

from __future__ import annotations

import http.server
import json
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import EopOutdated, FileFormatError
from difxnb.geometry import EopTable, read_eop
from difxnb.geometry.eop_cache import SOURCES, Cache, download
from tests.geometry import eop_texts
from tests.geometry.eop_texts import LEAP_MJD

TEXT = eop_texts.finals(LEAP_MJD - 6, LEAP_MJD + 30, final_to=LEAP_MJD, rapid_to=LEAP_MJD + 4)
NEWER = eop_texts.finals(LEAP_MJD - 6, LEAP_MJD + 40, final_to=LEAP_MJD, rapid_to=LEAP_MJD + 30)


@dataclass
class Site:
    """What a server gives, and what it was asked."""

    pages: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.site.asked.append((path, self.headers.get("If-None-Match")))
        if path in self.site.redirects:
            self.send_response(302)
            self.send_header("Location", self.site.redirects[path])
            self.end_headers()
        elif path not in self.site.pages:
            self.send_error(503)
        elif self.site.etags.get(path, "") == self.headers.get("If-None-Match", "-"):
            self.send_response(304)
            self.end_headers()
        else:
            self.send_response(200)
            body = self.site.pages[path]
            self.send_header("Content-Length", str(self.site.lengths.get(path, len(body))))
            if path in self.site.etags:
                self.send_header("ETag", self.site.etags[path])
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    found = Site({"finals": TEXT.encode()})
    server = http.server.HTTPServer(("127.0.0.1", 0), type("OfTest", (Handler,), {"site": found}))
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def kept_files(tmp_path: Path) -> dict[str, Path]:
    return {path.suffix: path for path in (tmp_path / "cache/difxnb/eop").iterdir()}


def make_older(tmp_path: Path, days: float) -> None:
    path = kept_files(tmp_path)[".json"]
    about = json.loads(path.read_text())
    about["fetched"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    path.write_text(json.dumps(about))


def test_a_table_is_fetched_once_and_then_kept(site: Site, tmp_path: Path) -> None:
    first, second = read_eop(site.url("finals")), read_eop(site.url("finals"))
    assert site.asked == [("finals", None)]
    assert first == second
    assert first.source == site.url("finals")
    assert abs(first.fetched - np.datetime64("now")) < np.timedelta64(60, "s")
    assert set(kept_files(tmp_path)) == {".txt", ".json"}


def test_an_old_copy_is_fetched_again_and_only_if_it_has_changed(site: Site, tmp_path: Path) -> None:
    site.etags["finals"] = '"one"'
    read_eop(site.url("finals"))
    make_older(tmp_path, 8)
    assert len(read_eop(site.url("finals"))) == 37
    assert site.asked == [("finals", None), ("finals", '"one"')]
    read_eop(site.url("finals"))  # the copy is fresh again
    assert len(site.asked) == 2
    site.pages["finals"], site.etags["finals"] = NEWER.encode(), '"two"'
    assert len(read_eop(site.url("finals"))) == 37
    assert len(read_eop(site.url("finals"), refresh=True)) == 47
    assert len(read_eop(site.url("finals"), max_age=1)) == 47
    assert len(site.asked) == 3


def test_what_cannot_be_fetched_again_is_used_with_a_warning(site: Site, tmp_path: Path) -> None:
    read_eop(site.url("finals"))
    make_older(tmp_path, 20)
    del site.pages["finals"]
    with pytest.warns(EopOutdated, match=r"503.*fetched 20\.0 days ago"):
        assert len(read_eop(site.url("finals"))) == 37


def test_a_page_instead_of_a_table_does_not_replace_the_copy(site: Site, tmp_path: Path) -> None:
    read_eop(site.url("finals"))
    site.pages["finals"] = b"<html>please log in</html>"
    with pytest.warns(EopOutdated, match="web page"):
        assert len(read_eop(site.url("finals"), refresh=True)) == 37
    assert len(read_eop(site.url("finals"), offline=True)) == 37


def test_offline_uses_the_copy_and_says_how_old_it_is(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no copy of"):
        read_eop(site.url("finals"), offline=True)
    read_eop(site.url("finals"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_eop(site.url("finals"), offline=True)) == 37
    make_older(tmp_path, 9)
    with pytest.warns(EopOutdated, match=r"offline=True.*9\.0 days"):
        read_eop(site.url("finals"), offline=True)
    with pytest.raises(EopOutdated, match=r"offline=True.*9\.0 days"):
        read_eop(site.url("finals"), offline=True, strict=True)
    assert len(site.asked) == 1


@pytest.mark.parametrize("ending", [".txt", ".json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_damaged_copy_is_fetched_again(site: Site, tmp_path: Path, ending: str, damage: str) -> None:
    whole = read_eop(site.url("finals"))
    path = kept_files(tmp_path)[ending]
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:100] if damage == "cut" else content.replace(b"0", b"1"))
    with pytest.raises(ValueError, match="no copy of"):
        read_eop(site.url("finals"), offline=True)
    assert read_eop(site.url("finals")) == whole
    assert len(site.asked) == 2


def test_without_a_network_and_a_copy_the_next_step_is_said(site: Site) -> None:
    with pytest.raises(ValueError, match=r"503.*give a file, another URL"):
        read_eop(site.url("nothing"))


def test_less_than_the_server_promised_is_not_kept(site: Site, tmp_path: Path) -> None:
    site.lengths["finals"] = len(TEXT) + 1000
    with pytest.raises(ValueError, match="cannot be fetched"):
        read_eop(site.url("finals"))
    assert not (tmp_path / "cache").exists()


def test_a_copy_of_the_future_is_fetched_again(site: Site, tmp_path: Path) -> None:
    read_eop(site.url("finals"))
    make_older(tmp_path, -30)
    read_eop(site.url("finals"))
    assert len(site.asked) == 2
    with pytest.raises(ValueError, match="max_age"):
        read_eop(site.url("finals"), max_age=float("nan"))


def test_a_time_that_a_copy_only_predicts_makes_it_be_fetched_again(site: Site, tmp_path: Path) -> None:
    read_eop(site.url("finals"))
    make_older(tmp_path, 2)
    site.pages["finals"] = NEWER.encode()
    assert len(read_eop(site.url("finals"), near="2017-01-03")) == 37
    assert len(read_eop(site.url("finals"), near="2017-01-20")) == 47


def test_a_time_that_no_table_has_is_refused_and_a_far_prediction_warned_of(site: Site) -> None:
    with pytest.raises(ValueError, match="2016-12-26 to 2017-01-31, and not for 2018-01-01"):
        read_eop(site.url("finals"), near="2018-01-01")
    with pytest.warns(EopOutdated, match="20 days ahead"):
        read_eop(site.url("finals"), near="2017-01-25")
    with pytest.raises(EopOutdated, match="20 days ahead"):
        read_eop(site.url("finals"), near="2017-01-25", strict=True)


def test_redirects_stay_in_the_web_and_carry_no_password(site: Site) -> None:
    site.redirects |= {
        "moved": "/finals",
        "file": "file:///etc/passwd",
        "secret": "http://me:word@127.0.0.1/finals",
    }
    site.redirects["ftp"] = "ftp://127.0.0.1/finals"
    assert download(site.url("moved")) == TEXT.encode()
    for path in ("file", "ftp"):
        with pytest.raises(OSError, match=r"(?i)redirect"):
            download(site.url(path))
    with pytest.raises(ValueError, match="password"):
        download(site.url("secret"))


def test_more_than_the_limit_is_not_taken(site: Site) -> None:
    with pytest.raises(FileFormatError, match="more than"):
        download(site.url("finals"), largest=1000)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:word@127.0.0.1/x",
        "http://",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\nHost: x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        download(url)


def test_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "my.finals"
    path.write_text(TEXT)
    assert isinstance(read_eop(path, near="2017-01-02"), EopTable)
    assert read_eop(str(path)).source == str(path)
    assert read_eop(f"file:{path}").source == str(path)
    with pytest.raises(FileNotFoundError, match="none of usno_finals, iers"):
        read_eop(tmp_path / "none")


@pytest.mark.parametrize("address", ["ftp://host/finals", "HTTPX://host/finals", "s3://finals"])
def test_an_address_that_is_not_of_the_web_is_no_file_that_is_missing(address: str) -> None:
    with pytest.raises(ValueError, match="no URL of http or https"):
        read_eop(address)


def test_the_configuration_says_where_from(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "config/difxnb"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'eop = "{site.url("finals")}"\n')
    assert read_eop().source == site.url("finals")
    (folder / "config.toml").write_text("eop = 3\n")
    with pytest.raises(ValueError, match="eop in"):
        read_eop()
    (folder / "config.toml").write_text("eop = \n")
    with pytest.raises(ValueError, match="TOML"):
        read_eop()
    (folder / "config.toml").unlink()
    with pytest.raises(ValueError, match="usno_finals"):
        read_eop(offline=True)


def test_names_stand_for_tables_on_the_web(site: Site) -> None:
    assert all(url.startswith("https://") for url in SOURCES.values())
    with pytest.raises(ValueError, match=r"finals2000A.*read it once with a network"):
        read_eop("iers", offline=True)


def test_a_cache_that_cannot_be_written_does_no_harm(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a directory should be")
    assert len(read_eop(site.url("finals"))) == 37
    assert Cache(site.url("finals")).read() is None
