"""The rules for the documents refuse what is wrong, one defect at a time, and accept the sound form of each."""

from __future__ import annotations

import pytest

from tests.document_blocks import BLOCK_RULES, complaints_of, of_jvm
from tests.document_commands import complaint_of
from tests.documents import Block, blocks_of, code_in_lines, commands_of

COMMANDS = {
    "kws run --source a.wav --threshold 0.7": None,
    "kws run --threshold 0.7": None,
    "kws run --treshold 0.7": "No such option",
    "kws run --source": "requires an argument",
    "kws run --model": "requires an argument",
    "kws run --max-seconds soon": "max-seconds",
    "kws run more": "unexpected extra argument",
    "kws export": "Missing",
    "kws fly": "no command 'fly'",
    "kws label radio.flac --keyword computer": None,
    "kws label export radio.flac --manifest test/manifest.csv": None,
    "kws label export radio.flac --keywrd computer": "No such option",
    "kws data check recordings/ --keyword computer": None,
    "kws data chck recordings/": "has no command",
    "kws install-service --user -- --device usb": None,
    "kws install-service --user -- --devise usb": "kws run: No such option",
    "python train.py recipes/computer.toml --out runs/computer": None,
    "python train.py recipes/gone.toml --out runs/computer": "recipes/gone.toml is not there",
    "python train.py recipes/computer.toml --uot runs/computer": "No such option",
    "python -m data_tools.record computer --takes 5": None,
    "python -m data_tools.record computer --taks 5": "No such option",
    "python -m data_tools.split x": "has no __main__.py",
    "python benchmarks/latency.py --words 100 [--load]": None,
    "python benchmarks/latency.py --word 100": "has no ['--word']",
    "python benchmarks/gone.py": "is not there",
    "accelerate launch --num_processes 2 train.py recipes/computer.toml --out runs/computer": None,
    "accelerate launch --num_proceses 2 train.py recipes/computer.toml --out runs/computer": "has no",
    "accelerate launch --num_processes 2 train.py recipes/computer.toml --uot x": "No such option",
    "make test PYTEST_ARGS=x": None,
    "make tset": "no target tset",
    "make test PYTEST_ARG=x": "nothing reads PYTEST_ARG",
    "pip install -e '.[onnx,mic]'": None,
    "pip install -e '.[onnx,mike]'": "no extra ['mike']",
    "pip install left-pad": "no extra names it",
    "pip uninstall kws-toolkit": "no rule covers",
    "sudo apt-get install -y git portaudio19-dev": None,
    "apt-get install libgone-dev": "libgone-dev",
    "sh tools/make_venv.sh .venv": None,
    "sh tools/gone.sh": "is not there",
    "sh tools/make_venv.sh --gone": "does not know",
    "sh export/raspberry_pi/install.sh --service -- --device usb": None,
    "sh export/raspberry_pi/install.sh --service -- --devise usb": "kws run: No such option",
    "systemctl --user status kws": None,
    "systemctl --usr status kws": "look the option up",
    "mkdir -p export/new && cp kws/assets/demo.flac export/new/": None,
    "cp kws/assets/gone.flac export/new/": "gone.flac is not there",
    "rm -rf build": "no rule covers 'rm'",
    "sudo rm -rf build": "no rule covers 'rm'",
}
SENTENCES = {
    "kws run --source": None,
    "kws run --sauce": "no such option",
    "kws export": None,
    "kws eval --data DIR --threshold T": None,
    "kws run --max-seconds soon": "max-seconds",
    "kws data": None,
    "accelerate launch": None,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_a_block(line):
    expected, found = (
        COMMANDS[line],
        [complaint for command in commands_of(line) if (complaint := complaint_of(command))],
    )
    assert found == [] if expected is None else len(found) == 1 and expected in found[0]


@pytest.mark.parametrize("line", SENTENCES)
def test_a_command_of_a_sentence(line):
    expected, found = SENTENCES[line], complaint_of(line.split(), is_whole=False)
    assert found is None if expected is None else expected in (found or "")


BLOCKS = [
    ("sh", "kws devices  # all\nkws run --view\n", None),
    ("sh", "kws devices && kws fly\n", "no command 'fly'"),
    ("python", "from kws.runtime import Detector\nDetector.open('a.onnx', threshold=0.5)\n", None),
    ("python", "from kws.runtime import Detektor\n", "has no Detektor"),
    ("python", "from kws.rntime import Detector\n", "No module named"),
    ("python", "from kws.runtime import Detector\nDetector.load('a.onnx')\n", "there is no Detector.load"),
    ("python", "from kws.runtime import Detector\nDetector.open('a.onnx', treshold=0.5)\n", "treshold"),
    ("python", "from kws.decision import Decider\nDecider()\n", "missing a required argument"),
    ("python", "print(samples)\n", "samples is defined nowhere"),
    ("python", "for x in\n", "is no Python"),
    ("py", "from ray.util.joblib import register_ray\nregister_ray()\n", None),
    ("toml", "[training]\nsteps = 10\n", None),
    ("toml", "[training]\nstesp = 10\n", "steps"),
    ("toml", "[training\n", "is no part of a recipe"),
    ("toml", "[data]\nnegatives = []\n", "data.negatives"),
    ("json", '{"event": "end", "audio_s": 1.0, "lost_samples": 0, "stale_events": 0, "stalls": 0}\n', None),
    ("json", '{"event": "end", "audio_s": 1.0}\n', "nothing writes"),
    ("json", "{\n", "is no JSON"),
    ("json", '{"front_end": {}}\n', "is no spec of a model"),
    ("groovy", "dependencies { implementation 'com.google.ai.edge.litert:litert:1.4.2' }\n", None),
    ("groovy", "dependencies {\n", "without its fellow"),
    ("groovy", "implementation 'org.gone:gone:1.0'\n", "org.gone:gone: look it up"),
    ("hex", "0000  89 4b\n0002  0d\n", None),
    ("hex", "0000  89 4b\n0003  0d\n", "should stand at 0002"),
    ("hex", "0000  89 4g\n", "is no offset with bytes"),
    ("yaml", "mqtt:\n  topic: kws/computer\n", None),
    ("yaml", "mqtt:\n  topic: keyword/computer\n", "no topic of ours"),
    ("yaml", "a: b: c\n", "is no YAML"),
    ("text", "a ─► b\nkws.runtime\n", None),
    ("text", "kws run --vew\n", "give the block its language"),
    ("text", "$ ls\n", "give the block its language"),
    ("text", "from kws import x\n", "give the block its language"),
    ("ini", "[Service]\nExecStart=/usr/bin/kws run %h\nExecStart=x\n", None),
    ("ini", "ExecStart=x\n", "is no unit"),
    ("xml", '<uses-permission android:name="android.permission.RECORD_AUDIO" />\n', None),
    ("xml", "<uses-permission>\n", "is no XML"),
    ("fortran", "END\n", "no rule covers blocks of 'fortran'"),
    ("", "x\n", "no rule covers blocks of 'no language'"),
]


@pytest.mark.parametrize(("language", "text", "expected"), BLOCKS)
def test_a_block(language, text, expected):
    found = complaints_of(Block("page.md", 1, language, text))
    assert found == [] if expected is None else len(found) == 1 and expected in found[0]


def test_names_go_on_from_block_to_block():
    above = Block("page.md", 1, "python", "import numpy as np\nx = np.zeros(3)\n")
    assert complaints_of(Block("page.md", 9, "python", "print(np.sum(x))\n"), [above]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import org.kws.Detector\nval d = Detector.open(file)\n", None),
        ("import android.content.Context\n", None),
        ("import org.kws.Gone\n", "import org.kws.Gone: is neither ours"),
        ("val d = Detector.load(file)\n", "Detector has no load"),
    ],
)
def test_kotlin_and_java_are_held_against_our_sources(tmp_path, text, expected):
    (tmp_path / "Detector.java").write_text(
        "package org.kws;\nclass Detector { static Detector open(InputStream in) {} }\n"
    )
    found = list(of_jvm(Block("page.md", 1, "kotlin", text), (), tmp_path))
    assert found == [] if expected is None else len(found) == 1 and expected in found[0]


