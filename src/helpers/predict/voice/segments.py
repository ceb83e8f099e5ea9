"""Which segment speaks of what: shares of those who wrote, against the other segments, with quotes that give nobody away."""

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.engine import sample, total
from helpers.masking import covered_table, few_on_a_side
from helpers.predict import GRADED, evidence
from helpers.predict.voice.quotes import chosen, spoken
from helpers.rates import holm, newcombe

LEVEL = 0.05
OUTSIDE = ""
"""Writers in no segment: compared with nobody, but step 4 tells how many of all speak of a theme, so no small number may be left over."""
QUOTED_FROM = 20_000
NAMED_IN = ("first_name", "last_name", "name", "city", "town", "company")
"""Columns of customers that hold names of people and places."""


def by_segment(step, members: ir.Table) -> dict:
    """How many of each segment's writers speak of each theme, against those of the other segments; Fisher's exact test, Holm over all.

    members    customer_id, segment, as published; who belongs to none takes no part
    Returns    status and reasons (those of voice.json; without themes nothing is told), customers (members who wrote), tried
               (comparisons), segments: segment, customers (null below min_cell), themes: theme, n, share, elsewhere, difference, low,
               high (Newcombe), p, p_holm, more (speaks of it more than the others), less, mood (content − not content of the comments
               that have one, −1 to 1), rating, quotes (text, mood). A theme of few customers has null in place of every figure
    Raises     nothing: where step 4 gave no comments, status "none"
    """
    empty = {"customers": 0, "tried": 0, "segments": []}
    found = evidence(step, "voice")
    if found["status"] != GRADED or not found["themes"] or not step.gives("variables", "said"):
        return {"status": found["status"], "reasons": found["reasons"] or ["no_themes"]} | empty
    said = step.take("variables", "said").left_join(members.select("customer_id", "segment"), "customer_id").drop("customer_id_right")
    said = said.mutate(segment=said.segment.fill_null(OUTSIDE))
    themes, least = [one["theme"] for one in found["themes"] if one["n"] is not None], step.project.min_cell
    sizes, table, felt = _tables(said, themes)
    lines = _compared(sizes, table, felt, themes, least)
    quotes = _quotes(step, said, {one["theme"]: one for one in found["themes"]}, lines)
    for line in (line for segment in lines for line in segment["themes"]):
        line["quotes"] = quotes.get((line.pop("segment"), line["theme"]), [])
    tried = sum(line["p"] is not None for segment in lines for line in segment["themes"])
    wrote = int(sizes.drop(OUTSIDE, errors="ignore").sum())
    return {"status": GRADED, "reasons": [], "customers": wrote if wrote >= least else None, "tried": tried, "segments": lines}


def _tables(said: ir.Table, themes: list[int]) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
    """Writers by segment, OUTSIDE among them; those of each segment who spoke of each theme; moods and ratings of their comments."""
    counted = said.group_by("segment").agg(n=said.customer_id.nunique()).order_by("segment").execute()
    sizes = counted.set_index("segment")["n"].astype("int64")
    on = said.filter(said.theme.notnull())
    sums = {"n": on.customer_id.nunique(), "felt": on.sentiment.count(), "mood": on.sentiment.sum(), "rated": on.rating.count()}
    felt = on.group_by(["segment", "theme"]).agg(**sums, stars=total(on.rating)).execute().set_index(["segment", "theme"])
    table = felt["n"].unstack(fill_value=0).reindex(index=sizes.index, columns=themes, fill_value=0).astype("int64")
    return sizes, table, felt


def _compared(sizes: pd.Series, table: pd.DataFrame, felt: pd.DataFrame, themes: list[int], least: int) -> list[dict]:
    shut = covered_table(table.to_numpy(), least=least) if table.size else np.zeros(table.shape, dtype=bool)
    inside = (sizes.index != OUTSIDE).nonzero()[0]
    segments, tested = [], []
    for row in inside:
        segment, n = sizes.index[row], int(sizes.iloc[row])
        others = int(sizes.iloc[inside].sum()) - n
        lines = []
        for column, theme in enumerate(themes):
            yes = int(table.iloc[row, column])
            line = {"theme": theme, "segment": segment} | dict.fromkeys(
                ("n", "share", "elsewhere", "difference", "low", "high", "p", "p_holm")
            )
            line |= {"more": False, "less": False, "mood": None, "rating": None}
            lines.append(line)
            rest = int(table.iloc[inside, column].sum()) - yes
            if shut[row, column] or n < least or others < least or few_on_a_side({"n": n, "share": yes / n}, least):
                continue
            line |= _difference(yes, n, rest, others) | _felt(felt, segment, theme, least)
            tested.append(line)
        segments.append({"segment": segment, "customers": n if n >= least else None, "themes": lines})
    for line, p in zip(tested, holm([line["p"] for line in tested]), strict=True):
        line |= {
            "p_holm": float(p),
            "more": bool(p <= LEVEL and line["difference"] > 0),
            "less": bool(p <= LEVEL and line["difference"] < 0),
        }
    return segments


def _difference(yes: int, n: int, rest: int, others: int) -> dict:
    from scipy.stats import fisher_exact

    low, high = newcombe(yes, n, rest, others)
    p = float(fisher_exact([[yes, n - yes], [rest, others - rest]])[1])
    return {"n": yes, "share": yes / n, "elsewhere": rest / others, "difference": yes / n - rest / others, "low": low, "high": high, "p": p}


def _felt(felt: pd.DataFrame, segment: str, theme: int, least: int) -> dict:
    if (segment, theme) not in felt.index:
        return {}
    one = felt.loc[(segment, theme)]
    mood = float(one["mood"]) / int(one["felt"]) if int(one["felt"]) >= least else None
    return {"mood": mood, "rating": float(one["stars"]) / int(one["rated"]) if int(one["rated"]) >= least else None}


def _quotes(step, said: ir.Table, themes: Mapping[int, dict], lines: list[dict]) -> dict[tuple[str, int], list[dict]]:
    """(segment, theme) → quotes, of those whose figures may be told; from a bounded sample."""
    told = {(line["segment"], line["theme"]) for segment in lines for line in segment["themes"] if line["n"]}
    comments = step.take("collect", "comments").filter(lambda t: t.customer_id.notnull(), lambda t: t.text.strip() != "")
    alone = comments.group_by(["customer_id", "said_at"]).agg(n=comments.count(), text=comments.text.min())
    rows = said.filter(said.theme.notnull(), said.segment != OUTSIDE).select("customer_id", "said_at", "segment", "theme")
    rows = rows.inner_join(alone.filter(alone.n == 1).drop("n"), ["customer_id", "said_at"])
    key = rows.customer_id.cast("string") + "|" + rows.said_at.cast("string")
    frame = sample(rows.mutate(key_=key), QUOTED_FROM, seed=step.project.seed, key="key_").execute()
    least = step.project.min_cell
    known = spoken(list(frame["text"]), list(frame["customer_id"]), names=_names(step))
    found = {}
    for (segment, theme), part in frame.groupby(["segment", "theme"]):
        if (segment, theme) in told and part["customer_id"].nunique() >= least:
            one = themes[int(theme)]
            found[segment, int(theme)] = chosen(sorted(part["text"]), one["language"], one["words"], known, least=least)
    return found


def _names(step) -> list[str]:
    """Names of customers and places that the customer file holds."""
    if not step.gives("collect", "customers"):
        return []
    people = step.take("collect", "customers")
    columns = [name for name in NAMED_IN if name in people.columns and people[name].type().is_string()]
    return [value for name in columns for value in people.select(name).distinct().execute()[name].dropna()]
