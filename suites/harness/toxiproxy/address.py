"""Addresses of proxies: `host:port`, loopback only.

A fault injector that anyone on the network can reach, or that reaches out to other machines, is a
hole and not a test tool. So a listen and an upstream address are each a loopback address, and
anything else is refused by name.
"""

from __future__ import annotations

import ipaddress
from typing import Final, NamedTuple

from suites.harness.toxiproxy.errors import ToxiproxyError

DEFAULT_LISTEN: Final = "127.0.0.1:0"
PORT_MAX: Final = 65_535


class Address(NamedTuple):
    """A loopback host and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """The text form; an IPv6 host stands in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_loopback(field: str, text: str) -> Address:
    """Read `host:port` and insist that the host is this machine's loopback.

    Args:
        field: the name that the error gives to the value: `listen` or `upstream`.
        text: `127.0.0.1:80`, `localhost:80` or `[::1]:80`.

    Raises:
        ToxiproxyError: status 500 for a listen address that is not of the form `host:port` (that is
            what Toxiproxy answers), 400 for the rest.
    """
    host, separator, port_text = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not port_text.isascii() or not port_text.isdigit():
        raise ToxiproxyError(
            f"{field} is {text!r} but has to be host:port with a number for the port",
            status=500 if field == "listen" else 400,
        )
    port = int(port_text) if len(port_text) <= 5 else PORT_MAX + 1
    if port > PORT_MAX or (port == 0 and field != "listen"):
        lowest = 0 if field == "listen" else 1
        raise ToxiproxyError(
            f"{field} is {text!r} but its port has to be from {lowest} to {PORT_MAX}", status=400
        )
    return Address(loopback_host(field, host), port)


def loopback_host(field: str, host: str) -> str:
    """Return the loopback IP address that `host` means.

    Raises:
        ToxiproxyError: status 400, the host is not a loopback address.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ToxiproxyError(
            f"{field} has the host {host!r} but has to be a loopback address: "
            "localhost, 127.0.0.0/8 or ::1",
            status=400,
        )
    return host
