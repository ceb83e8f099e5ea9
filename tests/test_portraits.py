"""Step 6: what its page says of candidates, contest, stability and segments, and what it must not say of a few customers."""

import copy
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, at, project

from helpers import tables, words
from helpers.build import contest_page, methods_page, page, portraits, stability_page
from helpers.build.inputs import columns
from helpers.build.methods import TITLES, Fitted, Recipe, Refused

pytestmark = pytest.mark.usefixtures("in_english")

PLAN = project(scope={"segments_wanted": 3, "horizon_days": 60}, build={"pairs": 30})


def trait(variable, effect, mean=4.0, everyone=3.0, v=5.0):
    return {"variable": variable, "mean": mean, "everyone": everyone, "v": v, "effect": effect}


def segment(id_, n, **more):
    told = {
        "id": id_,
        "name": None,
        "in_short": "",
        "fits": None,
        "n": n,
        "share_of_customers": n / 200,
        "share_of_revenue": n / 400,
        "revenue_per_30d": {"value": 80.0, "low": 70.4, "high": 91.0},
        "active_later": {"share": 0.5, "low": 0.4, "high": 0.6, "n": n},
        "traits": [trait("spend_per_30d", 0.5), trait("discount_share", -0.25, mean=0.1, everyone=0.12)],
        "descriptors": [],
    }
    return told | more


def profiles(*segments, **more):
    given = segments or (
        segment("S1", 120, name={"en": "Big baskets", "fr": "Grands paniers"}, in_short="much at once", fits=True, share_of_revenue=0.7),
        segment("S2", 80, traits=[trait("recency_days", -1.5), trait("spend_per_30d", 0.1)]),
    )
    bands = [{"id": f"b{i}", "n": n, "share_of_customers": n / 200, "share_of_revenue": 0.5, "revenue_per_30d": 33.0} for i, n in
             enumerate((150, 50), 1)]  # fmt: skip
    crossed = {"S1": {"b1": 100, "b2": 20}, "S2": {"b1": 50, "b2": 30}}
    told = {"as_of": AS_OF, "customers": 1200, "chosen": "hcpc", "k": 3, "segments": list(given)}
    return told | {"budget": {"rule": "bands", "variable": "spend_per_30d", "bands": bands, "crossed": crossed}} | more


def between(value, low, high):
    return {"value": value, "low": low, "high": high}


def evidence(objective="rules", panel="segments", **more):
    names = {"best_candidate": "hcpc", "best_rule": "tree"}
    contest = {
        "hcpc": {"role": "candidate", "segments": 3, "objective": between(0.28, 0.2, 0.3), "panel": between(0.051, 0.04, 0.06)},
        "tree": {"role": "rule", "segments": 2, "objective": between(0.59, 0.5, 0.6), "panel": between(0.027, 0.02, 0.03)},
    }
    contest["hcpc"] |= {"objective_gain": between(-0.31, -0.35, -0.27), "panel_gain": between(0.024, 0.01, 0.038)}
    contest["tree"] |= {"objective_gain": None, "panel_gain": None}
    told = {
        "window": {"built_from": at("06-03"), "built_at": at("08-02"), "judged_until": AS_OF, "enough": True},
        "k": 3,
        "customers": 1000,
        "contest": contest,
        "verdicts": {"objective": {"verdict": objective} | names, "panel": {"verdict": panel} | names},
        "other_k": {"3": {"rfm": {"objective": 0.4, "panel": None}, "hcpc": {"objective": 0.2, "panel": 0.05}}, "4": None},
        "stability": {"3": {"median": 0.634, "low_quartile": 0.5, "high_quartile": 0.7}},
        "reproducibility": FOUND,
    }
    return told | more


FOUND = {"gains": [1.0, 0.5, 0.1], "total": 400.0, "rows": 100, "starts": 100, "reproduced": 0.64, "near": 0.81, "median_agreement": 0.61}
FOUND |= {"chosen": "starts", "consolidated_within": 105.0, "best_within": 100.0, "dropped": []}
NATURAL = {"verdict": "natural", "k_by": "evidence", "recommended_k": 3}
SILENT = {"verdict": "cannot tell", "best_candidate": None, "best_rule": None}
NOTHING = {"contest": {}, "verdicts": {"objective": SILENT, "panel": SILENT}, "other_k": {}, "customers": 0}
BANDS = {
    "variables": [{"name": "spend_per_30d"}],
    "assign": {"first_match": {"rules": [{"segment": "S1", "when": [{"variable": "spend_per_30d", "at_least": 120.5, "below": None}]}]}},
}
BANDS["assign"]["first_match"]["otherwise"] = "S2"


def shown(table) -> list[list]:
    """The rows of a table as a spreadsheet gets them."""
    return tables.payload(table)["rows"]


# Verdicts


