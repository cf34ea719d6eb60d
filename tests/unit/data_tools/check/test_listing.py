"""Which clips there are, and what folders, names and manifests say of them."""

from pathlib import Path

import pytest

from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, RIR, STREAM, Segment
from data_tools.check.listing import Group, list_folder, list_groups
from kws.errors import ConfigError, DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_folders_are_classes(tmp_path: Path) -> None:
    touch(tmp_path, "up/a.wav", "words/down/b.FLAC", "c.ogg", "up/.hidden.wav", "up/notes.txt", "up/d.m4a")
    listing = list_folder(tmp_path)
    assert [(clip.name, clip.label) for clip in listing.clips] == [
        ("c.ogg", tmp_path.name),
        ("up/a.wav", "up"),
        ("words/down/b.FLAC", "words/down"),
    ]
    assert listing.foreign == ["up/d.m4a"]
    assert not listing.is_told and listing.manifest.name == ""


def test_all_channels_of_a_take_are_no_further_clip(tmp_path: Path) -> None:
    touch(tmp_path, "up/a.flac", "original/up/a.flac")
    (tmp_path / "manifest.csv").write_text("path,label,original\nup/a.flac,up,original/up/a.flac\n")
    listing = list_folder(tmp_path)
    assert [clip.name for clip in listing.clips] == ["up/a.flac"]
    assert listing.manifest.unlisted == []


@pytest.mark.parametrize(
    ("folder", "role"),
    [
        ("computer", KEYWORD),
        ("speech_commands/bed", KEYWORD),
        ("noisette", NOISE),
        ("_background_noise_", NOISE),
        ("rir", RIR),
        ("negatives", NEGATIVE),
        ("not_wake_word", NEGATIVE),
        ("_unknown_", NEGATIVE),
        ("speech", NEGATIVE),
        ("nothing", KEYWORD),
    ],
)
def test_roles_are_guessed_from_names(tmp_path: Path, folder: str, role: str) -> None:
    touch(tmp_path, f"{folder}/a.wav")
    assert [clip.role for clip in list_folder(tmp_path).clips] == [role]


def test_keywords_can_be_told(tmp_path: Path) -> None:
    touch(tmp_path, "up/a.wav", "down/a.wav", "noise/a.wav")
    listing = list_folder(tmp_path, ["up"])
    assert {clip.label: clip.role for clip in listing.clips} == {"up": KEYWORD, "down": NEGATIVE, "noise": NOISE}
    assert listing.is_told
    with pytest.raises(ConfigError, match="keyword is 'left'; accepted are .* down, noise, up"):
        list_folder(tmp_path, ["left"])


def test_split_folders(tmp_path: Path) -> None:
    touch(tmp_path, "train/up/a.wav", "val/up/b.wav", "up/c.wav")
    assert {clip.name: (clip.label, clip.split) for clip in list_folder(tmp_path).clips} == {
        "train/up/a.wav": ("up", "train"),
        "val/up/b.wav": ("up", "val"),
        "up/c.wav": ("up", ""),
    }


def test_speech_commands_speakers_and_lists(tmp_path: Path) -> None:
    touch(tmp_path, "bed/0a7c2a8d_nohash_0.wav", "bed/1b7c2a8d_nohash_1.wav", "bed/2b7c2a8d_nohash_0.wav")
    (tmp_path / "validation_list.txt").write_text("bed/1b7c2a8d_nohash_1.wav\n")
    (tmp_path / "testing_list.txt").write_text("bed/2b7c2a8d_nohash_0.wav\n")
    found = {clip.speaker: clip.split for clip in list_folder(tmp_path).clips}
    assert found == {"0a7c2a8d": "training", "1b7c2a8d": "validation", "2b7c2a8d": "testing"}


def test_a_manifest_says_more(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.wav", "x/b.wav", "x/c.wav")
    (tmp_path / "manifest.csv").write_text(
        "path,label,speaker,split,kw_start_s,kw_end_s\n"
        "x/a.wav,up,anna,train,0.25,1.5\nx/b.wav,neg:talk,-,unsplit,,\nx/gone.wav,up,,,,\nx/a.wav,up,anna,train,,1\n",
        encoding="utf-8-sig",
    )
    listing = list_folder(tmp_path)
    first, second, third = listing.clips
    assert (second.label, second.role, second.speaker, second.split) == ("neg:talk", NEGATIVE, "", "")
    assert (first.label, first.speaker, first.split) == ("up", "anna", "train")
    assert (third.label, third.row) == ("x", {})
    assert listing.manifest.missing == ["x/gone.wav"]
    assert listing.manifest.unlisted == ["x/c.wav"]
    assert listing.manifest.repeated == ["x/a.wav"]
    assert listing.manifest.unreadable == [("x/a.wav", "kw_end_s is '1' without the other")]


def test_times_and_segments(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.wav", "c.wav")
    (tmp_path / "manifest.csv").write_text(
        'path,start_s,end_s,segments\na.wav,0.25,1.5,\nb.wav,,,"[{""label"": ""up"", ""start_s"": 1, ""end_s"": 2}]"\n'
        'c.wav,,,"[{""label"": 3"\n'
    )
    listing = list_folder(tmp_path)
    assert listing.clips[0].segments == (Segment(tmp_path.name, 0.25, 1.5),)
    assert listing.clips[1].segments == (Segment("up", 1.0, 2.0),)
    assert [clip.role for clip in listing.clips] == [KEYWORD, STREAM, KEYWORD]
    assert listing.manifest.unreadable == [("c.wav", "segments are '[{\"label\": 3'")]


def test_nothing_to_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        list_folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no audio"):
        list_folder(tmp_path)
    touch(tmp_path, "a.wav")
    (tmp_path / "manifest.csv").write_text("file,label\na.wav,up\n")
    with pytest.raises(DataError, match="has no column path; it has file, label"):
        list_folder(tmp_path)
    (tmp_path / "manifest.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(DataError, match="manifest cannot be read"):
        list_folder(tmp_path)


def test_groups_of_a_recipe(tmp_path: Path) -> None:
    touch(tmp_path, "up/a.wav", "talk/b.wav", "talk/deep/c.wav", "other/d.wav")
    (tmp_path / "rows.csv").write_text("path,speaker,split\nup/a.wav,anna,train\nother/d.wav,,\ntalk/gone.wav,,\n")
    groups = [Group(KEYWORD, "word", ("up",)), Group(NEGATIVE, "", ("talk",))]
    listing = list_groups(tmp_path, groups, "rows.csv", lambda name: ("validation", f"voice of {name}"))
    assert [(c.name, c.label, c.role, c.split, c.speaker) for c in listing.clips] == [
        ("up/a.wav", "word", KEYWORD, "validation", "voice of up/a.wav"),
        ("talk/b.wav", "talk", NEGATIVE, "validation", "voice of talk/b.wav"),
        ("talk/deep/c.wav", "talk", NEGATIVE, "validation", "voice of talk/deep/c.wav"),
    ]
    # Rows of folders that the recipe does not name are not its business.
    assert listing.manifest.missing == ["talk/gone.wav"]
    assert listing.manifest.unlisted == ["talk/b.wav", "talk/deep/c.wav"]
    assert listing.is_told
