"""What customers buy next: lists by hand, the grade, leakage, and data that do not tell."""

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, Step, at, project, same, table
from scipy.sparse import csr_array

from helpers import tables
from helpers.predict.next_item import by_segment, following, grade, history, page, recommend, shown

LINES = "customer_id order_id ordered_at category amount"


def lines(*rows):
    return table("orders", LINES, *rows)


def past_of(*rows, cut="09-01", half_lives=(None,), spans=(None,)):
    bought = history.bought(lines(*rows), "category", as_of=AS_OF)
    known = history.known_at(bought, cut=at(cut), half_lives=half_lives, spans=spans)
    return history.histories(known, items=history.item_codes(bought), half_lives=half_lives, spans=spans)


def shop(*, customers=320, seed=1):
    """Every customer buys one of four staples each month and, in one month, the treat that goes with it."""
    rng, rows = np.random.default_rng(seed), []
    for c in range(customers):
        kind, turn = c % 4, int(rng.choice([0, 0, 0, 0, 1, 1, 3, 5, 7]))
        for month in range(9):
            day = AS_OF - timedelta(days=30 * month + int(rng.integers(1, 29)))
            rows.append((f"c{c:03}", f"{c}-{month}", day.isoformat(), f"staple {kind}", 10))
            if month == turn:
                rows.append((f"c{c:03}", f"{c}-{month}", day.isoformat(), f"treat {kind}", 5))
    frame = pd.DataFrame(rows, columns=LINES.split())
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"]).astype("datetime64[us]")
    return frame


def noise(seed):
    """Everybody buys, once a month, any of twelve items: some are more popular, and nothing goes with anything."""
    rng, rows = np.random.default_rng(seed), []
    for c, month in np.ndindex(320, 7):
        day = AS_OF - timedelta(days=30 * month + int(rng.integers(1, 29)))
        rows.append((f"c{c:03}", f"{c}-{month}", day, f"item {int(rng.choice(12, p=np.arange(1, 13) / 78)):02}", 10))
    return pd.DataFrame(rows, columns=LINES.split()).astype({"ordered_at": "datetime64[us]"})


def ibis_lines(frame):
    return ibis.memtable(frame).mutate(amount=ibis._.amount.cast("decimal(18, 2)"))


def judged(frame, *, shown=1, **predict):
    step = Step(project(variables={"predict": {"next_shown": shown, **predict}}))
    return following(step, {"orders": ibis_lines(frame)})


class Later(Step):
    """Step 8, after a step 4 that handed over these."""

    def __init__(self, plan, evidence, listed):
        super().__init__(plan)
        self.handed = {"next": evidence, "next_items": listed}

    def take(self, step, name):
        return self.handed[name]

    def gives(self, step, name):
        return self.handed.get(name) is not None


def test_what_was_returned_given_away_or_is_nobodys_was_not_bought():
    found = history.bought(
        lines(
            ("b", "o2", "08-02", "tea", 4), ("a", "o1", "08-01 09:00", "tea", 4), ("a", "o1", "08-01 09:01", "tea", 4),
            ("a", "o1", "08-01 09:00", "gift", 0), ("b", "o3", "08-03", "cake", 5), ("b", "o3", "08-04", "cake", -6),
            (None, "o4", "08-01", "tea", 4), ("a", "o5", "08-01", " ", 4), ("a", "o6", "10-01", "tea", 4),
        ),
        "category",
        as_of=AS_OF,
    )  # fmt: skip
    same(found, {"customer_id": ["a", "b"], "order_id": ["o1", "o2"], "item": ["tea", "tea"], "at": [at("08-01 09:00"), at("08-02")]})


def test_a_purchase_counts_half_after_a_half_life_and_the_span_bounds_popularity():
    bought = history.bought(
        lines(("a", "1", "08-02", "tea", 1), ("a", "2", "07-03", "tea", 1), ("a", "3", "07-03", "cake", 1)), "category", as_of=AS_OF
    )
    known = history.known_at(bought, cut=at("08-02 00:00:01"), half_lives=(None, 30), spans=(20,))
    frame = known.execute().sort_values("item", ignore_index=True)
    assert frame["n"].tolist() == [1, 2] and frame["s0"].tolist() == [False, True]
    assert frame["h1"].tolist() == pytest.approx([0.5, 1.5], abs=1e-6)


