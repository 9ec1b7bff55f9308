"""Reads metadata.csv, where the integration declares its metrics."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METADATA_CSV = Path(__file__).resolve().parent.parent / 'metadata.csv'


@dataclass(frozen=True)
class Declaration:
    """A row of metadata.csv, as far as it is needed here. `unit` may be empty."""

    type: str
    unit: str
    description: str


def read(path: Path = METADATA_CSV) -> Mapping[str, Declaration]:
    """Returns the declarations by metric name; none when the file is missing or not readable."""
    try:
        with path.open(encoding='utf-8', newline='') as file:
            return {
                row['metric_name']: Declaration(
                    row.get('metric_type') or '', row.get('unit_name') or '', row.get('description') or ''
                )
                for row in csv.DictReader(file)
                if row.get('metric_name')
            }
    except (OSError, ValueError, csv.Error):
        return {}
