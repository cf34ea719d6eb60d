"""A run of the label page: reading in the background, proposals, and which tab writes."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_tools.label import Guess, Proposer, Session, list_places
from data_tools.label.session import Prepared, Writer
from kws.audio import write_audio
from kws.errors import AudioError, DataError

WORD = {"id": "p1", "label": "loud", "start_s": 1.0, "end_s": 1.5}


class Ears:
    """A model that hears the same in every recording, and counts how often it listens."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self, path, on_progress):
        self.heard.append(path.name)
        on_progress(0.5)
        return [Guess("loud", 1.55, 0.8)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    samples = np.zeros(48_000, np.float32)
    samples[16_000:24_000] = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, samples)
    return tmp_path


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def session(folder: Path, ears: Ears) -> Iterator[Session]:
    session = Session(list_places(folder), ["stop"], Proposer("ears", ("loud",), ears.listen))
    yield session
    session.close()


def prepared(session: Session, index: int) -> Prepared:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found, _, share = session.prepare(index)
        if found is not None:
            return found
        assert 0 <= share <= 1
        time.sleep(0.01)
    raise AssertionError("the recording was not read in a minute")


def test_a_recording_is_read_and_its_guesses_lie_on_the_sound(session: Session, folder: Path, ears: Ears) -> None:
    found = prepared(session, 0)
    assert found.info.duration_s == 3.0
    labels = session.labels(0)
    region = labels.regions[0]
    assert (region.label, region.source, region.state, region.score) == ("loud", "model", "proposed", 0.8)
    # The noise lasts from 1.0 to 1.5 s; frames are 10 ms.
    assert (region.start_s, region.end_s) == pytest.approx((1.0, 1.5), abs=0.011)
    assert labels.proposed_by == ("ears",) and labels.sha1 == found.scan.sha1
    assert session.keywords == ["stop", "loud"]


def test_a_model_listens_once_and_the_next_recording_is_read_ahead(session: Session, folder: Path, ears: Ears) -> None:
    prepared(session, 0)
    prepared(session, 1)
    again = Session(list_places(folder), (), session.proposer)
    prepared(again, 0)
    again.close()
    assert ears.heard == ["a.wav", "b.wav"]


def test_labels_are_saved_with_the_checksum_of_the_samples(session: Session, folder: Path) -> None:
    found = prepared(session, 0)
    saved = session.save(0, 1, [WORD], True)
    assert (saved.revision, saved.complete, saved.sha1) == (2, True, found.scan.sha1)
    pcm = (folder / "a.wav").read_bytes()[44:]
    assert saved.sha1 == hashlib.sha1(pcm).hexdigest()
    summary = session.summary()
    assert len({entry.pop("key") for entry in summary}) == 2
    assert summary[0] == {"name": "a.wav", "complete": True, "accepted": 1, "proposed": 0, "error": False}


@pytest.mark.parametrize(
    ("changes", "line"),
    [({"start_s": -1}, "start_s is -1"), ({"end_s": 3.5}, "ends at 3.500 s; the recording has 3.000 s")],
)
def test_a_wrong_save_changes_nothing(session: Session, folder: Path, changes: dict, line: str) -> None:
    prepared(session, 0)
    before = (folder / "a.labels.json").read_bytes()
    with pytest.raises(DataError, match=line):
        session.save(0, 1, [WORD | changes], False)
    with pytest.raises(DataError, match="was saved elsewhere"):
        session.save(0, 7, [WORD], False)
    assert (folder / "a.labels.json").read_bytes() == before


def test_labels_of_a_recording_that_vanished_can_still_be_saved(session: Session, folder: Path) -> None:
    prepared(session, 0)
    (folder / "a.wav").unlink()
    assert session.save(0, 1, [WORD], False).revision == 2


def test_what_cannot_be_read_is_told_and_tried_again(folder: Path) -> None:
    whole = (folder / "a.wav").read_bytes()
    (folder / "a.wav").write_bytes(whole[:1000])
    (folder / "b.labels.json").write_text("{")
    session = Session(list_places(folder))
    with pytest.raises(AudioError, match="is truncated"):
        prepared(session, 0)
    (folder / "a.wav").write_bytes(whole)
    assert prepared(session, 0).info.duration_s == 3.0
    with pytest.raises(DataError, match="b.labels.json: is no JSON"):
        session.labels(1)
    assert [entry["error"] for entry in session.summary()] == [False, True]
    with pytest.raises(DataError, match="recording 2: there is none; accepted are 0 to 1"):
        session.place(2)
    session.close()


def test_overlaps_and_other_audio_are_told(session: Session, folder: Path) -> None:
    found = prepared(session, 0)
    other = {"id": "p2", "label": "stop", "start_s": 1.4, "end_s": 2.0}
    labels = session.save(0, 1, [WORD, other], False)
    assert session.notices(0, labels, found.scan.sha1) == [
        f"{folder / 'a.labels.json'}: 'loud' at 1.00 s and 'stop' at 1.40 s overlap; "
        "they are kept, and cannot be exported"
    ]
    assert "was made for other audio" in session.notices(0, labels, "0123")[0]


def test_a_session_ends_in_the_middle_of_a_recording(folder: Path) -> None:
    def forever(path, on_progress):
        while True:
            time.sleep(0.01)
            on_progress(0.1)

    session = Session(list_places(folder), (), Proposer("slow", ("loud",), forever))
    session.prepare(0)
    time.sleep(0.1)
    session.close()
    assert not (folder / "a.labels.json").exists()


def test_of_several_tabs_one_writes() -> None:
    writer = Writer()
    for tab in ("one", "two", "three"):
        writer.enter(tab)
    assert [writer.is_writer(tab) for tab in ("one", "two", "three", "")] == [True, False, False, False]
    writer.take_over("three")
    assert writer.is_writer("three") and not writer.is_writer("one")
    writer.leave("three")
    assert writer.is_writer("one")
    writer.leave("one")
    assert writer.is_writer("two")
    writer.leave("two")
    writer.take_over("gone")
    assert not any(writer.is_writer(tab) for tab in ("one", "two", "three", "gone", ""))
