"""`kws record` as a person uses it: in a pseudo-terminal, with words spoken into a virtual microphone."""

from __future__ import annotations

import csv
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pexpect
import pytest
import soundfile

from kws.audio import read_audio, to_pcm16
from tests.sound_card import SoundCard, sound_card

ROOT = Path(__file__).parents[2]
COMMAND = ["-m", "data_tools.record"]
DEMO = ROOT / "kws" / "assets" / "demo.flac"
# Where three of the demo's words end that stand alone.
WORD_ENDS_S = (20.93, 55.93, 49.47)
# A word is over half a second after its end; a busy machine hears it later.
TAKE_S = 30


@pytest.fixture(scope="module")
def words():
    samples = to_pcm16(read_audio(DEMO))
    return [samples[round((end_s - 0.75) * 16_000) : round((end_s + 0.35) * 16_000)] for end_s in WORD_ENDS_S]


@pytest.fixture(scope="module")
def card():
    with sound_card(2) as opened:
        yield opened


def environment(card):
    return {**os.environ, **card.environment, "TERM": "xterm", "PYTHONPATH": str(ROOT)}


def spawn(card, *arguments):
    command = [*COMMAND, *map(str, arguments)]
    return pexpect.spawn(
        sys.executable, command, env=environment(card), cwd=ROOT, dimensions=(24, 250), encoding="utf-8", timeout=TAKE_S
    )


def wait_until_it_listens(program):
    program.expect("say “computer”")
    # The meter moves with the first audio; the card has two channels of silence, which is shown as -70 dB.
    program.expect("-70 dB")
    time.sleep(0.5)


def end(program):
    program.expect(pexpect.EOF)
    program.close()
    return program.exitstatus


def rows(folder):
    return list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))


def run(*arguments, **options):
    command = [sys.executable, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, **options)


