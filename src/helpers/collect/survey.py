"""Step 3: who answers, beside everybody, and answers weighted to the base; `stated` sets what is said against what is done."""

from datetime import datetime, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.collect.stated import bought_in, claims, hypotheses, per_order
from helpers.collect.unify import attributes, banded
from helpers.engine import days_between, total
from helpers.project import Project
from helpers.project.contract import LOCATING

NOT_KNOWN = "–"
"""The level of customers whose attribute is not known: they are weighted too."""
MOST = 12
"""An attribute with more different values than this is compared in no table."""
MOST_MARGIN = 60
TRIMMED_AT = 5.0
"""Weights above this many times the mean are cut to it: a few people would speak for everybody."""
TOLERANCE, ROUNDS = 1e-6, 200
"""Raking stops when no margin is further than this from its target, or after so many rounds."""
BEHAVIOURS = ("active", "loyal", "spend_per_30d", "orders_per_30d")


# Everybody, with what can be compared


def behaviour(customers: ir.Table, orders: ir.Table, project: Project, *, as_of: datetime) -> ir.Table:
    """What each customer does, prospects included.

    Returns  customer_id, active (bought within the window), loyal (orders within 365 days reach variables.seniority.loyal_orders),
             orders_per_30d and spend_per_30d (within the window; an order that its returns outweigh is none, spend is net of refunds),
             days_since_order (missing: never bought), online_order_share (missing without a channel or an order)
    """
    days, each = project.scope.window_days, per_order(orders)
    recent, year = (each.at >= ibis.literal(as_of - timedelta(days=n)) for n in (days, 365))
    each = each.group_by("customer_id").agg(
        n=(recent & each.bought).sum(),
        in_year=(year & each.bought).sum(),
        online=(recent & each.bought & each.online).sum(),
        spend=each.amount.sum(where=recent).fill_null(0),
        last=each.at.max(where=each.bought),
    )
    joined = customers.select("customer_id").left_join(each, "customer_id")
    n = joined.n.fill_null(0)
    return joined.select(
        "customer_id",
        active=n > 0,
        loyal=joined.in_year.fill_null(0) >= project.variables.seniority.loyal_orders,
        orders_per_30d=n.cast("float64") / days * 30,
        spend_per_30d=joined.spend.fill_null(0).cast("float64") / days * 30,
        days_since_order=days_between(joined["last"], as_of),
        online_order_share=ibis.cases((n > 0, joined.online.cast("float64") / n)) if "channel" in orders.columns else ibis.null("float64"),
    )


def levels(customers: ir.Table, project: Project, *, margins: list[str] = ()) -> ir.Table:
    """Each customer's attributes as levels that can be compared: text, missing as NOT_KNOWN.

    Returns  customer_id and attributes of at most MOST levels (an age in years stands in bands, a postcode as its area); margins always
    Raises   NinefoldError for a margin that customers lack, or one with more than MOST_MARGIN levels
    """
    for name in margins:
        if name not in customers.columns:
            known = ", ".join(attributes(customers)) or "none"
            raise NinefoldError(f"{project.file}: field collect.survey.margins names {name!r}, no attribute of customers ({known}).")
    shown = [c for c in attributes(customers) if c in margins or c not in LOCATING]
    made = customers.select("customer_id", **{c: _level(customers[c], c, project) for c in shown})
    if not shown:
        return made
    counted = made.aggregate(**{c: made[c].nunique() for c in shown}).execute().iloc[0]
    fine = [c for c in margins if counted[c] > MOST_MARGIN]
    if fine:
        raise NinefoldError(
            f"{project.file}: field collect.survey.margins names {fine[0]!r}, which has {int(counted[fine[0]])} different values: weights "
            f"would rest on hardly anybody. Choose attributes with at most {MOST_MARGIN}."
        )
    return made.select("customer_id", *(c for c in shown if c in margins or 1 < counted[c] <= MOST))


def _level(column: ir.Value, name: str, project: Project) -> ir.StringValue:
    if name == "age" and column.type().is_numeric():
        column = banded(column, tuple(project.variables.age_bands))
    elif name == "postcode":
        column = column.cast("string").left(project.variables.area_length)
    return column.cast("string").fill_null(NOT_KNOWN)


def respondents(answers: ir.Table, customers: ir.Table) -> ir.Table:
    """customer_id of everybody who answered at least one item and is a customer."""
    return answers.select("customer_id").distinct().semi_join(customers, "customer_id")


def raters(comments: ir.Table, customers: ir.Table) -> ir.Table:
    """customer_id of everybody who left a comment with a rating, or a comment where none is mapped."""
    said = comments.filter(comments.rating.notnull()) if "rating" in comments.columns else comments
    return said.select("customer_id").distinct().semi_join(customers, "customer_id")


