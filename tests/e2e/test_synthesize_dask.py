"""Dask is switched on by joblib's own context manager and changes no byte."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
from distributed import Client, LocalCluster

from data_tools.synthesize import StreamSynthesizer, SynthesisConfig
from data_tools.synthesize.to_disk import write_streams


def _synthesizer() -> StreamSynthesizer:
    rng = np.random.default_rng(0)
    clip = (rng.standard_normal(4000) * 0.1).astype(np.float32)
    noise = (rng.standard_normal(40_000) * 0.01).astype(np.float32)
    config = SynthesisConfig(duration_s=1.0, keywords_per_stream=(1, 1))
    return StreamSynthesizer({"word": [clip]}, [clip], [noise], config=config)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_local_dask_cluster_writes_the_same_files(tmp_path):
    synthesizer = _synthesizer()
    write_streams(synthesizer, tmp_path / "plain", 40, seed=4)
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        with joblib.parallel_config(backend="dask", scatter=[synthesizer]):
            write_streams(synthesizer, tmp_path / "dask", 40, seed=4)
        # The work was really done by the cluster, not by a fallback in this process.
        tasks = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
    assert tasks > 40
    assert _contents(tmp_path / "dask") == _contents(tmp_path / "plain")
