"""Step 5: what a sheet's number stands for, who has signed it, what makes a signature outdated, and what every page then says."""

import copy
import hashlib
import json
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import yaml
from by_hand import AS_OF, project
from test_render import write_run

from helpers import ROOT, NinefoldError, home, render, validate, words
from helpers import project as projects
from helpers.validate import leaving_out, leaving_page, page, sheet_page

pytestmark = pytest.mark.usefixtures("in_english")

CRM, FINANCE = {"en": "Head of CRM", "fr": "Responsable CRM"}, "Finance"
DAY = date(2017, 9, 28)
SHOP = {
    "tables": ("orders", "contacts"),
    "scope": {"window_days": 90, "horizon_days": 60, "segments_wanted": 4},
    "variables": {
        "own_brand": ["Own"],
        "category_groups": {"fresh_share": ["MEAT", "FISH"]},
        "share_names": {"fresh_share": {"fr": "produits frais", "en": "fresh food"}},
        "keep": {"spend_per_order": {"en": "asked for by finance", "fr": "demandé par la finance"}},
    },
}
TELLS = {"objective_alone": 0.412, "objective_lost": 0.0, "panel_alone": 0.004, "panel_lost": 0.0}


def passport(role="proposed", **fields) -> dict:
    blank = {"role": role, "missing_share": 0.0, "stands_for": "", "table": "orders", "contribution": TELLS, "steps": [{"clip": [0, 1]}]}
    return blank | fields


PASSPORTS = {
    "fresh_share": passport(contribution=TELLS | {"objective_alone": -0.01, "panel_alone": 0.08}),
    "orders_per_30d": passport(),
    "gap_days": passport("redundant", stands_for="orders_per_30d"),
    "own_brand_share": passport(contribution=TELLS | {"objective_alone": 0.009, "panel_alone": None}, missing_share=0.02),
    "response_rate": passport("missing", missing_share=0.47, table="contacts"),
    "spend_per_order": passport(contribution=TELLS | {"panel_alone": 0.2}),
    "stores_visited": passport("useless"),
}
PROPOSED = ["orders_per_30d", "spend_per_order", "own_brand_share", "fresh_share"]  # in the catalogue's order


def shop(signed=None, signatures=(), required=(CRM, FINANCE), **changed):
    """A shop; a section given is laid over its own."""
    sections = copy.deepcopy(SHOP)
    for name, fields in changed.items():
        sections[name] = sections.get(name, {}) | fields
    typed = {"required": list(required), "signatures": list(signatures)} | ({"signed": signed} if signed else {})
    return project(**sections, validate=typed)


def signature(role, sheet: str, day=DAY) -> dict:
    return {"role": role, "signed_on": day, "sheet": sheet}


def signed_shop(names=PROPOSED, **changed):
    """The shop in which both have signed these variables as they are defined without `changed`; then things change."""
    sheet = validate.content(list(names), shop())
    return shop(sheet, [signature(role, validate.number(sheet)) for role in (CRM, FINANCE)], **changed)


def validation(plan, passports=PASSPORTS) -> dict:
    return validate.validation(passports, plan)


def hash_of(name: str, plan) -> str:
    return validate.content([name], plan)["variables"][name]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# What a number stands for


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("recency_days", '{"definition":"whole days between the last purchase and the end","kind":"amount","unit":"days"}'),
        (
            "spend_per_order",
            '{"currency":"USD","definition":"amount net of refunds, divided by orders","kind":"amount","unit":"money","window_days":90}',
        ),
        (
            "fresh_share",
            '{"categories":["FISH","MEAT"],"definition":"spend on fresh food, of all spend","kind":"share","unit":"share",'
            '"window_days":90}',
        ),
        (
            "evening_order_share",
            '{"definition":"orders placed from the first evening hour on","evening_from_hour":18,"kind":"share",'
            '"time_zone":"America/New_York","unit":"share","window_days":90}',
        ),
    ],
)
def test_a_definitions_hash_is_that_of_its_english_text_kind_unit_and_own_parameters(name, canonical):
    assert hash_of(name, shop()) == sha(canonical)[:8]


def test_a_sheets_number_is_that_of_its_canonical_json():
    sheet = validate.content(["recency_days"], shop(scope={"criteria": {"accessible_number": 30}}))
    digest = hash_of("recency_days", shop())
    assert (
        validate.number(sheet)
        == (
            sha(
                '{"horizon_days":60,"segments_wanted":4,"thresholds":{"accessible_number":30.0,"accessible_share":0.5,'
                '"homogeneous_ratio":0.9,"interesting_kappa":0.3,"interesting_uplift":0.05,"measurable_half_width":0.2,'
                '"measurable_missing":0.2,"recognisable_accuracy":0.6,"recognisable_variables":2.0},'
                f'"variables":{{"recency_days":"{digest}"}},"window_days":90}}'
            )[:12]
        )
    )


def test_nothing_that_is_handed_over_depends_on_the_language_or_on_what_was_learnt():
    english = validation(signed_shop())
    words.use("fr", "EUR")
    learnt = {name: p | {"steps": [{"clip": [3, 7]}], "contribution": None} for name, p in PASSPORTS.items()}
    assert validation(signed_shop(), learnt) == english
    assert english["number"] == "".join(c for c in english["number"] if c in "0123456789abcdef") and len(english["number"]) == 12


