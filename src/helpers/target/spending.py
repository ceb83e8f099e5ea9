"""Where a campaign's money goes: spend per segment by expected margin less cost, against equal spend, and the cost of being wrong."""

import math
from collections.abc import Collection

import numpy as np
from scipy.stats import norm, qmc

from helpers.project import Project

DRAWS = 4_096
"""A power of 2; drawn in pairs that mirror each other, so that their mean is the expected rise exactly."""
SPREAD = 0.5
"""Standard deviation of a rise that nobody has measured, as a share of the plausible rise: about nothing to twice as much."""
OTHER_OFFER = 0.25
"""The same, added where one campaign alone was measured: nobody has seen how much another one differs (`expected`)."""
SHARED = 0.5
"""Share of the doubt (its variance) that all segments have in common: a campaign that fails fails everywhere."""
LEAST_ARM, ARM_SIZES = 25, 60
NO_OFFER, NO_MARGIN, NO_COST, NO_ORDER, NEVER, NOBODY = "no offer", "no margin", "no cost", "no spend", "never", "nobody"
KNOCKED_OUT = "knocked out"
MEASURED, PLAUSIBLE = "measured", "plausible"


def divide(plan: dict, measured: dict[str, dict], project: Project, *, out: Collection[str] = (), verdict: str | None = None) -> dict:
    """spending.json: what each segment is worth spending on, under target.budget.

    plan       result of `target.plan`
    measured   segment → uplift, next_sd, low, high, campaigns, own, base: what earlier campaigns did (`beliefs`); {} where there are none
    out        segments that are knocked out (attractiveness.json): they get nothing
    verdict    the verdict of step 6 on the objective: whether segments are needed for the budget at all
    Returns    segments: id …, people (those on the list who are no control), each: {net, spend} of one contact, rise, source, break_even,
               fails (probability that the contact does not pay), best and equal ({contacts, spend, net, low, high}), why it is left out;
               total of both, difference with interval and better (share of draws); wrong: what knowing every rise would be worth;
               each segment's wrong and test; listed: what contacting everybody on the lists is worth (`whole_list`).
               Money is the project's currency, for one campaign; intervals hold 95 of 100 draws
    """
    priced = [_priced(s, measured, project, out=s["id"] in out) for s in plan["segments"]]
    open_to = [p for p in priced if p["why"] is None]
    divided = _divided(open_to, project) if open_to else dict.fromkeys(("bound", "total", "wrong", "loses"))
    stated = {"draws": DRAWS, "spread": SPREAD, "shared": SHARED, "other_offer": OTHER_OFFER}
    head = {"budget": project.target.budget, "verdict": verdict, "plausible": plan["plausible"]}
    return head | stated | divided | {"segments": priced, "listed": whole_list(priced, project)}


def whole_list(priced: list[dict], project: Project) -> dict | None:
    """What contacting everybody on the lists as drawn is expected to bring, those knocked out included, for they are on the lists too.

    The plan's gain takes the plausible rise of every segment for granted; where earlier campaigns measured the rises, this is what they
    say. None where no rise was measured, or a cost or margin is not known
    Returns   net, low, high (95 of 100 draws), measured (whether every rise was)
    """
    lines = [p for p in priced if p["offer"] and p["people"]]
    measured = [p["source"] == MEASURED for p in lines]
    if not any(measured) or any(p["margin"] is None or p["price"] is None for p in lines):
        return None
    people, margin, price, mean, sd = (
        np.array([p[key] for p in lines], dtype=float) for key in ("people", "margin", "price", "rise", "sd")
    )
    nets = drawn(mean, sd, seed=project.seed) * margin - price
    return _spread((people * nets).sum(axis=1)) | {"measured": all(measured)}


def _divided(open_to: list[dict], project: Project) -> dict:
    """The best division and the equal one over all draws; writes each segment's part, its wrong and its test into `open_to`."""
    people, spend, margin, price, mean, sd = (
        np.array([p[key] for p in open_to], dtype=float) for key in ("people", "spend", "margin", "price", "rise", "sd")
    )
    limit = math.inf if project.target.budget is None else project.target.budget
    nets, expected_net = drawn(mean, sd, seed=project.seed) * margin - price, mean * margin - price  # of one contact
    best = allocate(expected_net, spend, people, limit)
    equal = equally(spend, people, float((best * spend).sum()))
    known = allocate(nets, spend, people, limit)
    for i, p in enumerate(open_to):
        p |= {key: _told(n[i], spend[i], nets[:, i]) for key, n in (("best", best), ("equal", equal))}
        p |= {"wrong": _one_known(i, nets, expected_net, spend, people, limit), "test": first_test(p)}
    sums = {name: (n * nets).sum(axis=1) for name, n in (("best", best), ("equal", equal), ("known", known))}
    told = {name: {"spend": float((n * spend).sum()), **_spread(sums[name])} for name, n in (("best", best), ("equal", equal))}
    ahead = sums["best"] - sums["equal"]
    told["difference"] = _spread(ahead) | {"better": float((ahead > 0).mean())}
    return {
        "bound": float((people * spend)[expected_net > 0].sum()) > limit,
        "total": told,
        "wrong": float((sums["known"] - sums["best"]).mean()),
        "loses": float((sums["best"] < 0).mean()),
    }


