"""The one front-end: tables in numpy, and thin executors of them. The torch executor is imported by name."""

from kws.features.numpy_front_end import NumpyFrontEnd, clip_features

__all__ = ["NumpyFrontEnd", "clip_features"]