@pytest.mark.parametrize(
    ("use", "verdict", "sentence"),
    [
        (
            "objective",
            "rules",
            "For whom to spend on: do not cluster. “Shallow tree” tells 31.0 points more than the best candidate, "
            "“Hierarchical classification” (95% interval 27.0 to 35.0): use that rule.",
        ),
        (
            "panel",
            "segments",
            "For what to say: “Hierarchical classification” tells 2.4 points more than the best simple rule, “Shallow tree” "
            "(95% interval 1.0 to 3.8): use segments.",
        ),
        (
            "panel",
            "level",
            "For what to say: no difference shown between “Hierarchical classification” (5.1%) and “Shallow tree” (2.7%), "
            "+1.0 to +3.8 points at 95%: take the one that people can work with.",
        ),
        ("panel", "none", "For what to say: nothing here tells more than chance; treat everybody alike, or collect what would tell."),
        (
            "objective",
            "cannot tell",
            "For whom to spend on: cannot tell. The history is too short, or there are too few customers; use the segments as a "
            "convention and judge them on the next period.",
        ),
    ],
)
def test_every_verdict_has_its_sentence_and_says_what_to_do(use, verdict, sentence):
    assert contest_page.verdict_words(evidence(**{use: verdict}), use) == sentence


@pytest.mark.parametrize(("high", "said"), [(0.0199, True), (0.02, False)])
def test_where_segments_and_a_rule_are_level_it_is_said_that_both_beat_bands_if_they_do(high, said):
    told = evidence(panel="level")  # 4.0% and 2.0% at least
    without = contest_page.verdict_words(told, "panel")
    told["contest"]["bands"] = {"role": "rule", "segments": 3, "panel": between(0.004, -0.01, high), "panel_gain": None}
    found = contest_page.verdict_words(told, "panel")
    assert found == without + (" Both tell more than “Bands of past spend” (0.4%)." if said else "")
    told["verdicts"]["panel"]["best_rule"] = "bands"  # not more than itself
    assert "Both" not in contest_page.verdict_words(told, "panel")


@pytest.mark.parametrize(
    ("objective", "panel", "headline"),
    [
        ("rules", "segments", ": rules for the budget, segments for the message."),
        ("rules", "level", ": rules for the budget; for the message no difference to a short rule was shown."),
        ("level", "segments", ", which tell what to say; for the budget they are not needed."),
        ("none", "segments", ", which tell what to say; for the budget they are not needed."),
        ("cannot tell", "segments", ", which tell what to say; for the budget they could not be judged."),
        ("segments", "segments", ", which tell whom to spend on and what to say."),
        ("segments", "rules", ", which tell whom to spend on; for the message they are not needed."),
        ("segments", "level", ", which tell whom to spend on; for the message they are not needed."),
        ("segments", "cannot tell", ", which tell whom to spend on; for the message they could not be judged."),
        ("rules", "cannot tell", "; where it could be judged, they were not shown to tell more than simple rules."),
        ("rules", "rules", "; they were not shown to tell more than simple rules for any use."),
        ("level", "rules", "; they were not shown to tell more than simple rules for any use."),
        ("none", "none", "; nothing here tells more of the later period than chance."),
        ("cannot tell", "cannot tell", ", not judged on a later period: the history is too short."),
    ],
)
def test_the_headline_says_what_was_found_for_both_uses(objective, panel, headline):
    assert page.summary(evidence(objective, panel), profiles(), PLAN, by="people")["headline"] == f"1,200 customers in 3 segments{headline}"


def test_the_summary_has_both_verdicts_the_segment_worth_most_and_figures():
    told = page.summary(evidence(structure=NATURAL), profiles(), PLAN, by="people", sure={"core": 0.456})
    assert (
        told["points"][0] == "These groups exist, we found them: they stand apart more clearly than groups cut from one cloud without gaps."
    )
    assert told["points"][1:3] == [contest_page.verdict_words(evidence(), use) for use in ("objective", "panel")]
    assert told["points"][3:] == ["“Big baskets”: 60% of the customers, 70% of the revenue."]
    assert told["figures"] == [("Customers in segments", "1,200"), ("Stability of the whole", "0.63"), ("Core customers", "46%")]
    assert told["todo"] == ["Name the segments in build.segments of project.yml, with what each is expected to be like."]
    assert told["unknown"] == []
    cannot = {"verdict": "cannot tell", "why": "few_rows", "customers": 49, "k_by": "scope", "recommended_k": 3}
    told = page.summary(evidence(structure=cannot), profiles(), PLAN, by="people")
    assert (
        told["unknown"]
        == told["points"][:1]
        == ["Whether these groups exist cannot be told. There are 49 customers; it takes at least 50."]
    )
    other = page.summary(evidence(structure=NATURAL | {"recommended_k": 4}), profiles(), PLAN, by="people")["todo"]
    assert other[0] == "The data ask for 4 segments; the scope wants 3. Try 4 before you decide."


