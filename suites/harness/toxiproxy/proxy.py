"""One proxy: a listener, an upstream, the toxics between them and the links that run through it.

States: disabled (no listener, no links) and enabled. Disabling drops every link at once. Changing
the listen or the upstream address does too, and needs the proxy to be started again.

A proxy is changed by one caller at a time; `collection` sees to that.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from typing import Any, Final

from suites.harness.toxiproxy.address import DEFAULT_LISTEN, Address, parse_loopback
from suites.harness.toxiproxy.errors import ToxiproxyError
from suites.harness.toxiproxy.link import READ_BYTES_MAX, Connection, Link
from suites.harness.toxiproxy.toxics import Toxic, new_stage

logger = logging.getLogger(__name__)

LINKS_MAX: Final = 1_000
TOXICS_MAX: Final = 64
DIAL_SECONDS_MAX: Final = 10.0
STOP_SECONDS_MAX: Final = 5.0


class Proxy:
    """A TCP proxy with toxics.

    Args:
        name: unique among the proxies of a server.
        listen: loopback `host:port`; port 0 takes a free one at every start; empty is
            `127.0.0.1:0`.
        upstream: loopback `host:port`.
        seed: of the toxics' randomness.

    Raises:
        ToxiproxyError: status 400 or 500, an address is refused (see `parse_loopback`).
    """

    def __init__(self, name: str, listen: str, upstream: str, *, seed: int) -> None:
        self.name = name
        self.upstream = upstream
        self.toxics: list[Toxic] = []
        self._seed = seed
        self._listen = parse_loopback("listen", listen or DEFAULT_LISTEN)
        self._dial = parse_loopback("upstream", upstream)
        self._server: asyncio.Server | None = None
        # Tells the clients of this listener from late ones of the listener before it.
        self._run: object = None
        self._next_link = 0
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def listen(self) -> str:
        """The listen address; with the real port once the proxy has been started."""
        return str(self._listen)

    @property
    def is_enabled(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    def to_json(self) -> dict[str, Any]:
        """The proxy as the API shows it; upstream toxics come first."""
        shown = sorted(self.toxics, key=lambda toxic: toxic.direction != "upstream")
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.is_enabled,
            "toxics": [toxic.to_json() for toxic in shown],
        }

    def is_at(self, listen: str, upstream: str) -> bool:
        """Whether these are the addresses of this proxy."""
        address = parse_loopback("listen", listen or DEFAULT_LISTEN)
        return (address, upstream) == (self._listen, self.upstream)

    async def start(self) -> None:
        """Listen; does nothing when enabled already.

        Raises:
            ToxiproxyError: status 500, the address cannot be listened on.
        """
        if self._server is not None:
            return
        host, port = self._listen
        self._run = object()
        accept = functools.partial(self._accept, self._run)
        try:
            server = await asyncio.start_server(accept, host, port, limit=READ_BYTES_MAX)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            message = f"cannot listen on {self.listen} for proxy {self.name}: {reason}"
            raise ToxiproxyError(message, status=500) from error
        self._server = server
        self._listen = Address(host, server.sockets[0].getsockname()[1])
        logger.info("proxy %s listens on %s for %s", self.name, self.listen, self.upstream)

    async def stop(self) -> None:
        """Stop listening and drop every link; does nothing when disabled already."""
        if self._server is None:
            return
        self._server.close()
        self._server = self._run = None
        tasks = list(self._serving)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS_MAX)
        logger.info("proxy %s has stopped, %d links dropped", self.name, len(tasks))

    async def update(self, *, listen: str, upstream: str, enabled: bool) -> None:
        """Have these settings; addresses that differ drop every link.

        Raises:
            ToxiproxyError: status 400 or 500, an address is refused or cannot be listened on. In
                the latter case the proxy is disabled.
        """
        if not self.is_at(listen, upstream):
            address = parse_loopback("listen", listen or DEFAULT_LISTEN)
            dial = parse_loopback("upstream", upstream)
            await self.stop()
            self._listen, self._dial, self.upstream = address, dial, upstream
        if enabled:
            await self.start()
        else:
            await self.stop()

    def find_toxic(self, name: str) -> Toxic:
        """Return the toxic of this name.

        Raises:
            ToxiproxyError: status 404.
        """
        for toxic in self.toxics:
            if toxic.name == name:
                return toxic
        raise ToxiproxyError("toxic not found", status=404)

    async def add_toxic(self, toxic: Toxic) -> None:
        """Put a toxic at the end of its direction's chain, on the present links as well.

        Raises:
            ToxiproxyError: status 409, the name is taken; 400, too many toxics.
        """
        if any(other.name == toxic.name for other in self.toxics):
            raise ToxiproxyError("toxic already exists", status=409)
        if len(self.toxics) >= TOXICS_MAX:
            raise ToxiproxyError(f"a proxy has at most {TOXICS_MAX} toxics", status=400)
        self.toxics.append(toxic)
        await self._apply()

    async def update_toxic(self, name: str, body: dict[str, Any]) -> Toxic:
        """Change a toxic, on the present links as well, and return it.

        Raises:
            ToxiproxyError: status 404, there is none of this name; 400, a setting is refused.
        """
        toxic = self.find_toxic(name)
        toxic.update(body)
        await self._apply(updated=toxic)
        return toxic

    async def remove_toxic(self, name: str) -> None:
        """Remove a toxic, from the present links as well.

        Raises:
            ToxiproxyError: status 404, there is none of this name.
        """
        self.toxics.remove(self.find_toxic(name))
        await self._apply()

    async def remove_toxics(self) -> None:
        """Remove every toxic."""
        self.toxics.clear()
        await self._apply()

    async def _apply(self, *, updated: Toxic | None = None) -> None:
        toxics = list(self.toxics)
        await asyncio.gather(*(link.change(toxics, updated=updated) for link in self._links))

    def _accept(
        self, run: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        client = Connection(reader, writer)
        number, self._next_link = self._next_link, self._next_link + 1
        if self._run is not run:
            client.abort()  # accepted by a listener that is gone
            return
        if len(self._serving) >= LINKS_MAX:
            logger.warning("proxy %s refuses a client: %d links at most", self.name, LINKS_MAX)
            client.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(client, number))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, client: Connection, number: int) -> None:
        try:
            upstream = await self._connect()
            if upstream is not None:
                await self._run_link(client, upstream, number)
        finally:
            client.abort()

    async def _connect(self) -> Connection | None:
        host, port = self._dial
        try:
            async with asyncio.timeout(DIAL_SECONDS_MAX):
                streams = await asyncio.open_connection(host, port, limit=READ_BYTES_MAX)
        except OSError as error:
            logger.warning("proxy %s cannot reach %s: %s", self.name, self.upstream, error)
            return None
        return Connection(*streams)

    async def _run_link(self, client: Connection, upstream: Connection, number: int) -> None:
        make_stage = functools.partial(new_stage, seed=self._seed, proxy=self.name, link=number)
        link = Link(client, upstream, make_stage)
        # Started and listed in one go: no change of the toxics can pass it by.
        link.start(self.toxics)
        self._links.add(link)
        try:
            await link.wait_over()
        finally:
            self._links.discard(link)
