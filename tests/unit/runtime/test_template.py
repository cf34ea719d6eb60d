"""What other programs are told of a detection."""

from datetime import datetime, timedelta, timezone

import pytest

from kws.errors import ConfigError
from kws.runtime import Event
from kws.runtime.sinks.template import PLACEHOLDERS, Template, message

LIVE = Event("hey computer", 3.4400000000000004, 0.96874, 1, unix_s=1_700_000_000.25)


def test_message_of_live_audio_has_the_time_at_which_it_was_heard():
    told = message(LIVE, "m")
    assert datetime.fromisoformat(told["time"]) == datetime(2023, 11, 14, 22, 13, 20, 250_000, timezone.utc)
    assert len(told["time"]) == len("2023-11-14T22:13:20.250+00:00")
    assert {name: told[name] for name in told if name != "time"} == {
        "keyword": "hey computer",
        "time_s": 3.44,
        "score": 0.9687,
        "channel": 1,
        "model": "m",
    }
    assert set(told) == set(PLACEHOLDERS)


def test_message_of_a_recording_has_the_time_of_now():
    told = datetime.fromisoformat(message(Event("a", 1.0, 0.9, 0), "m")["time"])
    assert abs(datetime.now(timezone.utc) - told) < timedelta(minutes=1)


def test_fill():
    values = {**message(LIVE, "m"), "time": "T"}
    template = Template("{keyword}|{score}|{time}|{time_s}|{channel}|{model} {{x}}", "text")
    assert template.fill(values) == "hey computer|0.9687|T|3.44|1|m {x}"


def test_what_is_filled_in_is_not_filled_again():
    values = {**message(LIVE, "m"), "keyword": "{model}"}
    assert Template("{keyword}", "text").fill(values) == "{model}"


@pytest.mark.parametrize("text", ["{word}", "{}", "{0}", "{keyword!r}", "{score:.2f}", "{keyword.__class__}"])
def test_unknown_placeholders(text):
    accepted = r"accepted are \{keyword\}, \{score\}, \{time\}, \{time_s\}, \{channel\}, \{model\}$"
    with pytest.raises(ConfigError, match=f"text '.*' has an unknown placeholder; {accepted}"):
        Template(text, "text")


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{keyword"])
def test_single_braces(text):
    with pytest.raises(ConfigError, match="has a single brace"):
        Template(text, "text")
