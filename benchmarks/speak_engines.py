"""What speech engines cost and are worth: CPU a clip, share rejected, share heard by a model.

    python benchmarks/speak_engines.py [--phrase computer] [--model kws/assets/computer.onnx] [--clips 40]

Each engine speaks the same number of clips of the phrase, in the styles and by the voices that ``kws speak`` draws.
CPU is that of this process and of the programs that it starts, loading of networks left out.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

from data_tools.phonemes.scripts import Reader
from data_tools.speak.clip import speak_clip
from data_tools.speak.plan import POSITIVES, SENTENCES, Plan
from data_tools.speak.sentences import bundled
from data_tools.speak.speakers import open_cast
from data_tools.voices import VOICES, VoiceOptions
from kws.cli.speak_parts import ModelListener
from kws.errors import KwsError
from kws.evaluate.intervals import wilson_interval

ROOT = Path(__file__).resolve().parent.parent


def cpu_s() -> float:
    """Return the CPU time of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(engine: str, phrase: str, listener: ModelListener, n_clips: int) -> str:
    """Return one line of the table."""
    reader, options = Reader("en"), VoiceOptions()
    cast, _ = open_cast([engine], options, ("en",))
    sentences = reader.read_all(bundled("en")[:20])
    plan = Plan(reader.read(phrase), phrase, [], sentences, cast, seed=1)
    for kind in (POSITIVES, SENTENCES):
        speak_clip(plan.job(kind, n_clips), options)
    before = cpu_s()
    clips = [speak_clip(plan.job(POSITIVES, index), options) for index in range(n_clips)]
    word_s = (cpu_s() - before) / n_clips
    before = cpu_s()
    n_sentences = max(1, n_clips // 5)
    for index in range(n_sentences):
        speak_clip(plan.job(SENTENCES, index), options)
    sentence_s = (cpu_s() - before) / n_sentences
    kept = [clip for clip in clips if not isinstance(clip, str)]
    rejected = Counter(clip for clip in clips if isinstance(clip, str))
    heard = sum(map(listener, kept))
    low, high = wilson_interval(heard, len(kept))
    return (
        f"{engine:10} {len(cast.speakers(engine, ('en',))):8} {word_s:8.3f} {sentence_s:10.3f} "
        f"{sum(rejected.values()):4} of {n_clips:4} {heard:4} of {len(kept):4} [{100 * low:.0f}, {100 * high:.0f}] %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phrase", default="computer")
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--clips", type=int, default=40)
    options = parser.parse_args()
    listener = ModelListener(options.model)
    print("engine     speakers  s/word s/sentence     rejected        heard")
    for engine in VOICES:
        if engine != "command":
            try:
                print(measure(engine, options.phrase, listener, options.clips), flush=True)
            except KwsError as error:
                print(f"{engine:10} {error}")


if __name__ == "__main__":
    main()
