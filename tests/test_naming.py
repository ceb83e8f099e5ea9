"""Step 6: ids that the CRM keeps across refits, and names suggested from what distinguishes a segment."""

import copy

import numpy as np
import pandas as pd
import pytest
import yaml
from by_hand import project
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import words
from helpers.build import choice, naming, portraits
from helpers.build.document import labels
from helpers.project.building import Build
from helpers.variables import catalogue
from helpers.variables.measures import MEASURES

pytestmark = pytest.mark.usefixtures("in_english")

PLAN = project()
FILES = {
    "orders": "customer_id order_id ordered_at product_id category quantity amount discount brand channel",
    "events": "customer_id occurred_at kind device",
    "answers": "customer_id question answer answered_at",
}
SHOP = project(
    collect={"sources": {n: {"table": n, "file": f"{n}.csv", "columns": {c: c for c in has.split()}} for n, has in FILES.items()}},
    variables={
        "category_groups": {"tea_share": ["Tea"], "grocery_share": ["Grocery"]},
        "channel_groups": {"app_share": ["app"]},
        "device_groups": {"tablet_share": ["tablet"]},
        "share_names": {
            "tea_share": {"en": "tea and infusions", "fr": "thés et infusions"},
            "grocery_share": {"en": "grocery", "fr": "épicerie"},
            "app_share": {"en": "the app", "fr": "l’application"},
            "tablet_share": {"en": "a tablet", "fr": "une tablette"},
        },
        "own": {
            "dearer": {"expression": "spend_per_order / lines_per_order", "kind": "amount", "unit": "money", "type": "value",
                       "name": "Spend per product", "definition": "spend per order, by products per order"}
        },
        "scales": {"convenience": {"name": {"en": "Need: save time", "fr": "Besoin : gagner du temps"}, "items": ["q1", "q2"]}},
    }
)  # fmt: skip


def bands(*cuts: float, first: int = 1) -> dict:
    """A document that cuts spend at borders, the highest band first: S1, S2 …"""
    variables = [{"name": "spend_per_30d", "kind": "number", "missing": 0.0, "steps": []}]
    rules = [
        {"segment": f"S{first + i}", "when": [{"variable": "spend_per_30d", "at_least": float(cut), "below": None}]}
        for i, cut in enumerate(cuts)
    ]
    segments = [{"id": f"S{first + i}", "name": None, "colour": ""} for i in range(len(cuts) + 1)]
    match = {"first_match": {"rules": rules, "otherwise": f"S{first + len(cuts)}"}}
    head = {"format": 1, "version": 1, "key": "customer_id", "built_as_of": "2017-10-01T00:00:00"}
    return head | {"variables": variables, "segments": segments, "assign": match}


def people(n=100) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(n)], "spend_per_30d": np.arange(float(n))})


# Ids


def test_a_segment_keeps_its_id_from_a_jaccard_index_of_one_half_and_gets_a_new_one_below():
    # before: 50 to 99 are S1, 0 to 49 S2. Now 75 to 99 (25 of 50: exactly one half), 30 to 74 (25 of 70), 0 to 29 (30 of 50)
    document, kept = choice.keep_ids(bands(75, 30), bands(50), people())
    assert kept == {
        "S1": {"from": "S1", "nearest": "S1", "jaccard": 0.5},
        "S2": {"from": "S2", "nearest": "S2", "jaccard": 0.6},
        "S3": {"from": None, "nearest": "S1", "jaccard": pytest.approx(25 / 70)},
    }
    assert [s["id"] for s in document["segments"]] == ["S1", "S2", "S3"]
    found = labels(document, people())
    assert (found[75:] == "S1").all() and (found[:30] == "S2").all() and (found[30:75] == "S3").all()
    # 24 of 50 are fewer than half
    assert {i: k["from"] for i, k in choice.keep_ids(bands(76, 30), bands(50), people())[1].items()} == {"S2": "S2", "S3": None, "S4": None}


def test_a_new_id_was_never_used_by_any_earlier_document():
    document, kept = choice.keep_ids(bands(76, 30), bands(50), people(), used=["S1", "S2", "S7"])
    assert [s["id"] for s in document["segments"]] == ["S2", "S8", "S9"]
    assert [one for one, how in kept.items() if how["from"] is None] == ["S8", "S9"]


def test_the_first_build_has_the_ids_of_its_recipe_and_an_unchanged_one_keeps_them_all():
    document = bands(50)
    assert choice.keep_ids(document, None, people()) == (document, {})
    earlier = choice.renamed(document, {"S1": "S5", "S2": "S3"})
    found, kept = choice.keep_ids(document, earlier, people())
    assert [s["id"] for s in found["segments"]] == ["S3", "S5"] and list(labels(found, people())) == list(labels(earlier, people()))
    assert {one: how["jaccard"] for one, how in kept.items()} == {"S3": 1.0, "S5": 1.0}


