"""The label page as a person uses it, in a real browser: mouse, keys, two tabs, and what goes wrong."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from selenium import webdriver

from tests.browser import Keys, LabelPage, browser, label_server, wait_for
from tests.tiny_model import bursts, write_tiny_model


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    with browser() as driver:
        yield driver


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Ten seconds in which the tiny model hears four words."""
    soundfile.write(tmp_path / "talk.wav", bursts((1.0, 3.0, 5.0, 7.0), 10.0), 16_000)
    return tmp_path / "talk.wav"


@pytest.fixture(autouse=True)
def one_tab(driver: webdriver.Chrome) -> Iterator[None]:
    yield
    for handle in driver.window_handles[1:]:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    driver.get("about:blank")
    # What a page says after its server has ended is not the next test's.
    driver.get_log("browser")


def on_disk(talk: Path) -> list[dict]:
    return list(json.loads(talk.with_name("talk.labels.json").read_text())["regions"])


def test_a_region_is_drawn_played_moved_undone_and_survives_a_reload(driver: webdriver.Chrome, talk: Path) -> None:
    with label_server(talk, "--keyword", "loud", "--keyword", "stop") as address:
        page = LabelPage(driver, address)
        page.drag(0.30, 0.35)
        page.saved()
        (region,) = wait_for(lambda: talk.with_name("talk.labels.json").exists() and on_disk(talk), "a saved region")
        # Ten seconds across the page: pixels are about 9 ms.
        assert (region["start_s"], region["end_s"]) == pytest.approx((3.0, 3.5), abs=0.03)
        assert (region["label"], region["state"], region["source"]) == ("loud", "accepted", "person")
        page.press("p")
        wait_for(lambda: page.js("document.querySelector('#clock').textContent").startswith("0:03"), "the region plays")
        wait_for(lambda: "Pause" in page.text("#play"), "the button says so")
        wait_for(lambda: "Play" in page.text("#play"), "it ends with the region")
        page.press("2")
        wait_for(lambda: on_disk(talk)[0]["label"] == "stop", "the other keyword")
        # The middle of the region is dragged by a twentieth of the page.
        page.drag(0.325, 0.375, 0.4)
        wait_for(lambda: on_disk(talk)[0]["start_s"] == pytest.approx(region["start_s"] + 0.5, abs=0.03), "it moved")
        page.press(Keys.ARROW_RIGHT, held=[Keys.CONTROL])
        wait_for(lambda: on_disk(talk)[0]["end_s"] == pytest.approx(region["end_s"] + 0.51, abs=0.03), "its end moved")
        page.press("z", held=[Keys.CONTROL])
        page.press("z", held=[Keys.CONTROL])
        wait_for(lambda: on_disk(talk)[0]["start_s"] == region["start_s"], "undone")
        driver.refresh()
        page.wait_until_open()
        assert page.rows() == [f"0:0{region['start_s']:.2f} stop accepted"]
        wait_for(lambda: page.data("writer") == "true", "the tab that was loaded anew writes")
        page.click("#regions li")
        page.press(Keys.DELETE)
        wait_for(lambda: on_disk(talk) == [], "deleted")
        page.click("#complete")
        wait_for(lambda: json.loads(talk.with_name("talk.labels.json").read_text())["complete"], "complete")
        assert page.text("#file-counts") == "1 of 1 complete"
        assert page.complaints() == []


def test_proposals_are_decided_with_one_key_each(driver: webdriver.Chrome, talk: Path) -> None:
    model = write_tiny_model(talk.with_name("tiny.onnx"))
    with label_server(talk, "--model", model) as address:
        page = LabelPage(driver, address)
        assert [row.split()[1::2] for row in page.rows()] == [["loud", "waiting"]] * 4
        page.press(Keys.ENTER, "x", "a")
        page.saved()
        wait_for(
            lambda: [r["state"] for r in on_disk(talk)] == ["accepted", "rejected", "accepted", "proposed"], "decided"
        )
        assert "2 accepted, 1 waiting, 4 in all" in page.text("#region-counts")
        starts = [region["start_s"] for region in on_disk(talk)]
        assert starts == pytest.approx([1.0, 3.0, 5.0, 7.0], abs=0.06)
        assert page.complaints() == []


