"""Similar customers: who may be looked at, what may rank, the hidden half worked out by hand, and what the page may say."""

from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, table

from helpers import NinefoldError, engine, tables
from helpers.build.inputs import Column
from helpers.predict import alike
from helpers.predict.alike import found, groups, page, rank

pytestmark = pytest.mark.usefixtures("in_english")

SCOPE = {"window_days": 30, "horizon_days": 30}


def column(name, kind="category"):
    return Column(name, kind, "behavioural", kind == "number")


class Step:
    """Step 8 of a shop of `n` customers: every tenth is in S1, which spend makes; some of their traits are told by hand."""

    name = "target"

    def __init__(self, n=1000, *, target=None, rules=(), proxies=(), predicted=None, variables=None, **traits):
        self.as_of = AS_OF
        self.project = project(scope=SCOPE, target=target or {}, build={"rules": list(rules)}, variables=variables or {})
        ids = [f"c{i:04}" for i in range(n)]
        inside = np.arange(n) % 10 == 0
        spend = np.where(inside, 100.0, 10.0) + np.arange(n) % 7
        described = {name: make(np.arange(n), inside) for name, make in traits.items()}
        self.tables = {
            "variables": pd.DataFrame({"customer_id": ids, "spend_per_30d": spend}),
            "descriptors": pd.DataFrame({"customer_id": ids, **described}),
        } | ({"predicted": predicted} if predicted is not None else {})
        rule = {"segment": "S1", "when": {"variable": "spend_per_30d", "at_least": 50}}
        self.json = {
            "segmentation": {"variables": [{"name": "spend_per_30d"}], "segments": [{"id": "S1"}, {"id": "S2"}], "rule": rule},
            "profiles": {"segments": [self._segment("S1", int(inside.sum()), 100.0), self._segment("S2", int((~inside).sum()), 10.0)]},
            "proxies": list(proxies),
        }
        self.members = ibis.memtable(pd.DataFrame({"customer_id": ids, "segment": np.where(inside, "S1", "S2")}))

    @staticmethod
    def _segment(id_, n, value):
        return {"id": id_, "n": n, "name": f"Name of {id_}", "revenue_per_30d": {"value": value}}

    def take(self, step, name):
        return self.json[name] if name in self.json else ibis.memtable(self.tables[name])

    def gives(self, step, name):
        return name in self.tables or bool(self.json.get(name))

    def sample(self, rows):
        return engine.sample(rows, self.project.sample_rows, seed=self.project.seed).execute()


def marks(i, inside):
    """A trait that four in five members have, and one in nine of the others."""
    return np.where(inside, np.where(i % 50 == 0, "no", "yes"), np.where(i % 10 == 3, "yes", "no"))


def noise(i, inside):
    return np.where((i * 7919) % 13 < 6, "a", "b")


NOTHING = {"orders": orders()}


def widened(step, checked=None):
    return alike.similar(step, step.members, checked or NOTHING)


# The list


def test_the_list_holds_those_who_share_the_members_traits_and_no_member():
    step = Step(club=marks, letter=noise)
    evidence, listed = widened(step)
    rows = listed.order_by("rank").execute()
    assert evidence["status"] == "graded" and evidence["groups"][0]["name"] == "S1"  # worth most, for none is typed
    assert rows["rank"].tolist() == list(range(1, 101)) and set(rows["group"]) == {"S1"}
    numbers = rows["customer_id"].str[1:].astype(int)
    assert (numbers % 10 != 0).all()
    assert set(numbers) == {i for i in range(1000) if i % 10 == 3}  # the hundred others with the trait


def test_the_hidden_half_is_found_as_worked_out_by_hand():
    """Ten of a hundred are members and all wear a badge that nobody else has: a list as long as the hidden half holds just these."""
    sample = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "badge": ["yes" if i < 200 else "no" for i in range(400)]})
    inside = np.arange(400) < 200
    chosen = rank.features(sample, {"badge": column("badge")}, ["badge"], 10)
    test = found.hidden_half(sample, inside, chosen, length=50, seed=1)
    assert test["hits"] == 50 and test["share"] == 1.0 and test["rule"]["hits"] == 50 and test["gain"] == 0.0 and test["grade"] == "C"
    assert test["pool"] == 200 + test["hidden"] and test["chance"] == pytest.approx(test["hidden"] / test["pool"])
    assert test["low"] == pytest.approx(50 / (50 + 1.959964**2))  # Wilson with all of them


def test_two_traits_together_beat_either_alone_and_get_an_a():
    i = np.arange(4000)
    inside = i % 10 == 0
    draw = np.random.default_rng(3)
    parts = {f"t{k}": np.where(draw.random(4000) < np.where(inside, 0.8, 0.3), "yes", "no") for k in range(6)}
    sample = pd.DataFrame({"customer_id": [f"c{n}" for n in i], **parts})
    chosen = rank.features(sample, {name: column(name) for name in parts}, list(parts), 10)
    test = found.hidden_half(sample, inside, chosen, length=150, seed=1)
    assert test["grade"] == "A" and test["hits"] > 1.5 * test["rule"]["hits"] and found.speaks(test) == "points"


