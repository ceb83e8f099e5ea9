"""Step 7: what a card may say, in which words, what each team gets, and how it is said who belongs."""

import json
import re

import documents
import ibis
import pandas as pd
import pytest
from by_hand import project, rows_of, table

from helpers import NinefoldError, adopt, tables, words
from helpers.adopt import page
from helpers.adopt.teams import sheets
from helpers.build import columns
from helpers.build.page import show_sql
from helpers.build.rules import document_of
from helpers.project.adopting import TEAMS as ALL_TEAMS
from helpers.render.markup import Inspector
from helpers.variables import catalogue

pytestmark = pytest.mark.usefixtures("in_english")

MEMBERS = (
    "customer_id segment band",
    *[(f"a{i}", "S1", "b1") for i in range(4)],
    *[(f"b{i}", "S2", "b2") for i in range(6)],
    ("c0", "S3", "b2"),
)


def trait(variable, mean, everyone, effect):
    return {"variable": variable, "mean": mean, "everyone": everyone, "v": 3.0, "effect": effect}


def segment(one, n, *, name=None, traits=(), fits=None, each=100.0, **more):
    shares = {
        "share_of_customers": n / 100,
        "share_of_revenue": 0.25,
        "revenue_per_30d": {"value": each, "low": each - 9, "high": each + 9},
    }
    shown = {"id": one, "name": name, "in_short": "few words" if name else "", "fits": fits, "colour": "#12436D", "n": n, **shares}
    shown |= {"spend_per_order": 40.0, "orders_per_30d": 3.0, "active_later": {"share": 0.9, "low": 0.8, "high": 1.0, "n": n}}
    return shown | {"traits": list(traits), "descriptors": []} | more


