"""The page as a browser gets it: whole, on its own, and safe from the names it shows."""

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import DataError
from kws.evaluate.report import mistakes, write_report
from kws.evaluate.subject import Subject

VOID = {"meta", "br", "img", "link", "input", "hr"}
HOSTILE = '<script>alert("x")</script>\'"&{{ 7 * 7 }}$x$.wav'


class Page(HTMLParser):
    """Tags with their attributes, and text; fails where tags do not close each other."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def one(scored, negative, subject) -> Subject:
    """Two misses and a hit as recorded, one of two words in noise, one false accept; two speakers, both folds."""
    return subject(
        [
            scored("a", {3.2: 0.9}, speaker="anna", fold="A"),
            scored("b", {3.0: 0.4}, speaker="ben", fold="B"),
            scored("c", {}, speaker="ben", fold="B"),
            scored("d", {3.1: 0.8}, condition="noise 5 dB", speaker="anna", fold="A", attributes={"snr_db": "5"}),
            scored("e", {}, condition="noise 10 dB", speaker="ben", fold="B", attributes={"snr_db": "10"}),
            negative("n1", {30.0: 0.7}, fold="A"),
            negative("n2", {30.0: 0.2}, fold="B"),
        ]
    )


def page(path: Path, *subjects: Subject, **options) -> Page:
    write_report(path, *subjects, rng=np.random.default_rng(0), n_resamples=200, **options)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def source(tmp_path_factory, one) -> str:
    """The page of one model, with facts and a note."""
    path = tmp_path_factory.mktemp("page") / "r.html"
    page(path, one, facts=[("data", "ours"), ("date", "1 May")], notes=["Mind the gap."])
    return path.read_text(encoding="utf-8")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_it_says_what_was_found(source):
    text = squeezed(Page(source).text)
    # 2 of 3: Wilson 20.8 to 93.9 %. One event in two minutes: 30 an hour.
    assert "model.onnx misses 2 of 3 words as recorded (66.7 %, 95 % interval 20.8–93.9) and fires once" in text
    assert "0.5000, as the model file has it" in text
    assert "dataours" in text and "date1 May" in text and "Mind the gap." in text
    assert "Each miss (3)" in text and "Each false accept (1)" in text
    assert "1 in the recordings without the word, which the rate counts; 0 in recordings with words" in text
    for title in ("Every other threshold", "By level of the other sound", "By speaker", "How soon", "Scores as prob"):
        assert title in text


def test_it_needs_nothing_else(source):
    found = Page(source)
    assert "http:" not in source and "https:" not in source and "//" not in re.sub(r'data:[^"]*', "", source)
    assert not found.all("script") and not found.all("link") and "@import" not in source
    for _, attributes in found.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    (policy,) = [tag["content"] for tag in found.all("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_each_mistake_can_be_heard_and_seen(source):
    found = Page(source)
    sounds = found.all("audio")
    assert len(sounds) == 4
    for tag in sounds:
        head, data = tag["src"].split(",", 1)
        samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(data)))
        # 2.2 s before the word's end at 3 s, or the event, to 1.2 s after it.
        assert (head, rate_hz, len(samples)) == ("data:audio/mpeg;base64", 16_000, round(3.4 * 16_000))
        assert "controls" in tag and tag["aria-label"].startswith("3.4 s around the")
    assert len(found.all("image")) == len(found.all("polyline")) == 4


def test_it_can_be_read_without_seeing(source):
    found = Page(source)
    assert found.all("html")[0]["lang"] == "en" and len(found.all("h1")) == 1 and len(found.all("main")) == 1
    pictures = [tag for tag in found.all("svg") if "viewbox" in tag and tag.get("class")]
    assert len(pictures) >= 8 and all(tag["role"] == "img" and tag["aria-label"] for tag in pictures)
    assert found.all("th") and all(tag.get("scope") in ("row", "col") for tag in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table"))
    ids = [tag["id"] for _, tag in found.tags if "id" in tag]
    assert len(ids) == len(set(ids))
    assert {tag["href"][1:] for tag in found.all("a")} <= set(ids)


def test_names_are_text_and_nothing_else(tmp_path, scored, negative, subject):
    items = [
        scored("w", {}, condition=HOSTILE, sources=(HOSTILE,), speaker=HOSTILE, attributes={HOSTILE: HOSTILE}),
        scored("v", {}, condition="clean", speaker="b", attributes={HOSTILE: "other"}),
        negative("n", {30.0: 0.9}, attributes={"set": HOSTILE}),
    ]
    found = page(tmp_path / "r.html", subject(items, HOSTILE), facts=[(HOSTILE, HOSTILE)], notes=[HOSTILE])
    assert not found.all("script") and not any(name.startswith("on") for _, tag in found.tags for name in tag)
    # Head, note, fact, list of misses, tables, ...; never computed, never cut.
    assert found.text.count(HOSTILE) >= 8 and "49" not in re.findall(r"\b\d+\$x\$", found.text)


def test_two_models(tmp_path, one, scored):
    better = [scored("b", {3.0: 0.9}) if item.trial.name == "b" else item for item in one.scored]
    better = [dataclasses.replace(new, trial=old.trial) for new, old in zip(better, one.scored, strict=True)]
    worse_elsewhere = dataclasses.replace(better[0], scores=np.zeros_like(better[0].scores))
    other = dataclasses.replace(one, name="new.onnx", scored=[worse_elsewhere, *better[1:]])
    found = page(tmp_path / "r.html", one, other)
    text = squeezed(found.text)
    assert (
        "model.onnx against new.onnx" in text
        and "Each at its own threshold" in text
        and "At equal false accepts" in text
    )
    assert "clean: new.onnx misses as many of 3 as model.onnx, 1 of them other words" in text
    assert "Words that only one model missed (2)" in text and "False accepts that only one model made (0)" in text
    assert len(found.all("audio")) == 2 and len(found.all("polyline")) == 4
    assert "clean: misses (probit axis)" in text and "noise 5 dB: misses (probit axis)" in text


def test_many_mistakes_are_counted(tmp_path, scored, subject, monkeypatch):
    monkeypatch.setattr(mistakes, "MAX_SHOWN", 2)
    found = page(tmp_path / "r.html", subject([scored(f"w{i}", {}) for i in range(7)]))
    assert len(found.all("audio")) == 2 and "5 more not shown" in found.text


def test_words_only(tmp_path, scored, subject):
    found = page(tmp_path / "r.html", subject([scored("a", {3.0: 0.9}), scored("b", {})]))
    text = squeezed(found.text)
    assert "There are no hours without the word" in text and "Every other threshold" not in text
    assert "Scores as probabilities" not in text


def test_hours_only(tmp_path, negative, subject):
    found = page(tmp_path / "r.html", subject([negative("n", {})]))
    text = squeezed(found.text)
    assert "No word was said" in text and "Each false accept (0)" in text and "None." in text


def test_temperature_from_other_recordings(tmp_path, one, scored, negative, subject):
    others = subject([scored("x", {3.0: 0.6}), scored("y", {3.0: 0.3}), negative("m", {10.0: 0.55, 20.0: 0.2})])
    text = squeezed(page(tmp_path / "r.html", one, fitted_on=others).text)
    assert "model.onnx, temperature" in text
    # One half has no words: nothing to fit on, and the page says so.
    alone = dataclasses.replace(
        one, scored=[dataclasses.replace(i, trial=dataclasses.replace(i.trial, fold="A")) for i in one.scored]
    )
    assert "no other recordings to fit a temperature on" in squeezed(page(tmp_path / "s.html", alone).text)


def test_the_same_seed_is_the_same_page(tmp_path, one):
    page(tmp_path / "a.html", one)
    page(tmp_path / "b.html", one)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_the_file_is_replaced_whole(tmp_path, one, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("before")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        page(path, one)
    assert path.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_nothing_to_report(tmp_path, scored, subject):
    for items in ([], [scored("a", {}, audio_s=0.01)]):
        with pytest.raises(DataError, match="at least one trial"):
            page(tmp_path / "r.html", subject(items))