def test_where_nothing_tells_the_group_apart_there_is_no_list():
    step = Step(letter=noise)
    evidence, listed = widened(step)
    entry = evidence["groups"][0]
    assert listed is None and entry["by"] is None and entry["reasons"] == ["no_better_than_chance"] and entry["grade"] == "C"
    assert "held no more of its hidden half than chance" in page.verdicts(evidence, step.json["profiles"], step.project)[0]
    assert page.caveats(evidence) == []


def test_noise_is_called_alike_in_few_of_many_groups():
    """The rule is the best of several, which is chosen on the half that is not hidden: chance alone seldom makes a list."""
    lists, i = 0, np.arange(1200)
    for seed in range(30):
        draw = np.random.default_rng(seed)
        sample = pd.DataFrame({"customer_id": [f"c{n}" for n in i], **{f"t{k}": draw.choice(["a", "b", "c"], 1200) for k in range(5)}})
        chosen = rank.features(sample, {f"t{k}": column(f"t{k}") for k in range(5)}, [f"t{k}" for k in range(5)], 10)
        lists += found.speaks(found.hidden_half(sample, draw.random(1200) < 0.2, chosen, length=100, seed=seed)) is not None
    assert lists <= 5


def test_the_points_of_the_expression_are_those_of_the_sample_and_ties_fall_by_the_seed_not_the_id():
    frame = pd.DataFrame({"customer_id": list("abcdef"), "x": [1.0, 2.0, None, 3.0, 2.0, 9.0], "k": ["u", None, "v", "w", "u", "v"]})
    chosen = [rank.Feature("x", "number", cuts=(2.0, 3.0)), rank.Feature("k", "category", levels=("u", "v"))]
    points = np.array([10, 20, 30, 5, 1, 2, 3])
    by_numpy = (rank.matrix(frame, chosen) @ points).astype(int).tolist()
    assert by_numpy == [11, 23, 7, 30, 21, 32]
    rows = ibis.memtable(frame)
    got = rows.select("customer_id", value=rank.score(rows, rank.split(points, chosen))).order_by("customer_id").execute()
    assert got["value"].tolist() == by_numpy
    order = lambda seed: found.ranked(rows, ibis.literal(1), 6, seed=seed).order_by("rank").execute()["customer_id"].tolist()  # noqa: E731
    assert sorted(order(1)) == list("abcdef") and order(1) == order(1) != order(2)


def test_shuffled_rows_give_the_same_list():
    step = Step(club=marks, letter=noise)
    first = widened(step)[1].order_by("rank").execute()
    step.tables = {name: frame.sample(frac=1, random_state=5) for name, frame in step.tables.items()}
    assert widened(step)[1].order_by("rank").execute().equals(first)


# What may rank, and who may be looked at


def test_what_defines_the_group_or_says_the_same_never_ranks():
    same_thing = lambda i, inside: np.where(inside, "rich", "poor")  # noqa: E731
    evidence, listed = widened(Step(purse=same_thing, club=marks, letter=noise))
    barred = evidence["groups"][0]["barred"]
    assert barred["defines"] == ["spend_per_30d"] and barred["tied"] == ["purse"]
    assert evidence["groups"][0]["apart"][0] == "club" and listed is not None
    gaps = lambda i, inside: np.where(inside, None, np.where(i % 2, "x", "y"))  # noqa: E731
    assert "told" in widened(Step(told=gaps, letter=noise))[0]["groups"][0]["barred"]["tied"]  # missing is an answer too


def test_special_categories_protected_attributes_and_their_proxies_never_rank():
    tells = lambda i, inside: np.where(inside, np.where(i % 20 == 0, "yes", "no"), "no")  # noqa: E731
    proxy = {"attribute": "gender", "variable": "hobby", "chance": 0.5, "alone_low": 0.9}
    slight = {"attribute": "gender", "variable": "town", "chance": 0.5, "alone_low": 0.55}
    step = Step(
        religion=tells, gender=tells, nation=tells, hobby=tells, town=noise, proxies=[proxy, slight], variables={"proxies_of": ["nation"]}
    )
    evidence, listed = widened(step)
    barred = evidence["groups"][0]["barred"]
    assert sorted(barred["protected"]) == ["gender", "nation", "religion"] and barred["proxy"] == ["hobby"] and listed is None
    assert "gender, hobby, nation and religion" in page.barred_words(evidence, step.project)


def test_a_category_of_goods_that_makes_the_group_does_not_rank_and_another_does():
    v = {"category_groups": {"fresh_share": ["FRUIT"]}}
    group = groups.Group("S1", "segment", 10, None, frozenset({"fresh_share"}))
    known = {f"category: {each}": column(f"category: {each}") for each in ("FRUIT", "WINE", "HEALTH")}
    frame = pd.DataFrame({name: ["yes", "no"] * 10 for name in known})
    plan = project(scope=SCOPE, variables=v)
    barred = groups.barred(group, known, plan, frame, {})
    assert barred["tied"] == ["category: FRUIT"] and barred["protected"] == ["category: HEALTH"]


