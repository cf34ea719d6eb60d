"""`kws run` on a sound card: real PortAudio streams on a virtual device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.live_rig import busy_loops, demo_words, live_run
from kws.audio import resample
from kws.runtime.sinks import chime
from tests.sound_card import sound_card

ROOT = Path(__file__).parents[2]
# From playing a word to its line: the word itself, the card, the detector.
WORD_S = 8.0


@pytest.fixture(scope="module")
def word():
    return demo_words()[2]


@pytest.fixture(scope="module")
def card():
    with sound_card(4) as opened:
        yield opened


def kws(card, *arguments, **options):
    command = [sys.executable, "-c", "from kws.cli import main; main()", *arguments]
    environment = {**os.environ, **card.environment}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, **options)


def say(card, run, word, channel=None, n_channels=4):
    """Play the word into one channel, or all; return the line that answers."""
    rows = np.zeros((n_channels, len(word.samples)), np.int16)
    rows[slice(None) if channel is None else channel] = word.samples
    run.drain()
    card.play(rows)
    return run.wait_for("detection", WORD_S)


def test_devices_are_listed(card):
    result = kws(card, "devices", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    (row,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert row["name"] == "default" and row["is_default"] and row["channels_are_converted"]
    assert row["rates_hz"] == [16_000, 48_000, 44_100]
    table = kws(card, "devices").stdout
    assert "default" in table and "16, 44.1, 48 kHz" in table
    # With -v the drivers have their say.
    assert kws(card, "devices", "--verbose").stderr != ""


@pytest.mark.parametrize("backend", ["pyaudio", "sounddevice"])
def test_a_word_on_one_of_four_microphones(card, word, backend):
    with live_run(card, ["--channels", "all", "--backend", backend, "--chime", "none", "--channels", "0-3"]) as run:
        for channel in (2, 0):
            line = say(card, run, word, channel)
            assert line is not None and line.record["channel"] == channel
            assert abs(line.record["unix_s"] - time.time()) < 2.0
        code, took_s, stderr = run.end()
    assert (code, stderr) == (143, "") and took_s < 5.0
    assert run.lines[-1].record["event"] == "end" and run.lines[-1].record["lost_samples"] == 0
    # One event a word, not one a microphone.
    assert [line.record["event"] for line in run.lines] == ["detection", "detection", "end"]


def test_the_defaults_and_two_programs_on_one_device(card, word):
    with live_run(card) as first, live_run(card) as second:
        second.drain()
        assert say(card, first, word) is not None
        assert second.wait_for("detection", WORD_S) is not None


def test_another_sample_rate(word):
    with sound_card(1, 48_000) as card, live_run(card, ["--chime", "none"]) as run:
        samples = resample(word.samples.astype(np.float32), 16_000, 48_000).astype(np.int16)
        card.play(samples)
        assert run.wait_for("detection", WORD_S) is not None


def test_the_chime_is_played(card, word):
    with live_run(card, ["--channels", "0"]) as run:
        card.play(np.tile(word.samples, (4, 1)))
        heard = card.record(5.0).astype(np.float64)
        assert run.wait_for("detection", WORD_S) is not None
        run.end()
    bell = resample(chime(), 16_000, 48_000).astype(np.float64)
    n_fft = 1 << 19
    match = np.fft.irfft(np.fft.rfft(heard, n_fft) * np.conj(np.fft.rfft(bell, n_fft)))[: len(heard) - len(bell)]
    start = int(np.argmax(match))
    found = heard[start : start + len(bell)]
    assert np.corrcoef(found, bell)[0, 1] > 0.99


def test_a_program_is_started(card, word, tmp_path):
    script = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(repr(sys.argv[2:]))'"
    with live_run(card, ["--chime", "none", "--exec", f"{script} {tmp_path}/heard {{keyword}} {{channel}}"]) as run:
        assert say(card, run, word) is not None
        deadline_s = time.monotonic() + 10
        while not (tmp_path / "heard").exists() and time.monotonic() < deadline_s:
            time.sleep(0.1)
    assert (tmp_path / "heard").read_text() == "['computer', '0']"


def kill_daemon(card, run):
    card.kill()
    time.sleep(0.5)
    card.start()


def suspend(card, run):
    card.suspend(True)
    time.sleep(2.0)
    card.suspend(False)


def unplug(card, run):
    card.unplug()
    time.sleep(0.5)
    card.replug()


def freeze(card, run):
    card.freeze()
    time.sleep(2.5)
    card.thaw()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [kill_daemon, suspend, unplug, freeze])
def test_it_comes_back(word, fault):
    with sound_card() as card, live_run(card, ["--chime", "none"]) as run:
        assert say(card, run, word, n_channels=1) is not None
        run.drain()
        fault(card, run)
        assert run.wait_for("notice", 40.0, "back after") is not None
        time.sleep(0.5)
        assert say(card, run, word, n_channels=1) is not None
        code, _, stderr = run.end()
    end = run.lines[-1].record
    assert (code, stderr) == (143, "")
    assert end["stalls"] == 1 and end["lost_samples"] > 0
    notices = [line.record["text"] for line in run.lines if line.record["event"] == "notice"]
    assert len(notices) == 2, notices
    assert [line.record["event"] for line in run.lines].count("detection") == 2


def test_it_can_wait_for_a_microphone_that_is_not_there_yet(word):
    with sound_card() as card:
        card.kill()
        assert "no microphone" in kws(card, "run").stderr
        with live_run(card, ["--chime", "none", "--wait"]) as run:
            card.start()
            assert run.wait_for("notice", 40.0, "back after") is not None
            assert say(card, run, word, n_channels=1) is not None


def test_under_load_a_word_is_heard(card, word):
    with live_run(card, ["--chime", "none"]) as run, busy_loops(2):
        assert say(card, run, word) is not None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--device", "99"],
            "--device '99' is no input device; accepted are an index or a part of one name: 0 (default)",
        ),
        (["--device", "yeti"], "--device 'yeti' is no input device"),
        (["--device", "-1"], "--device '-1' is no input device"),
        (["--channels", "0-63"], "default has 32 channels, 64 are asked for"),
    ],
)
@pytest.mark.parametrize("backend", ["pyaudio", "sounddevice"])
def test_devices_that_are_not_there(card, backend, arguments, expected):
    result = kws(card, "run", "--backend", backend, *arguments)
    assert result.returncode == 2 and result.stderr.startswith("error: ")
    assert expected in result.stderr and len(result.stderr.splitlines()) == 1


def test_it_stops_by_itself(card):
    result = kws(card, "run", "--max-seconds", "1.5", "--jsonl", "--chime", "none")
    assert (result.returncode, result.stderr) == (0, "")
    assert 0.5 < json.loads(result.stdout.splitlines()[-1])["audio_s"] < 2.5
