"""Figures of steps 7 to 9 of a published run and of its pages, worked out once more from the package's own files (see by_sql)."""

import hashlib
import html
import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import product
from statistics import NormalDist, fmean, pstdev

import numpy as np
import pytest
from by_sql import IDS, MAILINGS, NOW, PLAN, THEN, baskets, behaviour, by_segment, exactly, given, in_scope, nearest, records, table
from pytest import approx

pytestmark = pytest.mark.slow  # all of it is compared with a run that takes minutes

TARGET, PLAUSIBLE = PLAN["target"], PLAN["validate"]["signed"]["thresholds"]["interesting_uplift"]


@pytest.fixture(scope="module")
def labels(first_run) -> dict[str, str]:
    return nearest(given(first_run, "06_build/segmentation"), in_scope(NOW))


# Step 8: who is left alone, what they answered, what it costs


@pytest.fixture(scope="module")
def arms(labels) -> dict[str, str]:
    def share(name: str, household: str) -> float:
        return int(hashlib.md5(f"{name}|{household}|{PLAN['seed']}".encode()).hexdigest()[:8], 16) / 2**32

    def arm(household: str) -> str:
        if share("universal", household) < TARGET["universal_control"]:
            return "held out"
        return "control" if share(TARGET["campaign"], household) < TARGET["control_share"] else "contact"

    return {h: arm(h) for h in labels}


@pytest.fixture(scope="module")
def answers(moves) -> dict[str, dict]:
    """Segment as built in July → mailings after that day, answers within thirty days, members mailed."""
    return answered(moves[0], since=THEN)


def answered(labels: dict[str, str], *, since: str = "") -> dict[str, dict]:
    sent = [row for row in records(baskets().sql(MAILINGS)) if row["household"] in labels and f"{row['sent']}" >= since]
    found = {one: [row for row in sent if labels[row["household"]] == one] for one in IDS}
    return {
        one: {"mailings": len(rows), "value": fmean(r["answered"] for r in rows), "n": len({r["household"] for r in rows})}
        for one, rows in found.items()
    }


def test_arms_follow_from_the_hash_of_name_household_and_seed(first_run, labels, arms):
    lists, plan = table(first_run, "08_target/contacts"), given(first_run, "08_target/plan")
    assert {h: (row["segment"], row["arm"]) for h, row in lists.items()} == {h: (labels[h], arms[h]) for h in labels}
    counted = Counter((labels[h], arms[h]) for h in labels)
    for segment in plan["segments"]:
        contacted, control, held_out = (counted[segment["id"], arm] for arm in ("contact", "control", "held out"))
        assert segment["customers"] == contacted + control + held_out
        assert (segment["contacted"], segment["control"], segment["unlisted"]) == (contacted, control + held_out, 0)
    total = Counter(arms.values())
    assert (plan["total"]["contacted"], plan["total"]["control"]) == (total["contact"], total["control"] + total["held out"])
    assert all(plan[name] == TARGET[name] for name in ("campaign", "margin_rate", "control_share", "universal_control"))


def test_answers_are_those_of_the_members_within_thirty_days(first_run, answers):
    plan = given(first_run, "08_target/plan")
    assert {s["id"]: s["response"] for s in plan["segments"]} == {one: exactly(told) for one, told in answers.items()}
    mailings = sum(told["mailings"] for told in answers.values())
    answered = sum(told["mailings"] * told["value"] for told in answers.values())
    together = {"mailings": mailings, "value": answered / mailings, "n": sum(told["n"] for told in answers.values())}
    assert plan["pooled"]["response"] == exactly(together)


def test_what_todays_segments_would_have_answered_over_all_history_is_said(labels, pages, answers):
    for one, told in answered(labels).items():
        assert f"{told['value']:.1%} for {answers[one]['value']:.1%}" in pages["08_target"]


def test_what_an_offer_costs_and_brings_is_arithmetic(first_run, labels, arms, answers):
    plan, gains = given(first_run, "08_target/plan"), []
    for segment in plan["segments"]:
        offer, members = TARGET["offers"][segment["id"]], by_segment(labels)[segment["id"]]
        contacted = sum(arms[h] == "contact" for h in members)
        margin = fmean(in_scope(NOW)[h]["spend_per_order"] for h in members) * TARGET["margin_rate"] - offer["cost"]
        each = TARGET["channels"][offer["channel"]]["cost"] + answers[segment["id"]]["value"] * offer["cost"]
        gains.append(contacted * (PLAUSIBLE * margin - each))
        mine = {"margin_of_response": margin, "per_contact": each, "cost": contacted * each, "break_even": each / margin, "gain": gains[-1]}
        assert {name: segment[name] for name in mine} == exactly(mine)
        assert segment["pays"] == (each / margin <= PLAUSIBLE) == (gains[-1] >= 0)
        if segment["largest_offer"] is not None:  # an offer of that cost breaks even at the plausible rise
            cheaper = offer["cost"] - segment["largest_offer"]
            assert (each - answers[segment["id"]]["value"] * cheaper) / (margin + cheaper) == exactly(PLAUSIBLE)
    assert [plan["total"][name] for name in ("gain", "cost")] == exactly([sum(gains), sum(s["cost"] for s in plan["segments"])])