def test_closeness_is_the_share_of_buyers_with_popularity_taken_out():
    # tea: a b c; cake: a b; soup: c. tea and cake share two buyers.
    past = past_of(
        *(("a", "1", "08-01", i, 1) for i in ("tea", "cake")),
        *(("b", "2", "08-01", i, 1) for i in ("tea", "cake")),
        *(("c", "3", "08-01", i, 1) for i in ("soup", "tea")),
    )
    close = recommend.learn(past, alphas=(0.0, 0.5), least=1).close
    cake, soup, tea = range(3)
    wanted = np.zeros((3, 3))
    wanted[cake, tea], wanted[soup, tea], wanted[tea, cake], wanted[tea, soup] = 2 / 12, 1 / 11, 2 / 13, 1 / 13
    assert close[0.0].toarray() == pytest.approx(wanted)
    assert close[0.5].toarray() == pytest.approx(wanted / np.sqrt([2, 1, 3]))
    few = recommend.learn(past, alphas=(0.0,), least=2).close[0.0].toarray()
    assert few[soup].sum() == 0 and few[:, soup].sum() == 0


def test_lists_rank_by_score_then_popularity_then_code_and_are_filled_by_what_is_popular():
    popular = np.array([2, 0, 1, 3])
    scores = csr_array(np.array([[0.5, 0.0, 0.0, 0.9], [0.2, 0.2, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]]))
    assert recommend.top(scores, popular, 3).tolist() == [[3, 0, 2], [2, 0, 1], [2, 0, 1]]
    owned = csr_array(np.array([[0.0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 0]]))
    assert recommend.top(None, popular, 2, but=owned, customers=3).tolist() == [[0, 1], [2, 0], [3, -1]]
    tied = past_of(("a", "1", "08-01", "b", 1), ("c", "2", "08-01", "a", 1))
    assert recommend.learn(tied, alphas=(), least=1).popular[None].tolist() == [0, 1]


def test_own_habits_tie_by_the_latest_purchase():
    past = past_of(
        ("a", "1", "08-01", "tea", 1), ("a", "2", "08-20", "cake", 1), ("a", "3", "07-01", "soup", 1), ("a", "4", "07-02", "soup", 1)
    )
    learnt = recommend.learn(past, alphas=(), least=1)
    found = recommend.lists_by(recommend.OWN, past, learnt, recommend.Recipe(None, 0.0, 0.0), None, 3, new=False)
    assert past.items[found[0]].tolist() == ["soup", "cake", "tea"]


def test_a_success_is_any_listed_item_and_new_ones_are_those_never_bought_before():
    bought = csr_array(np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 0]]))
    assert grade.hits(np.array([[2, 1], [0, 2], [0, -1]]), bought).tolist() == [True, False, False]
    past = past_of(("a", "1", "08-01", "x", 1), ("b", "2", "08-01", "y", 1), ("c", "3", "08-01", "z", 1))
    assert grade.taken_anew(bought, past).toarray().tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_the_grade_is_against_the_better_simple_list():
    found = {"model": np.arange(400) < 300, "own": np.arange(400) < 250, "popular": np.arange(400) < 100}
    line = grade.compared(found, seed=1)
    assert (line["baseline"], line["grade"], line["method"]) == ("own", "A", "model")
    assert line["gain"] == pytest.approx(0.2) and 0.13 < line["low"] < 0.2 < line["high"] < 0.28
    lost = grade.compared(found | {"model": np.arange(400) < 240}, seed=1)
    assert (lost["grade"], lost["method"]) == ("C", "own") and lost["gain"] == pytest.approx(-0.04)
    alone = grade.compared({"model": np.arange(400) < 40, "own": np.zeros(400, bool)}, seed=1)
    assert (alone["gain"], alone["grade"]) == (39.0, "A")  # a list without any success counts as having one
    nobody = grade.compared({"model": np.zeros(400, bool), "own": np.zeros(400, bool)}, seed=1)
    few = grade.compared({"model": np.ones(99, bool), "own": np.ones(99, bool)}, seed=1)
    assert nobody["grade"] is None and few["grade"] is None and nobody["gain"] is None


def test_what_goes_with_purchases_is_told_from_habits_weighed_otherwise():
    yes, no = np.ones(10, dtype=bool), np.zeros(10, dtype=bool)
    model, habits = np.concatenate([yes, yes, no]), np.concatenate([yes, no, no])
    found = grade.added(model, habits)  # 10 of 30 by the model alone, none by habits alone: error √(10 − 10²/30)/30
    assert found["difference"] == pytest.approx(1 / 3) and found["low"] == pytest.approx(1 / 3 - 1.959964 * (20 / 3) ** 0.5 / 30)
    assert grade.added(model, model)["low"] == 0.0
    told = judged(noise(1), shown=2)[0]
    line = told["all"] | {"grade": "A", "method": "model", "goes_with": {"difference": 0.0, "low": -0.1, "high": 0.1}}
    assert "adds nothing sure" in page.verdict_words(told | {"all": line})
    assert "adds nothing sure" not in page.verdict_words(told | {"all": line | {"goes_with": {"difference": 0.2, "low": 0.1, "high": 0.3}}})