# What one contact is worth


def _priced(segment: dict, measured: dict[str, dict], project: Project, *, out: bool) -> dict:
    """One segment's contact: what it costs, what a response brings, the rise expected and how sure; or why nothing can be said."""
    head = {key: segment.get(key) for key in ("id", "name", "suggested", "colour", "fits", "offer")}
    offer, people = project.target.offers.get(segment["id"]), segment["contacted"]
    margin, price = segment["margin_of_response"], segment["per_contact"]
    why = _why(offer, segment, project) or (KNOCKED_OUT if out else None)
    line = head | {"people": people, "why": why, "margin": margin, "price": price, "control": segment["control"]}
    line |= {"best": None, "equal": None, "wrong": None, "test": None}
    belief = expected(segment["id"], measured, project)
    line |= belief | {"base": _base(segment, belief)}
    if why is not None:
        return line | {"spend": None, "net": None, "break_even": None, "fails": None}
    even = price / margin
    return line | {
        "spend": price + max(belief["rise"], 0.0) * offer.cost,  # money paid out: those who take the offer because of it cost it too
        "net": belief["rise"] * margin - price,
        "break_even": even,
        "fails": float(norm.cdf((even - belief["rise"]) / belief["sd"])),
    }


def _why(offer, segment: dict, project: Project) -> str | None:
    if offer is None:
        return NO_OFFER
    if project.target.margin_rate is None:
        return NO_MARGIN
    if not segment["contacted"]:
        return NOBODY
    if segment["margin_of_response"] is None:
        return NO_ORDER
    if segment["per_contact"] is None:
        return NO_COST
    return NEVER if segment["margin_of_response"] <= 0 else None


def expected(segment: str, measured: dict[str, dict], project: Project) -> dict:
    """The rise in response expected of a campaign and its doubt: rise and sd (shares), source, campaigns.

    Measured: the mean of earlier campaigns with the spread of a next one; `OTHER_OFFER` of the plausible rise is added to its variance
    where one campaign alone measured it, for nobody has seen what another offer does. (How a segment differs from the others is in the
    spread already: `uplift.together`.) Else the plausible rise (scope.criteria.interesting_uplift) with `SPREAD` of it.
    """
    plausible, known = project.scope.criteria.interesting_uplift, measured.get(segment)
    if not known:
        return {
            "rise": plausible,
            "sd": max(SPREAD * plausible, 1e-6),
            "source": PLAUSIBLE,
            "campaigns": [],
            "own": None,
            "same_channel": None,
        }
    alone = len(known["campaigns"]) < 2
    sd = math.hypot(known["next_sd"], alone * OTHER_OFFER * plausible)
    told = {"rise": known["uplift"], "sd": max(sd, 1e-6), "source": MEASURED, "campaigns": list(known["campaigns"])}
    return told | {"own": known["own"], "same_channel": known.get("same_channel"), "measured_base": known.get("base")}


def _base(segment: dict, belief: dict) -> float | None:
    """The share that responds without being contacted: of the control groups, else of earlier answers, else as typed."""
    base = belief.pop("measured_base", None)
    if base is None:
        base = (segment.get("response") or {}).get("value")
    return base if base is not None else (segment.get("anyway") or {}).get("share")


def beliefs(found: dict, plan: dict) -> dict[str, dict]:
    """What earlier campaigns measured of each segment: by the channel of its offer where there are any, else by all channels.

    found    result of `target.outcomes`;  plan: result of `target.plan`
    Returns  segment → what `target.uplifts` says of it, and same_channel
    """
    from helpers.target.outcomes import uplifts

    everything, by_channel, result = uplifts(found), {}, {}
    for s in plan["segments"]:
        if s["channel"] and s["channel"] not in by_channel:
            by_channel[s["channel"]] = uplifts(found, channel=s["channel"])
        own = by_channel.get(s["channel"], {}).get(s["id"])
        known = own or everything.get(s["id"])
        if known:
            result[s["id"]] = known | {"same_channel": own is not None}
    return result


def drawn(mean: np.ndarray, sd: np.ndarray, *, seed: int) -> np.ndarray:
    """Rises that may come, DRAWS × segments: normal, with `SHARED` of the variance common to all; their mean is `mean` exactly."""
    spots = qmc.Sobol(len(mean) + 1, rng=seed).random_base2(int(math.log2(DRAWS)) - 1)  # spread evenly: 10 times surer than as many draws
    z = norm.ppf(np.clip(spots, 1e-12, 1 - 1e-12))
    away = sd * (math.sqrt(SHARED) * z[:, :1] + math.sqrt(1 - SHARED) * z[:, 1:])
    return mean + np.concatenate([away, -away])


# Who gets the money


