"""The Java engine, compiled once for all tests of it."""

from __future__ import annotations

import pytest

from tests.java_engine import JavaEngine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> JavaEngine:
    """Return the engine as an app gets it, and the probe of the tests."""
    return JavaEngine.build(tmp_path_factory.mktemp("java"))
