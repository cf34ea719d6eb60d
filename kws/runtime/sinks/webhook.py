"""Detections posted to a web server."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from kws.config import require
from kws.errors import ConfigError
from kws.packages import import_package, one_line
from kws.runtime.detector import Event
from kws.runtime.sinks.address import parse_address
from kws.runtime.sinks.base import Summary
from kws.runtime.sinks.template import message
from kws.runtime.sinks.worker import WorkerSink

_log = logging.getLogger(__name__)
_ACCEPTED = "http://HOST[:PORT]/PATH or https://"
_FIRST_DELAY_S, _MAX_DELAY_S = 0.5, 30.0
_TOO_MANY_REQUESTS = 429


class WebhookSink(WorkerSink[dict[str, Any]]):
    """POST each detection as a JSON object, one after the other, in the background.

    What the server may take later (no connection, no answer in time, status 429 or 5xx) is sent again, each time
    after a longer, randomly shortened pause; any other status but 2xx is final. Problems are logged once until a
    request succeeds again.

    Parameters
    ----------
    url : str
        ``https://host/path?query``; ``user:password@`` before the host is sent as basic authentication.
    retries : int
        How often a request is sent again.
    timeout_s : float
        For the connection, and for the answer.
    n_queued : int
        Detections that may wait; the oldest are dropped for newer ones.
    rng : numpy.random.Generator, optional
        For the pauses.

    Raises
    ------
    ConfigError
        If the URL is no such one.
    MissingPackageError
        If httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        retries: int = 3,
        timeout_s: float = 5.0,
        n_queued: int = 100,
        rng: np.random.Generator | None = None,
    ) -> None:
        require("retries", retries, 0, 100)
        if "{" in url:
            raise ConfigError("--webhook has a placeholder; accepted is a fixed address, the JSON tells the rest")
        require("timeout", timeout_s, 0.001, 3600.0)
        require("n_queued", n_queued, 1, 1_000_000)
        self._where = parse_address(url, "--webhook", ("http", "https"), _ACCEPTED).shown
        self._httpx = import_package("httpx", "httpx", "actions", "post to a web server")
        # It logs each URL with its query, which may hold a token.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        try:
            self._url = self._httpx.URL(url)
        except self._httpx.InvalidURL:
            raise ConfigError(f"--webhook is no URL that can be used; accepted is {_ACCEPTED}") from None
        self._client = self._httpx.Client(timeout=timeout_s)
        self._retries = retries
        self._rng = np.random.default_rng() if rng is None else rng
        self._is_problem_told = False
        super().__init__(f"--webhook {self._where}", n_queued)

    def end(self, summary: Summary) -> None:
        """Post what is queued, if the server takes it soon."""
        super().end(summary)
        self._client.close()

    def abort(self) -> None:
        """Drop what is queued."""
        super().abort()
        self._client.close()

    def _item(self, event: Event, model: str) -> dict[str, Any]:
        return message(event, model)

    def _act(self, item: dict[str, Any]) -> None:
        delay_s = _FIRST_DELAY_S
        for attempt in range(1 + self._retries):
            problem, is_final = self._post(item)
            if not problem:
                self._is_problem_told = False
                return
            if is_final or attempt == self._retries or self._worker.stopped.wait(delay_s * self._rng.uniform(0.5, 1.0)):
                break
            delay_s = min(2 * delay_s, _MAX_DELAY_S)
        if not self._is_problem_told:
            self._is_problem_told = True
            _log.warning("%s: a detection was not delivered: %s", self._where, problem)

    def _post(self, item: dict[str, Any]) -> tuple[str, bool]:
        """Send an object once; return the problem, empty if there was none, and whether it is final."""
        try:
            response = self._client.post(self._url, json=item)
        except self._httpx.HTTPError as error:
            return f"{type(error).__name__}: {one_line(error)}", False
        status = response.status_code
        if response.is_success:
            return "", True
        return f"it answered with status {status}", not (status >= 500 or status == _TOO_MANY_REQUESTS)