def test_a_model_that_guesses_no_better_seldom_gets_more_than_c():
    rng, letters = np.random.default_rng(5), []
    for seed in range(60):
        letters.append(grade.compared({m: rng.random(500) < 0.3 for m in ("model", "own", "popular")}, seed=seed)["grade"])
    assert letters.count("C") >= 56  # at most 2.5 % of trials by chance, and the better of two simple lists is harder to beat


def test_what_goes_with_a_staple_is_found():
    found, wide, listed = judged(shop())
    assert found["status"] == "graded" and found["new"]["grade"] == "A"
    assert found["new"]["rates"]["model"]["rate"] > 0.9 > 0.5 > found["new"]["rates"]["popular"]["rate"]
    assert sorted(wide.columns) == ["customer_id", "next_1"] and int(wide.count().execute()) == 320
    frame = listed.execute()
    assert frame.groupby("customer_id")["rank"].apply(lambda r: sorted(r) == list(range(1, len(r) + 1))).all()
    assert not frame.duplicated(["customer_id", "item"]).any()


def test_a_count_from_which_that_of_a_few_others_follows_is_not_told():
    rows = [(f"c{i:02d}", "milk" if i < 35 else None, i < 4, "bread" if i < 20 else None, False) for i in range(40)]
    wide = ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "next_1", "new_1", "next_2", "new_2"]))
    found = shown.recommended(wide, 2, project(min_cell=10))
    assert found == [{"item": "milk", "n": None, "new": None}, {"item": "bread", "n": 20, "new": 0}]  # five others; new to four
    assert shown.recommended(wide, 2, project(min_cell=4))[0] == {"item": "milk", "n": 35, "new": 4}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_nothing_goes_with_anything_the_simple_lists_are_recommended(seed):
    found, _, _ = judged(noise(seed))
    assert (found["all"]["grade"], found["new"]["grade"], found["new"]["method"]) == ("C", "C", "popular")
    assert found["all"]["method"] in ("own", "popular") and "Grade C" in page.verdict_words(found)


def test_the_order_of_rows_changes_nothing():
    frame = shop()
    first, again = judged(frame), judged(frame.sample(frac=1, random_state=3))
    assert first[0] == again[0]
    same(first[1], again[1].execute().to_dict("list"))


def test_nothing_dated_after_a_cut_is_known_before_it():
    frame = shop()
    late = AS_OF - timedelta(days=10)
    planted = frame[["customer_id"]].drop_duplicates().assign(order_id=lambda f: "leak " + f.customer_id, category="leak", amount=99)
    planted["ordered_at"] = pd.Series([late] * len(planted), index=planted.index).astype("datetime64[us]")
    frame = pd.concat([frame, planted[frame.columns]])
    bought = history.bought(ibis_lines(frame), "category", as_of=AS_OF)
    codes = history.item_codes(bought)
    cut = AS_OF - timedelta(days=30)
    known = history.known_at(bought, cut=cut, half_lives=(None,), spans=(None,))
    past = history.histories(known, items=codes, half_lives=(None,), spans=(None,))
    leak = list(codes).index("leak")
    assert past.buyers[None][leak] == 0 and past.orders[:, [leak]].nnz == 0
    found, _, _ = judged(frame)
    assert found["new"]["n"] == 320 and found["new"]["rates"]["model"]["rate"] < 0.6  # whoever knew would list it for all, and be right