def test_the_summary_says_what_to_do_when_nobody_chose_or_another_recipe_told_more():
    named = profiles(segment("S1", 120, name="A"), segment("S2", 80, name="B"))
    assert page.summary(evidence(), named, PLAN, by="people")["todo"] == []
    for by in ("evidence", "nobody"):
        todo = page.summary(evidence(), named, PLAN, by=by)["todo"]
        assert todo == ["Decide which segmentation is published: build.chosen of project.yml."]
    chosen = named | {"chosen": "rfm"}
    assert page.summary(evidence(), chosen, PLAN, by="people")["todo"] == [
        "Decide whether “RFM points” stays published: for the message the contest picked “Hierarchical classification”."
    ]
    assert page.summary(evidence(**NOTHING), chosen, PLAN, by="people")["todo"] == []


def test_with_nothing_judged_the_page_says_cannot_tell_and_no_figure():
    empty = evidence(**NOTHING, stability={}, reproducibility={})
    told = page.summary(empty, profiles(), PLAN, by="nobody")
    assert told["figures"][1:] == [("Stability of the whole", "cannot tell"), ("Core customers", "cannot tell")]
    assert told["points"][0] == "Whether the segments exist apart from the cut was not tested."
    assert all("cannot tell" in point for point in told["points"][1:3])
    unnamed = evidence()  # judged, but scope.panel names no behaviour
    unnamed["contest"] = {name: scores | {"panel": None, "panel_gain": None} for name, scores in unnamed["contest"].items()}
    unnamed["verdicts"] = unnamed["verdicts"] | {"panel": {"verdict": "cannot tell", "best_candidate": None, "best_rule": None}}
    said = contest_page.verdict_words(unnamed, "panel")
    assert said == contest_page.contest_words(unnamed, "panel", "later revenue")["title"] and "scope.panel of project.yml" in said
    for use, sentence in (("objective", "whom to spend on"), ("panel", "what to say")):
        assert contest_page.contest_frame(empty, use).empty
        assert (
            contest_page.contest_words(empty, use, "later revenue")["title"]
            == f"Not judged for {sentence}: there were too few customers a horizon ago."
        )
    assert shown(contest_page.contest_table(empty)) == shown(contest_page.other_k_table(empty)) == []
    stable = {"pairs": 30, "starts_of_stability": 0, "rows": 5}
    told = page.stability_words(stability_page.against_frame({}), stable, {"by_k": {}, "verdict": "cannot tell"}, 3)
    assert told["title"] == "Stability cannot be told: there are too few different customers."
    none = {"gains": [], "tree": [], "total": 0.0, "rows": 0}
    drawn = methods_page.tree_frame(none)
    assert drawn.empty and methods_page.tree_words(drawn, none, PLAN)["title"] == "No tree was drawn: this way of cutting has none."
    assert page.caveats(empty, profiles(), PLAN, agreement=None) == ["Whether the segments exist apart from the cut was not tested."]


# Contest and stability


def test_the_charts_of_the_contest_claim_what_they_draw():
    frame = contest_page.contest_frame(evidence(), "objective")
    assert frame.to_dict("list") == {
        "name": ["hcpc", "tree"],
        "label": ["Hierarchical classification", "Shallow tree"],
        "value": [0.28, 0.59],
        "low": [0.2, 0.5],
        "high": [0.3, 0.6],
    }
    told = contest_page.contest_words(evidence(), "objective", "later orders")
    assert told["title"] == "Of later orders, “Shallow tree” tells most: 59% of the differences"
    assert told["subtitle"] == "Share of the variance of later orders in the days after"
    assert told["alt"] == "Scores: Shallow tree 59.0% and Hierarchical classification 28.0%."
    assert told["source"] == (
        "Source: built as of 2 August 2017, judged until 1 October 2017, on the half of 1,000 customers that was not used to pick"
    )
    told = contest_page.contest_words(evidence(), "panel", "later orders")
    assert told["title"] == "For how they buy, “Hierarchical classification” tells most: 5.1% of later differences"
    assert told["name"] == "contest_panel"


def test_the_table_of_the_contest_has_gains_of_candidates_alone():
    assert shown(contest_page.contest_table(evidence())) == [
        ["Hierarchical classification", "candidate", 3, 0.28, "−31.0 (−35.0 to −27.0)", 0.051, "+2.4 (+1.0 to +3.8)"],
        ["Shallow tree", "simple rule", 2, 0.59, None, 0.027, None],
    ]
    told = copy.deepcopy(evidence())
    told["contest"]["hcpc"] |= {"panel": None, "panel_gain": None}
    assert shown(contest_page.contest_table(told))[0][5:] == [None, None] and list(contest_page.contest_frame(told, "panel")["name"]) == [
        "tree"
    ]


