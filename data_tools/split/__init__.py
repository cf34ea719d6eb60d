"""Whole speakers on one side each: the split of a manifest."""

from data_tools.split.run import SplitOptions, SplitResult, read_rows, split_rows

__all__ = ["SplitOptions", "SplitResult", "read_rows", "split_rows"]
