"""The report of an evaluation: one HTML file with figures, plots, and a clip of each miss and each false accept."""

from kws.evaluate.report.page import write_report

__all__ = ["write_report"]