def power(rise: float, base: float, contacted: float, control: float) -> float:
    """How often a test at 5 % shows a rise of the contacted over the control."""
    raised = base + rise
    same = (contacted * raised + control * base) / (contacted + control)
    nothing = math.sqrt(same * (1 - same) * (1 / contacted + 1 / control))
    something = math.sqrt(raised * (1 - raised) / contacted + base * (1 - base) / control)
    return 1 - NormalDist(rise, something).cdf(NormalDist().inv_cdf(0.975) * nothing)


def test_the_smallest_visible_rise_is_found_in_four_cases_of_five(first_run, labels, arms, answers):
    counted, plan = Counter((labels[h], arms[h]) for h in labels), given(first_run, "08_target/plan")
    tests = {s["id"]: (answers[s["id"]]["value"], *(counted[s["id"], arm] for arm in ("contact", "control"))) for s in plan["segments"]}
    n, m = (sum(each[place] for each in tests.values()) for place in (1, 2))
    tests["pooled"] = (sum(p * (a + b) for p, a, b in tests.values()) / (n + m), n, m)
    for line in [*plan["segments"], plan["pooled"]]:
        base, n, m = tests[line.get("id", "pooled")]
        # The code's quantiles have seven digits.
        assert power(line["smallest_effect"], base, n, m) == approx(0.8, abs=1e-6)
        assert power(line["smallest_at_half"], base, (n + m) / 2, (n + m) / 2) == approx(0.8, abs=1e-6)
        enough = [times for times in range(1, 13) if power(PLAUSIBLE, base, times * n, times * m) >= 0.8]
        assert line["campaigns_needed"] == next(iter(enough), None)
        assert line["learns"] == (1 in enough)


# Step 9: the rules of July, applied then and now


@pytest.fixture(scope="module")
def frozen(first_run) -> dict:
    return given(first_run, "06_build/segmentation_confirm")


@pytest.fixture(scope="module")
def moves(frozen) -> tuple[dict[str, str], dict[str, str]]:
    return nearest(frozen, in_scope(THEN)), nearest(frozen, in_scope(NOW))


def kappa(pairs: Counter) -> float:
    n, was, here = sum(pairs.values()), Counter(), Counter()
    for (a, b), times in pairs.items():
        was[a], here[b] = was[a] + times, here[b] + times
    chance = sum(was[one] * here[one] for one in IDS) / n**2
    return (sum(pairs[one, one] for one in IDS) / n - chance) / (1 - chance)


def rand(pairs: Counter) -> float:
    """Adjusted Rand index, by pairs of households that are together."""
    was, here = ([sum(n for pair, n in pairs.items() if pair[side] == one) for one in IDS] for side in (0, 1))
    together, one, other, everybody = (sum(n * (n - 1) / 2 for n in counts) for counts in (pairs.values(), was, here, [sum(was)]))
    return (together - one * other / everybody) / ((one + other) / 2 - one * other / everybody)


def drawn(pairs: Counter, statistic):
    """The ends of an interval by leaving out one household at a time, within a fifth: the code draws households 1,000 times."""
    n, value = sum(pairs.values()), statistic(pairs)
    without = {pair: statistic(pairs - Counter([pair])) for pair in pairs}
    middle = sum(times * without[pair] for pair, times in pairs.items()) / n
    half = 1.96 * math.sqrt((n - 1) / n * sum(times * (without[pair] - middle) ** 2 for pair, times in pairs.items()))
    return approx([value - half, value + half], abs=half / 5)


def test_who_stayed_and_who_would_by_chance(first_run, moves):
    before, now = moves
    pairs = [(before[h], now[h]) for h in before if h in now]
    found, n = given(first_run, "09_reevaluate/reevaluation"), len(pairs)
    assert {pair: found["matrix"][pair[0]][pair[1]] for pair in product(IDS, IDS)} == {
        pair: pairs.count(pair) for pair in product(IDS, IDS)
    }
    was, here = Counter(one for one, _ in pairs), Counter(one for _, one in pairs)
    share, chance = sum(a == b for a, b in pairs) / n, sum(was[one] * here[one] for one in IDS) / n**2
    stay = {"n": n, "share": share, "chance": chance, "kappa": (share - chance) / (1 - chance)}
    assert {name: found["stay"][name] for name in stay} == exactly(stay)
    assert [found["stay"]["low"], found["stay"]["high"]] == drawn(Counter(pairs), kappa)
    for segment in found["segments"]:
        one = segment["id"]
        share, chance = pairs.count((one, one)) / was[one], here[one] / n
        assert segment["stay"] == exactly({"share": share, "chance": chance, "kappa": (share - chance) / (1 - chance)})