def test_ids_of_an_older_kind_are_continued():
    earlier = bands(50)
    for segment in earlier["segments"]:
        segment["id"] = segment["id"].lower()
    match = earlier["assign"]["first_match"]
    match["rules"][0]["segment"], match["otherwise"] = "s1", "s2"
    assert [s["id"] for s in choice.keep_ids(bands(50), earlier, people())[0]["segments"]] == ["S1", "S2"]


def test_on_a_refit_names_follow_ids_and_not_expectations():
    wishes = {"S1": {"name": "Little", "expect": {"spend_per_30d": "low"}}, "S2": {"name": "Much", "expect": {"spend_per_30d": "high"}}}
    plan = project(build={"segments": wishes})
    first, _ = choice.named(bands(50), people(), plan, ["spend_per_30d"])
    assert list(labels(first, people())[[0, 99]]) == ["S1", "S2"] and [s["name"] for s in first["segments"]] == ["Little", "Much"]
    document, kept = choice.keep_ids(bands(60), first, people())
    again, traits = choice.named(document, people(), plan, ["spend_per_30d"], kept=kept)
    assert list(labels(again, people())[[0, 99]]) == ["S1", "S2"] and [s["name"] for s in again["segments"]] == ["Little", "Much"]
    turned = choice.renamed(first, {"S1": "S2", "S2": "S1"})  # the CRM knows them the other way round: names are withdrawn
    document, kept = choice.keep_ids(bands(60), turned, people())
    again, _ = choice.named(document, people(), plan, ["spend_per_30d"], kept=kept)
    assert list(labels(again, people())[[0, 99]]) == ["S2", "S1"] and [s["name"] for s in again["segments"]] == [None, None]
    assert traits["S1"][0]["effect"] < 0


def test_jaccard_by_hand():
    found = choice.jaccard(np.array([[6, 2], [0, 4]]))
    np.testing.assert_allclose(found, [[6 / 8, 2 / 12], [0, 4 / 6]])


def test_everything_that_names_a_segment_is_renamed():
    ids = {"S1": "S3", "S2": "S1"}
    table = [{"own": "S1", "other": "S2", "at": [], "share": [0.9]}, {"own": "S2", "other": "", "at": [], "share": [0.8]}]
    document = bands(50) | {"assign": {"nearest": {"centroids": [[1.0], [2.0]], "confidence": {"table": table}}}}
    how = choice.renamed(document, ids)["assign"]["nearest"]
    assert how["centroids"] == [[2.0], [1.0]]
    assert [(row["own"], row["other"]) for row in how["confidence"]["table"]] == [("S3", "S1"), ("S1", "")]
    classes = [{"segment": "S1", "share": 0.6, "of": {}}, {"segment": "S2", "share": 0.4, "of": {}}]
    how = choice.renamed(document | {"assign": {"posterior": {"classes": classes, "unknown": "S2"}}}, ids)["assign"]["posterior"]
    assert [(one["segment"], one["share"]) for one in how["classes"]] == [("S3", 0.6), ("S1", 0.4)] and how["unknown"] == "S1"
    before = copy.deepcopy(document)
    choice.renamed(document, ids)
    assert document == before


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.permutations(["S1", "S2", "S3"]), st.lists(st.integers(1, 98), min_size=2, max_size=2, unique=True))
def test_the_recipes_own_order_of_ids_changes_nothing(order, cuts):
    earlier, document = bands(70, 30), bands(*sorted(cuts, reverse=True))
    other = choice.renamed(document, dict(zip(["S1", "S2", "S3"], order, strict=True)))
    one, two = choice.keep_ids(document, earlier, people())[0], choice.keep_ids(other, earlier, people())[0]
    kept = {"S1", "S2", "S3"}
    assert [s if s in kept else "new" for s in labels(one, people())] == [s if s in kept else "new" for s in labels(two, people())]


# Suggested names


def traits(**effects: float) -> list[dict]:
    return [{"variable": name, "mean": 1.0, "everyone": 1.0, "v": 1.0, "effect": effect} for name, effect in effects.items()]


DESCRIBED = {
    "S1": traits(spend_per_30d=2.0, orders_per_30d=1.9, discount_share=-0.1, recency_days=-0.5),
    "S2": traits(spend_per_30d=0.5, orders_per_30d=0.4, discount_share=1.0, recency_days=0.0),
    "S3": traits(spend_per_30d=-0.3, orders_per_30d=-0.3, discount_share=0.0, recency_days=0.9),
    "S4": traits(spend_per_30d=0.1, orders_per_30d=0.0, discount_share=0.1, recency_days=-0.1),
}