def test_other_numbers_of_groups_are_a_column_each_and_both_uses_are_listed():
    scores = {"rfm": {"objective": 0.4, "panel": None}, "hcpc": {"objective": 0.2, "panel": 0.05}}
    table = contest_page.other_k_table(evidence(other_k={"3": scores, "4": {"rfm": {"objective": 0.45, "panel": 0.01}}, "5": None}))
    assert [c.label for c in table.columns] == ["Use", "Way of cutting", "3 groups", "4 groups"]
    assert shown(table) == [
        ["whom to spend on", "RFM points", 0.4, 0.45],
        ["whom to spend on", "Hierarchical classification", 0.2, None],
        ["what to say", "RFM points", None, 0.01],
        ["what to say", "Hierarchical classification", 0.05, None],
    ]


def test_stability_is_shown_as_median_and_quartiles():
    frame = stability_page.against_frame({3: np.array([0.2, 0.4, 0.6, 0.8, 1.0]), 4: np.array([0.9] * 5)})
    assert frame[["k", "value", "low", "high"]].to_dict("list") == {
        "k": [3, 4],
        "value": pytest.approx([0.6, 0.9]),
        "low": pytest.approx([0.4, 0.9]),
        "high": pytest.approx([0.8, 0.9]),
    }
    stable = {"pairs": 30, "starts_of_stability": 20, "rows": 4321}
    told = page.stability_words(frame, stable, {"by_k": {}, "verdict": "cannot tell"}, 3)
    assert told["title"] == "3 segments come back at 0.60; 4 would at 0.90"
    assert page.stability_words(frame.head(1), stable, {"by_k": {}, "verdict": "cannot tell"}, 3)["title"] == (
        "Two samples of the same customers give 3 segments that agree at 0.60"
    )
    assert told["alt"] == (
        "Agreement of two builds is highest, 0.90, with 4 segments. With 3 it is 0.60; half of the pairs lie between 0.40 and 0.80."
    )
    assert told["source"] == "Source: 30 pairs of bootstrap samples of 4,321 customers, at most 20 cold starts a fit"


def test_how_often_the_partition_is_found_again():
    assert stability_page.reproduced_words(FOUND) == (
        "Of 100 cold starts, 64% end in the partition that is kept and 81% within 1% of its sum of squares; half of them agree with it at "
        "less than 0.61."
    )


def test_the_drawn_tree_says_what_the_cut_keeps_and_what_one_more_would_add():
    merges = [(6, 5, 2, 1.0, 60, 40), (5, 4, 3, 0.5, 40, 20), (4, 0, 1, 0.1, 30, 10)]
    names = ("node", "left", "right", "gain", "rows_left", "rows_right")
    tree = [dict(zip(names, merge, strict=True)) | {"rows": merge[4] + merge[5]} for merge in merges]
    frame = methods_page.tree_frame(FOUND | {"tree": tree})
    assert frame["gain"].tolist() == [0.25, 0.125, 0.025] and frame["node"].tolist() == [6, 5, 4]
    told = methods_page.tree_words(frame, FOUND, PLAN)
    assert told["title"] == "3 classes keep 38% of the differences; one more would add 3%"
    assert told["alt"] == (
        "Tree of 4 branches: cut into 3 it keeps 38%; one class more would gain 3%. The largest step down is after the cut into 2."
    )
    assert told["source"] == "Source: 100 customers on their factor axes, before consolidation"
    many_branches = [dict(zip(names, (40 - i, 39 - i, i, 1.0, 9, 9), strict=True)) for i in range(20)]
    assert len(methods_page.tree_frame(FOUND | {"tree": many_branches})) == 11  # twelve branches


def way(name, *variables, how="", level="rules") -> Recipe:
    return Recipe(name, TITLES[name], level, "", variables, level == "learned", lambda *given: None, how or name)


def test_the_candidates_are_told_with_their_criteria():
    two, known = ("spend_per_30d", "discount_share"), columns(PLAN, ["spend_per_30d", "discount_share", "recency_days"])
    given = [way("crossing", *two), way("bands", two[0]), way("slices", *two), way("rfm", *two), way("tree", *two, how="suggested")]
    sample = pd.DataFrame({"spend_per_30d": [1.0, None, None, None], "discount_share": [0.1, 0.2, None, None], "recency_days": 1.0})
    made = SimpleNamespace(fitted={w.name: Fitted(BANDS | {"segments": [{}] * 3}, {}) for w in given}, columns=known, sample=sample)
    no_rules = {"rules": Refused("rules", TITLES["rules"], "none_typed", {"field": "build.rules"})}
    table = methods_page.candidates_table({w.name: w for w in given}, no_rules, made, PLAN)
    rows = {row[0]: row[1:] for row in shown(table)}
    assert list(rows) == ["RFM points", "Crossing of two criteria", "Rules of our own", "Bands of past spend", "Slices of one gradient",
                          "Shallow tree"]  # fmt: skip
    assert table.caption == "2 ways of cutting customers were tried"  # simple rules are what they must beat
    both = "spend per 30 days and discount share"
    assert rows["Crossing of two criteria"] == ["rules", "several", "one by the other, small neighbouring cells merged", both, 0.5, 3]
    assert rows["Bands of past spend"] == ["rules", "several", "bands of equal numbers of customers", "spend per 30 days", 0.25, 3]
    assert rows["Slices of one gradient"][2] == "the first principal axis, cut into equal numbers of customers"
    why = "nothing is typed: write build.rules in project.yml"
    assert rows["Rules of our own"] == ["not possible here", "", why, "", None, None]


