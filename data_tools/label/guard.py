"""Who may talk to the label page: only its own tab, on this machine, by the address that was printed."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

HOST = "127.0.0.1"

_HEADERS = {
    # Nothing comes from elsewhere; the waveform's elements carry styles of their own.
    "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self' blob:; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI application that passes on only what comes from the page itself.

    Refused are another ``Host`` (a name that was made to point here), another ``Origin``, what a browser marks as
    sent by another site, and every path without the token.

    Parameters
    ----------
    inner : ASGI application
        Sees paths without the token.
    port : int
    token : str
    """

    def __init__(self, inner: Asgi, port: int, token: str) -> None:
        self._inner = inner
        self._token = token
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        status, line = self._verdict(scope)
        if status or scope["type"] != "http":
            await _refuse(send, status or 403, line)
            return
        path = scope["path"].split("/", 2)[2]
        await self._inner({**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}, receive, _with_headers(send))

    def _verdict(self, scope: Scope) -> tuple[int, str]:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host", "") not in self._hosts:
            return 421, "this is not the address of the page"
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return 403, "requests of other sites are refused"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "requests of other sites are refused"
        parts = scope["path"].split("/", 2)
        if len(parts) < 3 or not secrets.compare_digest(parts[1].encode(), self._token.encode()):
            return 404, "not found: open the address that was printed"
        return 0, ""


def _with_headers(send: Any) -> Any:
    async def send_more(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = {name.encode(): value.encode() for name, value in _HEADERS.items()}
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
            message = {**message, "headers": [*kept, *own.items()]}
        await send(message)

    return send_more


async def _refuse(send: Any, status: int, line: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": line.encode() + b"\n"})
