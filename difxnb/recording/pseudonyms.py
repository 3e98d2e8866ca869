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

from difxnb.tables.causes import find
from difxnb.tables.message_rows import short_host

_ADDRESS = r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"
_ADDRESS_6 = (  # with two colons somewhere, or seven single ones, the end in the old way too; or of a network card
    r"(?<![\w:])(?:(?=[0-9A-Fa-f:]*::)[0-9A-Fa-f:]{2,30}:(?:\d{1,3}\.){3}\d{1,3}"
    r"|(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{3,39}(?:%\w+)?"
    r"|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})(?![\w:])"
)
_AT = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*@[A-Za-z0-9][A-Za-z0-9.-]*"
_LABELS = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)"
_DOMAIN = (  # whole names of hosts; those of countries are endings of files, too, so that some need one part more
    rf"(?<![\w.@/-])(?i:{_LABELS}{{1,8}}(?:com|edu|gov|int|lan|local|localdomain|internal|net|org|"
    r"au|ca|cl|cn|de|es|eu|fi|fr|ie|jp|kr|nl|nz|ru|se|uk|za)"
    rf"|{_LABELS}{{2,8}}(?:ac|at|be|br|ch|cz|dk|gr|hu|il|in|it|lv|mx|my|no|pl|pt|sg|sk|th|tr|tw|ua|us))"
    r"(?![\w-]|\.\w)"
)
_NAME = r"[^\s\"'<>|;,(){}\[\]=&`*?\0]"

# Files that keep their names: they carry those of experiments, jobs, stations and scans.
_KEPT = (
    r"\.(?:input|calc|im|difx|difxlog|machines|threads|flag|channelflags|binconfig|polyco|vex|vex\.obs|v2d|"
    r"joblist|vdif|vlba|mark4|m5a|m5b|mark5b|filelist|skd|delay|rates|uvw|tgt|pcal|fits|nc|params|finalevex)"
)
_KEPT_FILES = re.compile(rf"[^/]+{_KEPT}\Z", re.IGNORECASE)
_PATH = (  # an address of the web; of Windows; from the root or a home on; from elsewhere on; or what follows that
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+"
    rf"|(?<![A-Za-z0-9])(?:[A-Za-z]:\\|\\\\(?=\w)){_NAME}+"
    rf"|(?<![A-Za-z0-9.</_-])(?:~[\w-]*)?/(?=[^\s/]){_NAME}+"
    rf"|(?<![\w./~-])[\w.-]+/(?=\w*[A-Za-z])[\w.-]+/(?={_NAME}*[A-Za-z]){_NAME}+"
    rf"|(?<![\w./~-])[\w.-]+/[\w.+-]+(?i:{_KEPT})(?!\w)"
    rf"|(?<=[A-Za-z0-9_.-])/(?=\w*[A-Za-z])[\w.-]+/(?={_NAME}*[A-Za-z]){_NAME}+"
)
_MAIL, _DOMAINS, _HOST = re.compile(_AT), re.compile(_DOMAIN), re.compile(r"[\w.-]*[A-Za-z][\w.-]*\Z")
_PLAIN_PATH = re.compile(rf"{_NAME}+\Z")
_USERS = re.compile(
    r"(?:/home|/Users|/users|\\Users|\\users)[/\\]+([A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"|(?<![A-Za-z])(?i:user|username|logname|owner|login)\s*=\s*([A-Za-z_][\w.-]*)"
    r"|\b[ug]id=\d+\(([\w.-]+)\)|(?<![\w/~])~([A-Za-z_][\w-]+)"
)
_FAMILY = re.compile(
    r"(?=[0-9-]*[a-z])([a-z0-9-]{2,}[a-z-])\d+"
)  # a host that is one of many: their names, but for the number
_LEAST_TELLING = 4  # letters of a user from which on those of another case are the same user
_SOFTWARE = frozenset({"difx"})  # is a user on some correlators, and DiFX everywhere


