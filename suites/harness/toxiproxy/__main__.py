"""`python -m suites.harness.toxiproxy`: run the fault proxy until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import sys
from typing import Final

from aiohttp import web

from reference_broker.base import OperatorError
from suites.harness.toxiproxy.address import PORT_MAX, Address, loopback_host
from suites.harness.toxiproxy.api import make_application

SHUTDOWN_SECONDS: Final = 1.0


def main() -> int:
    """Read the command line and serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m suites.harness.toxiproxy")
    # One dash works too, as with toxiproxy-server.
    parser.add_argument("-host", "--host", default="127.0.0.1", help="loopback host of the API")
    parser.add_argument("-port", "--port", type=int, default=8474, help="0 takes a free port")
    parser.add_argument("-seed", "--seed", type=int, default=0, help="of the toxics' randomness")
    options = parser.parse_args()
    if not 0 <= options.port <= PORT_MAX:
        parser.error(f"--port is {options.port} but has to be from 0 to {PORT_MAX}")
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        host = loopback_host("--host", options.host)
        asyncio.run(_serve(Address(host, options.port), options.seed))
    except OperatorError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


async def _serve(address: Address, seed: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(make_application(seed=seed), shutdown_timeout=SHUTDOWN_SECONDS)
    with _listen(address) as sock:
        await runner.setup()
        try:
            await web.SockSite(runner, sock).start()
            bound = Address(address.host, sock.getsockname()[1])
            sys.stdout.write(f"toxiproxy listens on {bound}, seed {seed}\n")
            sys.stdout.flush()
            await stopped.wait()
        finally:
            await runner.cleanup()


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        raise OperatorError(f"cannot listen on {address}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
