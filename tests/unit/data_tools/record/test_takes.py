from datetime import datetime, timezone

import numpy as np
import pytest

from data_tools.record import Origin, Store, TakeConfig, TakeDetector, TakeRecorder, drive
from data_tools.record.keys import PAUSE, PLAY, REDO, STOP, UNDO
from kws.errors import DataError
from kws.manifest import Manifest
from tests.unit.data_tools.record.sounds import Heard, LoudIsSpeech, n_samples, quiet, session, word

WORD = session(quiet(0.7), word(0.4), quiet(0.7))
CLIPPED = session(quiet(0.7), np.clip(word(0.4, 3.0), -0.99, 0.99), quiet(0.7))


class Person:
    """Presses keys at blocks of the session: ``{number of block: action}``."""

    def __init__(self, actions=None):
        self.actions, self.n_blocks = actions or {}, -1

    def pending(self):
        self.n_blocks += 1
        action = self.actions.get(self.n_blocks)
        return [action] if action else []


def recorder(folder, told, **how):
    store = Store(folder, "computer", "computer")
    origin = how.pop("origin", Origin("anna", "mic", "kitchen", "s1"))
    return TakeRecorder("computer", store, TakeDetector(LoudIsSpeech()), TakeConfig(), origin, told.append, **how)


def run(folder, parts, actions=None, **how):
    """Return what was told, and the recorder after blocks that are parts of the session."""
    told = []
    work = recorder(folder, told, **how)
    blocks = [part if isinstance(part, Heard) else Heard(part) for part in parts]
    drive(blocks, Person(actions), work, lambda *_: None)
    return told, work


def kinds(told):
    return [event.kind for event in told]


def names(folder):
    return sorted(path.name for path in folder.rglob("*.flac"))


def test_takes_undo_stop_and_going_on(tmp_path):
    told, work = run(tmp_path, [WORD, WORD, WORD, WORD, WORD], {3: UNDO, 4: STOP})
    # Three takes, one taken back, one more in its place; what comes after the stop is not heard.
    assert kinds(told) == ["take", "take", "take", "undone", "take"]
    assert work.is_done and work.counter == "3 takes" and work.n_new == 3
    told, work = run(tmp_path, [WORD])
    assert told[0].text.startswith("computer-0004.flac: 0.4") and work.counter == "4 takes"
    assert names(tmp_path) == [f"computer-000{n}.flac" for n in (1, 2, 3, 4)]


def test_the_row_says_who_where_and_when(tmp_path):
    run(tmp_path, [WORD])
    (row,) = Manifest(tmp_path / "manifest.csv").rows
    known = {name: row[name] for name in ("label", "speaker", "device", "room", "session", "split")}
    assert known == dict(label="computer", speaker="anna", device="mic", room="kitchen", session="s1", split="")
    age_s = (datetime.now(timezone.utc) - datetime.fromisoformat(row["recorded"])).total_seconds()
    assert 0.0 <= age_s < 60.0
    # A sine of peak 0.3 over noise at -60 dB.
    assert float(row["snr_db"]) == pytest.approx(46.5, abs=1.5)


def test_a_goal_counts_what_was_there(tmp_path):
    run(tmp_path, [WORD])
    told, work = run(tmp_path, [WORD, WORD, WORD], goal=2)
    assert kinds(told) == ["take"] and work.is_done and work.counter == "2 of 2 takes"


def test_rejected_takes_say_why_and_are_not_kept(tmp_path):
    told, work = run(tmp_path, [CLIPPED, WORD])
    assert kinds(told) == ["rejected", "take"] and "clipped" in told[0].text and told[0].advice
    assert names(tmp_path) == ["computer-0001.flac"] and work.n_rejected == 1


def test_redo_keeps_the_old_take_until_the_new_one_is_good(tmp_path):
    longer = session(quiet(0.7), word(0.8), quiet(0.7))
    told, _ = run(tmp_path, [WORD, CLIPPED, longer, WORD], {1: REDO})
    assert kinds(told) == ["take", "told", "rejected", "take", "take"]
    assert [event.text[:18] for event in told[3:]] == ["computer-0001.flac", "computer-0002.flac"]
    assert told[3].text.startswith("computer-0001.flac: 0.8")


def test_nothing_is_recorded_in_a_pause(tmp_path):
    told, work = run(tmp_path, [WORD, WORD, WORD, WORD], {1: PAUSE, 3: PAUSE})
    assert kinds(told) == ["take", "told", "told", "take"] and work.counter == "2 takes"


