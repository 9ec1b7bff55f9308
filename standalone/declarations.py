"""Reads metadata.csv, where the integration declares its metrics."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

METADATA_CSV = Path(__file__).resolve().parent.parent / 'metadata.csv'


class Declaration(NamedTuple):
    """The columns of metadata.csv that the formats need. `unit` may be empty."""

    type: str
    unit: str
    description: str


def read(path: Path = METADATA_CSV) -> dict[str, Declaration]:
    """Returns the declarations by metric name; none when the file is missing or not readable."""
    try:
        with path.open(encoding='utf-8', newline='') as file:
            return {
                row['metric_name']: Declaration(
                    *(row.get(column) or '' for column in ('metric_type', 'unit_name', 'description'))
                )
                for row in csv.DictReader(file)
                if row.get('metric_name')
            }
    except (OSError, ValueError, csv.Error):
        return {}
