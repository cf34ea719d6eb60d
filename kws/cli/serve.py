"""``kws serve``: wake words for Home Assistant, over the Wyoming protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kws
from kws.errors import ConfigError

if TYPE_CHECKING:
    from kws.server import Address, Catalogue, WyomingServer

DEFAULT_MODEL = Path(kws.__file__).parent / "assets" / "computer.onnx"
_SIGNALLED = 128


def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help='Model; may be given several times. By default "computer".'),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Interface; 0.0.0.0 for all. By default 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="By default 10400.")] = None,
    uri: Annotated[
        str | None, typer.Option(metavar="URI", help="Instead of host and port: tcp://HOST:PORT or unix:///PATH.")
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(metavar="0..1", help="Instead of the models' own: once for all, or once a model, in order."),
    ] = None,
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

        kws serve --model computer.onnx --model stop.onnx --threshold 0.6 --threshold 0.8 --port 10401
    """
    from kws.server import Catalogue, WyomingServer

    # Cheap checks first: what is wrong is said before anything is loaded.
    address = _address(host, port, uri)
    models = model or [DEFAULT_MODEL]
    catalogue = Catalogue(models, _thresholds(threshold or [], len(models)))
    server = WyomingServer(catalogue, address, kws.__version__, zeroconf, max_clients)
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


def _thresholds(given: Sequence[float], n_models: int) -> list[float | None]:
    if len(given) not in (0, 1, n_models):
        raise ConfigError(
            f"--threshold was given {len(given)} times for {n_models} models; accepted is 1 or {n_models}"
        )
    return list(given) if len(given) == n_models else [given[0] if given else None] * n_models


async def _serve(server: WyomingServer, catalogue: Catalogue) -> int:
    """Serve until a signal comes; return its number."""
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_signal(told)
    await server.start()
    words = ", ".join(f'"{w.name}" (threshold {w.spec.decision_of(w.keyword).threshold:.3g})' for w in catalogue.words)
    typer.echo(f"Listening on {server.address.uri} for {words}")
    announcing = asyncio.create_task(server.announce())
    try:
        await asyncio.wait({told, announcing}, return_when=asyncio.FIRST_COMPLETED)
        if announcing.done():
            announcing.result()
        return await told
    finally:
        announcing.cancel()
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
