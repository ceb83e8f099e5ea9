"""Step 6: the five criteria as numbers, worked out by hand; and segments of noise, which must fail."""

import json
import math
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, table

from helpers import engine, reevaluate, words
from helpers.build import criteria, inputs
from helpers.build.agreement import kappa
from helpers.build.criteria import accessible, figures, interesting, later, measurable, page
from helpers.build.criteria.measurable import EVERYBODY
from helpers.run.files import plain
from helpers.tables import as_html, payload

pytestmark = pytest.mark.usefixtures("in_english")
CONFIRM = AS_OF - timedelta(days=60)
NAMES = ["spend_per_30d", "orders_per_30d", "discount_share", "departments"]
IDS = ["S1", "S2", "S3", "S4"]


class Step:
    """What the criteria ask of a step, in memory: (step, name) → an Ibis table, a frame or JSON."""

    def __init__(self, plan, given: dict):
        self.project, self.as_of, self.given = plan, AS_OF, given

    def gives(self, step, name):
        return (step, name) in self.given

    def take(self, step, name):
        found = self.given[step, name]
        return ibis.memtable(found) if isinstance(found, pd.DataFrame) else found

    def sample(self, asked):
        return engine.sample(asked, self.project.sample_rows, seed=self.project.seed).execute()


# A figure, its threshold, a criterion


@pytest.mark.parametrize(
    ("low", "high", "limit", "verdict"),
    [
        (0.60, 0.70, {"at_least": 0.60}, "pass"),  # a value at the threshold is on the right side
        (0.50, 0.60, {"at_least": 0.60}, "cannot tell"),
        (0.50, 0.59, {"at_least": 0.60}, "fail"),
        (0.80, 0.90, {"at_most": 0.90}, "pass"),
        (0.90, 0.95, {"at_most": 0.90}, "cannot tell"),
        (0.91, 0.95, {"at_most": 0.90}, "fail"),
        (0.91, math.inf, {"at_most": 0.90}, "fail"),
        (0.80, math.inf, {"at_most": 0.90}, "cannot tell"),
        (None, None, {"at_most": 0.90}, "cannot tell"),
        (math.nan, 0.5, {"at_most": 0.90}, "cannot tell"),
        (0.1, 0.2, {}, None),
    ],
)
def test_a_figure_passes_or_fails_when_all_of_its_interval_lies_on_one_side(low, high, limit, verdict):
    found = figures.figure(low, low, high, **limit)
    assert found["verdict"] == verdict
    assert found["high"] == (high if high is not None and math.isfinite(high) else None)
    json.dumps(found, allow_nan=False)


def test_a_criterion_fails_with_its_first_failing_figure_and_passes_when_all_pass():
    good, bad = figures.exact(1, at_least=1), figures.exact(0, at_least=1)
    open_, lacking, idle = figures.figure(1, 0, 2, at_least=1), figures.figure(None, at_least=1), figures.exact(5)
    told = lambda lacks=None, **each: tuple(figures.criterion(each, lacks)[k] for k in ("verdict", "because"))  # noqa: E731
    assert told(a=good, b=good, c=idle) == ("pass", "ok")
    assert told(a=open_, b=bad) == ("fail", "b")
    assert told(a=good, b=open_) == ("cannot tell", "b")
    assert told("no_margin", a=good, b=lacking) == ("cannot tell", "no_margin")
    assert told("no_margin", a=open_, b=lacking) == ("cannot tell", "a")
    assert told(c=idle) == ("cannot tell", "nothing")


def test_bootstrap_sums_draw_as_many_rows_with_replacement_the_same_each_time():
    rows = np.array([[1.0, 1.0], [1.0, 3.0], [1.0, 5.0]])
    found = figures.sums(rows, draws=4000, seed=1)
    assert found.shape == (4000, 2) and (found[:, 0] == 3).all()
    assert set(found[:, 1]) == {3, 5, 7, 9, 11, 13, 15}
    assert found[:, 1].mean() == pytest.approx(9, abs=0.15) and found[:, 1].var() == pytest.approx(8, rel=0.1)  # 3 × 8/3
    assert (found == figures.sums(rows, draws=4000, seed=1)).all()
    assert figures.sums(np.zeros((0, 2)), draws=3, seed=1).tolist() == [[0, 0]] * 3