def test_what_each_segment_won_and_lost(first_run, moves):
    before, now = moves
    spent, spent_later = ({h: row["revenue"] for h, row in behaviour(end).items()} for end in (THEN, NOW))
    everyone, limit = before.keys() | now.keys(), NormalDist().inv_cdf(1 - 0.05 / 2 / 5)
    for segment in given(first_run, "09_reevaluate/reevaluation")["segments"]:
        one = segment["id"]
        sides = {h: (before.get(h), now.get(h)) for h in everyone if one in (before.get(h), now.get(h))}
        worth = {h: (spent.get(h, 0) * (was == one), spent_later[h] * (here == one)) for h, (was, here) in sides.items()}
        group = {
            "arrived": [h for h, (was, _) in sides.items() if was is None],
            "departed": [h for h, (_, here) in sides.items() if here is None],
            "entered": [h for h, (was, here) in sides.items() if was not in (one, None) and here == one],
            "left": [h for h, (was, here) in sides.items() if was == one and here not in (one, None)],
        }
        both = [h for h in sides if None not in sides[h]]
        n = {name: len(members) for name, members in group.items()}
        n |= {"before": sum(was == one for was, _ in sides.values()), "now": sum(here == one for _, here in sides.values())}
        n |= {"net": n["entered"] - n["left"]}
        assert {name: segment[name] for name in n} == n
        assert n["before"] + n["arrived"] - n["departed"] + n["net"] == n["now"]
        money = {
            "money_before": math.fsum(old for old, _ in worth.values()),
            "money_now": math.fsum(new for _, new in worth.values()),
            "money_arrived": math.fsum(worth[h][1] for h in group["arrived"]),
            "money_departed": math.fsum(worth[h][0] for h in group["departed"]),
            "net_money": math.fsum(worth[h][1] - worth[h][0] for h in both),
            "noise": limit * math.sqrt(n["entered"] + n["left"]),
            "noise_money": limit * math.sqrt(math.fsum((worth[h][1] - worth[h][0]) ** 2 for h in both)),
        }
        assert {name: segment[name] for name in money} == exactly(money)
        assert segment["beyond"] == (abs(n["net"]) > money["noise"])
        assert segment["beyond_money"] == (abs(money["net_money"]) > money["noise_money"])


def test_drift_is_the_stability_index_less_what_chance_gives(first_run, frozen):
    found = {row["variable"]: row for row in given(first_run, "09_reevaluate/reevaluation")["drift"]}
    assert found.keys() == {v["name"] for v in frozen["variables"]}
    for variable, row in found.items():
        old, new = ([each[variable] for each in in_scope(end).values()] for end in (THEN, NOW))
        known, known_new = (sorted(x for x in values if x is not None) for values in (old, new))
        borders = sorted(set(np.percentile(known, range(10, 100, 10))))
        bins = [Counter(-1 if x is None else bisect_left(borders, x) for x in values) for values in (old, new)]
        here = set(bins[0]) | set(bins[1])
        p, q = ({b: max(each[b], 0.5) for b in here} for each in bins)
        p, q = ({b: n / sum(each.values()) for b, n in each.items()} for each in (p, q))
        psi = sum((q[b] - p[b]) * math.log(q[b] / p[b]) for b in here) - (len(here) - 1) * (1 / len(old) + 1 / len(new))
        apart = max(abs(bisect_right(known, x) / len(known) - bisect_right(known_new, x) / len(known_new)) for x in known + known_new)
        assert {"psi": row["psi"], "ks": row["ks"]} == exactly({"psi": psi, "ks": apart}), variable


def test_a_new_build_agrees_as_pairs_of_households_do(first_run, moves, labels):
    pairs, found = Counter((labels[h], moves[1][h]) for h in labels), given(first_run, "09_reevaluate/reevaluation")
    assert found["refit_agreement"] == exactly(rand(pairs))
    assert [found["refit_interval"]["low"], found["refit_interval"]["high"]] == drawn(pairs, rand)
    weighed = {reason["code"]: reason["value"] for reason in found["reasons"]}
    assert (weighed["agreement"], weighed["lasting"]) == (found["refit_agreement"], found["stay"]["kappa"])


