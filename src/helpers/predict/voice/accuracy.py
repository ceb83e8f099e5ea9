"""How often the reading of moods is right: on typed examples that the lexicon was not mended with, and against customers' own ratings."""

import math
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from helpers.predict.voice.sentiment import LANGUAGES, examples, mood
from helpers.rates import wilson

LEAST = 0.70
"""Balanced accuracy from which moods are used."""
GRADES = (("A", 0.85), ("B", 0.75), ("C", LEAST))
RATED = 50
"""Rated comments of each side, low and high, that a comparison takes."""
LOW, HIGH, SCALE = 2, 4, (1, 5)


def on_examples(*, seen: bool = False) -> dict[str, dict]:
    """Language → balanced accuracy (mean of the three moods' shares read rightly) on the typed examples, by chance one in three.

    seen      the third of the examples that the lexicon was mended with, instead of the other two
    Returns   n, right, balanced, low, high, moods ({mood: [n, right]}), kinds ({kind: [n, right]})
    """
    found = {}
    for language in LANGUAGES:
        rows = [(one, mood(one["text"], language)) for one in examples() if one["language"] == language and one["seen"] == seen]
        kinds: dict[str, list[int]] = {}
        moods: dict[str, list[int]] = {}
        for one, read in rows:
            for held, key in ((kinds, one["kind"]), (moods, str(one["mood"]))):
                counts = held.setdefault(key, [0, 0])
                counts[0] += 1
                counts[1] += read == one["mood"]
        right = sum(one["mood"] == read for one, read in rows)
        found[language] = {"n": len(rows), "right": right, "moods": moods, "kinds": kinds} | balanced(list(moods.values()))
    return found


def balanced(classes: Sequence[Sequence[float]]) -> dict:
    """The mean of several shares read rightly, with its interval: Wilson's of each, put together as Newcombe does for differences.

    classes   (n, right) of each
    Returns   balanced, low, high
    """
    many = len(classes)
    shares = [right / n for n, right in classes]
    limits = [wilson(right, n) for n, right in classes]
    value = sum(shares) / many
    down = math.sqrt(sum((share - low) ** 2 for share, (low, _) in zip(shares, limits, strict=True))) / many
    up = math.sqrt(sum((high - share) ** 2 for share, (_, high) in zip(shares, limits, strict=True))) / many
    return {"balanced": value, "low": value - down, "high": value + up}


def on_ratings(said: ir.Table) -> dict:
    """Moods against ratings of 1 to 5: 1-2 should read as not content, 4-5 as content; a comment without a mood counts as read wrongly.

    said      customer_id, sentiment, rating; a customer with several comments counts for less than as many customers with one
    Returns   reason (None, no_ratings, rating_scale, few_rated), n, balanced, low, high, undecided (share of them without a mood)
    """
    rows = said.filter(said.rating.notnull(), said.sentiment.notnull())
    ends = rows.aggregate(n=rows.count(), least=rows.rating.min(), most=rows.rating.max()).execute().iloc[0]
    nothing = {"n": int(ends["n"]), "balanced": None, "low": None, "high": None, "undecided": None}
    if not ends["n"]:
        return {"reason": "no_ratings"} | nothing
    if ends["least"] < SCALE[0] or ends["most"] > SCALE[1]:
        return {"reason": "rating_scale"} | nothing
    told = ibis.cases((rows.rating <= LOW, -1), (rows.rating >= HIGH, 1))
    rows = rows.mutate(told=told).filter(lambda t: t.told.notnull())
    each = rows.group_by(["customer_id", "told"]).agg(
        n=rows.count(), right=(rows.sentiment == rows.told).cast("int64").sum(), none=(rows.sentiment == 0).cast("int64").sum()
    )
    sums = {"n": each.n.sum(), "right": each.right.sum(), "none": each.none.sum(), "people": each.count()}
    sums |= {"nn": (each.n * each.n).sum(), "nr": (each.n * each.right).sum(), "rr": (each.right * each.right).sum()}
    counted = each.group_by("told").agg(**sums).order_by("told").execute().astype("float64").to_dict("records")
    n = int(sum(one["n"] for one in counted))
    if len(counted) < 2 or min(one["n"] for one in counted) < RATED:
        return {"reason": "few_rated"} | nothing | {"n": n}
    weighed = [(_effective(one), _effective(one) * one["right"] / one["n"]) for one in counted]
    return {"reason": None, "n": n} | balanced(weighed) | {"undecided": sum(one["none"] for one in counted) / n}


def _effective(one: dict) -> float:
    """As many independent comments as these are worth: the variance of a ratio of sums over customers."""
    share = one["right"] / one["n"]
    variance = (one["rr"] - 2 * share * one["nr"] + share * share * one["nn"]) / one["n"] ** 2
    if share in (0.0, 1.0) or variance <= 0:
        return one["people"]
    return min(max(share * (1 - share) / variance, 1.0), one["n"])


def letters(measure: dict) -> str | None:
    """The grade of a balanced accuracy: both letters where its interval crosses a border; None below the least that is used."""

    def letter(value: float) -> str | None:
        return next((name for name, border in GRADES if value >= border), None)

    if letter(measure["balanced"]) is None:
        return None
    names = [letter(measure[key]) or GRADES[-1][0] for key in ("high", "low")]
    return names[0] if names[0] == names[1] else "/".join(names)