def test_edges_leave_out_what_is_no_number_and_keep_what_has_no_end():
    assert figures.edges(np.array([math.nan, 1.0])) == (None, None)
    assert figures.edges(np.array([1.0] * 50 + [math.inf] * 50)) == (1.0, math.inf)
    assert figures.edges(np.array([0] * 3 + [1] * 94 + [2] * 3), whole=True) == (0.0, 2.0)


# Measurable


def test_measurable_is_half_of_the_interval_over_the_mean():
    plan = project(build={"draws": 200}, target={"margin_rate": 0.25})
    found = measurable.judged(np.array([50.0, 50.0, 50.0]), (1, 4), (0, 400), plan)
    assert (found["verdict"], found["because"]) == ("pass", "ok")
    assert found["figures"]["half_width"]["value"] == 0 and found["figures"]["revenue"]["value"] == 50
    assert found["figures"]["margin"]["value"] == 12.5 and found["figures"]["capped"]["value"] == 0.25
    wide = measurable.judged(np.array([0.0, 100.0]), (0, 2), (0, 400), plan)  # draws: 0, 50 or 100
    assert wide["figures"]["half_width"]["value"] == 1 and (wide["verdict"], wide["because"]) == ("fail", "half_width")


def test_measurable_cannot_be_told_of_one_customer_nor_of_refunds_alone():
    plan = project(build={"draws": 200})
    assert [measurable.judged(np.array(v), (0, 2), (0, 400), plan)["because"] for v in ([5.0], [-5.0, -6.0])] == ["few", "no_revenue"]
    assert "margin" not in measurable.judged(np.array([1.0, 2.0]), (0, 2), (0, 2), plan)["figures"]


def test_a_defining_variable_that_too_many_lack_fails_and_the_worst_one_counts():
    members = table("m", "customer_id segment", *((f"c{i}", "S1" if i < 300 else "S2") for i in range(600)))
    x = [None] * 90 + [1.0] * 510
    y = [None] * 30 + [1.0] * 560 + [math.nan] * 10
    customers = ibis.memtable(pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "x": x, "y": y}))
    assert measurable.missing(members, customers, ["x", "y", "gone"]) == {"S1": (90, 300), "S2": (10, 300), EVERYBODY: (90, 600)}
    plan = project(build={"draws": 200})
    verdicts = [measurable.judged(np.ones(9), (0, 9), lacks, plan)["verdict"] for lacks in ((90, 300), (60, 300), (10, 300))]
    assert verdicts == ["fail", "cannot tell", "pass"]


def test_money_is_capped_at_the_quantile_of_everyone_and_those_without_orders_count_as_0():
    members = table("m", "customer_id segment", *((f"c{i:03d}", "S1" if i < 2 else "S2") for i in range(101)))
    bought = orders(("c000", "1", "09-01", 9000), *((f"c{i:03d}", f"{i}", "09-01", 30) for i in range(2, 101)))
    plan = project(build={"draws": 200}, scope={"window_days": 60})
    step = Step(plan, {})
    window = engine.windows(AS_OF, window_days=60, horizon_days=60, first=datetime(2017, 1, 1))["published"]
    customers = members.select("customer_id")
    found = measurable.measurable(step, members, customers, bought, window, [])
    # of 101 sorted values the 99 % quantile is the 100th: 30; two months of 30 days
    assert found["S1"]["figures"]["revenue"]["value"] == pytest.approx((30 + 0) / 2 / 2)
    assert found["S1"]["figures"]["capped"]["value"] == 0.5 and found["S2"]["figures"]["revenue"]["value"] == 15
    assert found[EVERYBODY]["figures"]["capped"]["value"] == pytest.approx(1 / 101)


# Recognisable and homogeneous


def test_balanced_accuracy_is_the_mean_of_members_recognised_and_others_kept_out():
    labels = np.array(["S1", "S1", "S2", "S2", "S2", "S2"])
    hits = {"S1": np.array([1, 0, 1, 1, 1, 0], bool), "S2": np.array([1, 1, 1, 1, 0, 0], bool)}
    found = later.accuracy(labels, hits, draws=200, seed=1)
    assert found["S1"][0] == pytest.approx((1 / 2 + 3 / 4) / 2) and found["S2"][0] == pytest.approx((2 / 4 + 1) / 2)
    assert found[EVERYBODY][0] == pytest.approx((0.625 + 0.75) / 2)
    assert all(low <= value <= high for value, low, high in found.values())