class Pseudonyms:
    """What stands for which name; collect all names first, then replace."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.domains: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self._whole_paths: set[str] = set()
        self._numbers: dict[str, int] = {}
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
        pseudonym = self.hosts.get(short_host(name)) or self._new("host")
        for form in (name.lower(), short.lower()):
            self.hosts.setdefault(form, pseudonym)
        if "." in domain:
            self.domains.setdefault(domain.lower(), self._new("domain"))
        self._forget()

    def add_user(self, name: str | None) -> None:
        """Know a user."""
        if name and (key := _user_key(name)) not in self.users:
            self.users[key] = self._new("user")
            self._forget()

    def add_address(self, address: str) -> None:
        """Know an address."""
        if address and address not in self.addresses:
            self.addresses[address] = self._new("address")

    def add_path(self, path: str | None) -> None:
        """Know a whole path, blanks and all."""
        if path and path.startswith("/") and len(path) > 1 and path not in self._whole_paths:
            self._whole_paths |= {path, path.rpartition("/")[0]}  # other files in there may come up in a text
            self._note_users(path)
            self._forget()

    def look(self, text: str) -> None:
        """Know what looks like an address, a user at a host, a host or a home in a text."""
        for found in _MAIL.finditer(text):
            user, _, host = found[0].partition("@")
            self.add_user(user)
            self.add_host(host.rstrip(".-"))
        if "." in text:
            for found in _DOMAINS.finditer(text):
                self.add_host(found[0])
        self._note_users(text)
        self._note_node(text)

    def _note_users(self, text: str) -> None:
        for found in _USERS.finditer(text):
            self.add_user((found[found.lastindex or 0]).rstrip("."))

    def _note_node(self, text: str) -> None:
        """Know the host that an alert is about, where it is understood; it may never say anything itself."""
        finding = find(text)
        node = None if finding is None else finding.found.groupdict().get("node")
        if node and _HOST.match(node):
            self.add_host(node)

    def _new(self, kind: str) -> str:
        """A pseudonym that is nobody's name."""
        number = self._numbers.get(kind, 0) + 1
        while (made := f"{kind}-{number}") in self.hosts or made in self.users:
            number += 1
        self._numbers[kind] = number
        return made

    def _forget(self) -> None:
        self._pattern = self._words = None

    # --- replacing ------------------------------------------------------------------------------------

    def user(self, name: str) -> str:
        """What stands for a user, whatever its name is."""
        name = name.strip()
        self.add_user(name)
        return self.users[_user_key(name)] if name else name

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
            self._pattern = self._compiled()
        return self._pattern.sub(self._stand_in, text)

    def _compiled(self) -> re.Pattern[str]:
        # Others are found by what they look like, with whatever follows them.
        whole = _alternatives(path for path in self._whole_paths if not _PLAIN_PATH.match(path))
        paths = rf"(?<![A-Za-z0-9])(?:{whole})(?![A-Za-z0-9_.-])|{_PATH}" if whole else _PATH
        return re.compile(
            rf"(?P<path>{paths})|(?P<at>{_AT})|(?P<address>{_ADDRESS}|{_ADDRESS_6})"
            rf"|(?P<domain>{_DOMAIN})|(?P<word>{self._known_words().pattern})"
        )

    def _known_words(self) -> re.Pattern[str]:
        """Names that stand alone: of hosts, of others of their families, and of users."""
        if self._words is None:
            families = {found[1] for name in self.hosts if (found := _FAMILY.fullmatch(name))}
            stems = _alternatives(families, ignore_case=True)
            folded = [name for name in self.users if name == _user_key(name.upper())]
            parts = (
                _alternatives([*self.domains, *self.hosts], ignore_case=True),
                rf"{stems}\d+" if stems else "",
                _alternatives(folded, ignore_case=True),
                _alternatives(self.users),
            )
            named = "|".join(part for part in parts if part)
            self._words = re.compile(rf"(?<![A-Za-z0-9])(?:{named})(?![A-Za-z0-9])" if named else r"(?!)")
        return self._words

    def _stand_in(self, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "path":
                return self._path(found[0])
            case "at":
                user, _, host = found[0].partition("@")
                rest = host[len(host.rstrip(".-")) :]
                return f"{self.user(user)}@{self.host(host.rstrip('.-'))}{rest}"
            case "address":
                self.add_address(found[0])
                return self.addresses[found[0]]
            case "domain":
                return self.host(found[0])
        return self._word(found[0])

    def _word(self, name: str) -> str:
        for known in (self.hosts, self.domains):
            if name.lower() in known:
                return known[name.lower()]
        return self.users.get(_user_key(name)) or self.host(name)

    def _path(self, path: str) -> str:
        """What stands for a path: its directory gets a number, a file of a job keeps its name."""
        body = path.rstrip("/.:!\\")
        rest, body = path[len(body) :], body or path
        folder, _, name = body.replace("\\", "/").rpartition("/")
        if not _KEPT_FILES.match(name):
            return self._folder(body) + rest
        name = self._known_words().sub(lambda found: self._word(found[0]), name)
        return f"{self._folder(folder) if folder else ''}/{name}{rest}"

    def _folder(self, folder: str) -> str:
        if folder not in self.paths:
            self.paths[folder] = "/" + self._new("path")
        return self.paths[folder]


def _alternatives(names: Iterable[str], *, ignore_case: bool = False) -> str:
    """Longest first, so that no name hides a longer one; what is no word at all is left out."""
    words = sorted((name for name in names if _is_telling(name)), key=lambda name: (-len(name), name))
    if not words:
        return ""
    joined = "|".join(map(re.escape, words))
    return f"(?i:{joined})" if ignore_case else joined


def _user_key(name: str) -> str:
    """A user under the same name however it is written, where that is no risk for other words."""
    folded = name.lower()
    return folded if len(name) >= _LEAST_TELLING and folded not in _SOFTWARE else name


@lru_cache(maxsize=4096)
def _is_telling(name: str) -> bool:
    """Whether a name can be looked for in texts: a single letter, or a number, says nothing and is everywhere."""
    return len(name) > 1 and any(character.isalpha() for character in name)
