import io
import os
import pty
import termios
import time

from data_tools.record.keys import PAUSE, PLAY, REDO, STOP, UNDO, LineKeys, TerminalKeys, open_keys


def wait_for(keys, n_actions):
    found, until_s = [], time.monotonic() + 5.0
    while len(found) < n_actions and time.monotonic() < until_s:
        found += keys.pending()
        time.sleep(0.01)
    return found


def test_keys_of_a_terminal():
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as terminal:
        before = termios.tcgetattr(terminal)
        with open_keys(terminal) as keys:
            assert isinstance(keys, TerminalKeys) and keys.pending() == []
            assert termios.tcgetattr(terminal) != before
            os.write(master, b"pxR u")
            assert wait_for(keys, 4) == [PLAY, REDO, PAUSE, UNDO]
            # An arrow key.
            os.write(master, b"\x1b[A")
            time.sleep(0.05)
            assert keys.pending() == []
            # The terminal is closed.
            os.close(master)
            assert keys.pending() == [STOP]


def test_a_terminal_gets_its_settings_back():
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as terminal:
        before = termios.tcgetattr(terminal)
        with open_keys(terminal):
            assert termios.tcgetattr(terminal) != before
        assert termios.tcgetattr(terminal) == before
    os.close(master)


def test_lines_where_there_is_no_terminal():
    with open_keys(io.StringIO("p\nUndo\n \nnonsense\n\nredo\nq\n")) as keys:
        assert isinstance(keys, LineKeys)
        assert wait_for(keys, 5) == [PLAY, UNDO, PAUSE, REDO, STOP]
        # The end of the input is no wish to stop.
        time.sleep(0.05)
        assert keys.pending() == []


def test_without_standard_input_nothing_is_typed():
    closed = io.StringIO()
    closed.close()
    with open_keys(closed) as keys:
        assert keys.pending() == []