def test_moments_are_those_of_a_book_and_leave_missing_values_out():
    x = np.array([[1.0, 5.0], [3.0, 7.0], [5.0, 0.0], [7.0, 0.0]])
    known = np.array([[1, 1], [1, 1], [1, 0], [1, 1]], bool)
    found = later.moments(x, known, np.array(["a", "a", "b", "b"]), ["a", "b"], draws=20, seed=1)
    spread = np.std([1, 3, 5, 7], ddof=1), np.std([5, 7, 0], ddof=1)
    assert found.effect[0, 0] == pytest.approx([(2 - 4) / spread[0], (6 - 4) / spread[1]])
    assert found.ratio[0, 0] == pytest.approx([2 / spread[0] ** 2, 2 / spread[1] ** 2])
    assert found.ratio[0, 1, 0] == pytest.approx(2 / spread[0] ** 2) and np.isnan(found.ratio[0, 1, 1])  # one value has no variance
    assert found.within[0] == pytest.approx([(2 + 2) / 3 / spread[0] ** 2, (2 + 0) / 2 / spread[1] ** 2])


def ids(n: int) -> list[str]:
    return [f"c{i:05d}" for i in range(n)]


def world(then: np.ndarray, after: np.ndarray, labels: np.ndarray, **sections):
    """A step at the window confirm: customers × NAMES as they were and as they were measured again, and who is in which segment."""
    scope = {"window_days": 60, "horizon_days": 60} | sections.pop("scope", {})
    plan = project(scope=scope, build={"draws": 200} | sections.pop("build", {}), **sections)
    frames = [pd.DataFrame({"customer_id": ids(len(x))} | dict(zip(NAMES, x.T, strict=True))) for x in (then, after)]
    given = {("variables", name): frame for name, frame in zip(("variables_confirm", "later_confirm"), frames, strict=True)}
    members = ibis.memtable(pd.DataFrame({"customer_id": ids(len(labels)), "segment": labels}))
    return Step(plan, given), members, inputs.columns(plan, ["customer_id", *NAMES])


def verdicts(then, after, labels, wanted=NAMES):
    step, members, columns = world(then, after, labels)
    found = later.measured_again(step, members, columns, wanted)
    return later.recognisable(found, IDS, step.project), later.homogeneous(found, IDS, step.project)


@pytest.mark.parametrize("seed", range(4))
def test_random_labels_are_neither_recognisable_nor_homogeneous(seed):
    draw = np.random.default_rng(seed)
    then, after = draw.uniform(1, 9, (2, 1600, 4))
    recognised, alike = verdicts(then, after, np.array(IDS)[draw.integers(0, 4, 1600)])
    for each in (recognised, alike):
        assert {s: line["verdict"] for s, line in each.items()} == dict.fromkeys([*IDS, EVERYBODY], "fail")
    assert recognised["S1"]["figures"]["readable"]["value"] < 0.6


@pytest.mark.parametrize("seed", range(4))
def test_clusters_of_noise_are_readable_on_their_own_days_and_fail_later(seed):
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    draw = np.random.default_rng(seed)
    then, after = draw.uniform(1, 9, (2, 1600, 4))
    with threadpool_limits(limits=1):
        labels = np.array(IDS)[KMeans(4, n_init=2, random_state=seed).fit(then).labels_]
    recognised, alike = verdicts(then, after, labels)
    for each in (recognised, alike):
        assert {s: line["verdict"] for s, line in each.items()} == dict.fromkeys([*IDS, EVERYBODY], "fail")
    assert all(recognised[s]["figures"]["readable"]["low"] > 0.7 for s in IDS)  # this judges nothing


def test_groups_that_last_pass_both():
    draw = np.random.default_rng(1)
    group = draw.integers(0, 4, 800)
    centre = np.array([[1, 1, 8, 8], [8, 1, 1, 8], [8, 8, 1, 1], [1, 8, 8, 1]], float)[group]
    then, after = centre + draw.normal(size=(2, 800, 4)) + 5
    recognised, alike = verdicts(then, after, np.array(IDS)[group])
    for each in (recognised, alike):
        assert {s: line["verdict"] for s, line in each.items()} == dict.fromkeys([*IDS, EVERYBODY], "pass")
    assert recognised["S1"]["figures"]["variables"]["value"] == 4 and recognised[EVERYBODY]["figures"]["at_once"]["value"] > 0.95


