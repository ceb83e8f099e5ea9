"""The assumptions as arrays, and the numbers of records: what every other file of this room counts on."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files

import numpy as np
import yaml

TOPICS = ("people", "habits", "orders", "lines", "campaigns", "visits", "mails", "records", "consents", "survey", "comments")
"""Each has its own stream of random numbers, so that a change in one leaves the others as they were."""

PERSON, FIRM, STAFF, RESELLER = range(4)
NOBODY = -1
"""The account of a sale without a customer, and the segment of somebody who is not there."""
TILL = -2
"""The account of the market stall's shared card."""


@dataclass(frozen=True)
class Model:
    """The assumptions as arrays.

    said      assumptions.yml as it stands
    words     names.yml as it stands
    segments  their names; `of[key]` has a row a segment in that order
    last      days from the first day of the history to the first day after it
    turning   likewise, to the day at which one segment shrinks and one is born
    """

    said: dict
    words: dict
    segments: list[str]
    of: dict[str, np.ndarray]
    last: int
    turning: int

    def day(self, value: date) -> int:
        """Days from the first day of the history."""
        return (value - self.said["first_day"]).days

    @property
    def epoch(self) -> int:
        """Seconds from 1970 to the first instant of the history, wall clock."""
        first = self.said["first_day"]
        return int((datetime(first.year, first.month, first.day) - datetime(1970, 1, 1)).total_seconds())

    def stream(self, chunk: int, topic: str) -> np.random.Generator:
        """The random numbers of one topic for one chunk of people."""
        return np.random.default_rng([self.said["seed"], chunk, TOPICS.index(topic)])

    @property
    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        """Products a category, and the price in cents by category and product, ten cents being the smallest step."""
        rows = list(self.said["categories"].values())
        prices = np.zeros((len(rows), max(row["products"] for row in rows)), dtype=np.int64)
        for number, row in enumerate(rows):
            prices[number, : row["products"]] = np.round(np.geomspace(row["from"], row["to"], row["products"]) * 10) * 10
        return np.array([row["products"] for row in rows]), prices


def load(**changes) -> Model:
    """The model; `changes` replace top-level assumptions, such as seed or people."""
    said = {**_read("assumptions.yml"), **changes}
    segments = list(said["segments"])
    keys = next(iter(said["segments"].values()))
    of = {key: np.array([said["segments"][name][key] for name in segments], dtype=float) for key in keys}
    first = said["first_day"]
    last, turning = (said["last_day"] - first).days, (said["turning_day"] - first).days
    return Model(said, _read("names.yml"), segments, of, last, turning)


@cache
def _read(name: str) -> dict:
    return yaml.safe_load(files("helpers.fait_maison").joinpath(name).read_text(encoding="utf-8"))


def identifiers(numbers: np.ndarray, *, numbering: str) -> np.ndarray:
    """Numbers that look drawn and never repeat: which person they belong to cannot be read off them.

    numbers     whole numbers from 0 to 99,999,970: person × 4 + copy
    numbering   crm, shop, news or phone: each shuffles in its own way
    """
    factor, shift = {"crm": (48_271_013, 7_919), "shop": (69_621_007, 104_729), "news": (39_373_019, 1_299_709), "phone": (6_972_593, 31)}[
        numbering
    ]
    prime = 999_983 if numbering == "phone" else 99_999_971
    return (np.asarray(numbers, dtype=np.int64) % prime * factor + shift) % prime


def order_numbers(numbers: np.ndarray) -> np.ndarray:
    """Likewise for orders, ten figures: from chunk × 2¹⁹ + place, up to 4,294,967,290."""
    numbers = np.asarray(numbers, dtype=np.uint64)
    return ((numbers * np.uint64(2_654_435_761)) % np.uint64(4_294_967_291)).astype(np.int64)


def pick(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One choice a row, each by that row's probabilities."""
    borders = np.cumsum(probabilities, axis=1)
    return np.minimum((rng.random(len(borders))[:, None] * borders[:, -1:] > borders).sum(axis=1), borders.shape[1] - 1)
