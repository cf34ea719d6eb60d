"""Data sets of other people, in their own layouts, as clips with a manifest."""

from data_tools.ingest.entries import Entry, Kind, Wanted
from data_tools.ingest.kinds import KINDS, detect_kind
from data_tools.ingest.run import Imported, ImportOptions, import_data

__all__ = ["KINDS", "Entry", "Imported", "ImportOptions", "Kind", "Wanted", "detect_kind", "import_data"]