def test_money_that_defines_takes_the_measures_that_make_it_up_along():
    group = groups.Group("vip", "rule", 10, None, frozenset({"spend_per_30d"}))
    known = {name: column(name, "number") for name in ("spend_per_order", "orders_per_30d", "gap_days", "lines_per_order")}
    frame = pd.DataFrame({name: np.random.default_rng(n).random(50) for n, name in enumerate([*known, "spend_per_30d"])})
    assert groups.barred(group, known, project(scope=SCOPE), frame, {})["tied"] == ["gap_days", "orders_per_30d", "spend_per_order"]


def test_who_refused_profiling_is_neither_learnt_from_nor_listed():
    step = Step(club=marks, letter=noise)
    rows = [(f"c{i:04}", "email", "profiling", False, "09-01") for i in range(1000) if i % 10 and i % 40 == 3]
    rows += [
        ("c0023", "email", "profiling", False, "09-01"),
        ("c0023", "sms", "profilage", True, "09-01"),
        ("c0001", "email", "marketing", False, "09-01"),
    ]
    consents = table("consents", "customer_id channel purpose granted updated_at", *rows)
    evidence, listed = widened(step, NOTHING | {"consents": consents})
    ids = set(listed.execute()["customer_id"])
    assert not ids & {f"c{i:04}" for i in range(1000) if i % 40 == 3} and "c0023" in ids  # who said yes by one channel may be looked at
    assert evidence["in_scope"] - evidence["looked_at"] == 25


# Groups


def test_groups_are_segments_rules_and_high_value_customers_and_any_other_name_is_refused():
    rules = [{"name": "big", "when": "spend_per_30d >= 50"}, {"name": "not_big", "when": "spend_per_30d < 12", "subtract": ["big"]}]
    high = pd.DataFrame({"customer_id": ["c0001", "c0002"], "high_value": [True, False]})
    step = Step(club=marks, target={"widen": {"S2": 5, "not_big": 6, "high_value": 7}}, rules=rules, predicted=high)
    made = {g.name: g for g in groups.groups(step, step.members)}
    assert {name: g.length for name, g in made.items()} == {"S2": 5, "not_big": 6, "high_value": 7}
    assert made["not_big"].defined_by == {"spend_per_30d"} and made["high_value"].members.execute()["customer_id"].tolist() == ["c0001"]
    assert int(made["not_big"].members.count().execute()) == sum(1 for i in range(1000) if i % 10 and i % 7 < 2)
    with pytest.raises(NinefoldError, match=r"field target.widen names 'S9', which is no group. Choose one of S1, S2, big"):
        groups.groups(Step(target={"widen": {"S9": 5}}, rules=rules[:1]), step.members)


def test_a_group_without_members_to_learn_from_says_what_it_would_take():
    evidence, listed = widened(Step(300, club=marks))
    entry = evidence["groups"][0]
    assert listed is None and entry["status"] == "not_ready" and entry["reasons"] == ["too_few_members"]
    assert {"code": "members", "have": 30, "want": 100, "met": False} in entry["readiness"]
    step = Step(club=marks, target={"widen": {"S1": 800, "high_value": 5}})
    evidence, _ = widened(step)
    assert [e["reasons"] for e in evidence["groups"]] == [["too_few_candidates"], ["no_high_value"]]
    shown = page.similar_table(evidence, step.json["profiles"], step.project)
    assert shown.frame["by"].str.startswith("not ready").all() and tables.as_html(shown)


def test_a_calculation_that_came_to_no_end_gives_no_list(monkeypatch):
    monkeypatch.setattr(rank, "ROUNDS", 1)
    step = Step(club=marks, letter=noise)
    evidence, listed = widened(step)
    assert listed is None and evidence["status"] == "cannot_tell" and evidence["groups"][0]["reasons"] == ["not_converged"]


# What the page says


def test_the_page_tells_no_number_of_few_and_says_that_a_place_is_no_probability():
    step = Step(club=marks, letter=noise)
    evidence, _ = widened(step)
    entry = evidence["groups"][0]
    for few in (False, True):
        test = entry["test"] | ({"hits": 8, "rule": entry["test"]["rule"] | {"hits": 8}} if few else {})
        told = evidence | {"groups": [entry | {"test": test}]}
        sentence = page.verdicts(told, step.json["profiles"], step.project)[0]
        assert ("times as many" in sentence) != few and "Name of S1" in sentence
        assert (page.similar_table(told, step.json["profiles"], step.project).frame["range"].iloc[0] == "–") == few
    assert "no probability" in page.caveats(evidence)[0]


def test_a_shop_without_any_group_or_category_says_so():
    step = Step(letter=noise)
    step.json["profiles"] = {"segments": []}
    evidence, listed = widened(step)
    assert (evidence["status"], evidence["reasons"], listed) == ("none", ["no_group"], None)
    assert page.similar_table(evidence, {"segments": []}, step.project).frame.empty
    assert page.verdicts(evidence, {"segments": []}, SimpleNamespace())[0].startswith("No group can be widened")
