# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts, users, addresses and directories in texts, and what stands for them.

In: names that are known to be such, and texts. Out: texts in which ``host-1``, ``user-1``, ``domain-1``, ``address-1``
and ``/path-1`` stand for them, the same for the same everywhere. Words are replaced where they stand alone, between
anything but letters and digits; hosts in any case of letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from difxnb.tables.message_rows import short_host

_ADDRESS = r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"
_ADDRESS_6 = (  # with two colons somewhere, or seven single ones; or the six pairs of a network card
    r"(?<![\w:])(?:(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{3,39}(?:%\w+)?"
    r"|(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(?![\w:])"
)
_AT = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*@[A-Za-z0-9][A-Za-z0-9.-]*"
_NAME = r"[^\s\"'<>|;,(){}\[\]=&`*?\0]"
_PATH = (  # an address of the web; from the root or a home on; or what follows a relative beginning
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+"
    rf"|(?<![A-Za-z0-9.</_-])(?:~[\w-]*)?/(?=[^\s/]){_NAME}+"
    rf"|(?<=[A-Za-z0-9_.-])/(?=\w*[A-Za-z])[\w.-]+/(?={_NAME}*[A-Za-z]){_NAME}+"
)
_PLAIN_PATH = re.compile(rf"{_NAME}+\Z")
_HOMES = re.compile(r"/(?:home|Users|export/home|users)/([A-Za-z0-9_][A-Za-z0-9_.-]*)")

# Files that keep their names: they carry those of experiments, jobs, stations and scans.
_KEPT_FILES = re.compile(
    r"[^/]+\.(?:input|calc|im|difx|difxlog|machines|threads|flag|channelflags|binconfig|polyco|vex|vex\.obs|v2d|"
    r"joblist|vdif|vlba|mark4|m5a|m5b|mark5b|filelist|skd|delay|rates|uvw|tgt|pcal|fits|nc|params|finalevex)\Z",
    re.IGNORECASE,
)


class Pseudonyms:
    """What stands for which name; collect all names first, then replace."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.domains: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self._whole_paths: set[str] = set()
        self._taken: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._words: re.Pattern[str] | None = None

    # --- collecting -----------------------------------------------------------------------------------

    def add_host(self, name: str | None) -> None:
        """Know a host, by name or address; a port behind it is left out."""
        name = (name or "").strip()
        host, _, port = name.rpartition(":")
        name = host if host and port.isdigit() and ":" not in host else name
        if not name or re.fullmatch(_ADDRESS, name) or ":" in name:
            self.add_address(name)
            return
        short, _, domain = name.partition(".")
        pseudonym = self.hosts.get(short_host(name)) or self._new("host", self.hosts)
        for form in (name.lower(), short.lower()):
            self.hosts.setdefault(form, pseudonym)
        if "." in domain:
            self.domains.setdefault(domain.lower(), self._new("domain", self.domains))
        self._forget()

    def add_user(self, name: str | None) -> None:
        """Know a user."""
        if name and name not in self.users:
            self.users[name] = self._new("user", self.users)
            self._forget()

    def add_address(self, address: str) -> None:
        """Know an address."""
        if address and address not in self.addresses:
            self.addresses[address] = self._new("address", self.addresses)

    def add_path(self, path: str | None) -> None:
        """Know a whole path, blanks and all."""
        if path and path.startswith("/") and len(path) > 1 and path not in self._whole_paths:
            self._whole_paths.add(path)
            self._note_home(path)
            self._forget()

    def look(self, text: str) -> None:
        """Know what looks like an address, a user at a host, or a home in a text."""
        for found in re.finditer(_AT, text):
            user, _, host = found[0].partition("@")
            self.add_user(user)
            self.add_host(host.rstrip(".-"))
        if "/" in text:
            self._note_home(text)

    def _note_home(self, text: str) -> None:
        for found in _HOMES.finditer(text):
            self.add_user(found[1].rstrip("."))

    def _new(self, kind: str, known: dict[str, str]) -> str:
        """A pseudonym that is nobody's name."""
        number = len(set(known.values())) + 1
        while (made := f"{kind}-{number}") in self._taken or made in self.hosts or made in self.users:
            number += 1
        self._taken.add(made)
        return made

    def _forget(self) -> None:
        self._pattern = self._words = None

    # --- replacing ------------------------------------------------------------------------------------

    def host(self, name: str) -> str:
        """What stands for a host, whatever its name is."""
        name = name.strip()
        if not name:
            return name
        if name.lower() not in self.hosts and name not in self.addresses:
            self.add_host(name)
        return self.hosts.get(name.lower()) or self.addresses.get(name) or self.replace(name)

    def replace(self, text: str) -> str:
        """A text without names."""
        if self._pattern is None:
            self._compile()
        assert self._pattern is not None
        return self._pattern.sub(self._stand_in, text)

    def _compile(self) -> None:
        words = _alternatives([*self.domains, *self.hosts], ignore_case=True)
        users = _alternatives(self.users)
        named = "|".join(part for part in (words, users) if part)
        bounded = rf"(?<![A-Za-z0-9])(?:{named})(?![A-Za-z0-9])" if named else r"(?!)"
        # Others are found by what they look like, with whatever follows them.
        whole = _alternatives(path for path in self._whole_paths if not _PLAIN_PATH.match(path))
        paths = rf"(?<![A-Za-z0-9])(?:{whole})(?![A-Za-z0-9_.-])|{_PATH}" if whole else _PATH
        self._words = re.compile(bounded)
        self._pattern = re.compile(
            rf"(?P<path>{paths})|(?P<at>{_AT})|(?P<address>{_ADDRESS}|{_ADDRESS_6})|(?P<word>{bounded})"
        )

    def _stand_in(self, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "path":
                return self._path(found[0])
            case "at":
                user, _, host = found[0].partition("@")
                self.add_user(user)
                rest = host[len(host.rstrip(".-")) :]
                return f"{self.users[user]}@{self.host(host.rstrip('.-'))}{rest}"
            case "address":
                self.add_address(found[0])
                return self.addresses[found[0]]
        return self._word(found[0])

    def _word(self, name: str) -> str:
        for known in (self.hosts, self.domains):
            if name.lower() in known:
                return known[name.lower()]
        return self.users[name]

    def _path(self, path: str) -> str:
        """What stands for a path: its directory gets a number, a file of a job keeps its name."""
        body = path.rstrip("/.:!")
        rest, body = path[len(body) :], body or path
        folder, _, name = body.rpartition("/")
        if _KEPT_FILES.match(name) and self._words is not None:
            if not folder:
                return f"/{self._words.sub(lambda found: self._word(found[0]), name)}{rest}"
            return f"{self._folder(folder)}/{self._words.sub(lambda found: self._word(found[0]), name)}{rest}"
        return self._folder(body) + rest

    def _folder(self, folder: str) -> str:
        if folder not in self.paths:
            self.paths[folder] = "/" + self._new("path", self.paths)
        return self.paths[folder]


def _alternatives(names: Iterable[str], *, ignore_case: bool = False) -> str:
    """Longest first, so that no name hides a longer one; what is no word at all is left out."""
    words = sorted((name for name in names if _is_telling(name)), key=lambda name: (-len(name), name))
    if not words:
        return ""
    joined = "|".join(map(re.escape, words))
    return f"(?i:{joined})" if ignore_case else joined


@lru_cache(maxsize=4096)
def _is_telling(name: str) -> bool:
    """Whether a name can be looked for in texts: a single letter, or a number, says nothing and is everywhere."""
    return len(name) > 1 and any(character.isalpha() for character in name)