@pytest.mark.parametrize(
    ("changed", "moved"),
    [
        ({"own_brand": ["Own", "Mark"]}, {"own_brand_share"}),
        ({"own_brand": ["Own", "Own"]}, set()),
        ({"category_groups": {"fresh_share": ["FISH", "MEAT"]}}, set()),  # the same categories, typed in another order
        ({"category_groups": {"fresh_share": ["FISH"]}}, {"fresh_share"}),
        ({"share_names": {"fresh_share": {"en": "fresh food", "fr": "le frais"}}}, set()),  # only the French name
        ({"share_names": {"fresh_share": {"en": "fruit", "fr": "produits frais"}}}, {"fresh_share"}),
        ({"evening_from_hour": 17}, {"evening_order_share"}),
        ({"morning_until_hour": 11}, {"morning_order_share"}),
    ],
)
def test_a_parameter_changes_the_variables_that_it_matters_to_and_no_other(changed, moved):
    names = [*PROPOSED, "evening_order_share", "morning_order_share", "recency_days"]
    before, after = (validate.content(names, plan)["variables"] for plan in (shop(), shop(variables=changed)))
    assert {name for name in names if before[name] != after[name]} == moved


# What is built by


def test_without_a_signed_list_step_fours_proposal_is_built_in_the_catalogues_order():
    found = validation(shop())
    assert found["build_by"] == list(found["sheet"]["variables"]) == PROPOSED
    assert (found["status"], found["signed"], found["difference"], found["proposal"]) == ("missing", None, [], {"added": [], "gone": []})


def test_the_signed_list_is_built_even_when_todays_data_would_propose_another():
    found = validation(signed_shop(["stores_visited", "spend_per_order", "gap_days"]))
    assert found["build_by"] == ["gap_days", "spend_per_order", "stores_visited"]
    assert found["status"] == "signed" and found["difference"] == []
    assert found["proposal"] == {"added": ["orders_per_30d", "own_brand_share", "fresh_share"], "gone": ["gap_days", "stores_visited"]}


@pytest.mark.parametrize(
    ("own_brand", "missing_share", "names"),
    [
        ([], 0.0, ["own_brand_share", "orders_per_30d", "fresh_share"]),  # no column any more: named first
        (["Own"], 1.0, ["orders_per_30d", "own_brand_share", "fresh_share"]),  # nobody has a value
    ],
)
def test_a_signed_variable_that_cannot_be_measured_gives_way_to_the_proposal(own_brand, missing_share, names):
    plan = signed_shop(["spend_per_order", "own_brand_share"], variables={"own_brand": own_brand})
    found = validation(plan, PASSPORTS | {"own_brand_share": passport("missing", missing_share=missing_share)})
    assert found["build_by"] == ["orders_per_30d", "spend_per_order", "fresh_share"]
    assert found["status"] == "outdated" and [d["name"] for d in found["difference"]] == names
    assert {d["what"] for d in found["difference"] if d["name"] == "own_brand_share"} == {"variable_gone"}
    assert {d["what"] for d in found["difference"] if d["name"] != "own_brand_share"} == {"variable_added"}


# What makes a signed sheet outdated


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"scope": {"window_days": 80}}, [("window_days", "", 90, 80)]),  # one difference, not one a variable
        ({"scope": {"horizon_days": 50}}, [("horizon_days", "", 60, 50)]),
        ({"scope": {"segments_wanted": 5}}, [("segments_wanted", "", 4, 5)]),
        ({"scope": {"criteria": {"interesting_kappa": 0.2}}}, [("threshold", "interesting_kappa", 0.3, 0.2)]),
    ],
)
def test_each_condition_that_changed_is_named_with_what_was_signed_and_what_stands_now(changed, what):
    found = validation(signed_shop(**changed))
    assert [(d["what"], d["name"], d["signed"], d["now"]) for d in found["difference"]] == what
    assert found["status"] == "outdated" and found["build_by"] == PROPOSED and found["number"] != found["signed"]


def test_a_definition_that_changed_is_a_difference_and_the_signed_list_still_builds():
    plan = signed_shop(variables={"own_brand": ["Own", "Mark"]}, scope={"window_days": 80})
    found = validation(plan)
    assert [(d["what"], d["name"]) for d in found["difference"]] == [("window_days", ""), ("definition", "own_brand_share")]
    assert found["difference"][1]["signed"] == hash_of("own_brand_share", shop())
    assert found["difference"][1]["now"] == hash_of("own_brand_share", plan)


def test_what_people_left_out_or_kept_since_is_a_difference_and_on_the_next_sheet():
    out = validation(signed_shop(variables={"leave_out": {"fresh_share": "nobody can act on it"}}))
    assert [(d["what"], d["name"]) for d in out["difference"]] == [("variable_gone", "fresh_share")]
    assert out["status"] == "outdated" and out["build_by"] == PROPOSED and list(out["sheet"]["variables"]) == PROPOSED[:3]
    kept = validation(signed_shop(["orders_per_30d"]))  # spend_per_order is in variables.keep
    assert [(d["what"], d["name"]) for d in kept["difference"]] == [("variable_added", "spend_per_order")]
    assert kept["build_by"] == ["orders_per_30d"] and list(kept["sheet"]["variables"]) == ["orders_per_30d", "spend_per_order"]


