"""What one campaign taught: differences between those contacted and those left alone, from sums alone (result of `tallies.tally`)."""

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import pandas as pd

from helpers.rates import holm
from helpers.scope import smallest_rise
from helpers.target.tallies import CONTACT, CONTROL, FACTS
from helpers.target.uplift import bonferroni, both_sides, chi_square, cochran, difference, quantile, stratified, variance

SIGN = 0.05
"""A p, corrected for all looks, up to which a difference is called one."""
OUTSIDE = ""
"""Stands for customers who were in no segment when the campaign was sent."""
ORDERS = 0.9
"""Share of answers that came with an order, from which an answer may be counted as one."""
IMBALANCE = 0.1
"""A standardised difference from which two groups are called unlike (Austin 2009, Statistics in Medicine 28, 3083-3107)."""


def parts(frame: pd.DataFrame, arms: Collection[str] | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """Segment → contact and control → sums: FACTS and y, of the arms named (None: all that were contacted) and of the control group.

    frame   arm, role, segment, FACTS, y; one campaign
    """
    chosen = frame[(frame["role"] == CONTACT) & (True if arms is None else frame["arm"].isin(list(arms)))]
    found: dict[str, dict] = {}
    for role, rows in ((CONTACT, chosen), (CONTROL, frame[frame["role"] == CONTROL])):
        sums = rows.assign(segment=rows["segment"].fillna(OUTSIDE)).groupby("segment")[[*FACTS, "y"]].sum()
        for segment, line in sums.iterrows():
            found.setdefault(segment, {})[role] = {key: float(line[key]) for key in line.index}
    return _two_sided(found)


def _two_sided(found: dict[str, dict]) -> dict[str, dict]:
    """Segments in which only one group is anybody are put together with those who were in none, and left out if that does not help."""
    both = {s: groups for s, groups in sorted(found.items()) if len(groups) == 2 and s != OUTSIDE}
    rest: dict[str, dict] = {}
    for segment in sorted(set(found) - set(both)):
        for role, sums in found[segment].items():
            rest[role] = {key: rest.get(role, {}).get(key, 0.0) + value for key, value in sums.items()}
    return ({OUTSIDE: rest} if len(rest) == 2 else {}) | both


def counts(both: Mapping[str, Mapping[str, float]]) -> tuple[int, int, int, int]:
    """y1, n1, y0, n0 of one segment, from a value of `parts`."""
    return tuple(int(both[role][key]) for role in (CONTACT, CONTROL) for key in ("y", "n"))


def tests(frame: pd.DataFrame, *, shown: Sequence[str], plausible: float, prices: Mapping) -> list[dict]:
    """What contact did: all groups that were contacted together, then each version by itself when there are several.

    frame       arm, role, segment, FACTS, y (customers who answered, or ordered); one campaign
    shown       segments that may be told, in order; the others count in the whole alone
    plausible   the rise that a test should be able to see, 0-1
    prices      what `money` takes
    Returns     arm (None: all), pooled (post-stratified by segment), differ (Cochran's Q of all segments), segments, money; p_holm and
                low_all, high_all hold for all segments (of all versions) together
    """
    arms = sorted(frame.loc[frame["role"] == CONTACT, "arm"].unique())
    versions = [[arm] for arm in arms] if len(arms) > 1 else []
    first = _family(frame, [arms], shown, plausible, prices)
    first[0]["arm"] = None if versions else arms[0]
    return first + _family(frame, versions, shown, plausible, prices)


def _family(frame: pd.DataFrame, wanted: Sequence[Sequence[str]], shown: Sequence[str], plausible: float, prices: Mapping) -> list[dict]:
    """One test for each set of arms, corrected for all of them together."""
    cut = {tuple(arms): parts(frame, arms) for arms in wanted}
    looks = [(arms, s) for arms, found in cut.items() for s in shown if s in found]
    level = bonferroni(len(looks))
    lines = {(arms, s): _line(cut[arms][s], level, plausible) for arms, s in looks}
    for key, p in zip(looks, holm([lines[key]["p"] for key in looks]), strict=True):
        lines[key]["p_holm"] = p
        lines[key]["verdict"] = _verdict(lines[key], plausible)
    pooled = {arms: stratified([counts(both) for both in found.values()]) if found else None for arms, found in cut.items()}
    corrected = holm([one["p"] if one else 1.0 for one in pooled.values()])
    return [
        {
            "arm": arms[0],
            "pooled": pooled[arms] and _whole(found, pooled[arms], p, len(wanted)),
            "differ": differ([counts(both) for s, both in found.items() if s != OUTSIDE]),
            "segments": [{"id": s} | lines[arms, s] | {"money": money({s: found[s]}, prices)} for s in shown if s in found],
            "money": money(found, prices),
        }
        for (arms, found), p in zip(cut.items(), corrected, strict=True)
    ]


def _line(both: Mapping, level: float, plausible: float) -> dict:
    y1, n1, y0, n0 = counts(both)
    wide = difference((y1, n1, y0, n0), level=level)
    line = {"n1": n1, "y1": y1, "n0": n0, "y0": y0} | difference((y1, n1, y0, n0))
    return line | {"low_all": wide["low"], "high_all": wide["high"], "smallest": smallest_rise(y0 / n0, n1, n0)}


def _verdict(line: Mapping, plausible: float) -> str:
    """raises or lowers; too small (a plausible rise would have been missed); no sign (it would have been seen)."""
    if line["p_holm"] <= SIGN:
        return "raises" if line["uplift"] > 0 else "lowers"
    return "too small" if line["smallest"] is None or line["smallest"] > plausible else "no sign"


def _whole(found: Mapping, pooled: dict, p: float, looks: int) -> dict:
    wide = stratified([counts(both) for both in found.values()], level=bonferroni(looks))
    sums = {f"{key}{place}": int(sum(both[r][key] for both in found.values())) for r, place in ((CONTACT, 1), (CONTROL, 0)) for key in "ny"}
    return sums | pooled | {"p_holm": p, "low_all": wide["low"], "high_all": wide["high"], "strata": len(found)}


def differ(strata: Sequence[tuple[int, int, int, int]]) -> dict | None:
    """Cochran's Q of the segments' uplifts: q, df, p, mean, se, between_sd; None for fewer than two segments."""
    return cochran([difference(s)["uplift"] for s in strata], [variance(*s) for s in strata])


def between_versions(frame: pd.DataFrame) -> dict | None:
    """Whether versions differ at all (chi-square: q, df, p) and each pair of them: a, b, uplift of a over b by segment, low and high that
    hold for all pairs together, p_holm; None with fewer than two versions."""
    rows = frame[frame["role"] == CONTACT]
    arms = sorted(rows["arm"].unique())
    if len(arms) < 2:
        return None
    sums = rows.groupby("arm")[["y", "n"]].sum()
    pairs = [(a, b, parts(rows.assign(role=rows["arm"].map({a: CONTACT, b: CONTROL})))) for a, b in combinations(arms, 2)]
    level = bonferroni(len(pairs))
    found = [{"a": a, "b": b} | stratified([counts(both) for both in cut.values()], level=level) for a, b, cut in pairs if cut]
    for line, p in zip(found, holm([line["p"] for line in found]), strict=True):
        line["p_holm"] = p
    return {"chi_square": chi_square([[int(y), int(n - y)] for y, n in sums.to_numpy()]), "pairs": found}


def money(found: Mapping[str, Mapping], prices: Mapping) -> dict:
    """The margin of what was bought more, less what the contacts cost, of all who were contacted.

    found    a result of `parts`
    prices   margin_rate (None: not typed), contact (cost of one where the contacts tell none; None: not known), offers (segment → cost of
             a redeemed offer; None: not known)
    Returns  contacted, cost, profit, low, high (95 %: the spread of spend within groups, normal), answers: the same from the rise of
             answers times the mean spend of who ordered, profit, low, high (None where answers are no orders: visits, for instance);
             reason: no margin or no cost, and then no profit
    """
    n = sum(both[CONTACT]["n"] for both in found.values())
    cost = _cost(found, prices)
    rate = prices["margin_rate"]
    result = {"contacted": int(n), "cost": cost} | dict.fromkeys(("profit", "low", "high", "answers"))
    if rate is None or cost is None or not found:
        return result | {"reason": "no margin" if rate is None else "no cost"}
    more, spread = 0.0, 0.0
    for both in found.values():
        one, other = (_mean(both[role]) for role in (CONTACT, CONTROL))
        more += both[CONTACT]["n"] * (one[0] - other[0])
        spread += both[CONTACT]["n"] ** 2 * (one[1] + other[1])
    half = quantile(0.95) * rate * math.sqrt(spread)
    profit = rate * more - cost
    answers = _by_answers(found, rate, n)
    answers = answers and {key: value - cost for key, value in answers.items()}
    return result | {"profit": profit, "low": profit - half, "high": profit + half, "answers": answers, "reason": None}


def _by_answers(found: Mapping[str, Mapping], rate: float, n: float) -> dict[str, float] | None:
    """The rise of answers, as if each were an order of the usual size that would not have come; None where answers are no orders."""
    groups = [both[role] for both in found.values() for role in (CONTACT, CONTROL)]
    answered, with_order, spend, ordered = (sum(group[key] for group in groups) for key in ("y", "both", "spend", "ordered"))
    if not ordered or not answered or with_order < ORDERS * answered:
        return None
    whole = stratified([counts(both) for both in found.values()])
    return {name: n * whole[key] * rate * spend / ordered for name, key in (("profit", "uplift"), ("low", "low"), ("high", "high"))}


def _mean(group: Mapping[str, float]) -> tuple[float, float]:
    """Mean spend and the variance of that mean."""
    n, s, q = group["n"], group["spend"], group["spend2"]
    return s / n, max(q - s * s / n, 0.0) / max(n - 1, 1) / n


def _cost(found: Mapping[str, Mapping], prices: Mapping) -> float | None:
    """What contacting cost: as the contacts tell it, else as typed, and the redeemed offers where their cost is typed."""
    told = [both[CONTACT]["costed"] for both in found.values()]
    if all(told):
        cost = sum(both[CONTACT]["cost"] / both[CONTACT]["costed"] * both[CONTACT]["n"] for both in found.values())
    elif prices["contact"] is None:
        return None
    else:
        cost = sum(both[CONTACT]["n"] for both in found.values()) * prices["contact"]
    return cost + sum((prices["offers"] or {}).get(s, 0.0) * both[CONTACT]["y"] for s, both in found.items())


def balance(before: pd.DataFrame, frame: pd.DataFrame, *, least: int, control_share: float | None = None) -> dict:
    """Whether those contacted and the control group were alike before the sending, as a draw by lot makes them.

    before          variable, role, n, mean, var (result of `tallies.before_sending`)
    frame           arm, role, segment, FACTS: contacted and control by segment
    control_share   the share that was to be control, where it is known
    Returns         looked_at, unlike (variables whose standardised difference is beyond 0.1), worst {variable, difference, p_holm},
                    by_chance (the difference that one variable in twenty has by chance alone), segments (chi-square of groups by segment,
                    p_holm), share {planned, found, p_holm}, verdict: by lot, not by lot (a p after Holm's correction up to 0.05), cannot
                    tell
    """
    wide = before[before["n"] >= least].pivot(index="variable", columns="role", values=["n", "mean", "var"]).dropna()
    lines = [_apart(str(name), row) for name, row in wide.iterrows()] if {CONTACT, CONTROL} <= set(before["role"]) else []
    lines = [line for line in lines if line]
    kept = frame[frame["role"].isin([CONTACT, CONTROL])]
    table = kept.assign(segment=kept["segment"].fillna(OUTSIDE)).pivot_table(index="role", columns="segment", values="n", aggfunc="sum")
    spread = chi_square(table.fillna(0).astype(int).to_numpy().tolist())
    sizes = kept.groupby("role")["n"].sum()
    share = _share(int(sizes.get(CONTACT, 0)), int(sizes.get(CONTROL, 0)), control_share)
    asked = [*lines, *([spread] if spread else []), *([share] if share else [])]
    for one, p in zip(asked, holm([one["p"] for one in asked]), strict=True):
        one["p_holm"] = p
    worst = max(lines, key=lambda line: (abs(line["difference"]), line["variable"]), default=None)
    odd = any(one["p_holm"] <= SIGN for one in asked)
    chance = quantile(0.95) * math.sqrt(sum(1 / n for n in sizes)) if len(sizes) == 2 else None
    return {
        "looked_at": len(lines), "unlike": sum(bool(abs(line["difference"]) > IMBALANCE) for line in lines), "worst": worst,
        "by_chance": chance, "segments": spread, "share": share,
        "verdict": ("not by lot" if odd else "by lot") if asked else "cannot tell",
    }  # fmt: skip


def _apart(name: str, row: pd.Series) -> dict | None:
    """One variable's standardised difference, and its p (Welch's, normal); None where nobody differs in either group."""
    (m1, v1, n1), (m0, v0, n0) = ((row["mean", r], row["var", r], row["n", r]) for r in (CONTACT, CONTROL))
    if v1 + v0 <= 0:
        return None
    return {
        "variable": name,
        "difference": float((m1 - m0) / math.sqrt((v1 + v0) / 2)),
        "p": both_sides((m1 - m0) / math.sqrt(v1 / n1 + v0 / n0)),
    }


def _share(contacted: int, control: int, planned: float | None) -> dict | None:
    n = contacted + control
    if planned is None or not n or not 0 < planned < 1:
        return None
    found = control / n
    return {"planned": planned, "found": found, "p": both_sides((found - planned) / math.sqrt(planned * (1 - planned) / n))}
