"""``kws serve``: wake words for Home Assistant, over the Wyoming protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

import kws
from kws.cli.models import ModelOption, PatienceOption, RefractoryOption, ThresholdOption
from kws.errors import ConfigError

if TYPE_CHECKING:
    from kws.server import Address, Catalogue, WyomingServer

_SIGNALLED = 128


def serve(
    model: ModelOption = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Interface; 0.0.0.0 for all. By default 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="By default 10400.")] = None,
    uri: Annotated[
        str | None, typer.Option(metavar="URI", help="Instead of host and port: tcp://HOST:PORT or unix:///PATH.")
    ] = None,
    threshold: ThresholdOption = None,
    patience: PatienceOption = None,
    refractory: RefractoryOption = None,
    zeroconf: Annotated[
        str | None, typer.Option(metavar="NAME", help="Announce the server by this name, so that it is found.")
    ] = None,
    max_clients: Annotated[int, typer.Option(metavar="N", help="Clients at a time.")] = 100,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log connections and detections on stderr.")] = False,
) -> None:
    """Serve wake words to Home Assistant and other clients of the Wyoming protocol, until interrupted.

    Examples:

        kws serve

        kws serve --host 0.0.0.0 --zeroconf kitchen

        kws serve --model computer.onnx --model stop.onnx --threshold 0.6 --threshold stop=0.8 --port 10401
    """
    from kws.cli.models import DEFAULT_MODEL, parse_rules
    from kws.server import Catalogue, WyomingServer

    # Cheap checks first: what is wrong is said before anything is loaded.
    address = _address(host, port, uri)
    models = model or [DEFAULT_MODEL]
    rules = parse_rules(threshold or [], patience or [], refractory or [], len(models))
    catalogue = Catalogue(models, rules.applied)
    rules.check_words([word.keyword for word in catalogue.words])
    server = WyomingServer(catalogue, address, kws.__version__, zeroconf, max_clients)
    if zeroconf is not None and address.is_local:
        typer.echo(f"{address.uri} is announced, and only this machine can reach it: see --host", err=True)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("kws").setLevel(logging.DEBUG if verbose else logging.WARNING)
    raise typer.Exit(_SIGNALLED + asyncio.run(_serve(server, catalogue)))


def _address(host: str | None, port: int | None, uri: str | None) -> Address:
    from kws.server import DEFAULT_HOST, DEFAULT_PORT, Address

    if uri is None:
        return Address(DEFAULT_HOST if host is None else host, DEFAULT_PORT if port is None else port)
    if host is not None or port is not None:
        raise ConfigError("--uri was given with --host or --port; accepted is one or the other")
    return Address.parse(uri)


async def _serve(server: WyomingServer, catalogue: Catalogue) -> int:
    """Serve until a signal comes; return its number."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_signal(told)
    await server.start()
    words = ", ".join(f'"{w.name}" (threshold {w.spec.decision_of(w.keyword).threshold:.3g})' for w in catalogue.words)
    typer.echo(f"Listening on {server.address.uri} for {words}")
    announcing = asyncio.create_task(server.announce())
    try:
        first: set[asyncio.Future[Any]] = {told, announcing}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if announcing.done():
            announcing.result()
        return await told
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
        await server.stop()
        tally = server.tally
        typer.echo(f"Stopped after {tally.connections} connections and {tally.detections} detections")


def _on_signal(told: asyncio.Future[int]) -> None:
    def tell(number: int) -> None:
        if not told.done():
            told.set_result(number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has none of these; Ctrl-C then ends the loop by itself.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, tell, int(number))
