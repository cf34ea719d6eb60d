"""The label page in a headless Chromium, driven as a person does: real mouse, real keys."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parents[1]
WAIT_S = 120.0
T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, seconds: float = WAIT_S) -> T:
    """Return the first true value of a look at the page; fail with `what` if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.03)
    return found


@contextmanager
def label_server(*arguments: object, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run ``kws label`` and give the address of its page; it ends as by Ctrl-C, and must end well."""
    command = [sys.executable, "-c", "from kws.cli import main; main()", "label", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.stderr.read()
        yield line.split()[-1]
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert process.returncode == 130, process.stderr.read()
        assert "Traceback" not in process.stderr.read()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def browser(width: int = 1200, height: int = 800) -> Iterator[webdriver.Chrome]:
    """Start a headless Chromium with an empty profile; nothing is fetched from elsewhere."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    assert all(programs.values()), f"the Debian packages chromium and chromium-driver are needed: {programs}"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "mute-audio"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--window-size={width},{height}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs["chromedriver"]))
    try:
        yield driver
    finally:
        driver.quit()


class LabelPage:
    """One tab with the label page."""

    def __init__(self, driver: webdriver.Chrome, address: str | None = None, wait_s: float = WAIT_S) -> None:
        self.driver = driver
        self.regions: dict[str, dict[str, Any]] = {}
        if address is not None:
            driver.get(address)
        self.wait_until_open(wait_s)

    def wait_until_open(self, wait_s: float = WAIT_S) -> None:
        """Wait until the recording is drawn."""
        wait_for(lambda: self.data("file") == "open" and self.data("view") == "ready", "an open recording", wait_s)

    def js(self, code: str, *arguments: Any) -> Any:
        """Evaluate an expression in the page."""
        return self.driver.execute_script(f"return {code}", *arguments)

    def data(self, name: str) -> str | None:
        """Return what the page says of itself, such as whether the window is ready."""
        value: str | None = self.js("document.body.dataset[arguments[0]]", name)
        return value

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.js("document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def press(self, *keys: str, held: Sequence[str] = ()) -> None:
        """Press keys, one after the other."""
        chain = ActionChains(self.driver, duration=0)
        for key in held:
            chain.key_down(key)
        for key in keys:
            chain.send_keys(key)
        for key in held:
            chain.key_up(key)
        chain.perform()

    def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        self.driver.find_element("css selector", selector).click()

    def drag(self, from_share: float, to_share: float, height: float = 0.7) -> None:
        """Drag the mouse over the waveform, between shares of its width."""
        box = self.js("document.querySelector('#wave').getBoundingClientRect().toJSON()")
        x, to_x = (round(box["x"] + share * box["width"]) for share in (from_share, to_share))
        chain = ActionChains(self.driver, duration=30)
        chain.w3c_actions.pointer_action.move_to_location(x, round(box["y"] + height * 130)).pointer_down()
        steps = 6
        for step in range(1, steps + 1):
            at = round(x + (to_x - x) * step / steps)
            chain.w3c_actions.pointer_action.move_to_location(at, round(box["y"] + height * 130))
        chain.w3c_actions.pointer_action.pointer_up()
        chain.perform()

    def saved(self) -> None:
        """Wait until the page says that everything is saved."""
        wait_for(lambda: self.text("#status") == "saved", "saved")

    def rows(self) -> list[str]:
        """Return the lines of the list of regions."""
        return list(
            self.js("[...document.querySelectorAll('#regions li')].map(row => row.innerText.replace(/\\s+/g, ' '))")
        )

    def banner(self, name: str) -> str:
        """Return the line of a banner."""
        return self.text(f'.banner[data-name="{name}"] span')

    def complaints(self) -> list[str]:
        """Return what the browser's console holds against the page."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


__all__ = ["Keys", "LabelPage", "browser", "label_server", "wait_for"]
