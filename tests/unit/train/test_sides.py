"""A folder of a few clips has both a training and a validation side, unless somebody said otherwise."""

import hashlib

from kws.train.data_config import DataConfig
from kws.train.official_split import TRAIN, VALIDATION
from kws.train.sides import SideRule


def rule(root, manifest=None):
    folders = {"keywords": {"word": ("word",)}, "negatives": ("other",), "noise": ("noise",)}
    return SideRule(DataConfig(str(root), **folders, manifest=manifest, validation_share=0.25))


def share_of(path):
    return int(hashlib.sha256(path.encode()).hexdigest()[:8], 16) / 2**32


def names_on(side, n):
    """Return names that hash to one side of a border at a quarter."""
    candidates = [f"noise/{i}.wav" for i in range(1000)]
    return [name for name in candidates if (share_of(name) < 0.25) == (side == VALIDATION)][:n]


def test_the_clip_nearest_to_the_border_changes_over(tmp_path):
    for side, other in ((TRAIN, VALIDATION), (VALIDATION, TRAIN)):
        names = names_on(side, 4)
        assert [rule(tmp_path).side(name) for name in names] == [side] * 4
        sides = rule(tmp_path).sides(names)
        assert sorted(sides) == sorted([side] * 3 + [other])
        nearest = min(names, key=lambda name: abs(share_of(name) - 0.25))
        assert names[sides.index(other)] == nearest


def test_two_sides_and_single_clips_stay_as_they_are(tmp_path):
    names = names_on(TRAIN, 2) + names_on(VALIDATION, 1)
    assert rule(tmp_path).sides(names) == [TRAIN, TRAIN, VALIDATION]
    assert rule(tmp_path).sides(names[:1]) == [TRAIN]
    assert rule(tmp_path).sides([]) == []


def test_a_manifest_and_speakers_are_not_overruled(tmp_path):
    names = names_on(TRAIN, 3)
    for row in ("{},,train", "{},anna,"):
        lines = ["path,speaker,split", *map(row.format, names)]
        (tmp_path / "manifest.csv").write_text("\n".join(lines))
        assert len(set(rule(tmp_path, "manifest.csv").sides(names))) == 1


def test_a_manifest_beside_the_clips_counts_where_the_recipes_own_says_nothing(tmp_path):
    (tmp_path / "word").mkdir()
    (tmp_path / "word" / "manifest.csv").write_text("path,speaker,split\n1.wav,anna,val\n2.wav,bo,train\n")
    (tmp_path / "all.csv").write_text("path,speaker,split\nword/2.wav,carl,val\n")
    assert [rule(tmp_path).side(f"word/{i}.wav") for i in (1, 2)] == [VALIDATION, TRAIN]
    both = rule(tmp_path, "all.csv")
    assert [both.side(f"word/{i}.wav") for i in (1, 2)] == [VALIDATION, VALIDATION]
    assert [both.speaker(f"word/{i}.wav") for i in (1, 2, 3)] == ["anna", "carl", ""]


def test_voices_of_a_computer_are_for_training_where_people_speak(tmp_path):
    names = [f"word/{i}.wav" for i in range(40)]
    lines = ["path,speaker,split,synthetic", *(f"{name},voice{i},,espeak:en" for i, name in enumerate(names))]
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    alone = rule(tmp_path).sides(names)
    assert alone.count(VALIDATION) == sum(share_of(f"voice{i}") < 0.25 for i in range(40)) > 0
    both = rule(tmp_path).sides([*names, *names_on(VALIDATION, 3)])
    assert both == [TRAIN] * 40 + [VALIDATION] * 3
    assert rule(tmp_path).is_synthetic(names[0]) and not rule(tmp_path).is_synthetic("noise/1.wav")