def test_a_segment_is_named_by_what_it_has_more_or_less_of_than_all_others():
    found = naming.suggestions(DESCRIBED, PLAN)
    assert {one: (s["name"]["en"], s["expect"]) for one, s in found.items()} == {
        # ahead by 1.5 in spend and in orders, by .4 in days since: less than half of that
        "S1": ("Frequent orders and high spend", {"orders_per_30d": "high", "spend_per_30d": "high"}),
        "S2": ("Discounts", {"discount_share": "high"}),  # spend .5 is high too, and S1 has more
        "S3": ("Absent of late", {"recency_days": "high"}),  # ahead by .9; in low spend by .4
        "S4": ("Close to the average", {}),
    }
    assert found["S3"]["in_short"]["en"] == "days since last purchase above everyone’s mean; " + (
        "orders per 30 days and spend per 30 days below everyone’s mean"
    )
    assert found["S4"]["in_short"]["en"] == "no trait stands out"


def test_variables_that_say_the_same_do_not_stand_side_by_side():
    found = naming.suggestions(DESCRIBED, PLAN, groups={"spend_per_30d": 1, "orders_per_30d": 1, "discount_share": 2})
    assert found["S1"]["name"]["en"] in ("High spend", "Frequent orders")
    assert len(found["S1"]["expect"]) == 1


def test_a_segment_that_is_ahead_in_nothing_has_its_two_strongest_and_no_two_names_are_alike():
    described = {
        "S1": traits(spend_per_30d=2.0, discount_share=0.1),
        "S2": traits(spend_per_30d=1.0, discount_share=0.3),
        "S3": traits(spend_per_30d=0.9, discount_share=0.9),
        "S4": traits(spend_per_30d=1.0, discount_share=0.3),
    }
    found = {one: s["name"]["en"] for one, s in naming.suggestions(described, PLAN).items()}
    assert found == {
        "S1": "High spend",
        "S2": "High spend and discounts (S2)",
        "S3": "Discounts",
        "S4": "High spend and discounts (S4)",
    }


def test_a_level_names_a_segment_only_where_no_measured_trait_does():
    told = {"attribute": "home_town", "level": "Lyon", "n": 40, "share": 0.75, "everyone": 0.5, "v": 5.0, "p_holm": 0.001}
    levels = {"S3": [told], "S4": [told | {"p_holm": 0.2}], "S2": [told | {"share": 0.9}]}
    described = DESCRIBED | {"S2": DESCRIBED["S4"]}
    found = naming.suggestions(described, PLAN, descriptors=levels)
    assert found["S2"]["name"]["en"] == "Home town: Lyon" and found["S2"]["expect"] == {}  # (.9 − .5)/.5 = .8
    assert found["S3"]["name"]["en"] == "Absent of late" and found["S4"]["name"]["en"] != "Home town: Lyon"


def test_names_are_suggested_in_both_languages_and_the_readers_language_stays():
    words.use("fr")
    described = {"S1": traits(tea_share=1.0, discount_share=0.0), "S2": traits(tea_share=0.0, discount_share=1.0)}
    first, found = naming.suggestions(described, SHOP).values()
    assert words.language() == "fr"
    assert found["name"]["en"] == "Discounts" and found["in_short"]["fr"].startswith("part des remises")
    assert first["name"] == {"en": "Tea and infusions", "fr": "Thés et infusions"}
    assert words.THIN not in found["name"]["fr"] + found["in_short"]["fr"]
    with pytest.raises(ZeroDivisionError), naming.speaking("en"):
        1 / 0  # noqa: B018
    assert words.language() == "fr"


def named(**features: str) -> str:
    """The name of features of SHOP, each high or low."""
    return naming._name(list(features.items()), SHOP)


def test_shares_that_the_project_names_are_called_as_it_calls_them():
    assert named(tea_share="high") == "Tea and infusions" and named(tea_share="low") == "Few tea and infusions"
    assert named(grocery_share="low") == "Little grocery" and named(own_brand_share="low", discount_share="low") == "Brands and full price"
    assert named(tea_share="high", grocery_share="high") == "Tea and infusions, grocery"  # no second "and"