def test_a_pause_in_a_word_drops_it(tmp_path):
    half = session(quiet(0.7), word(0.2))
    told, _ = run(tmp_path, [half, half, WORD], {1: PAUSE, 2: PAUSE})
    assert kinds(told) == ["told", "told", "take"]


def test_the_loudspeaker_is_no_take(tmp_path):
    played = []

    def play(samples):
        played.append(len(samples))
        return 3.0

    # WORD is 1.8 s: the second and third of them are heard from the loudspeaker.
    told, work = run(tmp_path, [WORD, WORD, WORD, WORD], {1: PLAY}, play=play)
    assert kinds(told) == ["take", "told", "take"] and work.counter == "2 takes"
    assert played == [pytest.approx(n_samples(0.7), abs=n_samples(0.03))]


def test_keys_without_takes_or_loudspeaker_say_so(tmp_path):
    told, _ = run(tmp_path, [session(quiet(0.1))] * 4, {0: PLAY, 1: REDO, 2: UNDO})
    assert kinds(told) == ["told"] * 3
    told, _ = run(tmp_path, [WORD, session(quiet(0.1))], {1: PLAY}, play=lambda samples: 0.0)
    assert told[-1].text == "there is no loudspeaker"


def test_a_microphone_that_goes_in_a_word_cuts_it(tmp_path):
    half = session(quiet(0.7), word(0.4))
    gone = Heard(np.zeros((1, 0), np.float32), 0, "microphone: the device is gone")
    told, work = run(tmp_path, [half, gone, Heard(WORD, lost=n_samples(5.0))])
    assert kinds(told) == ["told", "rejected", "take"] and "cut off at its end" in told[1].text
    assert work.counter == "1 take"


def test_a_word_that_is_over_is_saved_at_the_stop(tmp_path):
    told, _ = run(tmp_path, [session(quiet(0.7), word(0.4), quiet(0.2)), WORD], {1: STOP})
    assert kinds(told) == ["take"]


def test_an_interrupt_loses_nothing(tmp_path):
    def blocks():
        yield Heard(WORD)
        yield Heard(session(quiet(0.7), word(0.4), quiet(0.2)))
        raise KeyboardInterrupt

    told = []
    with pytest.raises(KeyboardInterrupt):
        drive(blocks(), Person(), recorder(tmp_path, told), lambda *_: None)
    assert kinds(told) == ["take", "take"] and len(names(tmp_path)) == 2


@pytest.fixture
def disk(monkeypatch):
    """A disk that is full while its attribute says so."""

    class Disk:
        is_full = False

    def add(path, rows, real=Store.add.__globals__["add_rows"]):
        if Disk.is_full:
            raise DataError(f"{path}: cannot be written (No space left on device)")
        real(path, rows)

    monkeypatch.setattr("data_tools.record.store.add_rows", add)
    return Disk


def test_a_full_disk_keeps_the_take_until_there_is_room(tmp_path, disk):
    told = []
    work = recorder(tmp_path, told)
    disk.is_full = True
    work.hear(Heard(WORD))
    assert kinds(told) == ["problem"] and work.is_paused and names(tmp_path) == []
    work.press(PAUSE)
    assert kinds(told) == ["problem", "problem"] and work.is_paused
    disk.is_full = False
    work.press(PAUSE)
    assert told[-1].kind == "take" and not work.is_paused and names(tmp_path) == ["computer-0001.flac"]


def test_a_disk_that_stays_full_is_an_error_at_the_end(tmp_path, disk):
    run(tmp_path, [WORD])
    disk.is_full = True
    with pytest.raises(DataError, match="No space left"):
        run(tmp_path, [WORD])
    assert names(tmp_path) == ["computer-0001.flac"]


def test_a_take_that_cannot_be_written_can_be_left(tmp_path, disk):
    told = []
    work = recorder(tmp_path, told)
    disk.is_full = True
    work.hear(Heard(WORD))
    work.press(UNDO)
    work.finish()
    assert kinds(told) == ["problem", "undone"] and not work.is_paused


def test_takes_out_of_a_recording_are_not_cut_twice(tmp_path):
    origin = Origin("anna", source="memo.wav")
    told, work = run(tmp_path, [WORD, WORD], origin=origin)
    assert kinds(told) == ["take", "take"] and (work.n_new, work.n_known) == (2, 0)
    told, work = run(tmp_path, [WORD, WORD, WORD], origin=origin)
    assert kinds(told) == ["take"] and (work.n_new, work.n_known) == (1, 2)
    assert work.counter == "3 takes"
