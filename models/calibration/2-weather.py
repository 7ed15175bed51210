"""Read hourly weather records from CSV files and summarise them by day."""
from __future__ import annotations

import argparse
import csv
import logging
import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Iterable, Iterator

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    station: str
    time: datetime
    temperature: float
    rainfall: float


@dataclass
class DaySummary:
    day: date
    low: float
    high: float
    mean: float
    rainfall: float

    def as_row(self) -> list[str]:
        return [self.day.isoformat(), f"{self.low:.1f}", f"{self.high:.1f}", f"{self.mean:.2f}", f"{self.rainfall:.1f}"]


def read_records(path: Path) -> Iterator[Record]:
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        for number, row in enumerate(reader, start=2):
            try:
                yield Record(
                    station=row["station"].strip(),
                    time=datetime.fromisoformat(row["time"]),
                    temperature=float(row["temperature"]),
                    rainfall=float(row.get("rainfall") or 0.0),
                )
            except (KeyError, ValueError) as error:
                logger.warning("%s:%d: skipped (%s)", path.name, number, error)


def summarise(records: Iterable[Record]) -> list[DaySummary]:
    days: dict[date, list[Record]] = defaultdict(list)
    for record in records:
        days[record.time.date()].append(record)
    result = []
    for day, group in sorted(days.items()):
        temperatures = [record.temperature for record in group]
        result.append(
            DaySummary(
                day=day,
                low=min(temperatures),
                high=max(temperatures),
                mean=statistics.fmean(temperatures),
                rainfall=sum(record.rainfall for record in group),
            )
        )
    return result


def longest_dry_spell(days: list[DaySummary], threshold: float = 0.2) -> int:
    longest = current = 0
    for day in days:
        if day.rainfall < threshold:
            current += 1
            longest = max(longest, current)
        else:
            current = 0
    return longest


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--station", help="only this station")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.DEBUG if args.verbose else logging.INFO)

    records = [record for path in args.files for record in read_records(path)]
    if args.station:
        records = [record for record in records if record.station == args.station]
    if not records:
        parser.error("no records found")
    days = summarise(records)
    for day in days:
        print("\t".join(day.as_row()))
    print(f"longest dry spell: {longest_dry_spell(days)} days")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