def test_a_channel_or_a_device_stands_behind_what_is_bought_by_it():
    assert named(app_share="high") == "Through the app" and named(app_share="low") == "Rarely through the app"
    assert named(app_share="high", morning_order_share="high") == "Morning orders through the app"
    assert named(tablet_share="low", grocery_share="high") == "Grocery, rarely with a tablet"
    assert named(tablet_share="high", app_share="high") == "With a tablet and through the app"
    titles = {v.name: v.title() for v in catalogue(SHOP)}
    assert [titles[v] for v in ("tea_share", "app_share", "tablet_share")] == [
        "Share of tea and infusions", "Orders through the app", "Visits with a tablet"]  # fmt: skip


def test_a_need_is_called_by_what_is_needed():
    assert named(convenience="high", app_share="high") == "Save time through the app"
    assert named(convenience="low") == "Without: save time"


def test_what_has_no_short_name_is_high_or_low():
    assert set(naming.SHORT) == {v.name for v in MEASURES}
    assert named(dearer="high") == "High spend per product" and named(dearer="low") == "Low spend per product"


def test_a_name_of_too_many_words_keeps_its_first_feature_and_promises_no_more():
    long = [("tea_share", "high"), ("dearer", "high")]
    assert naming._brief(long, SHOP) == long[:1]  # Tea and infusions, high spend per product: seven words
    short = [("tea_share", "high"), ("discount_share", "high")]
    assert naming._brief(short, SHOP) == short
    described = {"S1": traits(tea_share=1.0, dearer=0.9), "S2": traits(tea_share=0.0, dearer=0.0)}
    assert naming.suggestions(described, SHOP)["S1"]["expect"] == {"tea_share": "high"}


def test_french_elides_before_a_vowel():
    words.use("fr")
    told = [naming._elided(f"peu de {g}") for g in ("épicerie", "huile", "haricots", "yaourts", "carburant")]
    assert told == ["peu d’épicerie", "peu d’huile", "peu de haricots", "peu de yaourts", "peu de carburant"]
    words.use("en")
    assert naming._elided("peu de épicerie") == "peu de épicerie"


def segments(**shown) -> dict:
    found = naming.suggestions(DESCRIBED, PLAN)
    listed = [{"id": one, "name": None, "n": 50, "shown": True, "suggested": found[one]} for one in DESCRIBED]
    return {"segments": [s | shown.get(s["id"], {}) for s in listed]}


def test_the_lines_to_type_are_those_that_project_yml_takes():
    told = naming.to_type(segments(), PLAN)
    typed = Build.model_validate(yaml.safe_load(told)["build"])
    assert words.text(typed.segments["S1"].name) == "Frequent orders and high spend"
    assert typed.segments["S2"].expect == {"discount_share": "high"} and typed.segments["S4"].expect == {}
    document, _ = choice.named(bands(50), people(), project(build={"segments": {"S1": {"name": "A", "expect": {"spend_per_30d": "high"}}}}),
                               ["spend_per_30d"])  # fmt: skip
    assert document["segments"][0]["name"] == "A"


def test_who_has_a_name_or_may_not_be_described_is_not_among_the_lines():
    told = naming.to_type(segments(S1={"name": "Typed"}, S3={"shown": False}, S4={"n": 9}), PLAN)
    assert list(yaml.safe_load(told)["build"]["segments"]) == ["S2"]
    nothing = naming.to_type(segments(S1={"n": 9}, S2={"n": 9}, S3={"n": 9}, S4={"n": 9}), PLAN)
    assert nothing == "Nothing to type: every segment that may be described has a name that fits."


def test_a_suggested_name_stands_on_pages_marked_as_such():
    first = segments()["segments"][1]
    assert portraits.segment_name(first) == "S2 · Discounts (suggested)" and portraits.short_name(first) == "Segment S2"
    assert portraits.label(first) == "S2 · Discounts" and portraits.label(first | {"suggested": None}) == "Segment S2"
    assert portraits.label(first | {"name": "Typed"}) == "Typed"
    assert portraits.segment_name(first | {"name": "Typed"}) == portraits.short_name(first | {"name": "Typed"}) == "Typed"
    assert portraits.segment_name(first | {"suggested": None}) == "Segment S2"


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.lists(st.lists(st.sampled_from([-1.5, -0.3, 0.0, 0.3, 1.5]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_names_are_unique_whatever_the_traits(effects):
    described = {f"S{i + 1}": traits(**dict(zip(("spend_per_30d", "discount_share", "recency_days"), row, strict=True)))
                 for i, row in enumerate(effects)}  # fmt: skip
    found = naming.suggestions(described, PLAN)
    for language in words.LANGUAGES:
        names = [s["name"][language] for s in found.values()]
        assert len(set(names)) == len(names) and all(names)
    for one, suggestion in found.items():  # and every name keeps its own promise
        assert choice.name_fits(described[one], suggestion["expect"]) in (True, None)
