"""Label tracks of Audacity: a line of start, end and text for each label, separated by tabs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kws.config import shown
from kws.errors import DataError
from kws.files import replacing
from kws.labels import Region, in_order, require_inside


def read_track(path: Path, duration_s: float) -> tuple[Region, ...]:
    """Read a label track as regions that a person accepted.

    Lines that start with a backslash hold the frequencies of a label, which regions do not have.

    Raises
    ------
    DataError
        If it cannot be read or a line is malformed; it names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'is no UTF-8 text'})") from None
    regions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        try:
            region = _read_line(line, f"a{number}")
            require_inside("the label", region, duration_s)
        except DataError as error:
            raise DataError(f"{path}: line {number}: {error}") from None
        regions.append(region)
    return in_order(regions)


def write_track(path: Path, regions: Sequence[Region]) -> None:
    """Write the accepted regions as a label track.

    Raises
    ------
    DataError
        If the place cannot be written.
    """
    accepted = in_order([region for region in regions if region.state == "accepted"])
    text = "".join(f"{region.start_s:.6f}\t{region.end_s:.6f}\t{region.label}\n" for region in accepted)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


def _read_line(line: str, region_id: str) -> Region:
    parts = line.split("\t", 2)
    if len(parts) != 3:
        raise DataError(f"{shown(line)}; accepted are start, end and text with tabs between them")
    try:
        start_s, end_s = float(parts[0]), float(parts[1])
    except ValueError:
        raise DataError(f"{shown(parts[0])} and {shown(parts[1])}; accepted are seconds") from None
    return Region(region_id, " ".join(parts[2].split()), start_s, end_s)