def test_a_variable_to_be_kept_that_step_four_refuses_does_not_make_its_own_sheet_outdated():
    keep = {"variables": {"keep": {"response_rate": "the campaign manager wants it"}}}
    assert validation(signed_shop(**keep))["status"] == "signed"


def test_the_parts_of_a_scale_and_of_an_own_variable_belong_to_their_definitions():
    scale = {"name": "Likes it", "items": ["q1", "q2"], "reversed": ["q2"]}
    own = {"expression": "spend_per_30d / orders_per_30d", "kind": "amount", "name": "Basket", "definition": "spend an order"}

    def hashes(scale=scale, own=own):
        source = {"table": "answers", "file": "a.csv", "columns": {c: c for c in ("customer_id", "question", "answer")}}
        lines = {"table": "orders", "file": "o.csv", "columns": {c: c for c in ("customer_id", "order_id", "ordered_at", "amount")}}
        plan = project(
            collect={"sources": {"orders": lines, "survey": source}}, variables={"scales": {"likes": scale}, "own": {"basket": own}}
        )
        validate.check(plan)
        return validate.content(["likes", "basket"], plan)["variables"]

    first = hashes()
    assert hashes(scale | {"name": "Fond of it", "items": ["q2", "q1"]}) == first  # its name and the order of its items mean nothing
    assert hashes(scale | {"items": ["q1", "q2", "q3"]})["likes"] != first["likes"]
    assert hashes(scale | {"reversed": []})["likes"] != first["likes"]
    assert hashes(own=own | {"expression": "spend_per_30d  /  orders_per_30d"}) == first
    changed = hashes(own=own | {"expression": "spend_per_30d * orders_per_30d"})
    assert changed["basket"] != first["basket"] and changed["likes"] == first["likes"]


# What leaving a variable out would change

CORNERS = pd.DataFrame(
    [
        {"spend_per_30d": spend, "recency_days": recency, "orders_per_30d": 3.0}
        for recency in (5.0, 50.0)
        for spend in (10.0, 11.0, 20.0, 21.0)
        for _ in range(5)
    ]
)
"""Forty customers at four corners: two levels of spend, each of them split a little, by two of recency; all order alike."""


def test_what_leaving_out_changes_is_the_agreement_of_the_segments_with_and_without():
    found = validate.without(CORNERS, ["recency_days", "orders_per_30d", "spend_per_30d"], shop())
    assert (found["customers"], found["segments"], found["why"]) == (40, 4, "")
    told = found["variables"]
    assert told["orders_per_30d"] == {
        "agreement": 1.0,
        "again": 1.0,
        "starts": 20,
        "lost": 0.0,
        "low": 0.0,
        "high": 0.0,
        "more": False,
    }  # the same for everybody
    # Without recency four segments of ten, one a level of spend: each holds five of two corners. Pairs together in both: 8 × 10 = 80; in
    # one, 4 × 45 = 180, of 780; by chance 180² / 780. (80 − 41.54) / (180 − 41.54)
    assert told["recency_days"]["agreement"] == pytest.approx(0.277778, abs=1e-6)
    assert (
        told["recency_days"]["more"] is True
        and 0 < told["recency_days"]["low"] < told["recency_days"]["lost"] < told["recency_days"]["high"]
    )
    # Without spend there are two profiles, too few for four segments.
    untold = dict.fromkeys(["agreement", "again", "lost", "low", "high", "more"])
    assert told["spend_per_30d"] == untold | {"starts": 0}
    assert found["samples"]["pairs"] == 25 and found["full"] == {"again": 1.0, "starts": 20} and found["of"] == 40
    assert found == validate.without(CORNERS, ["recency_days", "orders_per_30d", "spend_per_30d"], shop())


def test_an_interval_is_that_of_the_mean_paired_difference_over_all_variables_together():
    # Differences .1 and .3: mean .2, standard error .1; t with one degree of freedom at 1 − .05/(2 × 1) is 12.7062, at 1 − .05/4 25.4517.
    one = leaving_out._interval(np.array([0.1, 0.3]), 1)
    assert one == {"lost": pytest.approx(0.2), "low": pytest.approx(-1.07062), "high": pytest.approx(1.47062), "more": False}
    assert leaving_out._interval(np.array([0.1, 0.3]), 2)["high"] == pytest.approx(2.74517, abs=1e-4)
    assert leaving_out._interval(np.array([0.2, 0.2]), 2)["more"] is True
    assert leaving_out._interval(np.array([0.02, 0.02]), 2)["more"] is False  # counted as none
    assert leaving_out._interval(np.array([0.1, np.nan]), 2) == dict.fromkeys(["lost", "low", "high", "more"])


NAMES = ["recency_days", "orders_per_30d", "spend_per_30d"]