def test_what_was_dropped_is_said():
    known = columns(PLAN, ["departments", "gap_days", "spend_per_30d"])
    told = lambda **found: methods_page.dropped_words(Fitted({}, found), known)  # noqa: E731
    assert told(dropped={}) == []
    assert told(dropped={"departments": "constant", "gap_days": "constant", "spend_per_30d": "missing"}) == [
        "The same for everybody within the outlier bounds, and therefore without effect: departments bought from and days between "
        "purchases.",
        "Known of nobody, and therefore without effect: spend per 30 days.",
    ]
    assert told(lumped_levels={"home_town": 3}, weighted=True) == [
        "Levels that fewer than 2% of customers have are left at the average: home_town.",
        "Customers count by their survey weights.",
    ]


@pytest.mark.parametrize(("metric", "title"), [("orders_per_customer", "later orders"), ("active_share", "later revenue")])
def test_the_objective_that_was_judged_has_a_title(metric, title):
    plan = project(objectives={"main": {"name": "Main", "kind": "retention", "metric": metric}})
    assert page.objective_title(plan) == title


# What could mislead


def test_caveats_have_the_size_of_their_effect():
    told = page.caveats(evidence(), profiles(), PLAN, agreement=0.523)
    assert len(told) == 4 and told[0] == "Whether the segments exist apart from the cut was not tested."
    found = page.caveats(evidence(structure=NATURAL), profiles(), PLAN, agreement=0.523)
    assert found[1:] == told[1:] and found[0].startswith("These groups exist, we found them")
    rules = page.caveats(evidence(structure={"verdict": "convention"}), profiles(), PLAN, agreement=None)
    assert rules[0] == "The segments are a convention by construction: rules were written, and nothing was looked for."
    assert "the segments agree at 0.52 (adjusted Rand index" in told[1]
    assert "81% of the starts come within 1% of the best, yet half of all agree with the published segments at less than 0.61." in told[2]
    assert told[1].endswith("Many customers lie near a border.")
    steady = [
        page.caveats(evidence(), profiles(), PLAN, agreement=x)[1].endswith("These are nearly the same segments.") for x in (0.79, 0.8)
    ]
    assert steady == [False, True]
    for near, words_of_it in ((0.69, 0), (0.7, 1)):  # 64% find the partition: where about as many come near, both say the same
        told_so = page.caveats(evidence(reproducibility=FOUND | {"near": near}), profiles(), PLAN, agreement=0.523)
        assert sum("Nearly as good is not the same" in caveat for caveat in told_so) == words_of_it
    assert told[3] == "The contest rests on one later period, 60 days long; another season may rank the ways otherwise."


def test_small_segments_and_withdrawn_names_are_said():
    expected = {"spend_per_30d": "high", "discount_share": "high", "orders_per_30d": "low"}
    typed = {s: {"name": f"Name {s}", "expect": expected} for s in ("S1", "S2", "S3")}
    plan = PLAN.model_copy(update={"build": project(build={"segments": typed}, scope={"segments_wanted": 3}).build})
    given = profiles(segment("S1", 100, fits=False), segment("S2", 9, fits=False), segment("S3", 0, fits=True))
    told = page.caveats(evidence(), given, plan, agreement=None)

    assert "2 segments have fewer than 10 customers and are not described." in told
    assert (
        "“Name S1” is withdrawn from S1, which is not as expected: discount share −0.3 and orders per 30 days – standard deviations from "
        "everyone, where 0.2 in the direction expected is the least. Name it again, or expect something else (build.segments of "
        "project.yml)."
    ) in told
    assert "“Name S2” is withdrawn from S2, which does not fit it." in told and not any("Name S3" in each for each in told)
    one = page.caveats(evidence(), profiles(segment("S1", 9), segment("S2", 10)), PLAN, agreement=None)
    assert "1 segment has fewer than 10 customers and is not described." in one


# Twenty ways of cutting, and the present segments


