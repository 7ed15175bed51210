"""Averages and extremes of a week's temperatures."""

from dataclasses import dataclass


@dataclass
class Day:
    name: str
    low: float
    high: float


def average(days: list[Day]) -> float:
    """The mean of all the days' means, in degrees."""
    total = 0.0
    for day in days:
        total += (day.low + day.high) / 2
    return total / len(days)


def warmest(days: list[Day]) -> Day:
    """The day with the highest temperature."""
    best = days[0]
    for day in days:
        if day.high > best.high:
            best = day
    return best


def coldest(days: list[Day]) -> Day:
    """The day with the lowest temperature. Type behind `best = `."""
    best = 