def test_every_rule_for_a_language_is_tried():
    assert {"java", "kotlin", "bash", "shell", "console"} | {language for language, _, _ in BLOCKS} >= set(BLOCK_RULES)


def test_blocks_are_found_wherever_they_stand():
    text = "a\n```sh\nb\n```\n1. c\n    ```toml\n    d\n\n    e\n    ```\n"
    text += "````md\n```sh\nf\n```\n````\n~~~\ng\n~~~\n```py\nh\n"
    found = [(block.line, block.language, block.text) for block in blocks_of(text)]
    assert found == [
        (2, "sh", "b\n"),
        (6, "toml", "d\n\ne\n"),
        (11, "md", "```sh\nf\n```\n"),
        (16, "", "g\n"),
        (19, "py", "h\n"),
    ]


def test_code_in_sentences_is_found_outside_of_blocks():
    assert code_in_lines("a `b c` d\n```sh\n`e`\n```\n`f\ng`\n") == ["b c", "f\ng"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a b | c 'd | e' && f; g # h | i", [["a", "b"], ["c", "d | e"], ["f"], ["g"]]),
        ("$ a \\\n  b", [["a", "b"]]),
        ("git clone <this repository> x && cd x", [["git", "clone", "<this repository>", "x"], ["cd", "x"]]),
        ("a < in > out 2>&1", [["a"]]),
        ("HOME=/x a --b=c", [["a", "--b=c"]]),
        ("a [--load] [--channels 4]", [["a", "--load", "--channels", "4"]]),
        ('while read -r line; do echo "$line"; done', [["read", "-r", "line"], ["echo", "$line"]]),
        ("# only this", []),
    ],
)
def test_a_script_is_taken_apart(script, expected):
    assert list(commands_of(script)) == expected