def test_the_noise_floor_is_how_two_halves_of_a_households_baskets_differ(first_run, frozen):
    both = in_scope(THEN).keys() & in_scope(NOW).keys()
    names = [v["name"] for v in frozen["variables"]]
    label = {}
    for end in (THEN, NOW):
        halves = {part: {h: dict(behaviour(end, part)[h]) for h in both} for part in ("heads", "not heads")}
        for name in names:  # brought to the scale of whole windows, by ranks
            whole = sorted(behaviour(end)[h][name] for h in both if behaviour(end)[h][name] is not None)
            pooled = sorted(row[name] for half in halves.values() for row in half.values() if row[name] is not None)
            for row in (row for half in halves.values() for row in half.values() if row[name] is not None):
                rank = (bisect_left(pooled, row[name]) + bisect_right(pooled, row[name]) - 1) / 2 / (len(pooled) - 1) * (len(whole) - 1)
                low = whole[int(rank)]
                row[name] = low + (rank - int(rank)) * (whole[min(int(rank) + 1, len(whole) - 1)] - low)
        label |= {(end, part): nearest(frozen, half) for part, half in halves.items()}

    def differ(pairs: list[tuple]) -> dict[str, float]:
        return {h: fmean(label[a][h] != label[b][h] for a, b in pairs) for h in both}

    one, other = ([(end, part) for part in ("heads", "not heads")] for end in (THEN, NOW))
    apart = [differ([tuple(one), tuple(other)]), differ(list(product(one, other)))]
    within, between = (fmean(each.values()) for each in apart)
    found = given(first_run, "09_reevaluate/reevaluation")["noise_floor"]
    assert found["n"] == len(both)
    mine = {"within": within, "between": between, "behaviour": between - within}
    assert {name: found[name] for name in mine} == exactly(mine)
    half = 1.96 * pstdev(apart[1][h] - apart[0][h] for h in both) / math.sqrt(len(both))  # against 1,000 draws: within a fifth
    assert [found["low"], found["high"]] == approx([between - within - half, between - within + half], abs=half / 5)


# The pages


@pytest.fixture(scope="module")
def pages(published, first_run) -> dict[str, str]:
    """The text of each page in English, between single spaces."""
    found = {}
    for page in (published.path / "reports" / "complete_journey" / NOW / first_run.name).glob("*.html"):
        text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        found[page.stem] = " ".join(html.unescape(text).split())
    return found


def test_the_pages_say_what_was_handed_over(first_run, pages):
    profiles, evidence, plan = (given(first_run, name) for name in ("06_build/profiles", "06_build/evidence", "08_target/plan"))
    moved, tested = given(first_run, "09_reevaluate/reevaluation"), given(first_run, "08_target/trial")["segments"]
    expected = []
    for s, planned, test, change in zip(profiles["segments"], plan["segments"], tested, moved["segments"], strict=True):
        name, each, money = s["name"]["en"], s["revenue_per_30d"], planned["gain"]
        net, gain = (re.sub("^-", "−", f"{x}") for x in (f"{change['net']:+}", f"{'-' if money < 0 else ''}${abs(money):,.0f}"))
        head = f"{name} {s['in_short']['en']} {s['n']}"
        shares = (s["share_of_customers"], s["share_of_revenue"])
        quiet = "" if abs(change["net"]) > change["noise"] else "within noise "
        expected += [
            ("index", f"{head} {shares[0]:.0%} {shares[1]:.0%} ${each['value']:.0f} {quiet}{net} {s['active_later']['share']:.0%}"),
            ("index", f"{gain} ${planned['cost']:.0f}"),
            ("06_build", f"{head} {shares[0]:.1%} {shares[1]:.1%} {each['value']:.0f} ${each['low']:.0f} to ${each['high']:.0f}"),
            ("08_target", f"{name} {test['n']} {test['base']:.1%} {100 * planned['smallest_effect']:.1f} {test['best_share']:.0%}"),
            ("08_target", f"{name} {s['n']} {planned['contacted']} {s['n'] - planned['contacted']}"),
            ("09_reevaluate", f"{name} {change['stay']['share']:.0%} {change['stay']['chance']:.0%} {change['stay']['kappa']:.2f}"),
        ]
    scores = {name: f"{100 * evidence['contest'][name]['objective']['value']:.1f}%" for name in ("rfm", "hcpc", "bands")}
    expected += [
        ("06_build", f"RFM points candidate 5 {scores['rfm']}"),
        ("06_build", f"Hierarchical classification candidate 5 {scores['hcpc']}"),
        ("06_build", f"Bands of past spend simple rule 5 {scores['bands']}"),
        ("index", f"{moved['stay']['share']:.0%} of customers are in the segment that they were in; by chance it would be "),
        ("09_reevaluate", f"κ is {moved['stay']['kappa']:.2f} (95% interval {moved['stay']['low']:.2f} to {moved['stay']['high']:.2f})"),
        ("09_reevaluate", f"Two halves of one period (noise floor) {moved['noise_floor']['within']:.1%}"),
    ]
    assert [(page, text) for page, text in expected if text not in pages[page]] == []