def test_one_trait_does_not_make_a_segment_recognisable():
    draw = np.random.default_rng(2)
    group = draw.integers(0, 2, 800)
    then, after = draw.uniform(1, 9, (2, 800, 4))
    after[:, 0] += 20 * group
    recognised, _ = verdicts(then, after, np.array(IDS[:2])[group])
    assert recognised["S1"]["figures"]["accuracy"]["verdict"] == "pass" and recognised["S1"]["figures"]["variables"]["value"] == 1
    assert (recognised["S1"]["verdict"], recognised["S1"]["because"]) == ("fail", "variables")
    assert recognised["S3"]["because"] == "not_then"  # nobody was in it


def test_a_segment_without_counterpart_then_is_not_judged_and_its_customers_then_are_part_of_everyone():
    draw = np.random.default_rng(5)
    group = draw.integers(0, 3, 600)
    then, after = draw.uniform(1, 9, (2, 600, 4)) + 10 * group[:, None]
    step, members, columns = world(then, after, np.array(["S1", "S2", "S9"])[group])
    found = later.measured_again(step, members, columns, NAMES)
    alike = later.homogeneous(found, ["S1", "S2", "S3"], step.project)
    everyone = np.mean([after[group == 0, v].var(ddof=1) / after[:, v].var(ddof=1) for v in range(4)])
    assert alike["S1"]["figures"]["ratio"]["value"] == pytest.approx(everyone, rel=0.03)  # outliers are held, by bounds learnt then
    assert (alike["S3"]["verdict"], alike["S3"]["because"]) == ("cannot tell", "not_then")
    assert later.recognisable(found, ["S1", "S2", "S3"], step.project)["S3"]["because"] == "not_then"


def test_shuffled_customers_give_the_same_figures_and_what_was_not_measured_twice_is_left_out():
    draw = np.random.default_rng(3)
    then, after = draw.uniform(1, 9, (2, 300, 4))
    after[:, 3] = 5.0  # constant: tells nothing
    after[:50, 2] = np.nan
    labels = np.array(IDS)[draw.integers(0, 4, 300)]
    step, members, columns = world(then, after, labels)
    found = later.measured_again(step, members, columns, [*NAMES, "age"])
    order = draw.permutation(300)
    step.given = {key: frame.iloc[order] for key, frame in step.given.items()}
    again = later.measured_again(step, members.execute().iloc[order[::-1]].pipe(ibis.memtable), columns, NAMES)
    assert found.names == NAMES[:3] and found.known.sum(axis=0).tolist() == [300, 300, 250]
    assert later.recognisable(found, IDS, step.project) == later.recognisable(again, IDS, step.project)
    assert later.homogeneous(found, IDS, step.project) == later.homogeneous(again, IDS, step.project)
    assert later.measured_again(step, members, columns, ["age"]) is None


# Interesting


def test_what_pays_for_a_contact_is_its_cost_over_the_margin_of_a_response():
    # a letter of 0.60, an offer of 2.00 that a quarter would take and come anyway; 40.00 an order at 25 %, less the offer
    assert float(interesting.break_even(40, 0.25, 0.60, 2.0, 0.25)) == pytest.approx(1.10 / 8.0)
    assert float(interesting.break_even(40, math.nan, 0.60, 0.0, 0.25)) == pytest.approx(0.06)  # no offer: nobody takes it
    assert math.isinf(float(interesting.break_even(8, 0.25, 0.60, 2.0, 0.25)))


def target(**offer) -> dict:
    channels = {"mail": {"name": "letter", "cost": 0.6}, "till": {"name": "till", "cost": 0.05}}
    offers = {"S1": {"offer": "gift", "channel": "mail"} | offer} if offer else {}
    return {"margin_rate": 0.25, "channels": channels, "offers": offers}


def test_each_thing_that_the_campaign_lacks_has_a_code():
    spends, mailed = np.full(30, 40.0), (25.0, 100.0, 100)

    def told(plan, per_order=spends, answered=None, offers=True):
        return interesting.uplift("S1", per_order, answered, plan, offers=offers)

    with_offer = project(target=target(cost=2.0), build={"draws": 200})
    found, lacks = told(with_offer, answered=mailed)
    assert (
        lacks is None and found["value"] == pytest.approx(1.1 / 8) and found["verdict"] == "fail" and found["low"] < 0.1375 < found["high"]
    )
    assert told(with_offer)[1] == "no_anyway"
    assert told(project(target=target(cost=2.0, anyway_share=0.25)))[0]["low"] == pytest.approx(1.1 / 8)  # all spend alike
    assert told(with_offer, offers=False)[0]["value"] == pytest.approx(0.05 / 10)  # the offers are another segmentation's: a message alone
    assert told(with_offer, per_order=np.array([np.nan, 40.0]))[1] == "no_spend_per_order"
    assert told(project())[1] == "no_channels"
    assert told(project(target=target() | {"margin_rate": None}))[1] == "no_margin"
    never, lacks = told(with_offer, per_order=np.full(30, 4.0), answered=mailed)
    assert lacks is None and never["value"] is None and never["verdict"] == "fail"