def two_groups(n=240) -> pd.DataFrame:
    """Recency decides in two groups far apart; the others are noise."""
    draw = np.random.default_rng(5)
    recency = np.where(np.arange(n) % 2, 50.0, 5.0) + draw.normal(0, 1, n)
    return pd.DataFrame({"recency_days": recency, "orders_per_30d": draw.uniform(2, 4, n), "spend_per_30d": draw.uniform(10, 20, n)})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_seed_the_variable_that_decides_is_told_and_noise_is_not(seed):
    # On all three axes: the three have nothing to do with each other, and on fewer axes it is chance which of them is lost.
    plan = shop(scope={"segments_from": 2, "segments_to": 6, "segments_wanted": 2}, build={"axes": 3}).model_copy(update={"seed": seed})
    found = validate.without(two_groups(), NAMES, plan)["variables"]
    assert [name for name in NAMES if found[name]["more"]] == ["recency_days"] and found["recency_days"]["lost"] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_that_have_nothing_to_do_with_each_other_show_no_change(seed):
    # Many customers: few may by chance be related, and samples drawn from them repeat that.
    draw, plan = np.random.default_rng(seed), shop(scope={"segments_wanted": 4}, build={"axes": 5})
    names = ["recency_days", "orders_per_30d", "spend_per_30d", "spend_per_order", "own_brand_share", "fresh_share"]
    permuted = pd.DataFrame({name: draw.permutation(np.linspace(0.0, 1.0, 600)) for name in names})
    found = validate.without(permuted, names, plan.model_copy(update={"seed": seed}))["variables"]
    assert [name for name in names if found[name]["more"]] == []


def test_of_many_customers_a_number_is_drawn_and_said(monkeypatch):
    monkeypatch.setattr(leaving_out, "CUSTOMERS", 100)
    plan = shop(scope={"segments_from": 2, "segments_to": 6, "segments_wanted": 2})
    found = validate.without(two_groups(), NAMES, plan)
    assert (found["customers"], found["of"]) == (100, 240)
    assert "was tried on 100 of 240 customers, drawn by lot." in " ".join(leaving_page.without_caveats(found, plan))


@pytest.mark.parametrize(
    ("sample", "names", "why"),
    [
        (CORNERS[:9], ["recency_days", "spend_per_30d"], "few customers"),
        (CORNERS[:0], ["recency_days", "spend_per_30d"], "few customers"),
        (CORNERS, ["spend_per_30d"], "one variable"),
        (CORNERS, ["recency_days", "orders_per_30d"], "few profiles"),
        (CORNERS.assign(spend_per_30d=float("nan")), ["spend_per_30d", "orders_per_30d"], "few profiles"),
    ],
)
def test_where_it_cannot_be_told_the_page_says_why_and_goes_on(sample, names, why):
    found = validate.without(sample, names, shop())
    assert (found["why"], found["variables"], found["samples"]) == (why, {}, None)
    assert len(leaving_page.without_frame(found, shop())) == 0 and leaving_page.without_caveats(found, shop()) == []
    assert leaving_page.without_finding(found, shop()).startswith("What leaving a variable out would change cannot be told: ")
    assert leaving_page.without_words(found, shop())["title"] == leaving_page.without_finding(found, shop())


def agreement(value, lost, half, more, again=1.0) -> dict:
    interval = {"lost": lost, "low": None if lost is None else lost - half, "high": None if lost is None else lost + half, "more": more}
    return {"agreement": value, "again": again, "starts": 20 if again == 1.0 else 80} | interval


FOUND = {
    "customers": 2050,
    "of": 2050,
    "segments": 4,
    "why": "",
    "full": {"again": 1.0, "starts": 20},
    "samples": {"agreement": 0.65, "pairs": 25, "starts": 10},
    "variables": {
        "spend_per_order": agreement(0.7, -0.01, 0.03, False, again=0.9),
        "orders_per_30d": agreement(0.31, 0.22, 0.08, True),
        "own_brand_share": agreement(0.95, 0.02, 0.03, False),
        "fresh_share": agreement(None, None, None, None),
    },
}
NOT_NO = "“No change shown” is not “no change”: more pairs of samples could show a smaller one."
DRAWS = (
    "The intervals tell of draws from these customers, not of other customers: what is related here by chance, as it may be among few, "
    "counts as a change."
)


def test_the_page_tells_what_is_shown_to_change_the_segments_from_what_is_not():
    drawn = leaving_page.without_frame(FOUND, shop())
    assert list(drawn["label"]) == ["Orders per 30 days (0.31)", "Own-label share (0.95)", "Spend per order (0.70)", "Share of fresh food"]
    assert drawn.loc[0, ["value", "low", "high"]].tolist() == pytest.approx([0.22, 0.14, 0.3]) and drawn["low"].notna().sum() == 3
    assert leaving_page.without_words(FOUND, shop())["title"] == "Leaving out 1 of 4 variables changes the segments"
    assert (
        "mean of 25 pairs of bootstrap samples, best of 10 starts each; up to 0.02 counts as none."
        in (leaving_page.without_words(FOUND, shop())["source"])
    )
    assert leaving_page.without_finding(FOUND, shop()) == (
        "With the full list, two samples of customers agree at 0.65. The segments change, and agreement is lost, without: Orders per 30 "
        "days (0.22). For the other 2 no change is shown. On the same customers, the segments agree least with those of the full list "
        "without Orders per 30 days (0.31), most without Own-label share (0.95)."
    )
    assert leaving_page.without_caveats(FOUND, shop()) == [
        "Without one of these, the starts do not find one best partition: Spend per order.",
        "Without one of these, too few customers differ to cut as many segments: Share of fresh food.",
        NOT_NO,
        DRAWS,
    ]
    colours = leaving_page.colours(FOUND, shop())
    assert set(colours) == set(drawn["label"]) and colours["Orders per 30 days (0.31)"] != colours["Spend per order (0.70)"]


