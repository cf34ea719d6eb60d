"""Signals that wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from kws.signals import held_signals


class Came(Exception):
    """Raised by a handler, with the number of its signal."""


def handler(number: int, frame: object) -> None:
    raise Came(number)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    before = {number: signal.signal(number, handler) for number in numbers}
    yield
    for number, inner in before.items():
        signal.signal(number, inner)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD])
def test_a_signal_waits_for_the_end_of_the_block(number: int) -> None:
    done = False
    with pytest.raises(Came, match=str(int(number))), held_signals():
        send(number)
        done = True
    assert done and signal.getsignal(number) is handler


def test_the_second_ctrl_c_waits_as_well_and_the_end_of_helpers_comes_last() -> None:
    with pytest.raises(Came, match=str(int(signal.SIGINT))), held_signals() as waiting:
        send(signal.SIGCHLD)
        send(signal.SIGINT)
        send(signal.SIGINT)
        assert waiting == [signal.SIGINT, signal.SIGINT]


def test_a_signal_tells_more_than_the_error_that_it_caused() -> None:
    with pytest.raises(Came) as caught, held_signals():
        send(signal.SIGTERM)
        raise RuntimeError("connection closed by peer")
    assert isinstance(caught.value.__context__, RuntimeError)


def test_blocks_in_blocks_pass_it_on() -> None:
    steps = []
    with pytest.raises(Came), held_signals() as waiting:
        for step in range(3):
            with held_signals():
                steps.append(step)
                send(signal.SIGINT)
        assert waiting == [signal.SIGINT] * 3
    assert steps == [0, 1, 2]


def test_nothing_is_held_where_it_is_not_wanted_or_cannot_be() -> None:
    with pytest.raises(Came), held_signals(False):
        send(signal.SIGINT)
        pytest.fail("it waited")
    found: list[list[int]] = []

    def elsewhere() -> None:
        with held_signals() as waiting:
            found.append(waiting)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [[]]


def test_ignored_signals_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_signals() as waiting:
        send(signal.SIGINT)
    assert waiting == [] and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
