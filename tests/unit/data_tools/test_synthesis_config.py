"""Settings of the synthesis refuse what makes no sense, by name."""

from __future__ import annotations

import pytest

from data_tools.synthesize import SynthesisConfig
from kws.config import from_dict, to_dict
from kws.errors import ConfigError


def test_defaults_survive_a_round_trip_through_plain_values():
    config = SynthesisConfig(duration_s=3.0, keywords_per_stream=(1, 1))
    assert from_dict(SynthesisConfig, to_dict(config)) == config
    assert config.n_samples == 48_000
    assert config.min_gap_samples == 1_600


@pytest.mark.parametrize(
    "bad",
    [
        dict(duration_s=0.0),
        dict(duration_s=float("nan")),
        dict(keywords_per_stream=(2, 1)),
        dict(keywords_per_stream=(-1, 1)),
        dict(negatives_per_stream=(0.5, 1.5)),
        dict(negatives_per_stream=(1,)),
        dict(negatives_per_stream=3),
        dict(min_gap_s=-0.1),
        dict(snr_db=(10.0, 0.0)),
        dict(snr_db=(0.0, float("nan"))),
        dict(speech_probability=1.5),
        dict(speech_snr_db=(0.0, 500.0)),
        dict(label_s=0.0),
        dict(level_dbfs=(-20.0, 3.0)),
    ],
)
def test_values_out_of_range_are_named(bad):
    with pytest.raises(ConfigError, match=f"synthesis.{next(iter(bad))} is .*accepted"):
        SynthesisConfig(**bad)


def test_unknown_keys_and_wrong_types_in_a_recipe():
    with pytest.raises(ConfigError, match="did you mean 'duration_s'"):
        from_dict(SynthesisConfig, {"durations": 3.0})
    with pytest.raises(ConfigError, match="snr_db"):
        from_dict(SynthesisConfig, {"snr_db": [0.0, 10.0, 20.0]})
    with pytest.raises(ConfigError, match="keywords_per_stream"):
        from_dict(SynthesisConfig, {"keywords_per_stream": [1.5, 2.5]})
