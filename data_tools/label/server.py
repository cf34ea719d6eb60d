"""The label page as a web application: the page's files, the audio, the labels, and who may write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from data_tools.label.guard import Asgi
from data_tools.label.session import Session, Writer
from data_tools.label.sound import WavView
from data_tools.label.store import ConflictError, SaveError
from kws.errors import DataError, KwsError
from kws.packages import import_package

STATIC = Path(__file__).parent / "static"
PURPOSE = "show the label page"
_MAX_BODY_BYTES = 32_000_000
# Of an answer that holds audio; a browser asks for the rest by further ranges.
_MAX_RANGE_BYTES = 8_000_000
_MAX_WHOLE_BYTES = 64_000_000
_LOOK_S = 0.2


def make_app(session: Session, is_ending: Callable[[], bool] = lambda: False) -> Asgi:
    """Return the application; it knows nothing of hosts and tokens (see :class:`data_tools.label.guard.Guard`).

    Parameters
    ----------
    session : Session
    is_ending : callable
        Whether open event streams are to be closed.

    Raises
    ------
    MissingPackageError
        If starlette is not installed.
    """
    application = import_package("starlette.applications", "starlette", "label", PURPOSE)
    routing = import_package("starlette.routing", "starlette", "label", PURPOSE)
    static = import_package("starlette.staticfiles", "starlette", "label", PURPOSE)
    route = routing.Route
    page = _Page(session, is_ending)
    routes = [
        route("/api/session", page.session),
        route("/api/events", page.events),
        route("/api/writer", page.writer, methods=["POST"]),
        route("/api/files/{index:int}", page.file),
        route("/api/files/{index:int}/labels", page.save, methods=["PUT"]),
        route("/api/files/{index:int}/peaks", page.peaks),
        route("/api/files/{index:int}/audio.wav", page.audio),
        routing.Mount("/", static.StaticFiles(directory=STATIC, html=True)),
    ]
    app: Asgi = application.Starlette(routes=routes, exception_handlers={KwsError: _tell_error})
    return app


class _Page:
    def __init__(self, session: Session, is_ending: Callable[[], bool]) -> None:
        self._session = session
        self._writer = Writer()
        self._is_ending = is_ending
        self._responses = import_package("starlette.responses", "starlette", "label", PURPOSE)

    async def session(self, request: Any) -> Any:
        """Tell which recordings there are, and which keywords."""
        files = await asyncio.to_thread(self._session.summary)
        model = self._session.proposer.name if self._session.proposer else ""
        return self._responses.JSONResponse({"files": files, "keywords": self._session.keywords, "model": model})

    async def events(self, request: Any) -> Any:
        """Tell a tab for as long as it is open whether it may write."""
        tab = _text(request, "tab")
        return self._responses.StreamingResponse(self._watch(tab), media_type="text/event-stream")

    async def _watch(self, tab: str) -> AsyncIterator[str]:
        self._writer.enter(tab)
        told: bool | None = None
        try:
            while not self._is_ending():
                is_writer = self._writer.is_writer(tab)
                if is_writer != told:
                    told = is_writer
                    yield f"event: writer\ndata: {json.dumps(is_writer)}\n\n"
                await asyncio.sleep(_LOOK_S)
        finally:
            # Also when the tab has gone: the stream is cancelled then.
            self._writer.leave(tab)

    async def writer(self, request: Any) -> Any:
        """Let a tab take over, or go."""
        wish = await _body(request)
        tab = str(wish.get("tab", ""))
        if wish.get("leave"):
            self._writer.leave(tab)
        else:
            self._writer.take_over(tab)
        return self._responses.JSONResponse({"writer": self._writer.is_writer(tab)})

    async def file(self, request: Any) -> Any:
        """Give the labels of a recording, or how far the reading of it is."""
        index = request.path_params["index"]
        prepared, what, share = await asyncio.to_thread(self._session.prepare, index)
        if prepared is None:
            return self._responses.JSONResponse({"doing": what, "share": share}, status_code=202)
        labels = await asyncio.to_thread(self._session.labels, index)
        notices = self._session.notices(index, labels, prepared.scan.sha1)
        found = json.loads(labels.to_text()) | {"notices": notices, "rate_hz": prepared.info.rate_hz}
        return self._responses.JSONResponse(found)

    async def save(self, request: Any) -> Any:
        """Save the labels of a recording."""
        wish = await _body(request)
        if not self._writer.is_writer(str(wish.get("tab", ""))):
            line = "these labels are being changed in another tab"
            return self._responses.JSONResponse({"error": line, "kind": "reader"}, status_code=409)
        revision, complete = wish.get("revision"), wish.get("complete")
        if not isinstance(revision, int) or not isinstance(complete, bool):
            raise DataError("a save without revision or complete; accepted is what the page sends")
        index, regions = request.path_params["index"], wish.get("regions")
        saved = await asyncio.to_thread(self._session.save, index, revision, regions, complete)
        return self._responses.JSONResponse({"revision": saved.revision})

    async def peaks(self, request: Any) -> Any:
        """Give the overview, a byte a column."""
        prepared, _, _ = await asyncio.to_thread(self._session.prepare, request.path_params["index"])
        body = b"" if prepared is None else prepared.scan.peaks.tobytes()
        return self._responses.Response(body, media_type="application/octet-stream")

    async def audio(self, request: Any) -> Any:
        """Give a stretch of a recording as WAV, or the part of it that a range asks for."""
        path = self._session.place(request.path_params["index"]).audio
        start_s, end_s = _seconds(request, "start_s"), _seconds(request, "end_s")
        view = await asyncio.to_thread(WavView, path, start_s or 0.0, end_s)
        asked = request.headers.get("range")
        headers = {"accept-ranges": "bytes"}
        part = None if asked is None else _parse_range(asked, view.n_bytes)
        if part is None and asked is not None:
            headers["content-range"] = f"bytes */{view.n_bytes}"
            return self._responses.Response(b"", 416, headers)
        if part is None and view.n_bytes > _MAX_WHOLE_BYTES:
            raise DataError(f"{path.name}: is asked for as a whole, {view.n_bytes} bytes; accepted are ranges")
        first, last = part or (0, view.n_bytes)
        if part is not None:
            last = min(last, first + _MAX_RANGE_BYTES)
            headers["content-range"] = f"bytes {first}-{last - 1}/{view.n_bytes}"
        body = await asyncio.to_thread(view.read, first, last)
        return self._responses.Response(body, 200 if part is None else 206, headers, media_type="audio/wav")


async def _tell_error(request: Any, error: KwsError) -> Any:
    responses = import_package("starlette.responses", "starlette", "label", PURPOSE)
    kind, status = ("input", 422)
    if isinstance(error, ConflictError):
        kind, status = ("conflict", 409)
    elif isinstance(error, SaveError):
        kind, status = ("disk", 507)
    return responses.JSONResponse({"error": " ".join(str(error).split()), "kind": kind}, status_code=status)


async def _body(request: Any) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise DataError(f"a request of more than {_MAX_BODY_BYTES} bytes; accepted is up to that")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError("a request that is no JSON object; accepted is what the page sends")
    return found


def _text(request: Any, name: str) -> str:
    value: str = request.query_params.get(name, "")
    if not value or len(value) > 64:
        raise DataError(f"{name} is {value[:64]!r}; accepted is a short text")
    return value


def _seconds(request: Any, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e7:
        raise DataError(f"{name} is {text[:40]!r}; accepted are seconds")
    return value


def _parse_range(text: str, n_bytes: int) -> tuple[int, int] | None:
    """Return the half-open range of a header that asks for one, None if there is nothing of it."""
    unit, _, span = text.partition("=")
    first, dash, last = span.strip().partition("-")
    if unit.strip() != "bytes" or not dash or not (first + last).isdigit():
        return None
    if not first:
        return max(0, n_bytes - int(last)), n_bytes
    end = min(int(last) + 1, n_bytes) if last else n_bytes
    return (int(first), end) if int(first) < end else None