def test_lasting_is_kappa_and_chance_is_the_share_in_the_later_window():
    counts = np.array([[8, 2], [1, 9]])
    found, stay, chance = interesting.lasting(counts, 0, draws=500, seed=1)
    assert stay["value"] == 0.8 and chance["value"] == 0.45 and found["value"] == pytest.approx(0.35 / 0.55)
    assert found["low"] < found["value"] < found["high"] <= 1
    assert interesting.lasting(counts, None, draws=500, seed=1)[0]["value"] == pytest.approx(float(kappa(counts))) == pytest.approx(0.7)
    assert interesting.lasting(np.zeros((2, 2), int), 0, draws=9, seed=1)[0]["value"] is None
    assert interesting.lasting(np.array([[0, 0], [1, 9]]), 0, draws=9, seed=1)[0]["value"] is None
    assert reevaluate.kappa is kappa


def test_the_season_of_the_whole_base_is_no_volatility():
    members = table("m", "customer_id segment", ("a", "S1"), ("b", "S2"), ("c", "S2"))
    days = [(AS_OF - timedelta(days=30 * m + 5)).strftime("%m-%d") for m in range(4)]
    rows = [(c, f"{c}{i}", day, (i + 1) * part) for i, day in enumerate(days) for c, part in (("a", 10), ("b", 20), ("c", 30))]
    step = Step(project(build={"draws": 200}), {})
    start = ("a", "z", (AS_OF - timedelta(days=120)).strftime("%m-%d"), 0)  # four whole months of history
    steady = interesting.volatility(step, members, orders(*rows, start), AS_OF)
    assert {s: line["value"] for s, line in steady.items()} == pytest.approx({"S1": 0, "S2": 0})
    # S1 doubles in one month of four: 20/70, 20/120, 30/180, 40/240 of the base
    moving = interesting.volatility(step, members, orders(*rows, ("a", "x", days[0], 10), start), AS_OF)
    shares = np.array([20 / 70, 1 / 6, 1 / 6, 1 / 6])
    assert moving["S1"]["value"] == pytest.approx(shares.std(ddof=1) / shares.mean())
    assert interesting.volatility(step, members, orders(*rows[:6]), AS_OF) == {}  # less than three months


# Accessible


def test_reached_is_who_agreed_and_did_something_by_that_channel_within_a_year():
    plan = project(tables=("orders", "events", "contacts"), target=target() | {"channels": {"email": {"name": "e-mail", "cost": 0.1}}})
    yes = [(c, " Email", "marketing", True, "01-01") for c in "abcdefg"]
    consents = table("consents", "customer_id channel purpose granted updated_at", *yes, ("b", "email", "marketing", False, "02-01"))
    events = table(
        "events",
        "customer_id occurred_at channel kind",
        ("a", "09-01", "email", "clicked"),
        ("b", "09-01", "email", "clicked"),  # withdrew
        ("c", "09-01", "email", "opened"),  # software opens mails
        ("g", "09-30 23:59", "EMAIL", "clicked"),
    )
    events = events.union(table("events", "customer_id occurred_at channel kind", ("d", None, "email", "clicked")))
    contacts = table(
        "contacts",
        "customer_id sent_at responded_at channel arm",
        ("e", "09-01", "09-05", "email", "test"),
        ("f", "09-01", "09-05", "email", "control"),  # answered nothing: was sent nothing
    )
    people = table("m", "customer_id segment", *((c, "S1" if c in "ac" else "S2") for c in "abcdefg"))
    found = accessible.reach(
        people.select("customer_id"), {"consents": consents, "events": events, "contacts": contacts}, plan, as_of=AS_OF
    )
    told = accessible.accessible(people, found, {"S1": 2, "S2": 5, EVERYBODY: 7}, plan)
    assert found[1:] == (["email"], None)
    assert [told[s]["figures"]["number"]["value"] for s in ("S1", "S2", EVERYBODY)] == [1, 2, 3]
    assert told["S2"]["figures"]["consent"]["value"] == 4 / 5 and told["S2"]["channel"] == "email"
    assert told["S2"]["verdict"] == "fail"  # five are fewer than 100