def test_where_no_change_is_shown_the_page_never_says_that_there_is_none():
    steady = agreement(0.9, -0.05, 0.02, False)
    calm = FOUND | {"variables": {name: steady for name in FOUND["variables"]}, "full": {"again": 0.5, "starts": 80}}
    told = leaving_page.without_finding(calm, shop())
    assert "For none of the variables is it shown that leaving it out changes the segments; that does not prove the contrary." in told
    assert "Two samples agree better without: Spend per order, Orders per 30 days, Own-label share" in told
    wording = leaving_page.without_words(calm, shop())
    assert wording["title"] == "For no variable is it shown that leaving it out changes the segments"
    assert "chance" not in told + wording["title"] + wording["subtitle"]
    assert "Two halves of the starts on the full list agree at 0.50 only" in leaving_page.without_caveats(calm, shop())[0]


def test_where_the_samples_do_not_tell_the_page_says_so_and_keeps_the_rest():
    untold = {name: each | dict.fromkeys(["lost", "low", "high", "more"]) for name, each in FOUND["variables"].items()}
    found = FOUND | {"samples": None, "variables": untold}
    assert leaving_page.without_finding(found, shop()).startswith(
        "What leaving a variable out would change between samples cannot be told: too few customers differ. On the same customers, "
    )
    assert len(leaving_page.without_frame(found, shop())) == 4 and NOT_NO not in leaving_page.without_caveats(found, shop())
    assert leaving_page.without_words(found, shop())["title"] == leaving_page.without_finding(found, shop())


# Who has signed


def test_all_who_have_to_sign_have_signed():
    found = validation(signed_shop())
    sheet = found["number"]
    assert (found["status"], found["signed"], found["difference"]) == ("signed", sheet, [])
    assert found["signatures"] == [
        {"role": CRM, "signed_on": "2017-09-28", "sheet": sheet, "state": "signed"},
        {"role": FINANCE, "signed_on": "2017-09-28", "sheet": sheet, "state": "signed"},
    ]


SHEET = validate.number(validate.content(PROPOSED, shop()))
OTHER = "0" * 12


@pytest.mark.parametrize(
    ("signatures", "states", "status"),
    [
        ([], ["missing", "missing"], "missing"),
        ([signature(CRM, SHEET)], ["signed", "missing"], "missing"),
        ([signature(CRM, SHEET), signature(FINANCE, OTHER)], ["signed", "other sheet"], "outdated"),
        ([signature(CRM, OTHER)], ["other sheet", "missing"], "missing"),
        ([signature(CRM, SHEET), signature(FINANCE, SHEET, AS_OF.date())], ["signed", "signed"], "signed"),
        (
            [signature(CRM, SHEET), signature(FINANCE, SHEET, AS_OF.date() + timedelta(days=1))],
            ["signed", "signed"],
            "signed",
        ),  # read after as_of
        ([signature(CRM, OTHER), signature(FINANCE, SHEET), signature(CRM, SHEET)], ["signed", "signed"], "signed"),
        # the sheet asked for counts, though another was signed later
        ([signature(CRM, OTHER, DAY + timedelta(days=1)), signature(CRM, SHEET), signature(FINANCE, SHEET)], ["signed"] * 2, "signed"),
        (
            [signature(CRM, SHEET), signature(CRM, OTHER, date(2018, 1, 1)), signature(FINANCE, OTHER)],
            ["signed", "other sheet"],
            "outdated",
        ),
        ([signature("Responsable CRM", SHEET), signature(FINANCE, SHEET)], ["signed", "signed"], "signed"),  # typed in one language
    ],
)
def test_a_signature_counts_for_one_role_and_one_sheet(signatures, states, status):
    found = validation(shop(validate.content(PROPOSED, shop()), signatures))
    assert [s["state"] for s in found["signatures"]] == states and found["status"] == status


def test_a_signature_given_after_the_day_of_the_data_is_shown_with_its_day_and_counts():
    late = [signature(CRM, SHEET), signature(FINANCE, SHEET, date(2017, 10, 2))]
    found = validation(shop(validate.content(PROPOSED, shop()), late))
    shown = page.signatures_table(found).frame
    assert list(shown["on"]) == ["2017-09-28", "2017-10-02"] and list(shown["state"]) == ["signed", "signed"]


def test_when_nobody_has_to_sign_nothing_is_signed_and_the_remedy_is_said():
    plan = shop(validate.content(PROPOSED, shop()), required=())
    found = validation(plan)
    assert found["status"] == "missing" and found["signatures"] == []
    assert page.draft_line(found, plan) == "DRAFT – Nobody is named to sign: project.yml, field validate.required."
    assert "field validate.required" in page.summary(found, plan)["todo"][0]
    assert list(page.signatures_table(found).frame["role"]) == ["nobody is named"]


