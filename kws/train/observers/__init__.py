"""What a training run tells while it goes: pictures and logs. Each observer is one file here."""

from kws.train.observers.base import Observer

__all__ = ["Observer"]