def test_a_sign_of_life_counts_for_365_days_and_the_best_channel_by_which_any_is_known():
    year = AS_OF - timedelta(days=365)
    bought = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "channel": ["mail", "mail", "phone"], "amount": [1.0, 1.0, 1.0],
         "ordered_at": [year, year - timedelta(microseconds=1), AS_OF - timedelta(days=1)]}
    )  # fmt: skip
    plan = project()
    seen = accessible.signs({"orders": ibis.memtable(bought)}, plan, as_of=AS_OF).execute()
    assert sorted(map(tuple, seen.to_numpy())) == [("a", "mail"), ("c", "phone")]
    assert accessible.signs({"orders": orders(("a", "1", "09-01", 1))}, plan, as_of=AS_OF) is None  # no channel is told


def test_without_consents_channels_or_signs_nobody_can_tell_who_is_reached():
    members = table("m", "customer_id segment", ("a", "S1"))
    consents = table("consents", "customer_id channel purpose granted updated_at", ("a", "mail", "marketing", True, "01-01"))
    planned, bare = project(target=target()), project()
    by = table("events", "customer_id occurred_at channel kind", ("a", "09-01", "web", "visit"))
    codes = []
    for plan, tables in (
        (planned, {}),
        (bare, {"consents": consents}),
        (planned, {"consents": consents}),
        (planned, {"consents": consents, "events": by}),
    ):
        found = accessible.reach(members.select("customer_id"), tables, plan, as_of=AS_OF)
        told = accessible.accessible(members, found, {"S1": 1, EVERYBODY: 1}, plan)
        assert {line["verdict"] for line in told.values()} == {"cannot tell"}
        codes.append(told["S1"]["because"])
    assert codes == ["no_consents", "no_channels", "no_signs", "no_signs"]


# All five, and the page


def variable(name: str) -> dict:
    return {"name": name, "kind": "number", "missing": 0.0, "steps": [{"scale": [0.0, 1.0]}]}