# Bad input


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            {"signed": {"fresh_shar": "0" * 8}},
            "validate.signed.variables names 'fresh_shar', which is no variable. Did you mean fresh_share?",
        ),
        (
            {"signatures": [signature("Finances", SHEET)]},
            "a signature of 'Finances', who is not in validate.required. Did you mean Finance?",
        ),
        ({"signatures": [signature("Board", SHEET)]}, "take the signature out. Required: Head of CRM, Finance."),
        ({"signatures": [signature("Board", SHEET)], "required": []}, "Required: nobody."),
        ({"signatures": [signature(CRM, SHEET), signature("Head of CRM", SHEET)]}, f"holds sheet {SHEET} twice for 'Head of CRM'"),
        ({"required": [CRM, FINANCE, "Head of CRM"]}, "field validate.required names 'Head of CRM' twice"),
    ],
)
def test_a_fault_of_typing_names_file_field_value_and_remedy(typed, message):
    names = typed.pop("signed", {})
    content = validate.content(PROPOSED, shop())
    with pytest.raises(NinefoldError) as error:
        validation(shop(content | {"variables": content["variables"] | names}, **typed))
    assert str(error.value).startswith("data/by_hand/project.yml: field ") and message in str(error.value)


def test_a_signed_variable_that_ninefold_knows_and_these_data_lack_is_no_fault_of_typing():
    content = validate.content(PROPOSED, shop())
    found = validation(shop(content | {"variables": content["variables"] | {"coupons_redeemed_per_30d": "0" * 8}}))
    assert [(d["what"], d["name"]) for d in found["difference"]] == [("variable_gone", "coupons_redeemed_per_30d")]
    assert found["build_by"] == PROPOSED


def test_no_variable_to_build_by_stops_the_step():
    with pytest.raises(NinefoldError, match="no variable is left to build by.*variables.leave_out"):
        validation(shop(), {"stores_visited": PASSPORTS["stores_visited"]})


@pytest.mark.parametrize("sheet", ["d393f854", "d393f8548a7a0", "D393F8548A7A", 123456789012])
def test_a_sheet_number_that_is_none_is_refused_when_it_is_read(sheet, tmp_path, monkeypatch):
    place = tmp_path / "data" / "mine" / "project.yml"
    place.parent.mkdir(parents=True)
    typed = {
        "title": "Mine",
        "as_of": "2017-10-01",
        "validate": {"signatures": [{"role": "CRM", "signed_on": "2017-09-28", "sheet": sheet}]},
    }
    typed |= {"objectives": {"main": {"name": "R", "kind": "revenue", "metric": "revenue_per_customer"}}}
    columns = {name: name for name in ("customer_id", "order_id", "ordered_at", "amount")}
    typed["collect"] = {"sources": {"orders": {"table": "orders", "file": "a.csv", "columns": columns}}}
    place.write_text(yaml.safe_dump(typed))
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    with pytest.raises(NinefoldError, match=r"field validate\.signatures\.0\.sheet has the value"):
        projects.load("mine")


# What the page says


def test_the_sheet_says_in_plain_words_what_each_variable_is_and_what_it_tells():
    shown = sheet_page.sheet_table(validation(shop()), PASSPORTS, shop()).frame.set_index("title")
    assert list(shown.index) == ["Orders per 30 days (orders)", "Spend per order (USD)", "Own-label share (%)", "Share of fresh food (%)"]
    assert list(shown["objective"]) == [0.412, 0.412, 0.009, 0.0]  # less than nothing is nothing
    assert list(shown["panel"].fillna(-1)) == [0.004, 0.2, -1, 0.08]
    assert list(shown["why"]) == ["Stands also for Days between purchases.", "Kept by decision: asked for by finance.", "", ""]
    assert shown.loc["Share of fresh food (%)", "definition"] == "spend on fresh food, of all spend. Counted: MEAT and FISH"


def test_a_signed_variable_that_step_four_would_leave_out_says_so_and_untested_ones_too():
    untested = PASSPORTS | {"gap_days": PASSPORTS["gap_days"] | {"contribution": None}}
    assert sheet_page.why_in("gap_days", untested, shop()) == (
        "Not tested: the history is too short. Step 4 would leave it out: says the same as Orders per 30 days."
    )


def test_the_sheet_can_be_read_in_five_minutes():
    """Two hundred words a minute: what is not folded of sixteen variables, with the prose of the notebook."""
    names = [*PROPOSED, "gap_days", "stores_visited", "evening_order_share", "morning_order_share", "recency_days", "spend_per_30d"]
    names += ["discount_share", "coupon_order_share", "active_weeks_share", "departments", "lines_per_order", "spend_trend"]
    found = validation(shop(), {name: passport() for name in names})
    assert len(found["sheet"]["variables"]) == 16
    sheet = sheet_page.sheet_table(found, {name: passport() for name in names}, shop())
    told = [str(value) for row in sheet.frame.itertuples(index=False) for value in row]
    told += [column.label for column in sheet.columns] + [
        sheet.note,
        sheet_page.conditions_words(shop()),
        sheet_page.left_out_words(found, {}, shop()),
    ]
    told += page.caveats(found, {name: passport() for name in names}, shop())
    notebook = json.loads((ROOT / "notebooks" / "05_validate.ipynb").read_text(encoding="utf-8"))
    told += ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    assert 400 < len(" ".join(told).split()) < 1000


