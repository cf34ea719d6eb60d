"""The cores that a process may use."""

import os

import pytest

from kws.cores import usable_cores


def test_only_those_of_this_process_count(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cores() == 3


@pytest.mark.parametrize(("known", "expected"), [(4, 4), (None, 1)])
def test_where_a_system_does_not_tell_them(monkeypatch, known, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: known)
    assert usable_cores() == expected