def many(n=20, **more):
    told = evidence()
    told["contest"] = {
        f"m{i:02d}": {"role": "candidate", "segments": 3, "judged": True, "panel": between(i / 100, 0.001, 0.3), "panel_gain": None,
                      "objective": None, "objective_gain": None}
        for i in range(n)
    }  # fmt: skip
    for name, role in (("bands", "rule"), ("tree", "rule"), ("present", "present"), ("chance", "chance")):
        value = {"bands": 0.01, "tree": 0.02, "present": 0.015, "chance": -0.002}[name]
        told["contest"][name] = {"role": role, "segments": 3, "judged": True, "panel": between(value, -0.01, value), "panel_gain": None,
                                 "objective": None, "objective_gain": None}  # fmt: skip
    return told | more


def test_a_chart_has_the_best_of_each_role_and_twelve_bars_and_the_table_all_of_them():
    told, titles = many(), {f"m{i:02d}": f"Way {i}" for i in range(20)}
    frame = contest_page.contest_frame(told, "panel", titles, keep="m00")
    assert set(frame["name"]) == {"m00", *(f"m{i}" for i in range(13, 20)), "tree", "present", "chance"} | {"m12"}
    assert len(frame) == contest_page.MOST == 12 and "Way 19" in set(frame["label"])
    words_ = contest_page.contest_words(told, "panel", "later revenue", titles, keep="m00")
    assert words_["title"].startswith("For how they buy, “Way 19” tells most") and words_["source"].endswith("12 more ways in the table")
    rows = shown(contest_page.contest_table(told, titles))
    assert [row[0] for row in rows[:6]] == ["Way 19", "Shallow tree", "The company’s present segments", "Chance", "Way 18", "Way 17"]
    assert len(rows) == 24 and [row[1] for row in rows[:4]] == ["candidate", "simple rule", "in use today", "chance"]
    assert contest_page.title("m03") == "m03" and contest_page.title("own_way", {}) == "own way"


def test_what_has_more_groups_says_that_it_is_not_judged():
    told = copy.deepcopy(evidence())
    told["contest"]["hcpc"] |= {"segments": 7, "judged": False, "objective_gain": None, "panel_gain": None}
    table = contest_page.contest_table(told)
    assert shown(table)[1][2:] == [7, 0.28, "not judged: 7 groups", 0.051, "not judged: 7 groups"]
    assert "more than the 3 of the others" in table.note
    assert list(contest_page.contest_frame(told, "panel")["name"]) == ["tree"]  # the chart compares like with like


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("rules", "For what to say: keep what you have. The company’s present segments tell 2.4 points more than the best candidate, “"),
        ("segments", "For what to say: “Hierarchical classification” tells 2.4 points more than the company’s present segments, which"),
        ("level", "For what to say: no difference shown between “Hierarchical classification” (5.1%) and “The company’s present segments”"),
    ],
)
def test_present_segments_are_named_in_the_verdict_when_they_are_the_best_to_beat(verdict, said):
    told = evidence(panel=verdict)
    told["contest"]["present"] = told["contest"]["tree"] | {"role": "present"}
    told["verdicts"]["panel"]["best_rule"] = "present"
    assert contest_page.verdict_words(told, "panel").startswith(said)
    assert "known today" in contest_page.contest_table(told).note


# Segments


def test_core_members_are_shown_where_they_are_known_and_not_few():
    known = lambda core: {"steadiness": {"known": 100, "core": core, "confidence": 0.8}}  # noqa: E731
    given = profiles(segment("S1", 120, **known(70)), segment("S2", 80, **known(95)))
    table = portraits.segments_table(given, PLAN)
    assert table.columns[-1].label == "Core members" and [row[-1] for row in shown(table)] == [0.7, None]  # five are not: too few
    assert [portraits.core_share(segment("S1", 50, **known(n))) for n in (0, 9, 100)] == [0.0, None, 1.0]
    assert "Core members" not in [c.label for c in portraits.segments_table(profiles(), PLAN).columns]


def test_the_segments_at_a_glance():
    assert shown(portraits.segments_table(profiles(), PLAN)) == [
        ["Big baskets", "much at once", 120, 0.6, 0.7, 80.0, "$70 to $91", 0.5],
        ["Segment S2", "Days since last purchase low (observed)", 80, 0.4, 0.2, 80.0, "$70 to $91", 0.5],
    ]
    lone = segment("S1", 0, revenue_per_30d=between(None, None, None), active_later=None, share_of_revenue=None)
    assert shown(portraits.segments_table(profiles(lone), PLAN))[0][2:] == [0, 0.0, None, None, "cannot tell", None]
    words.use("fr")
    assert portraits.segment_name(profiles()["segments"][0]) == "Grands paniers"