def compare(shown: ir.Table, doing: ir.Table, members: ir.Table) -> pd.DataFrame:
    """Members beside everybody, by attribute and by behaviour.

    shown     result of `levels`; doing: result of `behaviour`
    members   customer_id, and weight where they are weighted
    Returns   what (attribute or behaviour), level (of an attribute), n (members having it; of a behaviour: all members), all_n, base,
              members, weighted (shares 0-1, or means of spend and orders), in the order of the attributes, commonest level first
    """
    weighted = "weight" in members.columns
    marked = members.mutate(in_=True) if weighted else members.mutate(in_=True, weight=ibis.literal(1.0))
    rows = []
    for name in [c for c in shown.columns if c != "customer_id"]:
        joined = shown.left_join(marked, "customer_id")
        sums = {"all_n": joined.count(), "n": joined.in_.count(), "w": total(joined.weight)}
        counted = joined.group_by(level=joined[name]).agg(**sums).execute().fillna({"w": 0})
        counted = counted.astype({"w": float}).sort_values(["all_n", "level"], ascending=[False, True], kind="stable")
        size = counted[["all_n", "n", "w"]].sum().replace(0, np.nan)
        for row in counted.itertuples():
            shares = {"base": row.all_n / size.all_n, "members": row.n / size.n, "weighted": row.w / size.w if weighted else None}
            rows.append({"what": name, "level": row.level, "n": int(row.n), "all_n": int(row.all_n), **shares})
    return pd.DataFrame(rows + _doing(doing, marked, weighted), columns=["what", "level", "n", "all_n", "base", "members", "weighted"])


def _doing(doing: ir.Table, marked: ir.Table, weighted: bool) -> list[dict]:
    joined = doing.left_join(marked, "customer_id")
    sums = {"all_n": joined.count(), "n": joined.in_.count(), "w": total(joined.weight)}
    for name in BEHAVIOURS:
        value = joined[name].cast("float64")
        sums |= {f"{name}_base": total(value), f"{name}_in": total(ibis.cases((joined.in_, value)))}
        sums |= {f"{name}_w": total(value * joined.weight)}
    found = {k: 0.0 if pd.isna(v) else float(v) for k, v in joined.aggregate(**sums).execute().iloc[0].items()}
    parts = (("base", "all_n", "base"), ("members", "n", "in"), ("weighted", "w", "w"))
    return [
        {"what": name, "level": None, "n": int(found["n"]), "all_n": int(found["all_n"])}
        | {key: found[f"{name}_{part}"] / found[size] if found[size] else None for key, size, part in parts[: 3 if weighted else 2]}
        for name in BEHAVIOURS
    ]


# Weights


def rake(cells: pd.DataFrame, targets: dict[str, dict[str, float]]) -> tuple[np.ndarray, dict]:
    """Iterative proportional fitting: weights by which the margins of the cells become the targets.

    cells     a row a combination of levels: a column a margin, and n (respondents)
    targets   margin → level → share of the base; levels that no respondent has are left out and the others raised in proportion
    Returns   the weight of each cell (mean 1 over respondents); and converged, rounds, apart (largest distance to a target), lacking
              (share of the base, the largest over the margins, in levels without respondents)
    Source    Deming & Stephan 1940, Annals of Mathematical Statistics 11
    """
    n = cells["n"].to_numpy(dtype="float64")
    weight, apart, rounds, lacking, wanted = np.ones(len(n)), 0.0, 0, 0.0, {}
    for margin, shares in targets.items():
        there = {level: share for level, share in shares.items() if (cells[margin] == level).any()}
        lacking = max(lacking, 1 - sum(there.values()) / (sum(shares.values()) or 1))
        wanted[margin] = {level: share / (sum(there.values()) or 1) for level, share in there.items()}
    while rounds < ROUNDS:
        rounds += 1
        for margin, shares in wanted.items():
            for level, share in sorted(shares.items()):
                inside = (cells[margin] == level).to_numpy()
                weight[inside] *= share * n.sum() / max((weight * n)[inside].sum(), 1e-300)
        apart = largest_gap(cells, weight, wanted)
        if apart <= TOLERANCE:
            break
    weight *= n.sum() / max((weight * n).sum(), 1e-300)
    return weight, {"converged": apart <= TOLERANCE, "rounds": rounds, "apart": apart, "lacking": round(lacking, 12)}


def largest_gap(cells: pd.DataFrame, weight: np.ndarray, targets: dict[str, dict[str, float]]) -> float:
    """The largest distance between a weighted margin and its target, in points 0-1."""
    mass = weight * cells["n"].to_numpy(dtype="float64")
    gaps = [
        abs(mass[(cells[margin] == level).to_numpy()].sum() / mass.sum() - share)
        for margin, shares in targets.items()
        for level, share in shares.items()
    ]
    return float(max(gaps, default=0.0))