def test_what_is_given_back_in_the_period_that_judges_was_still_bought_before_it():
    frame = shop()
    old, even = frame["ordered_at"] < AS_OF - timedelta(days=90), frame["customer_id"].str[-1].isin(list("02468"))
    given = frame[old & even].assign(amount=-99)
    given["ordered_at"] = pd.Series([AS_OF - timedelta(days=1)] * len(given), index=given.index).astype("datetime64[us]")
    assert judged(pd.concat([frame, given]))[0]["all"] == judged(frame)[0]["all"]


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        (lambda f: f.assign(category="one"), "several_items", "1 different categories were bought"),
        (lambda f: f.drop_duplicates("customer_id"), "repeat_share", "0.0% of buyers have a second order; 20.0% are needed"),
        (lambda f: f.assign(category=None), "item_known", "0.0% of order lines say what was bought"),
        (lambda f: f.assign(amount=-1), "several_items", "0 different categories"),
        (lambda f: f.assign(amount=0), "several_items", "0 different categories"),
        (lambda f: f[f["ordered_at"] >= AS_OF - timedelta(days=60)], "history_days", "days of history; 90 are needed"),
        (lambda f: f.drop(columns="category"), "item_known", "orders.category"),
    ],
)
def test_what_the_data_lack_is_said_and_the_step_goes_on(change, reason, says):
    frame = change(shop(customers=40))
    if frame.get("category") is not None:
        frame = frame.astype({"category": "string"})
    found, wide, listed = judged(frame)
    assert found["status"] == "not_ready" and reason in found["reasons"] and wide is None and listed is None
    assert says in page.verdict_words(found) and "not ready" in page.verdict_words(found)
    assert page.success_frame(found).empty and page.new_words(found) == ""


def test_nobody_who_came_back_or_too_few_cannot_tell():
    frame = shop()
    gone = frame[frame["ordered_at"] < AS_OF - timedelta(days=30)]
    for part in (gone, shop(customers=60)):
        found, wide, _ = judged(part)
        assert found["status"] == "cannot_tell" and found["reasons"] == ["judged"] and wide is None
        assert "cannot tell" in page.verdict_words(found) and "100 are needed" in page.verdict_words(found)


def test_batches_make_the_same_lists_as_all_at_once(monkeypatch):
    whole = judged(shop())[1].execute()
    monkeypatch.setattr("helpers.predict.next_item.BATCH", 50)
    monkeypatch.setattr(recommend, "SCORES", 40)
    same(judged(shop())[1], whole.to_dict("list"))


def test_a_segment_is_told_what_is_listed_more_often_than_elsewhere_and_nothing_of_a_few():
    def rows(segment, n, item):
        return [(f"{segment}{i}", 1, item, True) for i in range(n)]

    listed = [*rows("S1", 60, "tea"), *rows("S2", 20, "tea"), *rows("S2", 5, "cake"), ("S10", 2, "soup", False)]
    listed = ibis.memtable(pd.DataFrame(listed, columns=["customer_id", "rank", "item", "new_to_customer"]))
    members = ibis.memtable(pd.DataFrame([(f"{s}{i}", s) for s in ("S1", "S2") for i in range(100)], columns=["customer_id", "segment"]))
    found = shown.segments(listed, members, least=10)
    assert [(x["item"], x["n"], x["share"], x["others"]) for x in found["S1"]] == [("tea", 60, 0.6, 0.2)]
    assert found["S1"][0]["lift"] == pytest.approx(3) and found["S1"][0]["low"] > 1
    assert [(x["item"], x["low"]) for x in found["S2"]] == [("tea", None)]


def test_step_8_reads_what_step_4_handed_over_or_says_why_not():
    evidence, _, listed = judged(shop())
    members = listed.select("customer_id").distinct().mutate(segment=ibis._.customer_id.right(1).cast("int64").mod(2).cast("string"))
    told = by_segment(Later(project(), evidence, listed), members)
    assert told["status"] == "graded" and set(told["segments"]) == {"0", "1"} and told["grade"] == "A"
    profiles = {"segments": [{"id": s, "name": {"en": f"Part {s}"}} for s in ("0", "1")]}
    drawn = page.segments_table(told, profiles)
    assert len(drawn.frame) and "Part 0" in tables.as_html(drawn)
    unread = by_segment(Later(project(), None, None), members)
    assert unread["status"] == "none" and page.segments_table(unread, profiles).frame.empty and page.segments_words(unread)
    lost = by_segment(Later(project(), evidence | {"status": "not_ready", "reasons": ["judged"]}, None), members)
    assert lost["status"] == "not_ready" and "see step 4" in page.segments_words(lost)


def test_the_page_tells_no_share_that_gives_away_a_few_customers():
    found, _, _ = judged(shop())
    found["all"]["rates"]["model"] = {"rate": 1 - 3 / found["all"]["n"], "low": 0.9, "high": 1.0}
    frame, words_ = page.success_frame(found), page.success_words(found)
    assert frame["value"].max() <= 1 - 10 / found["all"]["n"] or (frame["value"] == 1).any()
    assert words_["title"].endswith(f"(grade {found['grade']})") and "%" in words_["alt"]
    assert len(words_["title"].split()) <= 15 and page.new_words(found) and page.caveats(found)