def test_a_segment_that_nobody_described_is_described_by_its_two_strongest_traits():
    told = [trait("spend_per_30d", 0.5), trait("recency_days", -0.25), trait("gap_days", 0.2), trait("discount_share", 0.19)]
    short = "Spend per 30 days high, Days since last purchase low"
    assert portraits.in_short(segment("S1", 10, traits=told), PLAN) == short
    assert portraits.in_short_marked(segment("S1", 10, traits=told), PLAN) == f"{short} (observed)"
    assert portraits.strongest(segment("S1", 10, traits=told)) == [
        {"variable": "spend_per_30d", "effect": 0.5},
        {"variable": "recency_days", "effect": -0.25},
    ]
    weak, few = segment("S1", 10, traits=told[3:]), segment("S1", 9, traits=told)
    for each in (portraits.in_short, portraits.in_short_marked):
        assert each(weak, PLAN) == each(few, PLAN) == "" and each(few | {"in_short": "as typed"}, PLAN) == "as typed"


def test_the_grid_has_built_variables_as_rows_and_segments_as_columns():
    frame = portraits.profile_frame(profiles(), PLAN, ["recency_days", "spend_per_30d"])
    assert list(frame.index) == ["Days since last purchase", "Spend per 30 days"] and list(frame.columns) == ["Big baskets", "Segment S2"]
    np.testing.assert_array_equal(frame.to_numpy(), [[np.nan, -1.5], [0.5, 0.1]])
    told = portraits.profile_words(profiles(), PLAN, ["recency_days", "spend_per_30d"])
    assert told["title"] == "Segment S2 stands out most: days since last purchase −1.5 standard deviations"
    assert told["alt"] == "Strongest trait of each segment: Big baskets: spend per 30 days and Segment S2: days since last purchase."
    assert told["source"] == "Source: window that ends on 1 October 2017, 1,200 customers"
    drawn = portraits.profile_words(profiles(), PLAN, ["spend_per_30d"])  # what the chart does not show is not its claim
    assert drawn["title"] == "Big baskets stands out most: spend per 30 days +0.5 standard deviations"


def test_traits_are_in_the_units_of_their_variables():
    rows = shown(portraits.traits_table(profiles(), PLAN))
    assert rows[:2] == [
        ["Big baskets", "Spend per 30 days", "USD", 4.0, 3.0, 0.5, 5.0],
        ["Big baskets", "Discount share", "%", 10.0, 12.0, -0.25, 5.0],
    ]
    assert [row[1] for row in shown(portraits.traits_table(profiles(), PLAN, most=1))] == ["Spend per 30 days", "Days since last purchase"]
    unknown = profiles(segment("S1", 50, traits=[trait("spend_per_30d", None, None, None, None)]))
    assert shown(portraits.traits_table(unknown, PLAN)) == []
    assert (
        portraits.profile_words(profiles(segment("S1", 9)), PLAN, ["spend_per_30d"])["title"]
        == "No segment is large enough to be described."
    )


def level(value, p, n=20):
    return {"attribute": "home_town", "level": value, "n": n, "share": 0.25, "everyone": 0.1, "v": 3.0, "p_holm": p}


def test_only_descriptors_that_stand_after_the_correction_are_listed_three_a_segment():
    told = [level("A", 0.001), level("B", 0.051), level("C", 0.05), level("D", 0.01), level("E", 0.01)]
    rows = shown(portraits.descriptors_table(profiles(segment("S1", 100, descriptors=told)), PLAN))
    assert rows == [["Segment S1", "home town", value, 20, 0.25, 0.1, 3.0] for value in "ACD"]
    assert shown(portraits.descriptors_table(profiles(), PLAN)) == []


def test_codes_of_descriptors_are_said_in_words():
    codes = [("seniority", "loyal"), ("area_income", "low"), ("reach", "none"), ("home_town", "none")]
    for (attribute, code), said in zip(
        codes,
        [["Seniority", "loyal"], ["Area: income", "lower third"], ["May be contacted by", "none of the channels"], ["home town", "none"]],
        strict=True,
    ):
        told = level(code, 0.001) | {"attribute": attribute}
        assert shown(portraits.descriptors_table(profiles(segment("S1", 100, descriptors=[told])), PLAN))[0][1:3] == said


def test_the_bands_for_the_budget_and_where_their_customers_are():
    assert shown(portraits.budget_table(profiles(), BANDS, PLAN)) == [
        ["Spend per 30 days $120.50 or more", 150, 0.5, 33.0, 100, 50],
        ["all others", 50, 0.5, 33.0, 20, 30],
    ]


def test_rules_in_words():
    when = [
        {"variable": "spend_per_30d", "at_least": 1234.5, "below": None},
        {"variable": "discount_share", "at_least": None, "below": 0.125},
        {"variable": "recency_days", "at_least": 7.0, "below": 30.0},
    ]
    rules = [{"segment": "S1", "when": when}, {"segment": "S2", "when": []}]
    assert portraits.rule_words({"assign": {"first_match": {"rules": rules, "otherwise": "S3"}}}, PLAN) == {
        "S1": "Spend per 30 days $1,234.50 or more, Discount share below 12.5% and Days since last purchase 7.0 days to below 30.0 days",
        "S2": "everybody",
        "S3": "all others",
    }