def document() -> dict:
    """Two centres on spend: S1 at 80, S2 at 20."""
    segments = [{"id": s, "name": None, "colour": "#12436D"} for s in ("S1", "S2")]
    return {
        "format": 1, "version": 1, "key": "customer_id", "built_as_of": "2017-08-02T00:00:00", "variables": [variable("spend_per_30d")],
        "segments": segments, "assign": {"nearest": {"centroids": [[80.0], [20.0]]}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def all_five():
    draw, n = np.random.default_rng(4), 400
    rich = np.arange(n) % 2 == 0
    customers = ids(n)

    def measured():
        spend = np.where(rich, 80.0, 20.0) + draw.normal(0, 5, n)
        columns = {"spend_per_30d": spend, "orders_per_30d": 1 + rich + draw.uniform(0, 0.5, n), "spend_per_order": spend / 2}
        return pd.DataFrame({"customer_id": customers} | columns)

    rows = [(c, f"{c}{m}", (AS_OF - timedelta(days=20 + 30 * m)).strftime("%m-%d"), 80 if r else 20)
            for c, r in zip(customers, rich, strict=True) for m in range(5)]  # fmt: skip
    bought = orders(*rows)
    consents = pd.DataFrame(
        {"customer_id": customers, "channel": "mail", "purpose": "marketing", "granted": True, "updated_at": datetime(2017, 1, 1)}
    )
    contacts = pd.DataFrame({"customer_id": customers, "campaign_id": "x", "channel": "mail", "sent_at": datetime(2017, 8, 10),
                             "responded_at": [datetime(2017, 8, 20) if i < 300 else None for i in range(n)]})  # fmt: skip
    given = {("variables", name): measured() for name in ("variables", "variables_confirm", "later_confirm")}
    given |= {("variables", "descriptors"): pd.DataFrame({"customer_id": customers})}
    given |= {("validate", "validation"): {"build_by": ["spend_per_30d", "orders_per_30d"]}, ("collect", "consents"): consents}
    given |= {("collect", "contacts"): contacts, ("collect", "orders"): bought}
    plan = project(scope={"window_days": 60, "horizon_days": 60}, build={"draws": 200, "transient": ["S2"]}, target=target(), min_cell=10)
    step = Step(plan, given)
    windows = engine.windows(AS_OF, window_days=60, horizon_days=60, first=datetime(2017, 4, 1))
    members = ibis.memtable(pd.DataFrame({"customer_id": customers, "segment": np.where(rich, "S1", "S2")}))
    columns = inputs.columns(plan, ["customer_id", "spend_per_30d", "orders_per_30d", "spend_per_order"])
    return step, members, columns, windows, bought


def test_two_groups_that_pay_last_and_are_reached_pass_all_five(all_five):
    step, members, columns, windows, bought = all_five
    found = criteria.judged(step, document(), document(), members, members, columns, windows, bought)
    assert found["passing"] == ["S1", "S2"]
    assert found["base"]["variables"] == ["spend_per_30d", "orders_per_30d"] and found["base"]["rows"] == 400
    one = found["segments"]["S1"]
    assert one["measurable"]["figures"]["revenue"]["value"] == pytest.approx(80) and one["interesting"]["figures"]["n"]["value"] == 200
    assert one["interesting"]["figures"]["kappa"]["value"] == 1 and one["interesting"]["figures"]["attrition"]["value"] == 0
    assert one["interesting"]["figures"]["break_even"]["value"] == pytest.approx(0.05 / (40 * 0.25), rel=0.02)
    assert one["accessible"]["channel"] == "mail" and one["accessible"]["figures"]["number"]["value"] == 150
    transient = found["segments"]["S2"]["interesting"]
    assert transient["transient"] and transient["figures"]["kappa"]["verdict"] is None
    json.dumps(plain(found), allow_nan=False)


def test_without_an_earlier_build_the_later_criteria_cannot_be_told(all_five):
    step, members, columns, windows, bought = all_five
    early = engine.windows(AS_OF, window_days=60, horizon_days=60, first=datetime(2017, 7, 1))
    for then, when in ((None, windows), (document(), early)):
        found = criteria.judged(step, document(), then, members, None if then is None else members, columns, when, bought)
        line = found["segments"]["S1"]
        assert [line[c]["because"] for c in ("recognisable", "homogeneous", "interesting")] == ["no_later"] * 3
        assert line["measurable"]["verdict"] == line["accessible"]["verdict"] == "pass" and found["passing"] == []
        assert "one horizon" in page.remedies(found, profiles(), step.project)[0]
        assert "no earlier build" in page.readable_words(found, profiles(), step.project)


def test_segments_cut_by_attributes_that_are_known_as_of_today_alone_are_not_called_lasting(all_five):
    step, members, columns, windows, bought = all_five
    by_age = document() | {"variables": [variable("age")]}
    known = pd.DataFrame({"customer_id": ids(400), "age": np.where(np.arange(400) % 2 == 0, 80.0, 20.0)})
    given = step.given | {("variables", "descriptors"): known}
    found = criteria.judged(Step(step.project, given), by_age, by_age, members, members, columns, windows, bought)
    line = found["segments"]["S1"]["interesting"]
    assert (line["verdict"], line["because"]) == ("cannot tell", "not_measured_again") and line["figures"]["stay"]["value"] is None


def profiles(n: int = 200) -> dict:
    return {"segments": [{"id": s, "name": None, "n": n, "shown": True} for s in ("S1", "S2")]}


def test_the_page_says_verdicts_in_words_and_what_can_be_done(all_five):
    step, members, columns, windows, bought = all_five
    plan = step.project
    found = criteria.judged(step, document(), document(), members, members, columns, windows, bought)
    shown = page.verdict_table(found, profiles(), plan)
    assert shown.frame.iloc[0].tolist() == ["Segment S1", 200, *["✓ pass"] * 5]
    assert page.passing_words(found, profiles(), plan) == "2 of 2 segments pass all five criteria: Segment S1 and Segment S2."
    assert page.remedies(found, profiles(), plan) == []
    assert page.reach_words(found, plan).startswith("Before any segment is looked at: 75% of all customers agreed to “letter”")
    detail = page.figures_table(found, profiles(), plan)
    assert {"at most 20%", "at least 2", "at least 100", "at most 5%"} <= set(detail.frame["limit"])
    assert "$80" in as_html(detail) and payload(detail)["rows"]
    found["segments"]["S1"]["homogeneous"] |= {"verdict": "fail", "because": "ratio"}
    found["passing"] = ["S2"]
    assert page.passing_words(found, profiles(), plan) == (
        "1 of 2 segments pass all five criteria: Segment S2. Homogeneous: fail for Segment S1."
    )
    assert page.remedies(found, profiles(), plan) == [
        "Homogeneous: fail for Segment S1 by “variance within, of the variance of all, later”. Within it, choose offers by each "
        "customer’s own purchases or by the bands; one offer for all will miss many."
    ]
    found["segments"]["S2"]["accessible"] |= {"verdict": "cannot tell", "because": "no_consents"}
    found["passing"] = []
    assert page.passing_words(found, profiles(), plan) == (
        "No segment passes all five criteria. Of what can be told, none fails for Segment S2. Homogeneous: fail for Segment S1. "
        "Accessible: cannot tell for Segment S2."
    )
    assert page.beside_words(found, found, ("k-means", "RFM")).startswith("“k-means” passes 8 of the 9")
    short = lambda: page.short_words(found, profiles(), plan)  # noqa: E731
    assert short() == "None of 2 segments passes all five criteria; 1 fails “Homogeneous”."
    found["segments"]["S2"]["homogeneous"] |= {"verdict": "cannot tell", "because": "ratio"}
    assert page.remedies(found, profiles(), plan)[0] == (
        "Homogeneous: fail for Segment S1, cannot tell for Segment S2, by “variance within, of the variance of all, later”. Within it, "
        "choose offers by each customer’s own purchases or by the bands; one offer for all will miss many."
    )
    assert len(page.remedies(found, profiles(), plan)) == 2  # and of reach, the consents
    found["segments"]["S1"]["accessible"] |= {"verdict": "cannot tell", "because": "no_consents"}
    assert short() == "None of 2 segments passes all five criteria; “Accessible” cannot be told: no consents."
    found["segments"]["S1"]["accessible"]["because"] = "no_signs"  # two reasons: neither is told
    assert short() == "None of 2 segments passes all five criteria; “Accessible” cannot be told of all."
    for one in ("S1", "S2"):
        found["segments"][one]["accessible"] |= {"verdict": "fail", "because": "share"}
    assert short() == "None of 2 segments passes all five criteria; all fail “Accessible”."
    found["passing"] = ["S2"]
    assert short() == "1 of 2 segments passes all five criteria; all fail “Accessible”."
    found["passing"] = ["S1", "S2"]
    assert short() == "All 2 segments pass all five criteria."
    few = {"segments": [s | {"shown": False} for s in profiles()["segments"]]}
    assert page.short_words(found, few, plan) == "No segment is large enough to be judged by the five criteria."
    found["passing"] = []


def test_nothing_is_said_of_segments_of_fewer_than_min_cell_customers(all_five):
    step, members, columns, windows, bought = all_five
    found = criteria.judged(step, document(), document(), members, members, columns, windows, bought)
    few = {"segments": [profiles()["segments"][0] | {"n": 7}, profiles()["segments"][1] | {"shown": False}]}
    table_ = page.verdict_table(found, few, step.project)
    assert table_.frame["homogeneous"].tolist() == ["–", "–", "✓ pass"] and table_.frame["n"].isna().tolist() == [True, True, False]
    assert set(page.figures_table(found, few, step.project).frame["name"]) == {"All together"}
    assert page.remedies(found, few, step.project) == [] and "Segment" not in page.passing_words(found, few, step.project)
    reached = {"figures": {"number": figures.exact(195.0)}}
    assert page._gives_away(reached, 200, step.project) and not page._gives_away(reached, 300, step.project)


def test_every_reason_has_a_remedy_in_both_verdicts():
    reasons = {
        "measurable": ["half_width", "missing", "few", "no_revenue"],
        "recognisable": ["accuracy", "variables", "few", "not_then", "no_later", "not_measured_again"],
        "homogeneous": ["ratio", "few", "no_later", "not_measured_again"],
        "interesting": [
            "n",
            "break_even",
            "kappa",
            "not_then",
            "not_measured_again",
            "no_later",
            "no_margin",
            "no_channels",
            "no_anyway",
            "no_spend_per_order",
        ],
        "accessible": ["share", "number", "few", "no_consents", "no_signs", "no_channels"],
    }
    said = {page._remedy(c, v, because, "X") for c, each in reasons.items() for because in each for v in ("fail", "cannot tell")}
    assert all("X" in sentence and sentence.endswith(".") for sentence in said)
    for c, each in reasons.items():
        for because in each:
            assert (c, because) in page.REMEDIES or because in page.REMEDIES, (c, because)
    assert set(page.TITLES) == set(criteria.CRITERIA) and words.language() == "en"
