"""The proxies of one server; changes to them happen one at a time."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from suites.harness.toxiproxy.address import DEFAULT_LISTEN
from suites.harness.toxiproxy.errors import ToxiproxyError, bad_body
from suites.harness.toxiproxy.proxy import Proxy
from suites.harness.toxiproxy.toxics import Toxic, parse_toxic, read_field

PROXIES_MAX: Final = 1_000


class PopulateError(ToxiproxyError):
    """A list of proxies of which only some could be made.

    Args:
        cause: what stopped it.
        proxies: those that were made before, or were there.
    """

    def __init__(self, cause: ToxiproxyError, proxies: list[Proxy]) -> None:
        super().__init__(str(cause), status=cause.status)
        self.proxies = proxies


class _Fields(NamedTuple):
    """The checked body of a request that makes a proxy."""

    name: str
    listen: str
    upstream: str
    enabled: bool


class ProxyCollection:
    """Named proxies.

    Args:
        seed: of the randomness of all their toxics.
    """

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._proxies: dict[str, Proxy] = {}
        self._change = asyncio.Lock()

    def to_json(self) -> dict[str, Any]:
        """The proxies by name, as the API shows them."""
        return {name: proxy.to_json() for name, proxy in sorted(self._proxies.items())}

    def find(self, name: str) -> Proxy:
        """Return the proxy of this name.

        Raises:
            ToxiproxyError: status 404.
        """
        proxy = self._proxies.get(name)
        if proxy is None:
            raise ToxiproxyError("proxy not found", status=404)
        return proxy

    async def create(self, body: dict[str, Any]) -> Proxy:
        """Make a proxy from `{name, upstream, listen, enabled}`.

        Raises:
            ToxiproxyError: status 400, a field is missing or refused; 409, the name is taken; 500,
                it cannot listen.
        """
        fields = _read_fields(body, "")
        async with self._change:
            if fields.name in self._proxies:
                raise ToxiproxyError("proxy already exists", status=409)
            return await self._add(fields)

    async def populate(self, bodies: list[Any]) -> list[Proxy]:
        """Have these proxies, as `create` would make them; return them in the same order.

        One that is there with the same addresses stays as it is, toxics and all; one with other
        addresses is replaced.

        Raises:
            ToxiproxyError: status 400, some body is not right and nothing was done.
            PopulateError: some could not be made.
        """
        every_fields = []
        for number, body in enumerate(bodies, start=1):
            if not isinstance(body, dict):
                raise bad_body(f"proxy {number} is {body!r} but has to be an object")
            every_fields.append(_read_fields(body, f" at proxy {number}"))
        proxies: list[Proxy] = []
        async with self._change:
            for fields in every_fields:
                try:
                    proxies.append(await self._add_or_replace(fields))
                except ToxiproxyError as error:
                    raise PopulateError(error, proxies) from error
        return proxies

    async def update(self, name: str, body: dict[str, Any]) -> Proxy:
        """Change `{upstream, listen, enabled}` of a proxy as far as the body has them.

        Raises:
            ToxiproxyError: status 404, 400 or 500.
        """
        async with self._change:
            proxy = self.find(name)
            await proxy.update(
                listen=read_field(body, "listen", str, proxy.listen),
                upstream=read_field(body, "upstream", str, proxy.upstream),
                enabled=read_field(body, "enabled", bool, proxy.is_enabled),
            )
            return proxy

    async def remove(self, name: str) -> None:
        """Stop and forget a proxy.

        Raises:
            ToxiproxyError: status 404.
        """
        async with self._change:
            await self.find(name).stop()
            del self._proxies[name]

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic.

        Raises:
            ToxiproxyError: status 500, some proxy cannot listen.
        """
        async with self._change:
            for proxy in self._proxies.values():
                await proxy.start()
                await proxy.remove_toxics()

    async def close(self) -> None:
        """Stop every proxy."""
        async with self._change:
            for proxy in self._proxies.values():
                await proxy.stop()

    async def add_toxic(self, proxy_name: str, body: dict[str, Any]) -> Toxic:
        """Add a toxic to a proxy.

        Raises:
            ToxiproxyError: status 404, 400 or 409.
        """
        async with self._change:
            proxy = self.find(proxy_name)
            toxic = parse_toxic(body)
            await proxy.add_toxic(toxic)
            return toxic

    async def update_toxic(self, proxy_name: str, name: str, body: dict[str, Any]) -> Toxic:
        """Change toxicity and attributes of a toxic as far as the body has them.

        Raises:
            ToxiproxyError: status 404 or 400.
        """
        async with self._change:
            return await self.find(proxy_name).update_toxic(name, body)

    async def remove_toxic(self, proxy_name: str, name: str) -> None:
        """Remove a toxic from a proxy.

        Raises:
            ToxiproxyError: status 404.
        """
        async with self._change:
            await self.find(proxy_name).remove_toxic(name)

    async def _add_or_replace(self, fields: _Fields) -> Proxy:
        present = self._proxies.get(fields.name)
        if present is not None:
            if present.is_at(fields.listen, fields.upstream):
                return present
            await present.stop()
        return await self._add(fields)

    async def _add(self, fields: _Fields) -> Proxy:
        if len(self._proxies) >= PROXIES_MAX and fields.name not in self._proxies:
            raise ToxiproxyError(f"a server has at most {PROXIES_MAX} proxies", status=400)
        proxy = Proxy(fields.name, fields.listen, fields.upstream, seed=self._seed)
        if fields.enabled:
            await proxy.start()
        self._proxies[fields.name] = proxy
        return proxy


def _read_fields(body: dict[str, Any], where: str) -> _Fields:
    for field in ("name", "upstream"):
        if not read_field(body, field, str, ""):
            raise ToxiproxyError(f"missing required field: {field}{where}", status=400)
    return _Fields(
        name=body["name"],
        listen=read_field(body, "listen", str, DEFAULT_LISTEN) or DEFAULT_LISTEN,
        upstream=body["upstream"],
        enabled=read_field(body, "enabled", bool, default=True),
    )