def test_a_second_tab_is_told_and_takes_over(driver: webdriver.Chrome, talk: Path) -> None:
    with label_server(talk, "--keyword", "loud") as address:
        first = LabelPage(driver, address)
        first.drag(0.1, 0.15)
        first.saved()
        here = driver.current_window_handle
        driver.switch_to.new_window("tab")
        second = LabelPage(driver, address)
        wait_for(
            lambda: "open in another tab; this one only reads" in second.banner("writer"), "the second tab is told"
        )
        second.drag(0.5, 0.6)
        second.press("i", "d")
        assert len(second.rows()) == 1 and len(on_disk(talk)) == 1
        second.click('.banner[data-name="writer"] button')
        wait_for(lambda: second.data("writer") == "true" and second.data("file") == "open", "it takes over")
        second.wait_until_open()
        second.press("i")
        wait_for(lambda: len(on_disk(talk)) == 2, "it writes")
        driver.switch_to.window(here)
        wait_for(lambda: "only reads" in first.banner("writer"), "the first tab is told")
        first.press("i")
        assert len(on_disk(talk)) == 2


def test_what_cannot_be_saved_is_told_and_saved_later(driver: webdriver.Chrome, talk: Path) -> None:
    out = talk.with_name("out")
    out.write_text("a file where the folder of labels should be")
    with label_server(talk, "--keyword", "loud", "--out", out) as address:
        page = LabelPage(driver, address)
        page.drag(0.3, 0.35)
        wait_for(lambda: "cannot be written" in page.banner("save"), "the page says so")
        assert page.text("#status") == "not saved"
        # The page is loaded anew before it could be saved: the draft is still there.
        page.js("window.onbeforeunload = null, document.querySelector('#status').dataset.state = ''")
        driver.refresh()
        page.wait_until_open()
        assert len(wait_for(page.rows, "the draft")) == 1
        out.unlink()
        wait_for(lambda: (out / "talk.labels.json").exists(), "saved by itself")
        page.saved()
        assert page.banner("save") == ""


def test_labels_that_another_program_saved_are_not_overwritten(driver: webdriver.Chrome, talk: Path) -> None:
    labels = talk.with_name("talk.labels.json")
    with label_server(talk, "--keyword", "loud") as address:
        page = LabelPage(driver, address)
        page.drag(0.1, 0.15)
        wait_for(labels.exists, "a saved region")
        page.saved()
        theirs = json.loads(labels.read_text())
        theirs["regions"][0]["label"] = "theirs"
        labels.write_text(json.dumps(theirs | {"revision": 9}))
        page.drag(0.5, 0.55)
        wait_for(lambda: "was saved elsewhere" in page.banner("conflict"), "the page says so")
        assert [region["label"] for region in on_disk(talk)] == ["theirs"]
        page.click('.banner[data-name="conflict"] button:first-of-type')
        wait_for(lambda: len(on_disk(talk)) == 2, "kept as the person chose")
        page.saved()


def test_a_bad_file_is_one_line_and_the_next_one_opens(driver: webdriver.Chrome, talk: Path) -> None:
    folder = talk.with_name("all")
    folder.mkdir()
    shutil.copy(talk, folder / "b.wav")
    (folder / "a.wav").write_bytes(b"no audio")
    shutil.copy(talk, folder / "c.wav")
    (folder / "c.labels.json").write_text('{"format": 1, "regions": [{"id": "x"}]}')
    with label_server(folder, "--keyword", "loud") as address:
        driver.get(address)
        page = LabelPage.__new__(LabelPage)
        page.driver = driver
        wait_for(lambda: "not readable as audio" in page.banner("file"), "the bad file is told")
        page.press(".")
        page.wait_until_open()
        assert page.text("#file-name") == "b.wav" and page.banner("file") == ""
        page.press(".")
        wait_for(lambda: "c.labels.json: region 1 has no" in page.banner("file"), "the malformed labels are told")
        page.press("i")
        assert (folder / "c.labels.json").read_text() == '{"format": 1, "regions": [{"id": "x"}]}'
        (folder / "b.wav").unlink()
        page.press(",")
        wait_for(
            lambda: "b.wav: no such file" in page.banner("audio") + page.banner("file"), "the vanished file is told"
        )