def profiles(*segments):
    spread = {s["id"]: {"b1": s["n"] // 2, "b2": s["n"] - s["n"] // 2} for s in segments}
    n = sum(s["n"] for s in segments)
    bands = [{"id": b, "from": None, "n": n // 2, "share_of_customers": 0.5, "share_of_revenue": 0.5} for b in ("b1", "b2")]
    budget = {"variable": "spend_per_30d", "bands": bands, "crossed": spread}
    return {"as_of": "2017-10-01", "customers": n, "chosen": "hcpc", "k": len(segments), "segments": list(segments), "budget": budget}


def plan(**sections):
    return project(tables=("orders", "contacts", "events"), **({"min_cell": 4} | sections))


ACTIONS = {"S1": {"action": {"en": "Thank them", "fr": "Les remercier"}, "team": "sales", "owner": "Store operations"}}
TEAMS = {"marketing": {"owner": "Head of CRM"}}


def shown(*segments, project=None, passports=None, beyond=None, known=None):
    project = project or plan(adopt={"actions": ACTIONS, "teams": TEAMS})
    found = profiles(*segments)
    if beyond is None:
        beyond = {s["id"]: {t["variable"]: {"known": s["n"], "beyond": s["n"] // 2} for t in s["traits"]} for s in segments}
    return adopt.cards(found, passports or {}, beyond, known or {}, project)


def text_of(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).strip()


def html(card, project=None, everyone=80.0):
    return page.card_html(card, {"revenue_per_30d": everyone}, project or plan())


# What stands on a card


def test_members_beyond_everyones_mean_are_counted_on_the_side_of_their_segment():
    rows = [("a3", 5.0), ("a0", 9.0), ("a1", None), ("a2", float("nan")), ("b0", 1.0), ("b1", 2.0), ("b2", 8.0), ("zoe", 99.0)]
    variables = ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "spend_per_order"]))
    found = profiles(
        segment("S1", 4, traits=[trait("spend_per_order", 7.0, 5.0, 1.0)]),
        segment("S2", 6, traits=[trait("spend_per_order", 3.7, 5.0, -1.0)]),
    )
    assert adopt.held(table("membership", *MEMBERS), variables, found) == {
        "S1": {"spend_per_order": {"known": 2, "beyond": 1}},  # 9 is above 5; 5 is not; two are unknown
        "S2": {"spend_per_order": {"known": 3, "beyond": 2}},  # 1 and 2 are below 5
    }


def test_a_member_counts_as_described_when_anything_is_known_of_it():
    described = table(
        "customers", "customer_id age town", ("b1", None, None), ("a0", "30", None), ("a1", None, "Lyon"), ("zoe", "40", "Paris")
    )
    assert adopt.described(table("membership", *MEMBERS), described) == {"S1": 2}
    assert adopt.described(table("membership", *MEMBERS), None) == {}
    assert adopt.described(table("membership", *MEMBERS).limit(0), described) == {}


def test_of_variables_that_say_the_same_only_the_strongest_is_on_the_card():
    traits = [
        trait("active_weeks_share", 0.9, 0.5, 1.4),
        trait("orders_per_30d", 8.0, 4.0, 1.2),  # says the same as the one above
        trait("spend_per_30d", 90.0, 50.0, 1.1),  # stands at the top of the card
        trait("departments", 9.0, 8.0, 0.4),
        trait("recency_days", 2.0, 8.0, -0.35),
        trait("spend_per_order", 40.0, 41.0, -0.1),  # a fourth trait must be a strong one
    ]
    passports = {name: {"stands_for": "orders_per_30d"} for name in ("orders_per_30d", "active_weeks_share")}
    (card,) = shown(segment("S1", 20, traits=traits), passports=passports)["segments"]
    assert [t["variable"] for t in card["traits"]] == ["active_weeks_share", "departments", "recency_days"]


def test_a_trait_that_hardly_differs_is_left_out_unless_it_is_one_of_the_first_two():
    def on_card(*effects):
        names = ("departments", "recency_days", "spend_per_order", "lines_per_order")
        traits = [trait(name, 3.0, 2.9, effect) for name, effect in zip(names, effects, strict=False)]
        return [t["effect"] for t in shown(segment("S1", 20, traits=traits))["segments"][0]["traits"]]

    assert on_card(0.9, 0.4, -0.2, 0.19) == [0.9, 0.4, -0.2]
    assert on_card(0.9, 0.4, -0.19, 0.1) == [0.9, 0.4]
    assert on_card(0.1, -0.05, 0.04) == [0.1, -0.05]


def test_a_trait_known_of_fewer_than_min_cell_members_is_not_told():
    traits = [trait("response_rate", 0.5, 0.1, 1.4), trait("departments", 9.0, 8.0, 0.4)]
    beyond = {"S1": {"response_rate": {"known": 3, "beyond": 3}, "departments": {"known": 20, "beyond": 15}}}
    (card,) = shown(segment("S1", 20, traits=traits), beyond=beyond)["segments"]
    assert [(t["variable"], t["beyond"]) for t in card["traits"]] == [("departments", 0.75)]


def test_descriptors_are_told_beyond_chance_and_when_neither_side_is_too_few():
    def told(level, n, share, p):
        return {"attribute": "age", "level": level, "n": n, "share": share, "everyone": 0.2, "v": 3.0, "p_holm": p}

    listed = [told("30", 10, 0.5, 0.05), told("40", 10, 0.5, 0.051), told("50", 3, 0.15, 0.01), told("60", 18, 0.9, 0.01)]
    (card,) = shown(segment("S1", 30, descriptors=listed), known={"S1": 20})["segments"]
    # 40: beyond the level; 50: three members; 60: of 20 described two are left, who would be told too
    assert [d["level"] for d in card["descriptors"]] == ["30"]
    assert "Known for 20 of 30." in text_of(html(card)) and "age 30: 10 members, 50% of those described, against 20%" in text_of(html(card))


def test_a_card_says_the_eight_largest_differences_once_each_and_how_many_it_leaves_out():
    def level(attribute, level, share):
        return {"attribute": attribute, "level": level, "n": 12, "share": share, "everyone": 0.2, "v": 3.0, "p_holm": 0.01}

    listed = [level("age", str(n), 0.3 + n / 100) for n in range(10)] + [
        level("interests: wine", "no", 0.9),
        level("preferred_channel", "web", 0.6),
    ]
    (card,) = shown(segment("S1", 60, descriptors=[*listed, level("interests: wine", "yes", 0.1)]), known={"S1": 60})["segments"]
    told = text_of(html(card))
    assert told.count("members, ") == 8 and "4 smaller differences are left to step 6." in told  # of 12: no and yes are one
    assert "wine no" not in told and "age 9: 12 members" in told and "age 2: " not in told
    assert html(card).count("observed</span></li>") == 1, "a channel was counted, an age was written down"


def test_a_card_does_not_tell_that_one_member_alone_did_not_buy_again():
    later = {"share": 0.99, "low": 0.9, "high": 1.0, "n": 100}
    (card,) = shown(segment("S1", 120, active_later=later))["segments"]
    assert card["active_later"] is None
    assert "cannot tell, or true of nearly all or nearly none –" in text_of(html(card))
    (card,) = shown(segment("S1", 120, active_later=later | {"share": 0.8}))["segments"]
    assert "in the following period 80%" in text_of(html(card))


def test_a_card_says_codes_of_descriptors_in_words():
    told = {"attribute": "area_income", "level": "low", "n": 10, "share": 0.5, "everyone": 0.2, "v": 3.0, "p_holm": 0.01}
    (card,) = shown(segment("S1", 30, descriptors=[told]), known={"S1": 20})["segments"]
    assert "Area: income lower third: 10 members" in text_of(html(card))


def test_of_a_segment_of_three_people_only_the_name_is_told():
    small = segment("S2", 3, name="Three of a kind", traits=[trait("departments", 9.0, 8.0, 2.4)], each=777.0)
    cards = shown(segment("S1", 20, name="Many"), small)
    assert cards["segments"][1] == {"id": "S2", "name": "Three of a kind", "colour": "#12436D", "shown": False}
    assert text_of(html(cards["segments"][1])) == "Three of a kind Not shown: too few customers, or it would give another’s away."


def test_of_a_segment_that_would_give_another_away_only_the_name_is_told():
    other = segment("S2", 20, name="Companion", each=777.0) | {"shown": False}
    found = profiles(segment("S1", 36), other, segment("S3", 3) | {"shown": False})
    (_, card, _) = adopt.cards(found, {}, {}, {}, plan())["segments"]
    assert card == {"id": "S2", "name": "Companion", "colour": "#12436D", "shown": False}
    for team in sheets.TEAMS:
        rows_of = tables.payload(sheets.sheet(team, found, plan()))["rows"]
        assert not [x for row in rows_of[1:3] for x in row if isinstance(x, int | float)] and "777" not in str(rows_of)
        assert rows_of[3][1] == 59, "the total may stay"
    told = adopt.dictionary(document({"nearest": {"centroids": [[0], [1], [2]]}}, "S1", "S2", "S3"), found, least=4)
    assert [row["n"] for row in told["segments"]] == [36, None, None] and told["segments"][1]["traits"] == []


def test_the_query_is_not_printed_when_a_segment_is_not_shown(monkeypatch):
    shown_here = []
    for place in ("helpers.build.page.place_on_page", "helpers.tables.place_on_page"):
        monkeypatch.setattr(place, lambda bundle: shown_here.append(bundle["text/html"]))
    show_sql("SELECT 1", profiles(segment("S1", 36), segment("S2", 20) | {"shown": False}))
    show_sql("SELECT 1", profiles(segment("S1", 36), segment("S2", 20)))
    assert "SELECT" not in shown_here[0] and "folder of the run, which is private" in shown_here[0] and "SELECT 1" in shown_here[1]


def test_no_number_on_a_card_tells_how_many_few_others_there_are():
    traits = [trait(name, 0.2, 0.1, 1.2) for name in ("coupon_order_share", "discount_share", "weekend_order_share")]
    mapped = plan(adopt={"actions": ACTIONS})
    counted = {"coupon_order_share": 787, "discount_share": 3, "weekend_order_share": 788}
    beyond = {"S1": {name: {"known": 788, "beyond": n} for name, n in counted.items()}}
    cards = shown(segment("S1", 788, traits=traits), project=mapped, beyond=beyond, known={"S1": 787})
    (card,) = cards["segments"]
    assert [t["beyond"] for t in card["traits"]] == ["most", "few", 1.0]
    said = text_of(html(card, mapped))
    assert "nearly all of them above everyone’s mean" in said and "a few of them far above everyone’s mean" in said
    assert "100% of them above everyone’s mean" in said and "Known for nearly all of 788." in said and "787" not in said
    limits = " ".join(page.caveats(cards, mapped))
    assert "rests on the more than 99% of customers" in limits and "On the strongest trait" not in limits


def test_an_empty_segment_is_too_few_as_well():
    empty = segment("S2", 0, share_of_revenue=None, active_later=None) | {"revenue_per_30d": {"value": None, "low": None, "high": None}}
    cards = shown(segment("S1", 20), empty)
    assert cards["segments"][1]["shown"] is False and cards["revenue_per_30d"] == 100.0
    assert "too few customers" in html(cards["segments"][1])


def test_a_card_says_of_every_field_where_it_comes_from():
    traits = [trait("coupon_order_share", 0.2, 0.1, 1.2)]
    mapped = plan(adopt={"actions": ACTIONS})
    (card,) = shown(segment("S1", 20, name="Many", traits=traits), project=mapped)["segments"]
    said = text_of(html(card, mapped))
    assert said.startswith(
        "Many few words typed observed Customers 20% of all 20 Revenue each, 30 days everyone $80; 95% interval $91 to $109 $100"
    )
    assert "What they are like observed Orders with a coupon : twice as high (20%, everyone 10%) 50% of them above everyone’s mean" in said
    assert "Who they are declared Not known: too few of them are described." in said
    assert said.endswith("What is done for them, and by whom typed Thank them – Store operations, for sales.")
    assert not Inspector(html(card, mapped)).faults


def test_prose_on_a_card_is_in_the_readers_language_and_cannot_break_the_page():
    (card,) = shown(segment("S1", 20, name={"en": "Fish & <chips>", "fr": "Poisson"}))["segments"]
    assert "<h3>Fish &amp; &lt;chips&gt;</h3>" in html(card)
    words.use("fr", "USD")
    assert "<h3>Poisson</h3>" in html(card) and "Les remercier" in html(card)


def test_a_withdrawn_name_leaves_its_action_in_doubt():
    (card,) = shown(segment("S1", 20, fits=False))["segments"]
    said = text_of(html(card))
    assert said.startswith("Segment S1 The name typed for it does not fit and is withdrawn.")
    assert "Thank them – Store operations, for sales. Typed for a name that no longer fits: read it again." in said


def test_a_card_without_money_or_later_purchases_cannot_tell():
    bare = segment("S1", 20, share_of_revenue=None, active_later=None) | {"revenue_per_30d": {"value": None, "low": None, "high": None}}
    (card,) = shown(bare)["segments"]
    assert text_of(html(card, everyone=None)).count("cannot tell") == 3


# Plain words


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        (39.0, "about 4 times as many"),
        (27.5, "about 3 times as many"),
        (27.4, "more than twice as many"),
        (21.0, "twice as many"),
        (18.9, "almost twice as many"),
        (14.0, "about half as many again"),
        (12.0, "more"),
        (10.0, "slightly more"),
        (9.9, "slightly fewer"),
        (7.0, "fewer"),
        (5.0, "about half as many"),
        (3.3, "about a third as many"),
        (1.0, "far fewer"),
        (0.0, "far fewer"),
    ],
)
def test_a_mean_beside_everyones_ten_in_plain_words(mean, said):
    orders = next(v for v in catalogue(plan()) if v.name == "orders_per_30d")
    assert page.how(mean, 10.0, orders) == said


def test_means_are_written_in_the_variables_unit_with_the_digits_that_tell_them_apart():
    known = {v.name: v for v in catalogue(plan())}
    assert page.beside(0.234, 0.053, known["coupon_order_share"]) == "23%, everyone 5%"
    assert page.beside(0.034, 0.031, known["coupon_order_share"]) == "3.4%, everyone 3.1%"
    assert page.beside(58.72, 31.75, known["spend_per_order"]) == "$59, everyone $32"
    assert page.beside(2.41, 8.4, known["recency_days"]) == "2.4, everyone 8.4"
    assert page.beside(0.5, 0.5, known["coupon_order_share"]) == "50%, everyone 50%"
    assert page.beside(-0.12, 0.07, known["spend_trend"]) == "−12%, everyone +7%"
    assert page.how(-0.12, 0.07, known["spend_trend"]) == "lower than everyone’s"  # a multiple of what may be negative means nothing
    assert page.how(5.0, 0.0, known["recency_days"]) == "higher than everyone’s"


# The sheets


def rows(team, *segments, project=None):
    found = sheets.sheet(team, profiles(*segments), project or plan(adopt={"teams": TEAMS}))
    tables.as_html(found)  # it can be shown
    return found


def test_a_sheet_holds_the_variables_that_were_measured_and_everyone_below():
    traits = [trait("coupon_order_share", 0.2, 0.1, 1.2), trait("evening_order_share", None, None, None)]
    found = rows("marketing", segment("S2", 20, traits=traits), segment("S1", 10, traits=[trait("coupon_order_share", None, 0.1, None)]))
    assert [c.name for c in found.columns] == ["name", "n", "message", "offer", "channel", "coupon_order_share"]
    assert found.frame["n"].tolist() == [20, 10, 30] and found.frame["name"].tolist() == ["Segment S2", "Segment S1", "Everyone"]
    assert found.frame["coupon_order_share"].tolist()[::2] == [0.2, 0.1] and found.frame["offer"].tolist()[0] == "none typed"
    assert found.note.startswith("Answers for this sheet: Head of CRM.")


def test_a_team_without_owner_and_a_team_without_variables_are_said():
    found = rows("sales", segment("S1", 20))
    assert found.note == (
        "Nobody answers for this sheet yet (adopt.teams of project.yml). These data measure nothing that this team would decide by."
    )


def test_a_team_that_has_no_sheet_is_refused():
    with pytest.raises(NinefoldError, match="Team 'legal' has no sheet; choose one of marketing, sales, product, finance, service"):
        sheets.sheet("legal", profiles(segment("S1", 20)), plan())


def test_the_product_sheet_names_the_projects_own_category_shares():
    own = {"category_groups": {"fresh_share": ["MEAT"]}, "share_names": {"fresh_share": "fresh food"}, "own_brand": ["Own"]}
    traits = [trait("own_brand_share", 0.3, 0.2, 0.5), trait("fresh_share", 0.2, 0.1, 1.2)]
    found = rows("product", segment("S1", 20, traits=traits), project=plan(variables=own))
    assert [c.label for c in found.columns][2:] == ["Share of fresh food", "Own-label share"]


def test_the_finance_sheet_adds_up_revenue_and_has_the_costs_of_step_8():
    planned = {"segments": [{"id": "S2", "cost": None}, {"id": "S1", "cost": 7.25}], "total": {"cost": 7.25}}
    found = sheets.sheet("finance", profiles(segment("S1", 20), segment("S2", 10, each=50.0)), plan(), plan=planned)
    frame = found.frame.set_index("name")
    assert frame["revenue"].tolist() == [2000.0, 500.0, 2500.0] and frame["each"].tolist() == [100.0, 50.0, pytest.approx(2500 / 30)]
    assert frame["interval"].tolist()[:2] == ["$91 to $109", "$41 to $59"]
    assert frame["cost"].tolist()[::2] == [7.25, 7.25] and frame["cost"].isna().tolist() == [False, True, False]
    assert frame["top"].tolist() == [0.5, 0.5, 0.5] and "Cost: as in step 8" in found.note


def test_the_sheet_of_sales_speaks_of_places_only_where_the_data_name_stores():
    found = sheets.sheet("sales", profiles(segment("S1", 20)), plan())
    assert found.caption == "Sales: how often, when and where they buy"
    without = plan(collect={"sources": {"orders": {"table": "orders", "file": "o.csv", "columns": {"customer_id": "c"}}}})
    assert sheets.sheet("sales", profiles(segment("S1", 20)), without).caption == "Sales: how often and when they buy"


def test_no_sheet_tells_anything_of_three_people():
    small = segment("S2", 3, traits=[trait("coupon_order_share", 0.77, 0.1, 3)], each=777.0, share_of_revenue=0.77, active_later=None)
    typed = {"channels": {"mail": {"name": "Letter", "cost": 0.5}}, "offers": {"S2": {"offer": "a book", "channel": "mail"}}}
    for team in ALL_TEAMS:
        found = sheets.sheet(team, profiles(segment("S1", 20), small), plan(target=typed))
        told = tables.as_html(found) + json.dumps(tables.payload(found))
        assert "77" not in told and "768" not in told and '"3"' not in told


def test_a_band_in_which_few_members_are_is_left_out_of_the_finance_sheet():
    found = profiles(segment("S1", 20), segment("S2", 40), segment("S3", 20))
    found["budget"]["crossed"] = {"S1": {"b1": 17, "b2": 3}, "S2": {"b1": 30, "b2": 10}, "S3": {"b1": 5, "b2": 15}}
    frame = sheets.sheet("finance", found, plan()).frame
    assert frame["low"].isna().tolist()[:3] == [True, True, False], "with 10 of S2, the 3 of S1 would follow from the band"
    assert frame["top"].isna().tolist()[:3] == [True, True, False], "with 17 of 20, the 3 of S1 would follow from its number"
    assert frame["top"].tolist()[2] == 0.25 and frame["low"].tolist()[2] == 0.75


def test_the_service_sheet_weighs_everyone_by_customers():
    half = {"share": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    found = rows("service", segment("S1", 60), segment("S2", 10, active_later=half), segment("S3", 10, active_later=half | {"n": 3}))
    later = found.frame["later"].tolist()
    assert later[:2] == [0.9, 0.5] and later[2] != later[2]  # three people are not told
    assert later[3] == pytest.approx((0.9 * 60 + 0.5 * 13) / 73)


# Who belongs


def document(assign, *ids, **more):
    return {
        "segments": [{"id": one, "name": None, "colour": "#000000"} for one in ids],
        "variables": [{"name": "a"}],
        "assign": assign,
    } | more


def test_the_dictionary_says_of_the_nearest_profile_how_many_there_are():
    near = document({"nearest": {"centroids": [[0, 0], [1, 1]]}}, "S1", "S2", project={"loadings": [[1, 0], [0, 1], [1, 1]]})
    found = adopt.dictionary(near, profiles(segment("S1", 20, name="Many"), segment("S2", 3)), least=4)
    assert [row["n"] for row in found["segments"]] == [20, None] and found["sql"] == "segments.sql"
    assert page.rule_words(found["segments"][0]["rule"], plan()) == "nearest to this one of 2 profiles, on 2 axes of 1 variable"
    shown = tables.as_html(page.dictionary_table(found, plan()))
    assert ">20<" in shown and ">–<" in shown and ">3<" not in shown


def test_ids_are_said_to_stay_with_a_segment_from_build_to_build():
    near = document({"nearest": {"centroids": [[0]]}}, "S1", built_as_of="2017-10-01T00:00:00")
    told = page.dictionary_table(adopt.dictionary(near, profiles(segment("S1", 20)), least=4), plan()).note
    assert told.startswith("A segment keeps its id from build to build as long as most of its customers stay; a new one gets a number")
    assert told.endswith("Built as of 1 October 2017.")


def test_the_dictionary_writes_out_rules_and_points():
    rules = [
        {"segment": "S1", "when": [{"variable": "spend_per_30d", "at_least": 200, "below": None}]},
        {"segment": "S2", "when": [{"variable": "spend_per_30d", "at_least": 50, "below": 200}, {"variable": "recency_days", "below": 30}]},
    ]
    rule = document({"first_match": {"rules": rules, "otherwise": "S2"}}, "S1", "S2", "S3")
    said = [page.rule_words(adopt.rule(rule, one), plan()) for one in ("S1", "S2", "S3")]
    assert said == [
        "the first rule that holds is number 1 (spend per 30 days $200 or more)",
        "the first rule that holds is number 2 (spend per 30 days $50 to below $200 and days since last "
        "purchase below 30 days), or no rule holds",
        "nobody: no rule leads here",
    ]
    bands = {
        "criteria": [{"variable": "orders_per_30d"}],
        "bands": [{"segment": "S1", "from": 9}, {"segment": "S2", "from": 5}],
        "otherwise": "S3",
    }
    said = [page.rule_words(adopt.rule(document({"points": bands}, "S1", "S2", "S3"), one), plan()) for one in ("S1", "S2", "S3")]
    assert said == [
        "points for orders per 30 days: 9 or more",
        "points for orders per 30 days: from 5 to below 9",
        "points for orders per 30 days: fewer than 5",
    ]


def test_every_form_of_document_is_said_in_words():
    said = {form.__name__: [page.rule_words(adopt.rule(form(), s["id"]), plan()) for s in form()["segments"]] for form in documents.FORMS}
    assert set(said["mixed"]) == {"nearest to this one of 3 profiles, on 2 variables (categories: 1)"}
    assert set(said["on_axes"]) == {"nearest to this one of 3 profiles, on 2 axes of 2 variables"}
    likely = "this is the most likely of 2 classes by 2 variables (categories: 1)"
    assert said["posterior"] == [likely, likely, "whoever has no value in 2 variables (categories: 1)"]
    assert said["rules"] == [
        "the first rule that holds is number 1 (spend 100 or more and not (days 60 or more and not (pays is “card”)))",
        "the first rule that holds is number 2 (spend 100 or more or (days 60 or more and not (pays is “card”)))",
        "the first rule that holds is number 3 (spend is not known)",
        "whoever meets no rule",
    ]
    earned = "points for visits (worth half after each 30 days of days) and role (buyer 4, student −4, any other 1): "
    assert said["points"] == [earned + band for band in ("12 or more", "from 5 to below 12", "fewer than 5")]


def test_a_class_that_also_takes_those_of_whom_nothing_is_known_says_so():
    posterior = documents.posterior()
    posterior["assign"]["posterior"]["unknown"] = "S2"
    told = [page.rule_words(adopt.rule(posterior, one), plan()) for one in ("S1", "S2", "S3")]
    assert told[1] == told[0] + ", or none of these has a value" and told[2] == "nobody: no class leads here"


def test_rules_typed_in_project_yml_keep_their_names_and_those_that_only_serve_others_are_written_out():
    typed = [
        {"name": "vip", "title": {"en": "VIP", "fr": "Clients VIP"}, "when": "spend_per_30d >= 140"},
        {"name": "on_offer", "when": "coupon_order_share >= 0.08", "segment": False},
        {"name": "hunters", "union": ["on_offer"], "subtract": ["vip"]},
    ]
    project_ = plan(build={"rules": typed})
    columns_ = columns(project_, ["spend_per_30d", "coupon_order_share"])
    found = adopt.dictionary(document_of(project_.build.rules, project_, columns_), profiles(), least=4)
    said = [page.rule_words(row["rule"], project_) for row in found["segments"]]
    assert said[0] == "the first rule that holds is number 1, “VIP” (spend per 30 days $140 or more)"
    assert said[1].startswith("the first rule that holds is number 2, “hunters” (") and said[1].endswith(" 8% or more and not in “VIP”)")
    assert said[2] == "whoever meets no rule" and found["table"] == "inputs"


def test_a_suggested_name_stands_wherever_none_is_typed_and_says_that_it_is_suggested():
    suggested = {"name": {"en": "Small baskets", "fr": "Petits paniers"}, "in_short": {"en": "little at once", "fr": "peu à la fois"}}
    many, few = segment("S1", 20, suggested=suggested), segment("S2", 3)
    name = "S1 · Small baskets (suggested)"
    found = shown(many, few)
    assert f"<h3>{name}</h3>" in html(found["segments"][0]) and page.actions_table(found, plan()).frame["name"].tolist() == [
        name,
        "Segment S2",
    ]
    near = adopt.dictionary(document({"nearest": {"centroids": [[0], [1]]}}, "S1", "S2"), profiles(many, few), least=4)
    assert page.dictionary_table(near, plan()).frame["name"].tolist() == [name, "Segment S2"]
    assert sheets.sheet("sales", profiles(many, few), plan()).frame["name"].tolist() == [name, "Segment S2", "Everyone"]


def test_where_nothing_is_typed_the_two_strongest_traits_stand_marked_as_observed():
    traits = [trait("departments", 9.0, 8.0, 0.5), trait("orders_per_30d", 1.0, 3.0, -0.4), trait("recency_days", 9.0, 8.0, 0.1)]
    many, few = segment("S1", 20, traits=traits), segment("S2", 3, traits=traits)
    said = text_of(html(shown(many)["segments"][0]))
    assert "Departments bought from high, Orders per 30 days low observed" in said
    found = adopt.dictionary(document({"nearest": {"centroids": [[0], [1]]}}, "S1", "S2"), profiles(many, few), least=4)
    assert [row["traits"] for row in found["segments"]] == [
        [{"variable": "departments", "effect": 0.5}, {"variable": "orders_per_30d", "effect": -0.4}],
        [],
    ]
    assert page.dictionary_table(found, plan()).frame["short"].tolist() == [
        "Departments bought from high, Orders per 30 days low (observed)",
        "",
    ]


def test_many_rules_are_one_sentence():
    rules = [{"segment": "S1", "when": [{"variable": "stores_visited", "at_least": n, "below": None}]} for n in (9, 8, 7, 6, 5)]
    said = page.rule_words(adopt.rule(document({"first_match": {"rules": rules, "otherwise": "S2"}}, "S1", "S2"), "S1"), plan())
    assert said == (
        "the first rule that holds is number 1 (stores visited 9 stores or more) or number 2 (stores visited 8 stores or "
        "more) or number 3 (stores visited 7 stores or more) or one of 2 more rules"
    )


# What the page concludes


def test_a_segment_without_action_and_teams_without_owner_go_to_what_to_do_next():
    typed = plan(adopt={"actions": ACTIONS, "teams": TEAMS})
    cards = shown(segment("S1", 20, name="Many"), segment("S2", 10), project=typed)
    said = page.summary(cards, typed)
    assert said["headline"] == "Segments with an action and a role that answers for it: 1 of 2."
    assert said["todo"][:2] == [
        "Decide what is done for Segment S2, and who answers: adopt.actions of project.yml.",
        "Name who answers for the sheets of sales, product, finance and service: adopt.teams of project.yml.",
    ]
    assert said["unknown"] == ["Whether anybody decides by the segments: no log of decisions that used them is in these data."]
    assert page.actions_words(cards, typed).startswith("Nothing is typed for Segment S2. Nobody answers yet for the sheets of sales")
    assert rows_of(page.actions_table(cards, typed).frame, "name")["action"].tolist() == ["Thank them", "nothing typed"]


def test_an_action_for_a_segment_that_was_not_built_is_said():
    typed = plan(adopt={"actions": ACTIONS | {"S5": ACTIONS["S1"]}, "teams": TEAMS})
    cards = shown(segment("S1", 20), project=typed)
    assert any("S5, which step 6 did not build" in each for each in page.caveats(cards, typed))
    assert "Take out the actions for S5: step 6 did not build these segments." in page.summary(cards, typed)["todo"]


def test_the_limits_give_the_size_of_what_a_mean_hides():
    traits = [trait("departments", 9.0, 8.0, 0.4)]
    cards = shown(segment("S1", 20, name="Many", traits=traits), segment("S2", 40, name="More"), known={"S1": 10, "S2": 5})
    told = page.caveats(cards, plan())
    assert "“Many” (departments bought from), 50% of its customers lie on the same side of everyone’s mean as the segment" in told[0]
    assert "25% of customers who are described: 13% in “More”, 50% in “Many”" in told[1]  # 15 of 60, 5 of 40, 10 of 20


def test_nothing_is_claimed_where_no_segment_can_be_shown():
    cards = shown(segment("S1", 3), segment("S2", 0))
    assert page.summary(cards, plan())["figures"][0] == ("Segments with a card", "0")
    assert page.caveats(cards, plan())[-1] == (
        "2 segments have only their names here: too few customers, or they would give another’s away."
    )


# What is handed over


def test_a_text_is_handed_over_as_it_is_with_its_lines_counted(workspace):
    from helpers import run
    from helpers.project import load

    step = run.Step("objectives", load("complete_journey"), run.projects.instant(None, load("complete_journey")), workspace, draft=True)
    step.give_text("segments", "select 1;\n-- é\n")
    step.give_text("segments", "select 2;\n")  # a cell run twice replaces its own
    (given,) = step.given
    assert (step.folder / "segments.sql").read_bytes() == b"select 2;\n"
    assert (given["file"], given["rows"], given["columns"]) == ("segments.sql", 1, []) and len(given["sha256"]) == 64
    assert not list(step.folder.glob("*.part"))