def test_what_is_left_out_is_listed_with_its_reason():
    plan = signed_shop(variables={"leave_out": {"fresh_share": {"en": "nobody can act on it", "fr": "rien à en faire"}}})
    shown = sheet_page.left_out_table(validation(plan), PASSPORTS, plan).frame
    assert dict(zip(shown["title"], shown["why"], strict=True)) == {
        "Days between purchases": "says the same as Orders per 30 days",
        "Share of fresh food": "nobody can act on it",
        "Stores visited": "tells nothing of the later objective and panel, alone or with others",
        "Mailings answered": "missing for 47.0% of customers, 20% allowed",
    }


def test_thresholds_segments_and_windows_stand_on_the_sheet():
    shown = sheet_page.conditions_table(shop()).frame
    assert list(shown["passes"][:3]) == ["4", "90", "60"] and len(shown) == 3 + 8
    assert set(page.THRESHOLDS) == set(shop().scope.criteria.model_dump())  # each has words for a difference


def test_differences_are_told_in_words_on_the_page_and_the_first_three_on_every_page():
    changed = {"scope": {"window_days": 80, "criteria": {"accessible_share": 0.4}}}
    plan = signed_shop(variables={"own_brand": ["Mark"], "leave_out": {"fresh_share": "nobody can act on it"}}, **changed)
    found = validation(plan)
    rows = page.difference_table(found, PASSPORTS, plan).frame.values.tolist()
    assert rows[0] == ["Window in which behaviour is measured, days", "90", "80"]
    assert rows[1] == ["customers who may be reached by a channel they use", "50%", "40%"]
    own = hash_of("own_brand_share", plan)
    assert rows[2][::2] == ["Definition of Own-label share", f"{own}: spend on the company’s own labels, of all spend. Counted: Mark"]
    assert rows[3] == ["Share of fresh food", "on the sheet", "gone: nobody can act on it"]
    assert page.draft_line(found, plan) == (
        "DRAFT – Changed since signing: a window of 80 days instead of 90; customers who may be reached by a channel they use: "
        "40% instead of 50%; Own-label share: defined otherwise, and 1 more."
    )


def test_the_line_on_every_page_names_who_has_not_signed_and_who_signed_another_sheet():
    content = validate.content(PROPOSED, shop())
    said = {}
    for case, plan in {
        "none": shop(),
        "missing": shop(content, [signature(CRM, SHEET)]),
        "other": shop(content, [signature(CRM, OTHER), signature(FINANCE, SHEET)]),
        "signed": signed_shop(),
    }.items():
        said[case] = page.draft_line(validation(plan), plan)
    assert said == {
        "none": "DRAFT – No sheet of variables is signed yet; asked to sign: Head of CRM and Finance.",
        "missing": "DRAFT – Signature missing: Finance.",
        "other": "DRAFT – Head of CRM signed number 000000000000, which is not the number of the sheet typed as signed, e735cc982c39: an "
        "earlier sheet, or perhaps a slip.",
        "signed": "",
    }


def test_the_page_says_with_what_step_six_builds():
    by_proposal, by_list = shop(), signed_shop(["orders_per_30d"])
    assert page.status_words(validation(by_proposal), by_proposal).endswith("with the 4 variables that step 4 proposes.")
    assert page.status_words(validation(by_list), by_list).endswith("as a draft, with the 1 variable typed as signed.")
    assert page.status_words(validation(signed_shop()), signed_shop()) == (
        f"All who have to sign have signed sheet {SHEET}: step 6 builds with its 4 variables."
    )


def test_a_new_proposal_is_a_remark_for_the_next_meeting():
    plan = signed_shop([*PROPOSED[:3], "stores_visited"])
    assert page.proposal_words(validation(plan), plan) == (
        "On today’s data step 4 would add Share of fresh food and would leave out Stores visited; what was signed stands until the next "
        "meeting."
    )
    assert page.summary(validation(plan), plan)["todo"] == ["Bring step 4’s new proposal to the next meeting."]
    assert page.draft_line(validation(plan), plan) == ""


def test_signatures_on_an_earlier_sheet_are_not_counted_for_the_one_shown():
    def counted(plan):
        return dict(page.summary(validation(plan), plan)["figures"])["Signatures"]

    assert counted(signed_shop()) == "2 of 2"
    assert counted(signed_shop(scope={"window_days": 80})) == "0 of 2"
    assert counted(shop(required=())) == "–"


def test_the_limits_name_the_weak_variables_and_the_missing_values():
    told = page.caveats(validation(shop()), PASSPORTS, shop())
    assert "Alone, 1 of 4 variables tell less than 1% of the objective and of the panel: Own-label share." in told
    assert "1 variable has missing values, at most 2.0% of customers: they are given the median." in told
    untested = {name: p | {"contribution": None} for name, p in PASSPORTS.items()}
    assert "None of these variables is tested on later behaviour: the history is too short." in page.caveats(
        validation(shop(), untested), untested, shop()
    )


# How to sign


