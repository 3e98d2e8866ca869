# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the correlator is: from arguments, the environment, or the usual place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 50200
HOST_VARIABLES = ("DIFX_CONTROL_HOST",)
PORT_VARIABLES = ("DIFX_CONTROL_PORT", "DIFX_MESSAGE_PORT")


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port, and who said so.

    Attributes
    ----------
    host, port : str, int
    host_source, port_source : str
        ``"argument"``, ``"default"``, or the name of an environment variable.
    """

    host: str
    port: int
    host_source: str
    port_source: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (host: {self.host_source}, port: {self.port_source})"


def find_address(
    host: str | None = None, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Address:
    """Decide where to connect to: an argument wins over the environment, and that over the defaults.

    Raises
    ------
    ValueError
        An environment variable holds no port number.
    """
    variables = os.environ if environment is None else environment
    host_source, host_text = _first(host, HOST_VARIABLES, variables, DEFAULT_HOST)
    port_source, port_text = _first(port, PORT_VARIABLES, variables, str(DEFAULT_PORT))
    if not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) < 65536):
        raise ValueError(f"a TCP port lies between 1 and 65535; {port_source} says {port_text!r}")
    return Address(host_text, int(port_text), host_source, port_source)


def _first(
    argument: object, names: tuple[str, ...], variables: Mapping[str, str], default: str
) -> tuple[str, str]:
    if argument is not None:
        return "argument", str(argument)
    for name in names:
        if variables.get(name):
            return name, variables[name]
    return "default", default
