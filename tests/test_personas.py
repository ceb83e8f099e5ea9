"""Step 7: what a persona's card may say, of how many it is true, where it comes from, and what is never told."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from by_hand import Step, at, project, rows_of, table
from small_shop import opened, refusal

from helpers.adopt import personas
from helpers.adopt.personas import Asked
from helpers.adopt.personas import facts as persona_facts
from helpers.adopt.personas import invented as persona_names
from helpers.adopt.personas import page as personas_page
from helpers.adopt.personas.avatar import avatar
from helpers.adopt.personas.facts import looks
from helpers.adopt.personas.sources import field_of
from helpers.adopt.personas.words import Wording
from helpers.project.adopting import PERSONA_FIELDS

pytestmark = pytest.mark.usefixtures("in_english")
shop = pytest.fixture(opened)

PEOPLE = [(f"a{i}", "S1") for i in range(12)] + [(f"b{i}", "S2") for i in range(12)] + [(f"c{i}", "S3") for i in range(2)]
"""Twelve, twelve, and two of whom nothing may be told where min_cell is 4."""
MEMBERS = table("membership", "customer_id segment", *PEOPLE)


def segment(one, n, each, *, shown=True, **more):
    """A segment as profiles.json has it."""
    known = {"id": one, "name": f"Name {one}", "colour": "#12436D", "n": n, "shown": shown, "traits": [], "fits": None}
    shares = {"share_of_customers": n / 26, "share_of_revenue": 0.3}
    return known | shares | {"revenue_per_30d": {"value": each, "low": each - 1, "high": each + 1}} | more


def trait(variable, everyone):
    return {"variable": variable, "everyone": everyone, "mean": everyone, "effect": 0.0, "v": 0.0}


def profiles(*segments):
    return {"as_of": "2017-10-01T00:00:00", "customers": 26, "segments": list(segments) or SEGMENTS}


SEGMENTS = [segment("S1", 12, 40.0, traits=[trait("discount_share", 0.2)]), segment("S2", 12, 90.0), segment("S3", 2, 10.0, shown=False)]


def step(*, attributes=None, variables=None, **sections):
    """A step whose customers have the attributes and variables given, lists in the order of PEOPLE."""
    ids = [one for one, _ in PEOPLE]
    tables = {"variables": pd.DataFrame({"customer_id": ids, "discount_share": 0.0} | (variables or {}))}
    if attributes:
        tables["descriptors"] = pd.DataFrame({"customer_id": ids} | attributes)
    return Step(project(tables=("orders", "customers"), **({"min_cell": 4} | sections)), **tables)


def found(checked=None, **given):
    return personas.personas(step(**given), profiles(), MEMBERS, checked or {})


def facts(result, place, field):
    return result["personas"][place]["fields"][field]["facts"]


def text_of(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).strip()


def body(result, plan=None):
    return personas_page.handout(result, profiles(), plan or step().project)


# Who stands for whom


def test_untyped_each_segment_that_may_be_told_has_a_persona_the_one_that_spends_most_each_first():
    result = found()
    assert [(p["segments"], p["ideal"], p["n"]) for p in result["personas"]] == [(["S2"], True, 12), (["S1"], False, 12)]
    assert result["personas"][0]["sure"] is True  # 89 to 91 and 39 to 41 do not meet
    assert result["without"]["segments"] == ["S3"]
    assert list(result["personas"][0]["fields"]) == list(PERSONA_FIELDS)


def test_of_seven_segments_the_five_that_spend_most_each_have_a_persona():
    many = [segment(f"S{i}", 12, 10.0 * i) for i in range(1, 8)]
    covered = personas._covering(profiles(*many), step().project)
    assert [p["segments"] for p in covered] == [["S7"], ["S6"], ["S5"], ["S4"], ["S3"]]


def test_a_typed_persona_stands_for_several_segments_with_their_weighted_revenue():
    result = found(adopt={"personas": {"all_of_them": {"segments": ["S1", "S2"]}}})
    (only,) = result["personas"]
    assert (only["n"], only["revenue_per_30d"]["value"]) == (24, 65.0)  # (12 x 40 + 12 x 90) / 24
    assert only["revenue_per_30d"]["low"] is None
    assert only["sure"] is None


def test_a_persona_for_a_segment_that_was_not_built_is_said_and_one_in_two_personas_too():
    result = found(adopt={"personas": {"one": {"segments": ["S1", "S9"]}, "two": {"segments": ["S1"]}}})
    assert result["twice"] == ["S1"]
    said = " ".join(personas_page.caveats(result, step().project))
    assert "typed for S9, which step 6 did not build" in said
    assert "Several personas stand for S1" in said


def test_an_unknown_field_or_a_sixth_persona_is_refused_with_its_name(shop):
    assert "adopt.personas.p1.fields" in refusal(lambda: shop(adopt={"personas": {"p1": {"segments": ["S1"], "fields": {"shoe": "42"}}}}))
    six = {f"p{i}": {"segments": ["S1"]} for i in range(6)}
    assert "adopt.personas" in refusal(lambda: shop(adopt={"personas": six}))


# What is true of how many


def test_shares_and_lift_are_those_worked_out_by_hand():
    everyone = {"S1": 20, "S2": 40}
    fact = persona_facts.compare({"S1": (20, 12), "S2": (40, 8)}, {"S1"}, everyone, tests=1, least=4)
    assert (fact["n"], fact["share"], fact["others"], fact["lift"]) == (20, 0.6, 0.2, pytest.approx(3.0))
    # log 3 -+ 1.959964 * sqrt(1/12 - 1/20 + 1/8 - 1/40) = 1.0986 -+ 0.7157
    assert (fact["low"], fact["high"]) == (pytest.approx(1.4666, abs=1e-3), pytest.approx(6.1367, abs=1e-3))
    assert fact["stands_out"] == "more"
    wider = persona_facts.compare({"S1": (20, 12), "S2": (40, 8)}, {"S1"}, everyone, tests=400, least=4)
    assert wider["low"] < 1 < wider["lift"]
    assert wider["stands_out"] is None


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"S1": (3, 3), "S2": (40, 8)}, None),  # known of too few
        ({"S1": (20, 3), "S2": (40, 8)}, None),  # true of too few
        ({"S1": (20, 18), "S2": (40, 8)}, ("most", 20, 0.2)),  # the two others would show
        ({"S1": (18, 9), "S2": (40, 8)}, (0.5, None, 0.2)),  # the two of whom it is not known would show
        ({"S1": (20, 10), "S2": (40, 2)}, (0.5, 20, "few")),
        ({"S1": (20, 10), "S2": (40, 38)}, (0.5, 20, "most")),
    ],
)
def test_no_figure_is_about_fewer_than_min_cell(counts, told):
    fact = persona_facts.compare(counts, {"S1"}, {"S1": 20, "S2": 40}, tests=1, least=4)
    assert (fact and (fact["share"], fact["n"], fact["others"])) == told


def test_a_figure_that_leaves_too_few_for_those_not_told_is_taken_out():
    def card(segments, true):
        fact = {"kind": "bought", "code": "tea", "values": [], "true": true}
        return {"segments": segments, "fields": {"interests": {"facts": [fact]}}}

    key = ("bought", "tea", ())
    people = [card(["S1"], 20), card(["S2"], 9)]
    assert persona_facts.cover(people, {key: 32}, least=4) == 1  # 32 - 29 = 3 of the rest
    assert [len(p["fields"]["interests"]["facts"]) for p in people] == [1, 0]
    people = [card(["S1", "S2"], 20), card(["S1"], 18)]  # the larger less the smaller: two of S2
    assert persona_facts.cover(people, {key: 60}, least=4) == 1
    assert [len(p["fields"]["interests"]["facts"]) for p in people] == [1, 0]
    people = [card(["S1"], 20), card(["S2"], 9)]
    assert persona_facts.cover(people, {key: 29}, least=4) == 0


def test_a_bracket_is_the_shortest_run_of_neighbours_that_holds_half():
    ages = {"<30": 10, "30-44": 30, "45-59": 40, "60-74": 15, "75+": 5}
    assert persona_facts.run_of(ages) == ["30-44", "45-59"]
    assert persona_facts.run_of({"Under 15K": 9, "15-24K": 1, "25-34K": 2}) == ["Under 15K"]
    assert persona_facts.run_of({"69": 3, "44": 4, "59": 2}, in_order=False) == ["44"]
    assert persona_facts.run_of({"2 Adults Kids": 5, "1 Adult": 4, "2 Adults No Kids": 3}) == ["2 Adults Kids"]
    assert persona_facts.run_of({}) == []


def test_an_attribute_counts_as_many_comparisons_as_it_has_levels_or_runs_to_choose_from():
    ages = {f"{i}0 to {i}9": {"S1": 10} for i in range(1, 7)}
    assert looks({"levels": ages}) == 21  # six, five of two, four of three, …
    assert looks({"levels": {"north": {}, "south": {}, "west": {}}}) == 3
    assert looks({"values": ["above"]}) == looks({"levels": {"one": {}}}) == 1


def test_the_largest_of_many_levels_is_rarely_called_their_own_where_nothing_is():
    draw, wrong, segments = np.random.default_rng(1), 0, [f"S{i}" for i in range(6)]
    asked = Asked.__new__(Asked)
    asked.everyone, asked.project, asked.own = dict.fromkeys(segments, 300), SimpleNamespace(min_cell=10), {}
    for _ in range(60):
        counts = []
        for code in "abcdefgh":
            drawn = draw.multinomial(300, [1 / 12] * 12, len(segments))
            found = {f"{i}0 to {i}9": {s: int(n) for s, n in zip(segments, drawn[:, i], strict=True)} for i in range(12)}
            counts.append({"kind": "level", "code": code, "values": [], "origin": "declared", "counts": {}, "levels": found})
        asked.tests = 5 * sum(looks(count) for count in counts)
        wrong += any(fact["stands_out"] for s in segments[:5] for count in counts for fact in asked._facts(count, {s}))
    assert wrong <= 5  # of 60 pages; each attribute counted once: 8


def test_declared_attributes_go_to_the_field_their_name_speaks_of():
    told = {c: field_of(c) for c in ("age_band", "area", "area_median_income", "kids_count", "income", "lead_origin", "naf", "mystery")}
    assert told == {
        "age_band": "age",
        "area": "area",
        "area_median_income": None,
        "kids_count": "household",
        "income": "career",
        "lead_origin": "arrival",
        "naf": "firm",
        "mystery": None,
    }
    ages = ["30-44"] * 8 + ["60-74"] * 4 + ["60-74"] * 12 + [None] * 2
    (told,) = facts(found(attributes={"age_band": ages}), 1, "age")[:1]
    assert (told["values"], told["origin"], told["n"], told["share"]) == (["30-44"], "declared", 12, pytest.approx(8 / 12))


def test_what_members_buy_more_than_others_is_observed_and_what_all_buy_is_not_told():
    lines = [(one, f"o{one}", "09-01", "tea", 5.0) for one, s in PEOPLE if s == "S1"] + [
        (one, f"p{one}", "09-02", "bread", 5.0) for one, _ in PEOPLE
    ]
    lines += [("b0", "old", "01-01", "tea", 5.0), ("b1", "back", "09-03", "tea", -5.0), (None, "x", "09-03", "tea", 5.0)]
    orders = table("orders", "customer_id order_id ordered_at category amount", *lines)
    result = found({"orders": orders}, scope={"window_days": 90})
    (told,) = facts(result, 1, "interests")
    assert (told["code"], told["origin"], told["n"], told["share"], told["others"]) == ("tea", "observed", 12, 1.0, 0.0)
    assert facts(result, 0, "interests") == []


def test_a_category_that_speaks_of_beliefs_is_named_and_not_used():
    lines = [(one, f"o{one}", "09-01", "halal", 5.0) for one, s in PEOPLE if s == "S1"]
    result = found({"orders": table("orders", "customer_id order_id ordered_at category amount", *lines)})
    assert facts(result, 1, "interests") == []
    assert result["special"] == ["halal"]
    assert "halal" in " ".join(personas_page.caveats(result, step().project))


def test_what_nobody_knows_is_empty_and_says_what_it_would_take():
    field = found()["personas"][0]["fields"]
    assert {name: field[name]["origin"] for name in ("age", "firm", "goals", "content")} == dict.fromkeys(
        ("age", "firm", "goals", "content"), "unknown"
    )
    assert field["goals"]["would_take"] == "survey_needs"
    assert "a survey with questions on needs" in text_of(body(found()))


def test_an_edited_field_is_marked_and_what_the_data_said_stays_beside_it():
    ages = ["30-44"] * 12 + ["60-74"] * 14
    typed = {"p": {"segments": ["S1"], "fields": {"age": "Forty", "first_name": "Zelda"}, "because": {"age": "Six interviews"}}}
    given = {"attributes": {"age_band": ages}, "adopt": {"personas": typed}}
    result = found(**given)
    age = result["personas"][0]["fields"]["age"]
    assert (age["origin"], age["said"], age["text"], age["facts"][0]["values"]) == ("edited", "declared", "Forty", ["30-44"])
    page = text_of(body(result, step(**given).project))
    assert "Forty Six interviews The data say: ◆ 30-44 100%" in page
    assert "Zelda" in page
    assert "Name typed by people." in page


# Names, picture, page


def test_a_quote_says_nothing_that_is_true_of_a_minority_however_much_it_sets_them_apart():
    def fact(kind, code, share, values=()):
        return {"kind": kind, "code": code, "values": list(values), "share": share, "stands_out": "more"}

    fields = {field: {"facts": []} for field in ("goals", "motivations", "interests", "path", "media")}
    fields["path"]["facts"] = [fact("habit", "morning_order_share", 0.32, ["above"])]
    fields["interests"]["facts"] = [fact("bought", "tea", 0.4), fact("bought", "cake", "most")]
    told = personas._quote(fields)
    assert [f["values"] for f in told["facts"]] == [["cake"]]


def test_names_are_invented_distinct_and_fit_gender_and_generation():
    taken: set[str] = set()
    for _ in range(5):
        taken.add(persona_names.draw("woman", 2, taken))
    assert len(taken) == 5
    assert {"woman-6", "woman-7", "woman-8"} < taken
    assert persona_names.name_of("woman-6") == {"en": "Maureen", "fr": "Huguette"}
    assert (persona_names.gender_of("Femme"), persona_names.gender_of("H"), persona_names.gender_of(None)) == ("woman", "man", "anyone")
    assert [persona_names.generation_of(age) for age in (20, 40, 70, None)] == [0, 1, 2, 1]
    every = [name for pairs in persona_names.NAMES.values() for name in pairs]
    assert len(every) == len(set(every)) == 27


def test_the_picture_has_what_is_true_of_most_and_no_address():
    plain = avatar({"generation": 1, "gender": "man"}, "#12436D", "A <figure>")
    rich = avatar(
        {"generation": 2, "gender": "woman", "channel": "shop", "time": "evening", "children": True, "firm": True}, "#12436D", "x"
    )
    assert "A &lt;figure&gt;" in plain
    assert len(rich) > len(plain)
    assert "://" not in plain + rich


def test_typed_prose_is_escaped_and_the_page_names_no_customer():
    given = {"adopt": {"personas": {"p": {"segments": ["S1"], "fields": {"goals": "<script>x</script>"}}}}}
    page = body(found(**given), step(**given).project)
    assert "<script>" not in page
    assert not any(re.search(rf"\b{one}\b", text_of(page)) for one, _ in PEOPLE)


def test_a_copywriter_reads_what_to_open_with_and_what_not_to_assume():
    lines = [(one, f"o{one}", "09-01", "TEA BAGS", 5.0) for one, s in PEOPLE if s == "S1"]
    orders = table("orders", "customer_id order_id ordered_at category amount", *lines)
    homes = ["rents"] * 8 + ["owns"] * 4 + ["owns"] * 14
    given = {"attributes": {"home": homes}}
    result = found({"orders": orders}, **given)
    told = dict(personas_page.brief(result["personas"][1], Wording(step(**given).project)))
    assert told["Open with"] == "Tea bags: 100% of them buy it, 0% of the others."
    assert told["Do not assume"] == "Home: rents: true of 67%, so wrong for 33%."


def test_a_price_advantage_is_promised_only_where_most_care_for_one():
    persona = found()["personas"][0]
    for share, told in ((0.38, False), (0.51, True), ("most", True)):
        fact = {"kind": "above", "code": "discount_share", "values": ["above"], "share": share, "others": 0.2}
        fields = persona["fields"] | {"motivations": persona["fields"]["motivations"] | {"facts": [fact], "origin": "observed"}}
        advice = personas_page.brief(persona | {"fields": fields}, Wording(step().project))
        assert ("Promise" in dict(advice)) == told


def test_the_table_says_who_stands_for_whom_and_hides_what_is_left():
    shown = personas_page.coverage_table(found(), profiles(), step().project)
    assert shown.frame["name"].tolist() == ["Jocelyn, the ideal customer", "Lindsay", "No persona"]
    assert shown.frame["n"].tolist() == [12, 12, 2]
    assert shown.cell_size == "n"


def test_rows_in_any_order_give_the_same_personas():
    back = MEMBERS.order_by("customer_id").execute().iloc[::-1]
    given = {"attributes": {"home": ["rents"] * 8 + ["owns"] * 18}}
    turned = personas.personas(step(**given), profiles(), table("membership", "customer_id segment", *back.to_numpy().tolist()), {})
    assert turned == found(**given)


def test_no_segment_large_enough_gives_a_page_that_says_so():
    small = profiles(segment("S1", 2, 10.0, shown=False))
    result = personas.personas(step(), small, MEMBERS, {})
    assert result["personas"] == []
    assert "No segment is large enough" in personas_page.lead(result, small)
    assert "Which persona stands for whom" in personas_page.handout(result, small, step().project)


def test_a_first_channel_is_that_of_the_first_order():
    lines = [("a0", "2", "09-02", "web", 5.0), ("a0", "1", "09-01", "shop", 5.0), ("b0", "3", "09-01", "web", 5.0)]
    orders = table("orders", "customer_id order_id ordered_at channel amount", *lines)
    from helpers.adopt.personas.sources import _first_channel

    assert rows_of(_first_channel({"orders": orders}))["first_channel"].tolist() == ["shop", "web"]
    assert at("09-01") < at("09-02")