def trim(weight: np.ndarray, n: np.ndarray, *, most: float = TRIMMED_AT) -> tuple[np.ndarray, int]:
    """Weights cut at `most` times the mean, which stays 1, and how many respondents were cut."""
    cut = weight > most + 1e-12
    trimmed = np.minimum(weight, most)
    return trimmed * n.sum() / max((trimmed * n).sum(), 1e-300), int(n[cut].sum())


def design_effect(weight: np.ndarray, n: np.ndarray) -> float:
    """Kish's design effect of unequal weights, 1 + cv² (1965, Survey Sampling, section 11.7): answers count as n / effect."""
    return float(n.sum() * (n * weight**2).sum() / (n * weight).sum() ** 2)


class Weighted(NamedTuple):
    """Respondents with their weights, and how the weights came about."""

    members: ir.Table
    """customer_id, weight (mean 1)."""
    how: dict
    """n, effect, effective, margins, converged, rounds, apart, lacking, trimmed, after (distance to the targets after trimming)."""


def weigh(members: ir.Table, shown: ir.Table, margins: list[str]) -> Weighted:
    """Respondents weighted to the base by raking on the margins; all weigh 1 without margins or respondents.

    members   customer_id of respondents; shown: result of `levels`, with the margins
    """
    n = int(members.count().execute())
    if not margins or not n:
        return Weighted(members.mutate(weight=ibis.literal(1.0)), {"n": n, "effect": 1.0, "effective": float(n), "margins": list(margins)})
    inside = members.join(shown.select("customer_id", *margins), "customer_id")
    cells = inside.group_by(margins).agg(n=inside.count()).order_by(margins).execute()
    targets = {}
    for margin in margins:
        counted = shown.group_by(level=shown[margin]).agg(n=shown.count()).order_by("level").execute()
        targets[margin] = dict(zip(counted["level"], counted["n"] / counted["n"].sum(), strict=True))
    weight, how = rake(cells, targets)
    sizes = cells["n"].to_numpy(dtype="float64")
    weight, cut = trim(weight, sizes)
    there = {m: {level: s for level, s in t.items() if (cells[m] == level).any()} for m, t in targets.items()}
    raised = {m: {level: s / sum(t.values()) for level, s in t.items()} for m, t in there.items()}
    effect = design_effect(weight, sizes)
    how |= {"n": n, "effect": effect, "effective": n / effect, "margins": list(margins), "trimmed": cut}
    how |= {"after": largest_gap(cells, weight, raised), "largest": float(weight.max()), "smallest": float(weight.min())}
    # The weights go back to the engine rounded: the same digits whatever machine added them up.
    priced = ibis.memtable(cells[margins].assign(weight=np.round(weight, 9)))
    return Weighted(inside.join(priced, margins).select("customer_id", "weight"), how)


# All of it


class Asked(NamedTuple):
    """What step 3 knows of who answers and who comments; None where there is no survey or no comment."""

    compared: pd.DataFrame | None
    weighted: Weighted | None
    claims: list[dict]
    hypotheses: list[dict]
    rated: pd.DataFrame | None

    @property
    def how(self) -> dict | None:
        """How the answers were weighted."""
        return self.weighted.how if self.weighted else None

    def document(self) -> dict:
        """The same as handed over in survey.json: codes and numbers."""
        both = {"respondents": self.compared, "raters": self.rated}
        rows = {name: None if frame is None else frame.to_dict("records") for name, frame in both.items()}
        return rows | {"weights": self.how, "claims": self.claims, "hypotheses": self.hypotheses}


def asked(step, checked: dict[str, ir.Table], customers: ir.Table) -> Asked:
    """Respondents and raters beside everybody, weights, claims and hypotheses; gives the weights privately as `survey_weights`."""
    project, answers, comments = step.project, checked.get("answers"), checked.get("comments")
    margins = list(project.collect.survey.margins) if answers is not None else []
    if answers is None and comments is None:
        return Asked(None, None, [], hypotheses(None, None, project), None)
    shown = levels(customers, project, margins=margins).cache()
    doing = behaviour(customers, checked["orders"], project, as_of=step.as_of).cache()
    rated = None if comments is None else compare(shown, doing, raters(comments, customers))
    if answers is None:
        return Asked(None, None, [], hypotheses(None, None, project), rated)
    weighted = weigh(respondents(answers, customers), shown, margins)
    weighted = weighted._replace(members=step.give_table("survey_weights", weighted.members, key=["customer_id"]))
    compared, told = compare(shown, doing, weighted.members), claims(step, answers, customers, checked["orders"])
    people = None
    if any(each.among for each in project.collect.hypotheses):
        people = customers.select("customer_id", *(attributes(customers))).left_join(doing, "customer_id").drop("customer_id_right")
        people = people.left_join(bought_in(checked["orders"], project, as_of=step.as_of), "customer_id").drop("customer_id_right")
    return Asked(compared, weighted, told, hypotheses(answers, weighted, project, people), rated)