def test_the_page_prints_one_command_for_each_role_that_has_not_signed():
    content = validate.content(PROPOSED, shop())
    none, one, all_signed = shop(), shop(content, [signature(CRM, SHEET)]), signed_shop()
    assert page.commands(validation(none), none) == (
        'make sign PROJECT=by_hand ROLE="Head of CRM"\nmake sign PROJECT=by_hand ROLE="Finance"'
    )
    assert page.commands(validation(one), one) == 'make sign PROJECT=by_hand ROLE="Finance"'
    assert page.commands(validation(all_signed), all_signed).startswith("Nothing to do")
    nobody, untyped = shop(required=()), shop(None, [signature(CRM, SHEET), signature(FINANCE, SHEET)])
    assert page.commands(validation(nobody), nobody) == 'make sign PROJECT=by_hand ROLE="Head of CRM"'
    assert page.commands(validation(untyped), untyped) == 'make sign PROJECT=by_hand ROLE="Head of CRM"'  # the sheet itself is missing


def test_where_nothing_unsigned_is_built_the_page_says_so():
    plan = project(**SHOP, validate={"required": [CRM], "unsigned": "refuse"})
    assert page.status_words(validation(plan), plan) == (
        f"As long as sheet {SHEET} is not signed, step 6 builds nothing: project.yml says so (validate.unsigned)."
    )


# What to type


def test_the_lines_to_paste_make_the_sheet_signed_once_the_days_are_put():
    for before in (shop(), signed_shop(scope={"window_days": 80}), shop(validate.content(PROPOSED, shop()), [signature(CRM, SHEET)])):
        lines = page.to_type(validation(before), before)
        assert lines.count("YYYY-MM-DD") == (1 if len(before.validate_.signatures) == 1 else 2)
        typed = yaml.safe_load(lines.replace("YYYY-MM-DD", "2017-09-29"))["validate"]
        kept = [s.model_dump() for s in before.validate_.signatures]
        again = shop(typed["signed"], kept + typed["signatures"], scope={"window_days": before.scope.window_days})
        assert validation(again)["status"] == "signed"
        assert page.to_type(validation(again), again).startswith("Nothing to type")


def test_roles_to_type_are_in_the_reader_s_language_and_count_as_signed():
    plan = shop()
    words.use("fr", "EUR")
    lines = page.to_type(validation(plan), plan)
    assert 'role: "Responsable CRM"' in lines and "Head of CRM" not in lines
    typed = yaml.safe_load(lines.replace("YYYY-MM-DD", "2017-09-29"))["validate"]
    assert validation(shop(typed["signed"], typed["signatures"]))["status"] == "signed"


def test_a_hash_of_figures_alone_is_pasted_as_text():
    plan, found = shop(), validation(shop())
    found["sheet"]["variables"]["orders_per_30d"], found["number"] = "12345678", "123456789012"
    typed = yaml.safe_load(page.to_type(found, plan).replace("YYYY-MM-DD", "2017-09-29"))["validate"]
    assert typed["signed"]["variables"]["orders_per_30d"] == "12345678" and typed["signatures"][0]["sheet"] == "123456789012"


def test_where_nobody_has_to_sign_the_lines_hold_a_role_to_begin_with():
    typed = yaml.safe_load(page.to_type(validation(shop(required=())), shop(required=())).replace("YYYY-MM-DD", "2017-09-29"))["validate"]
    assert validation(shop(typed["signed"], typed["signatures"], typed["required"]))["status"] == "signed"


def test_what_is_typed_stays_text_on_the_page():
    shown = page.as_typed('role: {"en": "R&D <lab>"}')
    assert shown["text/html"] == '<pre class="to-type">role: {&quot;en&quot;: &quot;R&amp;D &lt;lab&gt;&quot;}</pre>\n'


# The default project, and every page


def test_the_default_project_is_signed_by_all_on_the_sheet_as_it_is_now(workspace):
    plan = projects.load("complete_journey")
    assert home() == workspace
    typed = validate.signed_content(plan)
    now = validate.content(list(typed["variables"]), plan)
    rows = validate.signatures(plan, validate.number(now))
    assert validate.differences(typed, now, plan) == [] and len(rows) == 3
    assert validate.status(typed, [], rows) == "signed"


@pytest.mark.parametrize("signed", [True, False])
def test_every_page_is_marked_as_a_draft_until_the_sheet_is_signed(tmp_path, signed):
    base, plan = write_run(tmp_path), signed_shop() if signed else shop()
    place = base / "05_validate"
    place.mkdir()
    (place / "validation.json").write_text(json.dumps(validation(plan)), encoding="utf-8")
    render.render(base, tmp_path / "pages", project=plan, as_of=datetime(2017, 10, 1), language="en")
    pages = sorted((tmp_path / "pages").glob("*.html"))
    assert [p.stem for p in pages] == ["01_objectives", "02_scope", "index", "who-counts"]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text.count('<p class="draft">DRAFT – No sheet of variables is signed yet') == (not signed)
        assert text.count('<a href="05_validate.html#signatures">') == (not signed)


def test_a_run_without_step_five_has_no_line_about_signatures(tmp_path):
    render.render(write_run(tmp_path), tmp_path / "pages", project=shop(), as_of=datetime(2017, 10, 1), language="en")
    assert all('class="draft"' not in path.read_text(encoding="utf-8") for path in (tmp_path / "pages").glob("*.html"))
