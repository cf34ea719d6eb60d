"""The doctor: what is wrong with a data set, before hours of training show it."""

from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, RIR, Limits, Listing
from data_tools.check.findings import Count, Finding, Place, Report, Severity, ordered
from data_tools.check.listing import Group, list_folder, list_groups
from data_tools.check.run import check_data

__all__ = [
    "KEYWORD",
    "NEGATIVE",
    "NOISE",
    "RIR",
    "Count",
    "Finding",
    "Group",
    "Limits",
    "Listing",
    "Place",
    "Report",
    "Severity",
    "check_data",
    "list_folder",
    "list_groups",
    "ordered",
]