def test_a_band_ends_where_the_band_above_begins():
    cuts = [{"variable": "spend_per_30d", "at_least": at_least, "below": None} for at_least in (100.0, 50.0, 70.0)]
    other = {"variable": "discount_share", "at_least": 0.1}
    rules = [{"segment": f"S{i}", "when": [one]} for i, one in enumerate([*cuts, other], 1)]
    assert list(portraits.rule_words({"assign": {"first_match": {"rules": rules, "otherwise": "S5"}}}, PLAN).values()) == [
        "all others",
        "Spend per 30 days $100.00 or more",
        "Spend per 30 days $50.00 to below $100.00",
        "Spend per 30 days $70.00 or more",  # no band below the one before
        "Discount share 10.0% or more",
    ]


def test_rules_of_levels_and_conditions_put_together_in_words():
    town = {"variable": "home_town", "in": ["Lyon", "Nice"]}
    often, rich = {"variable": "spend_per_30d", "at_least": 50.0}, {"any": [town, {"variable": "spend_per_30d", "missing": True}]}
    rules = [{"segment": "S1", "when": town}, {"segment": "S2", "when": {"all": [{"not": often}, rich]}}]
    assert portraits.rule_words({"assign": {"first_match": {"rules": rules, "otherwise": "S3"}}}, PLAN) == {
        "S1": "home town: Lyon and Nice",
        "S2": "not: Spend per 30 days $50.00 or more and home town: Lyon and Nice or Spend per 30 days: not known",
        "S3": "all others",
    }


# Privacy


def test_a_segment_that_would_give_another_away_is_not_described():
    given = profiles(segment("S1", 120), segment("S2", 77, share_of_revenue=0.777) | {"shown": False}, segment("S3", 3) | {"shown": False})
    given["budget"]["crossed"] = {"S1": {"b1": 90, "b2": 30}, "S2": {"b1": 57, "b2": 20}, "S3": {"b1": 3}}
    assert [row[2] for row in shown(portraits.segments_table(given, PLAN))] == [120, None, None]
    assert {row[0] for row in shown(portraits.traits_table(given, PLAN))} == {"Segment S1"}
    assert [row[-2:] for row in shown(portraits.budget_table(given, BANDS, PLAN))] == [[None, None], [None, None]]
    given["segments"][1]["share_of_revenue"] = 0.9
    assert not [p for p in page.summary(evidence(), given, PLAN, by="people")["points"] if "S2" in p]


def test_no_figure_about_a_few_customers_is_on_the_page():
    """Every figure of a segment and a band of three holds 777 or 0.771; none of them may be anywhere but in what is kept private."""
    few = segment(
        "S2",
        3,
        share_of_customers=0.771,
        share_of_revenue=0.771,
        revenue_per_30d=between(777.0, 777.1, 777.2),
        active_later={"share": 0.771, "low": 0.771, "high": 0.771, "n": 3},
        traits=[trait("spend_per_30d", 77.7, 777.0, 77.7, 777.0), trait("discount_share", 7.77, 7.77, 7.77, 7.77)],
    )
    moved = segment("S1", 120, active_later={"share": 0.771, "low": 0.7, "high": 0.8, "n": 9})  # a few at the earlier instant
    given = profiles(moved, few)
    given["budget"]["bands"][1] |= {"n": 3, "share_of_customers": 0.771, "share_of_revenue": 0.771, "revenue_per_30d": 777.0}
    given["budget"]["crossed"] = {"S1": {"b1": 100, "b2": 7}, "S2": {"b1": 7}}
    made = (
        portraits.segments_table(given, PLAN),
        portraits.traits_table(given, PLAN),
        portraits.descriptors_table(given, PLAN),
        portraits.budget_table(given, BANDS, PLAN),
    )
    for table in made:
        assert "77" not in tables.as_html(table) and not re.search(r"77|\b7\b", str(shown(table))), table.name
    frame = portraits.profile_frame(given, PLAN, ["spend_per_30d", "discount_share"])
    assert list(frame.columns) == ["Segment S1"]
    said = page.summary(evidence(), given, PLAN, by="people"), page.caveats(evidence(), given, PLAN, agreement=None)
    said = f"{said} {(drawn := str(portraits.profile_words(given, PLAN, ['spend_per_30d', 'discount_share'])))}"
    assert "77" not in said and "Segment S2" not in drawn
    assert tables.as_html(made[0]).count("–") == 7, "all figures of S2, and whether S1 bought again"
    assert shown(made[0])[0][-1] is None and shown(made[0])[1][2:] == [None] * 4 + ["–", None]