def test_three_takes_undo_stop_and_going_on(card, words, tmp_path):
    program = spawn(card, "computer", "--out", tmp_path, "--room", "kitchen", "--channels", 2)
    program.expect("Who speaks")
    program.sendline("anna")
    wait_until_it_listens(program)
    for number, word in enumerate(words, 1):
        # The second microphone hears half as much.
        card.play(np.stack([word, word // 2]))
        program.expect(f"computer-000{number}.flac: ")
    program.send("p")
    program.expect("playing computer-0003.flac")
    program.send("u")
    program.expect("computer-0003.flac is taken back")
    program.send("q")
    assert end(program) == 0
    assert [row["path"] for row in rows(tmp_path)] == ["computer/computer-0001.flac", "computer/computer-0002.flac"]
    first = rows(tmp_path)[0]
    assert (first["label"], first["speaker"], first["room"], first["device"]) == (
        "computer",
        "anna",
        "kitchen",
        "default",
    )
    # What was said, to the bit, and both microphones of it.
    take = to_pcm16(read_audio(tmp_path / first["path"]))
    assert 0.4 < len(take) / 16_000 < 1.1
    spoken = words[0].tobytes()
    assert take[4000:8000].tobytes() in spoken
    original, _ = soundfile.read(tmp_path / first["original"], dtype="int16")
    np.testing.assert_array_equal(original[:, 0], take)
    np.testing.assert_array_equal(original[:, 1], take // 2)

    # The next day: the speaker is known, the count goes on, and Ctrl-C ends it too.
    program = spawn(card, "computer", "--out", tmp_path)
    program.expect(r"Who speaks \[anna\]")
    program.sendline("")
    program.expect("2 takes")
    wait_until_it_listens(program)
    card.play(np.stack([words[2], words[2]]))
    program.expect("computer-0003.flac: ")
    program.send(" ")
    program.expect("paused: space goes on")
    program.sendintr()
    assert end(program) == 130
    assert [row["speaker"] for row in rows(tmp_path)] == ["anna"] * 3
    # One microphone twice is one microphone.
    assert rows(tmp_path)[2]["original"] == ""


def test_lines_through_pipes(card, words, tmp_path):
    command = [sys.executable, *COMMAND, "computer", "--out", str(tmp_path), "--speaker", "anna", "--takes", "2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=environment(card), text=True, bufsize=1, **pipes) as program:
        assert program.stdout.readline() == "0 of 2 takes: say “computer”\n"
        time.sleep(0.5)
        card.play(np.stack([words[0]] * 2))
        assert program.stdout.readline().startswith("✓ computer-0001.flac: ")
        program.stdin.write("undo\n")
        assert program.stdout.readline() == "↶ computer-0001.flac is taken back\n"
        for number in (1, 2):
            card.play(np.stack([words[number]] * 2))
            assert program.stdout.readline().startswith(f"✓ computer-000{number}.flac: ")
        out, err = program.communicate(timeout=TAKE_S)
    assert (program.returncode, err, out) == (0, "", f"{tmp_path / 'computer'}: 2 of 2 takes\n")


def test_a_disk_that_fills_up_keeps_the_take_until_there_is_room(card, words, tmp_path):
    def limit_files(n_bytes):
        # What a full disk is to a process.
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))

    program = spawn(card, "computer", "--out", tmp_path, "--speaker", "anna")
    wait_until_it_listens(program)
    limit_files(3000)
    card.play(np.stack([words[0]] * 2))
    program.expect("cannot be written")
    program.expect("make room")
    assert not list(tmp_path.rglob("*.flac"))
    limit_files(resource.RLIM_INFINITY)
    program.send(" ")
    program.expect("computer-0001.flac: ")
    program.send("q")
    assert end(program) == 0
    (row,) = rows(tmp_path)
    assert row["speaker"] == "anna" and len(read_audio(tmp_path / row["path"])) > 6000


@pytest.mark.parametrize("fault", ["kill", "unplug"])
def test_a_microphone_that_goes_in_a_take(words, tmp_path, fault):
    with sound_card() as card:
        program = spawn(card, "computer", "--out", tmp_path, "--speaker", "anna")
        wait_until_it_listens(program)
        card.play(words[0])
        program.expect("computer-0001.flac: ")
        # A vowel for 2.4 s, loud throughout.
        card.play(np.tile(words[0][7460:10_660], 12))
        program.expect("hearing you")
        if fault == "kill":
            card.kill()
            program.expect("trying again until it is there")
            card.start()
        else:
            card.unplug()
            program.expect("trying again until it is there")
            card.replug()
        program.expect("back after")
        time.sleep(1.0)
        card.play(words[2])
        program.expect("computer-0002.flac: ")
        os.kill(program.pid, signal.SIGTERM)
        assert end(program) == 143
    # All that has a row is there and whole, and nothing else is.
    names = [row["path"] for row in rows(tmp_path)]
    assert names == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.flac"))
    assert all(len(read_audio(tmp_path / name)) > 6000 for name in names)
    # What was cut is none of them.
    assert len(names) == 2


def test_the_room(card, tmp_path):
    noise = np.random.default_rng(0).normal(0, 100, (2, 64_000)).astype(np.int16)
    card.play(noise)
    result = run("--background", "--seconds", 2, "--out", tmp_path, "--room", "car", env=environment(card))
    assert (result.returncode, result.stderr) == (0, "")
    assert "background-0001.flac: 2.0 s, -" in result.stdout
    (row,) = rows(tmp_path)
    assert (row["path"], row["label"], row["room"]) == ("background/background-0001.flac", "noise", "car")
    assert row["duration_s"] == "2.000"


def test_six_hours_in_little_memory(words, tmp_path):
    path, rate_hz = tmp_path / "memo.wav", 16_000
    n_samples = 6 * 3600 * rate_hz
    with path.open("wb") as file:
        # A header, and a hole as large as the audio: digital silence.
        header = b"RIFF" + (36 + 2 * n_samples).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        header += b"".join(v.to_bytes(n, "little") for v, n in ((1, 2), (1, 2), (rate_hz, 4), (2 * rate_hz, 4)))
        header += (
            (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + (2 * n_samples).to_bytes(4, "little")
        )
        file.write(header)
        file.truncate(len(header) + 2 * n_samples)
        for at_s, word in ((10, words[0]), (3 * 3600, words[1]), (6 * 3600 - 5, words[2])):
            file.seek(len(header) + 2 * at_s * rate_hz)
            file.write(word.tobytes())
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from kws.cli import main\n"
        "try: main('record', sys.argv[1:])\n"
        # Not ru_maxrss, which a process inherits from the one that starts it.
        "finally: print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)\n"
    )
    command = [sys.executable, "-c", program, "computer", "--from", str(path), "--out", str(tmp_path), "--speaker", "a"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    said, peak_mb = result.stdout.splitlines()
    assert said == f"{path}: 3 new, 0 left out; {tmp_path / 'computer'}: 3 takes"
    # 691 MB of audio.
    assert int(peak_mb) < 150
    starts_s = [float(row["source_start_s"]) for row in rows(tmp_path)]
    assert [round(start_s - at_s) for start_s, at_s in zip(starts_s, (10, 10_800, 21_595), strict=True)] == [0, 0, 0]
    assert {row["source"] for row in rows(tmp_path)} == {"memo.wav"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "no WORD was given"),
        (("🎤",), "WORD is '🎤'"),
        (("original",), "WORD is 'original'"),
        (("computer", "--background"), "--background and WORD 'computer'"),
        (("--background", "--seconds", "0"), "seconds is 0.0"),
        (("computer", "--from", "nowhere.wav", "--speaker", "a"), "nowhere.wav: no such file"),
        (("computer", "--from", "README.md", "--speaker", "a"), "README.md: not readable as audio"),
        (("computer", "--from", str(DEMO), "--device", "usb"), "--from and a microphone"),
        (("computer", "--out", "README.md"), "--out README.md is a file"),
        (("computer",), "nobody can be asked who speaks; accepted is --speaker NAME"),
        (("computer", "--speaker", "a"), "no microphone was found"),
        (("computer", "--speaker", "a", "--takes", "0"), "--takes"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, expected, tmp_path):
    # A card whose daemon does not run.
    nowhere = {**os.environ, **SoundCard(tmp_path).environment}
    out = () if "--out" in arguments else ("--out", tmp_path / "takes")
    result = run(*arguments, *out, env=nowhere, stdin=subprocess.DEVNULL)
    assert result.returncode == 2 and expected in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert not (tmp_path / "takes").exists()


def test_a_long_recording_that_breaks_off_leaves_no_empty_folder(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.01, 5 * 16_000)
    soundfile.write(tmp_path / "memo.flac", noise, 16_000)
    whole = (tmp_path / "memo.flac").read_bytes()
    (tmp_path / "memo.flac").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "new" / "takes"
    result = run("computer", "--from", tmp_path / "memo.flac", "--out", out, "--speaker", "anna")
    assert result.returncode == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memo.flac"]
