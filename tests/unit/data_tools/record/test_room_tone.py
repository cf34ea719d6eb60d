import csv

import numpy as np
import pytest

from data_tools.record import Origin, RoomTone, Store
from data_tools.record.keys import PAUSE
from kws.audio import read_audio
from tests.unit.data_tools.record.sounds import Heard, LoudIsSpeech, quiet, session, word


def room_tone(folder, duration_s):
    told = []
    origin = Origin(device="mic", room="kitchen")
    return told, RoomTone(Store(folder, "background", "noise"), LoudIsSpeech(), duration_s, origin, told.append)


def lengths(folder):
    return [len(read_audio(path)) / 16_000 for path in sorted(folder.glob("background/*.flac"))]


def test_files_of_a_minute_until_it_is_enough(tmp_path):
    told, work = room_tone(tmp_path, 130.0)
    for _ in range(14):
        if not work.is_done:
            work.hear(Heard(session(quiet(10.0))))
    work.finish()
    assert work.is_done and lengths(tmp_path) == [60.0, 60.0, 10.0] and work.counter == "130 of 130 s"
    assert "60.0 s, -60 dBFS" in told[0].text and told[0].advice == ""
    row = next(csv.DictReader((tmp_path / "manifest.csv").open()))
    assert (row["label"], row["room"], row["device"], row["speaker"]) == ("noise", "kitchen", "mic", "")


def test_a_stop_keeps_what_there_is_and_a_gap_parts_files(tmp_path):
    told, work = room_tone(tmp_path, 100.0)
    work.hear(Heard(session(quiet(5.0))))
    work.hear(Heard(session(quiet(3.0)), lost=100, notice="back after 2 s"))
    work.press(PAUSE)
    work.hear(Heard(session(quiet(9.0))))
    work.press(PAUSE)
    work.hear(Heard(session(quiet(2.0))))
    work.finish()
    work.finish()
    assert lengths(tmp_path) == [5.0, 3.0, 2.0]


def test_speech_in_it_is_told(tmp_path):
    told, work = room_tone(tmp_path, 4.0)
    work.hear(Heard(session(quiet(2.0), word(2.048))))
    assert work.is_done
    work.finish()
    assert lengths(tmp_path) == [4.0]
    assert float(told[0].advice.split(" s ")[0]) == pytest.approx(2.0, abs=0.1)


def test_a_microphone_that_is_off_is_told(tmp_path):
    told, work = room_tone(tmp_path, 2.0)
    work.hear(Heard(np.zeros((1, 32_000), np.float32)))
    work.finish()
    assert told[0].text.endswith("2.0 s, -120 dBFS") and "is the microphone on" in told[0].advice


def test_all_channels_are_kept_and_their_mean(tmp_path):
    _, work = room_tone(tmp_path, 1.0)
    one = quiet(1.0)
    work.hear(Heard(np.stack([one, 3 * one])))
    work.finish()
    np.testing.assert_allclose(read_audio(tmp_path / "background/background-0001.flac"), 2 * one, atol=1 / 32768)
    assert read_audio(tmp_path / "original/background/background-0001.flac", mono=False).shape == (2, 16_000)
