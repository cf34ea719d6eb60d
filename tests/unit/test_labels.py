"""Label files: what is written, what is read, and what is refused with a line."""

import json
from pathlib import Path

import pytest

from data_tools.label.store import ConflictError, SaveError, read_labels, save_labels
from kws.errors import DataError
from kws.labels import Labels, Region, overlapping

WORD = Region("p1", "computer", 1.0, 1.5)
GUESS = Region("m0", "computer", 4.0, 4.5, "model", "proposed", 0.61)


def labels(*regions: Region, **changes) -> Labels:
    return Labels("radio.wav", 10.0, regions=regions, **changes)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out" / "radio.labels.json"
    saved = save_labels(path, labels(WORD, GUESS, sha1="ab", complete=True, proposed_by=("computer from 0.3",)))
    assert saved.revision == 1
    assert read_labels(path, "radio.wav", 10.0) == saved
    found = json.loads(path.read_text())
    assert {key: found[key] for key in ("format", "file", "sha1", "duration_s", "complete", "revision")} == {
        "format": 1,
        "file": "radio.wav",
        "sha1": "ab",
        "duration_s": 10.0,
        "complete": True,
        "revision": 1,
    }
    assert found["regions"][1] == {
        "id": "m0",
        "label": "computer",
        "start_s": 4.0,
        "end_s": 4.5,
        "source": "model",
        "state": "proposed",
        "score": 0.61,
    }


def test_a_file_that_is_not_there_has_no_labels(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "radio.labels.json", "radio.wav", 10.0) == labels()


@pytest.mark.parametrize(
    ("region", "line"),
    [
        ({"start_s": -0.5}, "region 1: start_s is -0.5; accepted is 0 or more"),
        ({"end_s": 0.5}, "region 1: end_s is 0.5; accepted is more than its start_s, 1"),
        ({"end_s": 1.0}, "region 1: end_s is 1.0; accepted is more than its start_s, 1"),
        ({"end_s": 10.7}, "region 1 ends at 10.700 s; the recording has 10.000 s"),
        ({"end_s": "2"}, "region 1: end_s is '2'; accepted is seconds"),
        ({"start_s": True}, "region 1: start_s is True; accepted is seconds"),
        ({"end_s": float("nan")}, "region 1: end_s is nan; accepted is seconds"),
        ({"label": "two\nlines"}, "region 1: label is 'two\\nlines'; accepted is a word on one line"),
        ({"label": ""}, "region 1: label is ''; accepted is a word on one line"),
        ({"state": "maybe"}, "region 1: state is 'maybe'; accepted is accepted, rejected, proposed"),
        ({"source": "cat"}, "region 1: source is 'cat'; accepted is person, model"),
        ({"score": 1.5}, "region 1: score is 1.5; accepted is 0 to 1, or null"),
        ({"id": "a b"}, "region 1: id is 'a b'; accepted is letters, digits, _ and -"),
        ({"colour": "red"}, "region 1 has 'colour'; accepted are id, label, start_s, end_s, source, state, score"),
    ],
)
def test_a_malformed_region_is_one_line_and_the_file_stays(tmp_path: Path, region: dict, line: str) -> None:
    path = tmp_path / "radio.labels.json"
    text = json.dumps({"format": 1, "regions": [WORD.to_json() | region]})
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_labels(path, "radio.wav", 10.0)
    assert str(error.value) == f"{path}: {line}"
    with pytest.raises(DataError):
        save_labels(path, labels(WORD))
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "is no JSON (Expecting property name"),
        ("[" * 100_000, "is no JSON ("),
        ("[]", "is no JSON object"),
        ("{}", "format is None; accepted is 1"),
        ('{"format": 2}', "format is 2; accepted is 1"),
        ('{"format": 1, "regions": 3}', "regions is 3; accepted is a list of at most 100000"),
        ('{"format": 1, "regions": [3]}', "region 1 is 3; accepted is an object"),
        ('{"format": 1, "regions": [{"id": "a", "label": "b", "start_s": 1}]}', "region 1 has no end_s"),
        ('{"format": 1, "complete": "yes"}', "complete is 'yes'; accepted is of the kind False"),
        ('{"format": 1, "revision": true}', "revision is True; accepted is of the kind 0"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "radio.labels.json"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_labels(path, "radio.wav", 10.0)
    assert str(error.value).startswith(f"{path}: {line}")
    assert "\n" not in str(error.value)


def test_two_regions_of_one_id_are_refused() -> None:
    text = json.dumps({"format": 1, "regions": [WORD.to_json(), WORD.to_json()]})
    with pytest.raises(DataError, match="two regions have the id 'p1'"):
        Labels.parse(text, 10.0)


def test_what_somebody_else_saved_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "radio.labels.json"
    first = save_labels(path, labels(WORD))
    save_labels(path, first)
    before = path.read_bytes()
    with pytest.raises(ConflictError, match="was saved elsewhere"):
        save_labels(path, first)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(SaveError, match=r"radio.labels.json: cannot be written \("):
        save_labels(tmp_path / "out" / "radio.labels.json", labels(WORD))


def test_a_disk_that_fills_up_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "radio.labels.json"
    first = save_labels(path, labels(WORD))
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SaveError, match=r"cannot be written \(the disk is full\)"):
        save_labels(path, first)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["radio.labels.json"]


def test_accepted_regions_that_overlap_are_found() -> None:
    long = Region("p2", "computer", 2.0, 6.0)
    inside = Region("p3", "stop", 3.0, 3.5)
    later = Region("p4", "stop", 5.9, 6.5)
    touching = Region("p5", "stop", 6.5, 7.0)
    rejected = Region("m1", "stop", 1.2, 1.4, "model", "rejected", 0.4)
    pairs = overlapping([WORD, long, inside, later, touching, rejected])
    assert [(first.id, second.id) for first, second in pairs] == [("p2", "p3"), ("p2", "p4")]


def test_proposals_leave_what_is_labelled_alone() -> None:
    rejected = Region("m0", "computer", 4.1, 4.4, "model", "rejected", 0.5)
    proposals = [GUESS, Region("m", "computer", 7.0, 7.5, "model", "proposed", 0.9), Region("m", "stop", 1.0, 1.5)]
    merged = labels(WORD, rejected).with_proposals(proposals, "computer from 0.3")
    assert [(region.id, region.label, region.start_s) for region in merged.regions] == [
        ("m2", "stop", 1.0),
        ("p1", "computer", 1.0),
        ("m0", "computer", 4.1),
        ("m1", "computer", 7.0),
    ]
    assert merged.proposed_by == ("computer from 0.3",)