def allocate(net: np.ndarray, spend: np.ndarray, people: np.ndarray, limit: float) -> np.ndarray:
    """Contacts per segment that bring most under a limit of money: those whose contact brings most for its money first, none at a loss.

    net      what one contact brings less its cost, segments along the last axis;  spend: money paid out for it;  people: most contacts
    Best of all divisions, for each segment's contacts are alike (the knapsack that may be cut: Dantzig 1957, Operations Research 5).
    Contacts may be fractions; a contact that costs nothing comes first.
    """
    net = np.asarray(net, dtype=float)
    whole = np.where(net > 0, people * np.ones_like(net), 0.0)
    rate = np.where(net > 0, np.divide(net, spend, out=np.full_like(net, np.inf), where=np.broadcast_to(spend > 0, net.shape)), -np.inf)
    order = np.argsort(-rate, axis=-1, kind="stable")
    price = np.broadcast_to(spend, net.shape)
    cost = np.take_along_axis(whole * price, order, axis=-1)
    left = np.clip(limit - (np.cumsum(cost, axis=-1) - cost), 0, None)
    paid = np.minimum(cost, left)
    share = np.divide(paid, cost, out=np.ones_like(cost), where=cost > 0)
    result = np.empty_like(whole)
    np.put_along_axis(result, order, np.take_along_axis(whole, order, axis=-1) * share, axis=-1)
    return result


def equally(spend: np.ndarray, people: np.ndarray, money: float) -> np.ndarray:
    """Contacts when every segment gets the same money; what a small segment cannot use goes to the others in equal parts."""
    most = people * spend
    level, left, result = np.sort(most), money, np.zeros(len(most))
    for place, one in enumerate(level):
        part = left / (len(most) - place)
        if one > part:
            result = np.minimum(most, part)
            break
        left -= one
        result = np.minimum(most, one)
    return np.divide(result, spend, out=people.astype(float).copy(), where=spend > 0)


def _told(contacts: float, spend: float, nets: np.ndarray) -> dict:
    return {"contacts": float(contacts), "spend": float(contacts * spend), **_spread(contacts * nets)}


def _spread(x: np.ndarray) -> dict:
    low, high = np.quantile(x, [0.025, 0.975])
    return {"net": float(x.mean()), "low": float(low), "high": float(high)}


# The cost of being wrong


def unit_loss(z: float) -> float:
    """The unit normal loss integral φ(z) − z (1 − Φ(z)), the mean of what a standard normal exceeds z by (Raiffa & Schlaifer 1961)."""
    return float(norm.pdf(z) - z * norm.sf(z))


def value_of_knowing(people: float, margin: float, price: float, rise: float, sd: float) -> float:
    """What knowing a rise beforehand is worth, when it is normal and money is no limit: people × margin × sd × L(|rise − even| ÷ sd)."""
    return people * margin * sd * unit_loss(abs(rise - price / margin) / sd)


def _one_known(i: int, nets: np.ndarray, expected_net: np.ndarray, spend: np.ndarray, people: np.ndarray, limit: float) -> float:
    """What knowing the rise of segment i alone is worth, under the limit: the others stay as expected."""
    some = np.tile(expected_net, (len(nets), 1))
    some[:, i] = nets[:, i]
    before = allocate(expected_net, spend, people, limit)
    return float(((allocate(some, spend, people, limit) - before) * some).sum(axis=1).mean())


def first_test(priced: dict) -> dict | None:
    """What a test on a part of the segment would cost, and save on the rest, before all the others are contacted or left alone.

    Two groups of n are drawn, one contacted. It costs n × what a contact is expected to bring (missed in the group left alone, when
    contacting is the better guess) or to lose (in the group contacted, when it is not). Afterwards the rest, people − 2 n, are treated
    as the test tells: worth the expected value of sample information, (people − 2 n) × margin × s × L(|rise − even| ÷ s), where
    s² = sd⁴ ÷ (sd² + se²) and se² = 2 p (1 − p) ÷ n (normal prior and test: Raiffa & Schlaifer 1961; test and roll: Feit & Berman 2019).
    Returns   n (a group) where worth − cost is largest, cost, worth, gain; None where nobody knows how many respond without a contact
    """
    base, people = priced["base"], priced["people"]
    if base is None or not 0 < base < 1 or people < 2 * LEAST_ARM:
        return None
    sizes = np.unique(np.geomspace(LEAST_ARM, people // 2, ARM_SIZES).astype(int))
    sd, even = priced["sd"], priced["break_even"]
    lines = []
    for n in sizes.tolist():
        told = sd**2 / math.sqrt(sd**2 + 2 * base * (1 - base) / n)
        worth = value_of_knowing(people - 2 * n, priced["margin"], priced["price"], priced["rise"], told) if people > 2 * n else 0.0
        cost = n * abs(priced["rise"] - even) * priced["margin"]
        lines.append({"n": n, "cost": cost, "worth": worth, "gain": worth - cost})
    return max(lines, key=lambda line: (line["gain"], -line["n"]))
