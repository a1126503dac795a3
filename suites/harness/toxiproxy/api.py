"""Toxiproxy's HTTP API over our own proxies (ANCHORS 2.4).

| method            | path                            | answer                                   |
|-------------------|---------------------------------|------------------------------------------|
| GET               | /version                        | 200 `{"version"}`                        |
| GET, POST         | /proxies                        | 200 by name; 201 the new one             |
| POST              | /populate                       | 201 `{"proxies"}`                        |
| GET, POST/PATCH   | /proxies/{proxy}                | 200 the proxy                            |
| DELETE            | /proxies/{proxy}                | 204                                      |
| GET, POST         | /proxies/{proxy}/toxics         | 200 the list; 200 the new one            |
| GET, POST/PATCH   | /proxies/{proxy}/toxics/{toxic} | 200 the toxic                            |
| DELETE            | /proxies/{proxy}/toxics/{toxic} | 204                                      |
| POST              | /reset                          | 204, all enabled and without toxics      |

An error is answered with its status and `{"error", "status"}`; what follows the colon of "bad
request body:" and the reason why an address cannot be listened on are in our own words. Browsers
(a User-Agent that starts with `Mozilla/`) are turned away with 403, so that a web page cannot drive
the server.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from suites.harness.toxiproxy.collection import PopulateError, ProxyCollection
from suites.harness.toxiproxy.errors import ToxiproxyError, bad_body
from suites.harness.toxiproxy.proxy import Proxy

# The release whose API this is, and whose answers it is tested against. Clients compare versions,
# so ours says which release it stands in for.
VERSION: Final = "2.12.0+gauntlet"
BODY_BYTES_MAX: Final = 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_application(*, seed: int) -> web.Application:
    """The web application; stops its proxies when it is cleaned up.

    Args:
        seed: of the randomness of every toxic of every proxy.
    """
    api = _Api(ProxyCollection(seed=seed))
    application = web.Application(middlewares=[_answer_errors], client_max_size=BODY_BYTES_MAX)
    application.add_routes(
        [
            web.get("/version", api.show_version, allow_head=False),
            web.post("/reset", api.reset),
            web.post("/populate", api.populate),
            web.get("/proxies", api.list_proxies, allow_head=False),
            web.post("/proxies", api.create_proxy),
            web.get("/proxies/{proxy}", api.show_proxy, allow_head=False),
            web.post("/proxies/{proxy}", api.update_proxy),
            web.patch("/proxies/{proxy}", api.update_proxy),
            web.delete("/proxies/{proxy}", api.remove_proxy),
            web.get("/proxies/{proxy}/toxics", api.list_toxics, allow_head=False),
            web.post("/proxies/{proxy}/toxics", api.add_toxic),
            web.get("/proxies/{proxy}/toxics/{toxic}", api.show_toxic, allow_head=False),
            web.post("/proxies/{proxy}/toxics/{toxic}", api.update_toxic),
            web.patch("/proxies/{proxy}/toxics/{toxic}", api.update_toxic),
            web.delete("/proxies/{proxy}/toxics/{toxic}", api.remove_toxic),
        ]
    )
    application.on_cleanup.append(api.close)
    return application


class _Api:
    """The handlers."""

    def __init__(self, proxies: ProxyCollection) -> None:
        self._proxies = proxies

    async def show_version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def reset(self, _request: web.Request) -> web.Response:
        await self._proxies.reset()
        return web.Response(status=204)

    async def populate(self, request: web.Request) -> web.Response:
        try:
            bodies = await _read_body(request, list)
            proxies = await self._proxies.populate(bodies)
        except ToxiproxyError as error:
            made = error.proxies if isinstance(error, PopulateError) else []
            answer = {**_error_body(error), "proxies": _proxies_json(made)}
            return web.json_response(answer, status=error.status)
        return web.json_response({"proxies": _proxies_json(proxies)}, status=201)

    async def list_proxies(self, _request: web.Request) -> web.Response:
        return web.json_response(self._proxies.to_json())

    async def create_proxy(self, request: web.Request) -> web.Response:
        proxy = await self._proxies.create(await _read_body(request, dict))
        return web.json_response(proxy.to_json(), status=201)

    async def show_proxy(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy(request).to_json())

    async def update_proxy(self, request: web.Request) -> web.Response:
        name = self._proxy(request).name
        proxy = await self._proxies.update(name, await _read_body(request, dict))
        return web.json_response(proxy.to_json())

    async def remove_proxy(self, request: web.Request) -> web.Response:
        await self._proxies.remove(request.match_info["proxy"])
        return web.Response(status=204)

    async def list_toxics(self, request: web.Request) -> web.Response:
        return web.json_response(self._proxy(request).to_json()["toxics"])

    async def add_toxic(self, request: web.Request) -> web.Response:
        name = self._proxy(request).name
        toxic = await self._proxies.add_toxic(name, await _read_body(request, dict))
        return web.json_response(toxic.to_json())

    async def show_toxic(self, request: web.Request) -> web.Response:
        toxic = self._proxy(request).find_toxic(request.match_info["toxic"])
        return web.json_response(toxic.to_json())

    async def update_toxic(self, request: web.Request) -> web.Response:
        proxy = self._proxy(request)
        toxic = proxy.find_toxic(request.match_info["toxic"])
        body = await _read_body(request, dict)
        toxic = await self._proxies.update_toxic(proxy.name, toxic.name, body)
        return web.json_response(toxic.to_json())

    async def remove_toxic(self, request: web.Request) -> web.Response:
        await self._proxies.remove_toxic(request.match_info["proxy"], request.match_info["toxic"])
        return web.Response(status=204)

    async def close(self, _application: web.Application) -> None:
        await self._proxies.close()

    def _proxy(self, request: web.Request) -> Proxy:
        """The proxy of the path; one that is not there is told before a body that is not right."""
        return self._proxies.find(request.match_info["proxy"])


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.headers.get("User-Agent", "").startswith("Mozilla/"):
        return web.Response(status=403, text="User agent not allowed\n")
    try:
        return await handler(request)
    except ToxiproxyError as error:
        # Toxiproxy labels its errors as text, though they are JSON.
        return web.Response(status=error.status, text=json.dumps(_error_body(error)) + "\n")
    except web.HTTPNotFound:
        return web.Response(status=404, text="404 page not found\n")


async def _read_body(request: web.Request, kind: type[Any]) -> Any:
    """The JSON body.

    Raises:
        ToxiproxyError: status 400, it is not JSON or not of the kind (dict or list).
    """
    text = await request.read()
    if not text:
        raise bad_body("it is empty")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_body(str(error)) from error
    if not isinstance(body, kind):
        raise bad_body(f"it has to be {'an object' if kind is dict else 'a list'}")
    return body


def _error_body(error: ToxiproxyError) -> dict[str, Any]:
    return {"error": str(error), "status": error.status}


def _proxies_json(proxies: list[Proxy]) -> list[dict[str, Any]] | None:
    """The proxies as `/populate` shows them; Toxiproxy has null for none."""
    return [proxy.to_json() for proxy in proxies] or None
