"""``kws devices``: the microphones of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kws.runtime.devices import Backend, DeviceInfo


def devices(
    backend: Annotated[str, typer.Option(metavar="pyaudio|sounddevice", help="Package to ask.")] = "pyaudio",
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a device.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the drivers write.")] = False,
) -> None:
    """List the microphones: index, name, channels, sample rates, and which is the default.

    A device that does not do 16 kHz is resampled. Give an index, or a part of the name, to `kws run --device`.

    Examples:

        kws devices

        kws devices --json | jq .name
    """
    from kws.runtime.devices import open_backend
    from kws.runtime.devices.choose import input_devices
    from kws.runtime.devices.quiet import quiet_drivers

    with quiet_drivers(not verbose):
        opened = open_backend(backend)
        rows = [_row(opened, device) for device in input_devices(opened)]
        opened.close()
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
    elif rows:
        _show(rows)
    else:
        typer.echo("No microphone was found.")


def _row(backend: Backend, device: DeviceInfo) -> dict[str, Any]:
    from kws.runtime.devices.choose import CHECKED_RATES_HZ, claims_too_many

    rates_hz = dict.fromkeys((*CHECKED_RATES_HZ, device.default_rate_hz))
    return {
        "index": device.index,
        "name": device.name,
        "host_api": device.host_api,
        "channels": device.max_input_channels,
        "channels_are_converted": claims_too_many(device),
        "default_rate_hz": device.default_rate_hz,
        "rates_hz": [rate_hz for rate_hz in rates_hz if backend.supports_input(device, rate_hz, 1)],
        "is_default": device.is_default_input,
    }


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in ("", "index", "name", "through", "channels", "rates"):
        table.add_column(title, justify="right" if title in ("index", "channels") else "left")
    for row in rows:
        rates = ", ".join(f"{rate_hz / 1000:g}" for rate_hz in sorted(row["rates_hz"]))
        is_direct = 16_000 in row["rates_hz"]
        table.add_row(
            "*" if row["is_default"] else "",
            str(row["index"]),
            row["name"],
            row["host_api"],
            "any" if row["channels_are_converted"] else str(row["channels"]),
            f"{rates} kHz" + ("" if is_direct else " (resampled)") if rates else "in use, or none of the usual",
        )
    Console(highlight=False).print(table)
    typer.echo("* the default: used without --device")
