"""The label page on a port of this machine, until it is ended."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Any

from data_tools.label.guard import HOST, Guard
from data_tools.label.server import PURPOSE, make_app
from data_tools.label.session import Session
from kws.errors import SourceError
from kws.packages import import_package

_TOKEN_BYTES = 24


def serve(session: Session, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve the page to this machine until Ctrl-C.

    Parameters
    ----------
    session : Session
        Closed at the end.
    port : int
        0 for a free one.
    on_ready : callable
        Called with the address, which holds a random token, once it can be opened.

    Raises
    ------
    SourceError
        If the port is taken.
    MissingPackageError
        If starlette or uvicorn is not installed.
    """
    uvicorn = import_package("uvicorn", "uvicorn", "label", PURPOSE)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    ending = _Ending()
    app = make_app(session, ending)
    with _listening(port) as listener:
        bound_port = listener.getsockname()[1]
        guard = Guard(app, bound_port, token)
        # Streams of events end by themselves; a save that is on its way is waited for.
        config = uvicorn.Config(
            guard, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5, lifespan="off"
        )
        server = uvicorn.Server(config)
        ending.server = server
        on_ready(f"http://{HOST}:{bound_port}/{token}/")
        try:
            server.run(sockets=[listener])
        finally:
            session.close()


class _Ending:
    """Whether the server was told to end."""

    server: Any = None

    def __call__(self) -> bool:
        return bool(self.server.should_exit)


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((HOST, port))
        # From now on a browser waits instead of being refused.
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        raise SourceError(f"port {port} cannot be used ({getattr(error, 'strerror', None) or error})") from None
    return listener
