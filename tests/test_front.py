"""The first page of a run of all nine steps, from documents typed by hand as steps 1 to 9 hand them over."""

import json
import re
from copy import deepcopy
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import by_hand
import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from test_browser import A4, browser  # noqa: F401
from test_render import code, shows

from helpers import render, words
from helpers.render import documents as given
from helpers.render import front
from helpers.run import STEPS, folder
from helpers.target.page import ASKED as ASKED_BY_PLAN
from helpers.target.plan import NO_CONSENTS, NO_MARGIN, NOT_SIGNED

pytestmark = pytest.mark.usefixtures("in_english")

AS_OF = date(2017, 10, 1)
CRM, FINANCE = {"en": "Head of CRM (example)", "fr": "Responsable CRM (exemple)"}, "Finance controller (example)"
LOYALTY = {"en": "Head of loyalty (example)", "fr": "Responsable fidélité (exemple)"}
COLOURS = ["#332288", "#117733", "#AA3377", "#B8860B", "#A285D1", "#000000"]
NAMES = [
    ("Coupon stock-up", "large baskets, planned around coupons", 230, 0.112, 0.25, 327.8),
    ({"en": "Fuel and own label", "fr": "Carburant et marque propre"}, "fill up here often, small baskets", 330, 0.161, 0.294, 268.5),
    ("Frequent all-round", "here most weeks, for everything", 576, 0.281, 0.485, 253.9),
    ("Fresh on offer", "come seldom, for fresh food on offer", 586, 0.286, 0.134, 68.8),
    ("Occasional drugstore", "come seldom, for household goods", 328, 0.16, 0.062, 56.5),
]


def action(text, owner):
    return {"action": text, "owner": owner, "team": "marketing"}


DECIDED = {"decision": "Look again each quarter.", "because": "Habits change.", "decided_on": "2017-09-29", "decided_by": CRM}
PROJECT = by_hand.project(
    tables=("orders", "events"),
    title="Grocery households",
    description="Who they are.",
    notice="Simulated data.",
    adopt={
        "actions": {
            "S1": action("Send the coupon booklet first", "Campaign manager (example)"),
            "S2": action({"en": "Tie fuel points to fresh food", "fr": "Lier les points carburant au frais"}, LOYALTY),
            "S3": action("Thank them in store", "Store operations (example)"),
            "S4": action("Announce the week’s fresh offers", "Campaign manager (example)"),
        }
    },
    reevaluate={"decisions": [DECIDED]},
)


def interval(value, by=0.01):
    return {"value": value, "low": value - by, "high": value + by}


def documents() -> dict[str, dict]:
    """What steps 1, 5, 6, 8 and 9 hand over, five segments; S5 has no action, no offer and no later purchase known."""
    scores = {
        "hcpc": (0.27, 0.079),
        "bands": (0.55, 0.021),
        "tree": (0.59, 0.02),
        "rfm": (0.42, 0.005),
        "crossing": (0.45, 0.043),
        "chance": (0, 0),
    }
    ids = [f"S{number}" for number in range(1, len(NAMES) + 1)]
    moves = {"S1": (244, -14, 20, False), "S2": (331, -1, 21, False), "S3": (515, 61, 30, True), "S4": (610, -24, 31, False)}
    money = {"S1": (410.0, 380.5, True), "S2": (-210.0, 520.0, False), "S3": (980.0, 470.0, True), "S4": (300.0, 260.0, True)}
    return {
        "objectives": {
            "objectives": [
                {
                    "role": "secondary",
                    "value": 0.9556,
                    "low": None,
                    "high": None,
                    "precise": False,
                    "plan": {"name": "Keep households buying", "metric": "active_share", "target": None, "by_when": None, "owner": ""},
                },
                {
                    "role": "main",
                    "value": 154.4967,
                    "low": 147.41,
                    "high": 161.58,
                    "precise": True,
                    "plan": {
                        "name": "Raise revenue per household",
                        "metric": "revenue_per_customer",
                        "target": 162.0,
                        "by_when": "2018-01-01",
                        "owner": CRM,
                    },
                },
            ]
        },
        "quality": {"unidentified": 0.012, "control": [], "draft": False},
        "validation": {
            "status": "missing",
            "number": "0123456789ab",
            "signed": "0123456789ab",
            "difference": [],
            "signatures": [
                {"role": CRM, "signed_on": "2017-09-28", "sheet": "0123456789ab", "state": "signed"},
                {"role": FINANCE, "signed_on": None, "sheet": None, "state": "missing"},
            ],
        },
        "profiles": {
            "chosen": "hcpc",
            "k": len(NAMES),
            "customers": 2050,
            "segments": [
                {
                    "id": i,
                    "name": name,
                    "in_short": short,
                    "fits": True,
                    "colour": COLOURS[number],
                    "n": n,
                    "share_of_customers": share,
                    "share_of_revenue": revenue,
                    "revenue_per_30d": interval(each, 9),
                    "active_later": None if i == "S5" else {"share": 0.96, "low": 0.93, "high": 0.98, "n": n},
                }
                for number, (i, (name, short, n, share, revenue, each)) in enumerate(zip(ids, NAMES, strict=True))
            ],
        },
        "evidence": {
            "window": {"built_from": "2017-04-02", "built_at": "2017-07-01", "judged_until": "2017-09-29", "enough": True},
            "k": len(NAMES),
            "contest": {name: {"objective": interval(a), "panel": interval(b)} for name, (a, b) in scores.items()},
            "verdicts": {
                "objective": {"verdict": "rules", "best_candidate": "crossing", "best_rule": "tree"},
                "panel": {"verdict": "segments", "best_candidate": "hcpc", "best_rule": "bands"},
            },
            "stability": {str(len(NAMES)): {"median": 0.63, "low_quartile": 0.55, "high_quartile": 0.71}},
            "structure": "not tested yet",
        },
        "plan": {
            "status": "DRAFT",
            "reasons": ["no consents", "not signed"],
            "margin_rate": 0.25,
            "plausible": 0.05,
            "segments": [
                {
                    "id": i,
                    "owner": "Somebody",
                    "customers": n,
                    "reachable": None,
                    "contacted": None if i == "S5" else round(n * 0.7),
                    "gain": money.get(i, (None,) * 3)[0],
                    "cost": money.get(i, (None,) * 3)[1],
                    "pays": money.get(i, (None,) * 3)[2],
                }
                for i, (_, _, n, *_) in zip(ids, NAMES, strict=True)
            ],
        },
        "moves": {
            "from": "2017-07-01T00:00:00",
            "to": "2017-10-01T00:00:00",
            "marked": "confirm window already used",
            "stay": {"share": 0.58, "chance": 0.23, "kappa": 0.45, "n": 1900},
            "segments": [
                {"id": i, "before": b, "now": b + net, "net": net, "noise": noise, "beyond": beyond}
                for i, (b, net, noise, beyond) in moves.items()
            ],
            "drift": [{"variable": "spend_per_30d", "mark": "changed"}, {"variable": "recency_days", "mark": "steady"}],
            "verdict": "keep",
            "reasons": [],
        },
    }


def write_whole_run(place: Path, docs: dict[str, dict], steps: int = 9) -> Path:
    """A finished run: small notebooks of all steps, each with a finding, a gap and something to do."""
    base = place / "0007"
    (base / "notebooks").mkdir(parents=True)
    for number, step in enumerate(STEPS[:steps], start=1):
        slug, finding = folder(step), f"Finding of {step}."
        summary = {"headline": finding, "points": [], "figures": [], "unknown": ["What a basket earned.", f"Gap of {step}."]}
        summary["todo"] = [f"Task of {step}."]
        cells = [new_markdown_cell(f"# {number} · {step.capitalize()} — what?"), new_markdown_cell("## One section\n\nText.")]
        cells.append(code("tables.summary()", shows('<div class="summary"><p>All.</p></div>'), tags=["summary"]))
        nbformat.write(new_notebook(cells=cells), base / "notebooks" / f"{slug}.ipynb")
        (base / slug / "page").mkdir(parents=True)
        (base / slug / "page" / "summary.json").write_text(json.dumps(summary))
        (base / slug / "step.json").write_text(json.dumps({"step": step, "finding": finding, "gives": []}))
    for name, document in docs.items():
        if (base / given.DOCUMENTS[name]).parent.is_dir():
            (base / given.DOCUMENTS[name]).write_text(json.dumps(document))
    return base


def shown(docs: dict, *, project=PROJECT, steps: int = 9) -> dict | None:
    """The blocks of the page for these documents, without making a page of them."""
    return front.blocks(docs, [chapter(number) for number in range(1, steps + 1)], project)


def chapter(number: int, *, unknown=("What a basket earned.",), todo=()):
    return SimpleNamespace(number=number, summary={"unknown": list(unknown), "todo": list(todo)})


def cells(docs: dict, segment: int, *, project=PROJECT) -> dict[str, str]:
    """What stands under each heading in the line of one segment, with its remark."""
    table = shown(docs, project=project)["glance"]
    written = [f"{cell['text']} {cell['note']}".strip() for cell in table["rows"][segment - 1]["cells"]]
    return dict(zip((label for label, _ in table["labels"]), written, strict=True))


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    place, before = tmp_path_factory.mktemp("front"), (words.language(), words.currency())
    render.render(write_whole_run(place, documents()), place / "pages", project=PROJECT, as_of=AS_OF, language="en")
    words.use(*before)
    return place / "pages"


@pytest.fixture(scope="module")
def page(pages) -> str:
    return (pages / "index.html").read_text(encoding="utf-8")


# What stands on the page, and where


def test_the_page_answers_in_the_order_in_which_a_director_asks(page):
    wanted = [
        "<h1>Grocery households",
        "Simulated data.",
        "Raise revenue per household",
        "The segments at a glance",
        "How far to trust this, and why",
        "What changed beyond noise",
        "What is not known",
        "Decisions asked, and from whom",
        '<h2 id="signed">DRAFT',
        "The steps, and what each found",
        "To take away",
    ]
    assert [wanted[n] for n in sorted(range(len(wanted)), key=lambda n: page.index(wanted[n]))] == wanted


def test_every_segment_has_one_line_and_every_cell_says_its_heading_for_phones(page):
    body = page[page.index("<tbody") : page.index("</tbody>")]
    assert body.count("<tr") == 5
    headings = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', page)
    assert re.findall(r'data-label="([^"]+)"', body)[:11] == headings[1:]


def test_a_colour_never_stands_alone(page):
    lines = re.findall(r'--segment: (#\w+)">\s*<th[^>]*><b>([^<]+)</b>', page)
    assert lines[1] == ("#117733", "Fuel and own label") and len(lines) == 5


def test_the_line_of_a_segment_says_all_that_is_known_of_it():
    assert cells(documents(), 3) == {
        "Customers": "576",
        "Share of customers": "28%",
        "Share of revenue": "49%",
        "Revenue each, 30 days": "$254",
        "Change in customers": "+61",
        "Still active": "96%",
        "Reachable": "cannot tell",
        "What to do": "Thank them in store",
        "Who": "Store operations (example)",
        "Expected gain *": "$980",
        "Cost *": "$470",
    }


def test_what_is_null_or_untyped_is_said_and_never_zero():
    line = cells(documents(), 5)
    told = ("Change in customers", "Still active", "Reachable", "Expected gain *", "Cost *")
    assert {heading: line[heading] for heading in told} == dict.fromkeys(told, "cannot tell")
    assert (line["What to do"], line["Who"]) == ("nothing planned", "Somebody")


def test_a_change_within_noise_does_not_look_like_a_result():
    row = shown(documents())["glance"]["rows"][3]["cells"][4]
    assert row == {"text": "within noise", "note": "−24", "mood": "quiet"}
    docs = documents()
    docs["moves"]["segments"][3]["beyond"] = None
    assert cells(docs, 4)["Change in customers"] == "noise unknown −24"


def test_an_offer_that_costs_more_than_it_brings_is_marked_and_put_to_its_owner():
    assert cells(documents(), 2)["Cost *"] == "$520 more than it brings"
    asked = shown(documents())["decisions"]["lines"][1]
    assert asked == (
        "Head of loyalty (example)",
        "Change the offer or the channel of Fuel and own label, or leave them out.",
        "Step 8",
    )


def test_small_amounts_are_written_with_cents_in_the_whole_column():
    docs = documents()
    docs["profiles"]["segments"][4]["revenue_per_30d"]["value"] = 3.456
    assert (cells(docs, 5)["Revenue each, 30 days"], cells(docs, 1)["Revenue each, 30 days"]) == ("$3.46", "$327.80")


def test_assumptions_are_called_so():
    notes = shown(documents())["glance"]["notes"]
    assert notes[-1] == (
        "* Assumptions, not results: answers rise by 5.0 points, a margin of 25%, costs as typed; the gain is what is left after costs."
    )
    docs = documents()
    docs["plan"]["margin_rate"] = None
    assert "without a margin no gain can be told" in shown(docs)["glance"]["notes"][-1]


def test_still_active_is_said_of_those_who_were_in_the_segment_one_horizon_earlier():
    assert shown(documents())["glance"]["notes"][1] == (
        "Still active: of the segment’s members one horizon earlier, on 1 July 2017, the share that bought before 29 September 2017."
    )


def test_the_main_objective_says_its_unit_and_when_it_is_already_reached():
    main, other = shown(documents())["objectives"]
    assert main["facts"][0] == "revenue of a customer per 30 days, over all known before the window opened"
    assert "the target is already reached" not in main["facts"] and other["facts"][0] == "no date"
    docs = documents()
    docs["objectives"]["objectives"][1]["value"] = 162.0
    assert "the target is already reached" in shown(docs)["objectives"][0]["facts"]


# Too few


def test_of_a_segment_below_min_cell_only_the_name_is_shown():
    docs = documents()
    docs["profiles"]["segments"][0]["n"] = 9
    row = shown(docs)["glance"]["rows"][0]
    assert (row["name"], row["in_short"], row["few"], row["cells"]) == (
        "Coupon stock-up",
        "",
        "not shown: too few customers, or it would give another’s away",
        [],
    )
    docs["profiles"]["segments"][0]["n"] = 10
    assert cells(docs, 1)["Customers"] == "10"


def test_a_segment_that_would_give_another_away_has_its_name_only_and_no_movement():
    docs = documents()
    docs["profiles"]["segments"][2]["shown"] = False
    row = shown(docs)["glance"]["rows"][2]
    assert row["cells"] == [] and row["few"] == "not shown: too few customers, or it would give another’s away"
    told = json.dumps(shown(docs), ensure_ascii=False)
    assert "+61" not in told and "576" not in told


def test_parts_of_a_segment_below_min_cell_are_not_shown():
    docs = documents()
    docs["profiles"]["segments"][2]["active_later"]["n"] = 9
    docs["plan"]["segments"][2] |= {"reachable": {"n": 9, "share": 0.9}, "contacted": 9, "pays": False}
    docs["moves"]["segments"][2] |= {"before": 9, "net": 61}
    line = cells(docs, 3)
    hidden = ("Change in customers", "Still active", "Reachable", "Expected gain *", "Cost *")
    assert {heading: line[heading] for heading in hidden} == dict.fromkeys(hidden, "too few to show")
    told = json.dumps(shown(docs), ensure_ascii=False)
    assert "+61" not in told and "Frequent all-round +" not in told


def test_a_balance_that_would_give_few_customers_away_is_not_shown():
    moves = {
        "segments": [  # the 4 who left S1 are hidden, and entered less net would tell them
            {"id": "S1", "before": 104, "now": 150, "arrived": 0, "departed": 0, "entered": 50, "left": 4, "net": 46},
            {"id": "S2", "before": 150, "now": 104, "arrived": 0, "departed": 0, "entered": 4, "left": 50, "net": -46},
        ],
        "matrix": {"S1": {"S1": 100, "S2": 4}, "S2": {"S1": 50, "S2": 100}},
    }
    assert [s["net"] for s in given.guarded(moves, PROJECT)["segments"]] == [None, None]
    assert [s["net"] for s in given.guarded(moves, SimpleNamespace(min_cell=4))["segments"]] == [46, -46]
    assert given.guarded(moves | {"matrix": {}}, PROJECT)["segments"][0]["net"] == 46


# What it rests on


def test_what_all_figures_rest_on_is_the_first_line():
    assert shown(documents())["data"] == (
        "Revenue without an identified customer: 1.2%. Revenue was not compared with the controller’s figures."
    )
    assert shown(documents() | {"quality": {}})["data"] == "", "an earlier run says nothing of it"


def test_figures_that_are_not_the_controllers_make_a_signed_page_a_draft():
    docs = documents()
    docs["validation"] |= {"status": "signed"}
    month = {"month": "2017-08-01", "measure": "revenue", "ours": 103.0, "theirs": 100.0, "difference": 0.03}
    docs["quality"] |= {"control": [month], "draft": True}
    assert shown(docs)["signed"]["draft"]
    assert shown(docs)["signed"]["lines"][0] == "Revenue: +3.0% from the controller’s figure in August 2017, more than 1%."


# How far to trust it


def test_the_verdicts_are_said_in_plain_words_with_their_figures():
    trust = shown(documents())["trust"]
    assert trust["headline"] == "Rules for the budget, segments for the message."
    assert trust["lines"][0] == (
        "For the budget",
        "Simple rules do at least as well as segments.",
        "Share of later differences in the main objective foreseen: a small decision tree 59%, segments by classification 27% "
        "and bands of past spend 55%.",
        "Share out the budget by the rule of step 6, not by segment.",
    )
    assert trust["lines"][1][1:3] == (
        "Segments do better than the best simple rule.",
        "Share of later differences in how they buy foreseen: bands of past spend 2.1% and segments by classification 7.9%.",
    )
    assert trust["lines"][3][1] == "Not tested yet." and len(trust["lines"]) == 4
    docs = documents()  # a short rule on behaviours does as well: the segments that are published stand beside it, and beside spend
    docs["evidence"]["contest"]["panel_tree"] = {"role": "rule", "segments": 5, "objective": interval(0.1), "panel": interval(0.097)}
    docs["evidence"]["verdicts"]["panel"] |= {"verdict": "level", "best_rule": "panel_tree"}
    told = shown(docs)["trust"]
    assert told["headline"] == "Rules for the budget; for the message no difference to a short rule was shown."
    assert told["lines"][1][2].endswith("a small tree on behaviours 9.7%, segments by classification 7.9% and bands of past spend 2.1%.")


@pytest.mark.parametrize(
    ("found", "answer", "nevertheless"),
    [
        ({"verdict": "natural"}, "These groups exist, we found them: they stand apart", "Use them by name."),
        (
            {"verdict": "reproducible"},
            "There are no separate groups: we cut a slope, and the same cut comes back.",
            "Treat them as a useful",
        ),
        ({"verdict": "constructive"}, "A convention: another cut would serve as well.", "Treat them as a useful cut"),
        ({"verdict": "convention"}, "The segments are a convention by construction", "Treat them as a useful cut"),
        (
            {"verdict": "cannot tell", "why": "few_rows", "customers": 12},
            "Whether these groups exist cannot be told. There are 12",
            "Treat",
        ),
        ({"verdict": None}, "Not tested yet.", "Treat them as a useful cut"),
    ],
)
def test_whether_the_groups_exist_is_said_as_step_6_says_it(found, answer, nevertheless):
    docs = documents()
    docs["evidence"]["structure"] = found
    line = shown(docs)["trust"]["lines"][3]
    assert line[0] == "Do these groups exist in nature?" and line[1].startswith(answer) and line[3].startswith(nevertheless)


def test_core_customers_and_the_five_criteria_are_one_sentence_each():
    docs = documents()
    docs["evidence"]["confidence"] = {"core": 0.7}
    docs["criteria"] = {"segments": {f"S{n}": {} for n in range(1, 6)}, "passing": ["S1", "S5"]}
    docs["profiles"]["segments"][4]["n"] = 3  # nothing is told of three people, and so of one segment more: S4, the next smallest
    lines = shown(docs)["trust"]["lines"]
    assert lines[2][2].endswith("Core customers, who nearly always keep their segment: 70%.")
    shut = sum(bool(row["few"]) for row in shown(docs)["glance"]["rows"])
    assert lines[4][:2] == ("Is each worth an action?", f"1 of {5 - shut} segments pass all five criteria.") and shut


def test_a_suggested_name_stands_on_the_page_and_says_that_it_is_suggested():
    docs = documents()
    docs["profiles"]["segments"][2] |= {"name": None, "in_short": "", "suggested": {"name": {"en": "All-round", "fr": "De tout"}}}
    found = shown(docs)
    assert (found["glance"]["rows"][2]["name"], found["glance"]["rows"][2]["in_short"]) == ("S3 · All-round (suggested)", "")
    assert "S3 · All-round (suggested) +61" in found["changes"]["points"][0]


@pytest.mark.parametrize("chosen", ["kmeans", "latent", "behavioural"])
def test_what_was_learnt_is_not_called_a_rule_and_its_score_stands_beside_the_rules(chosen):
    docs = documents()
    docs["profiles"]["chosen"] = chosen
    docs["evidence"]["contest"][chosen] = {"objective": interval(0.3), "panel": interval(0.2)}
    docs["evidence"]["structure"] = {"verdict": "natural"}
    lines = shown(docs)["trust"]["lines"]
    assert lines[2][1] == "Much alike, not the same." and " 30% " in lines[0][2]
    panel = "bands of past spend 2.1%, segments by classification 7.9% and {published} 20%."
    assert lines[1][2].endswith(panel.format(published=front.METHODS.get(chosen, front.TITLES[chosen]))), (
        "whose verdict it is, stands there"
    )
    docs["evidence"]["structure"] = {"verdict": "convention"}
    assert shown(docs)["trust"]["lines"][2][1] == "Always, for it is a rule."


@pytest.mark.parametrize("use", ["objective", "panel"])
@pytest.mark.parametrize("verdict", ["rules", "level", "none", "cannot tell", None])
def test_after_every_bad_verdict_stands_what_can_be_done_nevertheless(use, verdict):
    docs = documents()
    docs["evidence"]["verdicts"][use]["verdict"] = verdict
    line = shown(docs)["trust"]["lines"][["objective", "panel"].index(use)]
    assert line[1] == front.VERDICTS[verdict or "cannot tell"] and len(line[3]) > 20


@pytest.mark.parametrize(
    ("median", "answer", "advised"),
    [(0.8, "Yes, nearly the same segments.", False), (0.6, "Much alike, not the same.", True), (0.59, "Not reliably.", True)],
)
def test_stability_is_told_in_words_at_its_borders(median, answer, advised):
    docs = documents()
    docs["evidence"]["stability"]["5"]["median"] = median
    line = shown(docs)["trust"]["lines"][2]
    assert line[1] == answer and bool(line[3]) is advised


def test_a_rule_always_gives_the_same_segments_and_has_no_stability_figure():
    docs = documents()
    docs["profiles"]["chosen"] = "crossing"
    label, answer, why, _ = shown(docs)["trust"]["lines"][2]
    assert (label, answer) == ("Would they come back?", "Always, for it is a rule.") and "0.63" not in why and "step 9" in why


@pytest.mark.parametrize(
    ("typed", "best", "told"),
    [
        ("crossing", "hcpc", "Published: “Crossing of two criteria”, chosen by people."),
        (None, "hcpc", "Published: “Crossing of two criteria”, chosen by what step 6 measured: nobody has typed another choice."),
        (None, None, "Published: “Crossing of two criteria”, chosen by nobody: nothing could be judged."),
    ],
)
def test_the_page_says_which_way_is_published_and_who_chose_it(typed, best, told):
    docs = documents()
    docs["profiles"]["chosen"], docs["evidence"]["verdicts"]["panel"]["best_candidate"] = "crossing", best
    assert shown(docs, project=by_hand.project(build={"chosen": typed} if typed else {}))["trust"]["published"] == told


# What changed, what is asked, who signed


def test_segments_that_come_back_and_must_be_rebuilt_are_two_answers_to_two_questions():
    docs = documents()
    docs["moves"]["verdict"] = "rebuild"
    said = "No contradiction to “Would they come back?”: there, other samples of the same customers are asked; here, the same customers, "
    said += "later."
    assert said not in shown(docs)["changes"]["points"], "0.63 is no yes"
    docs["evidence"]["stability"]["5"]["median"] = 0.89
    assert said in shown(docs)["changes"]["points"]
    docs["moves"]["verdict"] = "keep"
    assert said not in shown(docs)["changes"]["points"]


def test_only_movements_beyond_noise_are_told_as_changes():
    changes = shown(documents())["changes"]
    assert changes["headline"] == "The segments hold: keep them."
    assert changes["points"] == [
        "Won from or lost to other segments, beyond chance: Frequent all-round +61 (chance alone: 30).",
        "58% of customers are in the segment that they were in; by chance it would be 23%.",
        "Customers as a whole have changed in 1 behaviour (step 9).",
        "Not yet tested on new months: the recipe had been judged on the months shown here.",
    ]
    docs = documents()
    docs["moves"]["segments"][2]["beyond"] = False
    assert shown(docs)["changes"]["points"][0] == "No segment won from or lost to others beyond chance."


def in_force(role="Head of CRM") -> dict[str, dict]:
    """The same run as a re-evaluation: the segmentation of 1 July, applied unchanged."""
    docs, approved = documents(), {"run": "2017-07-01/0001", "role": role, "on": role and "2017-07-03"}
    docs["moves"] |= {"marked": None, "since": approved["run"], "approved": approved, "refit_moved": 0.09, "refit_changed": 195}
    docs["evidence"]["approved"] = approved
    return docs


def test_a_re_evaluation_says_who_approved_what_and_that_it_was_tested_on_new_months():
    found = shown(in_force())
    assert found["trust"]["published"].endswith(", approved by Head of CRM on 3 July 2017 and applied unchanged.")
    assert found["changes"]["points"][-2:] == [
        "Fitted again, the segments would be others for 9% of customers; that is only proposed.",
        "Tested on new months, 1 July 2017 to 1 October 2017, which took no part in building the segments.",
    ]
    assert "by the rules of 2017-07-01/0001" in found["glance"]["notes"][0]
    assert shown(in_force(None))["trust"]["published"].endswith("of the run before, applied unchanged: nobody has approved any.")
    docs = in_force()
    docs["moves"] |= {"refit_changed": 9, "to": docs["moves"]["from"]}
    assert not any("Fitted again" in each or "new months" in each for each in shown(docs)["changes"]["points"])


def test_where_nobody_approved_what_is_in_force_somebody_is_asked_to():
    asked = ("Head of CRM (example)", "Approve the segmentation that is in force, or say which one should be.", "Step 9")
    for docs, expected in ((in_force(None), True), (in_force(), False), (documents(), False)):
        lines = shown(docs)["decisions"]
        assert (asked in lines["lines"] + lines["rest"]) is expected


@pytest.mark.parametrize(
    ("code", "headline"),
    [
        ("lasting", "The segments in force did not keep their customers."),
        ("agreement", "Fitted again, the recipe gives other segments than those in force."),
    ],
)
def test_segments_in_force_are_not_called_a_recipe_that_was_built_one_horizon_earlier(code, headline):
    docs = in_force()
    docs["moves"] |= {"verdict": "rebuild", "reasons": [{"code": code, "speaks": "rebuild"}]}
    assert shown(docs)["changes"]["headline"] == headline
    docs["moves"]["approved"] = None
    assert shown(docs)["changes"]["headline"] == "The recipe, built one horizon earlier, did not keep its customers."


@pytest.mark.parametrize("verdict", ["adjust", "refit", "rebuild", "cannot tell", "?"])
def test_a_look_back_that_went_badly_says_what_to_do_until_then(verdict):
    docs = documents()
    docs["moves"]["verdict"] = verdict
    assert len(shown(docs)["changes"]["do"]) > 20


def test_named_people_are_asked_first_then_what_is_missing_then_housekeeping():
    docs, steps = documents(), [chapter(1, todo=["Later."]), chapter(5, todo=["Sign."]), chapter(8, todo=[ASKED_BY_PLAN[NO_CONSENTS]])]
    steps[0].summary["todo"] += ["Head of sales: make “Sell more” precise."]
    steps[2].summary["todo"] += ["Change the offer or the channel of Fuel and own label, or leave them out.", ASKED_BY_PLAN[NOT_SIGNED]]
    steps[2].summary["todo"] += [
        ASKED_BY_PLAN[NO_MARGIN],
        "Type an offer for A: target.offers of project.yml.",
        "See collect.control_totals.",
    ]
    docs["plan"]["reasons"] = ["no margin", "no consents", "not signed"]
    main = {"name": "Sell more", "kind": "revenue", "metric": "revenue_per_customer", "owner": "Head of sales"}
    asked = by_hand.project(objectives={"main": main}, adopt=PROJECT.adopt, reevaluate={"decisions": [DECIDED]})
    found = front.blocks(docs, steps, asked)["decisions"]
    assert [line for line in found["lines"] + found["rest"]] == [
        ("Finance controller (example)", "Sign the list of variables: until then all of this is DRAFT.", "Step 5"),
        ("Head of loyalty (example)", "Change the offer or the channel of Fuel and own label, or leave them out.", "Step 8"),
        ("Head of CRM (example)", "Confirm that the segments stay as they are until the next review.", "Step 9"),
        ("Head of sales", "Make “Sell more” precise.", "Step 1"),
        ("", "Say who keeps the consents to be contacted: without them nothing is sent.", "Step 8"),
        ("", "Have finance give a margin: until then nobody knows what an offer may cost.", "Step 8"),
        ("", "Later.", "Step 1"),
    ], "nothing is asked twice"
    assert found["analyst"] == [("Type an offer for A: target.offers of project.yml.", "Step 8"), ("See collect.control_totals.", "Step 8")]


def test_what_is_for_the_analyst_is_folded_on_the_page(tmp_path):
    base = write_whole_run(tmp_path, documents())
    summary = base / "06_build" / "page" / "summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"todo": ["Name them in build.segments of project.yml."]}))
    render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert '<details class="analyst">\n<summary>For the analyst</summary>\n<ul>\n<li>Name them in build.segments' in page


def test_once_the_list_is_signed_nobody_is_asked_to_read_it_before_anything_is_built():
    docs, steps = documents(), [chapter(4, todo=["Read the passports before anything is built."])]

    def told():
        found = front.blocks(docs, steps, PROJECT)["decisions"]
        return [what for _, what, _ in [*found["lines"], *found["rest"]]]

    assert "Read the passports before anything is built." in told()
    docs["validation"]["status"] = "signed"
    assert "Read the passports before anything is built." not in told()


def test_what_is_not_known_is_said_once_and_the_rest_unfolds():
    steps = [chapter(n, unknown=["What a basket earned.", f"Gap {n}."]) for n in range(1, 10)]
    unknown = front.blocks(documents(), steps, PROJECT)["unknown"]
    assert unknown["lines"][0] == ("What a basket earned.", "Steps 1, 2, 3, 4, 5, 6, 7, 8 and 9")
    assert [sentence for sentence, _ in unknown["lines"][1:]] == ["Gap 5.", "Gap 6."]
    assert len(unknown["rest"]) == 7 and unknown["more"] == "7 more"


def test_the_page_is_a_draft_until_everybody_has_signed_this_list():
    docs = documents()
    assert shown(docs)["signed"] == {
        "draft": True,
        "lines": [
            "Signed by Head of CRM (example) on 28 September 2017.",
            "Not signed by Finance controller (example).",
            "Sheet 0123456789ab.",
            "Contact lists are DRAFT and nothing is released: nobody’s consent to be contacted is known and the list of variables "
            "is not signed.",
        ],
    }
    docs["validation"]["signatures"][1]["state"] = "other sheet"
    assert "Signed another list: Finance controller (example)." in shown(docs)["signed"]["lines"]
    docs["validation"] = {"status": "signed", "signatures": docs["validation"]["signatures"][:1]}
    docs["plan"]["status"] = "released"
    assert shown(docs)["signed"] == {"draft": False, "lines": ["By Head of CRM (example) on 28 September 2017."]}


def test_yesterdays_signatures_are_not_put_under_todays_sheet():
    docs = documents()
    docs["validation"] |= {"status": "outdated", "signed": "cd60cd60cd60"}
    docs["validation"]["signatures"][0]["sheet"] = "cd60cd60cd60"
    assert shown(docs)["signed"]["lines"][:2] == [
        "Sheet cd60cd60cd60 was signed by Head of CRM (example) on 28 September 2017.",
        "It has changed since; today’s sheet 0123456789ab is signed by nobody.",
    ]
    asked = shown(docs)["decisions"]["lines"][0]
    assert asked[:2] == (
        "Head of CRM (example) and Finance controller (example)",
        "Sign the list of variables again: it has changed since it was signed.",
    )
    docs["validation"]["signatures"][1]["sheet"] = "0123456789ab"
    assert shown(docs)["signed"]["lines"][1] == "It has changed since; today’s sheet is 0123456789ab."


# What is missing


def test_a_run_without_segments_keeps_its_cards(tmp_path):
    base = write_whole_run(tmp_path, documents(), steps=4)
    render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert page.count('<section class="card"') == 4 and "at a glance" not in page and 'class="front"' in page


def test_documents_that_no_step_handed_over_are_said_to_be_missing(tmp_path):
    base = write_whole_run(tmp_path, {"profiles": documents()["profiles"]}, steps=6)
    render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    for wanted in (
        "Not known: step 1 handed over no objectives.",
        "Nothing is known about that yet: step 6 handed over no evidence.",
        "Not known yet: the segments have not been looked at again (step 9).",
        "Not yet: step 8 has planned no campaign.",
        "Nobody has signed the list of variables.",
    ):
        assert wanted in page
    assert page.count("not yet</span>") == 20, "change, reachable, gain and cost of five segments"


def nulls(document, place=()):
    """Every place of a document that could hold a null instead, but for the ids of segments."""
    steps = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in steps:
        if key != "id":
            yield (*place, key)
            if isinstance(value, dict | list):
                yield from nulls(value, (*place, key))


def test_a_null_anywhere_neither_stops_the_page_nor_shows_through():
    places = [place for place in nulls(documents()) if len(place) > 1 and not isinstance(place[-1], int)]
    assert len(places) > 250
    for place in places:
        docs = deepcopy(documents())
        inner = docs
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = None
        told = shown(docs)
        assert (told is None) == (place == ("profiles", "segments")), place
        for said in leaves(told or {}):
            assert said is not None and not re.search(r"None|\bnan\b|\$0|(?<![\d.,])0%", str(said)), (place, said)


def leaves(told):
    """Every text and number of the blocks."""
    if isinstance(told, dict | list | tuple):
        for each in told.values() if isinstance(told, dict) else told:
            yield from leaves(each)
    else:
        yield told


def test_the_french_page_takes_french_prose_and_numbers(tmp_path):
    base = write_whole_run(tmp_path, documents())
    render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="fr")
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert "Carburant et marque propre" in page and "Responsable fidélité (exemple)" in page and "7,9\u202f%" in page


# As people see it


def opened(browser, page: Path, width: int):  # noqa: F811
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
    seen = context.new_page()
    seen.goto((page / "index.html").resolve().as_uri())
    return seen


@pytest.mark.parametrize("width", [390, 768, 1100, 1280])
def test_the_page_is_never_wider_than_the_screen_and_its_table_becomes_cards(pages, browser, width):  # noqa: F811
    seen = opened(browser, pages, width)
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.locator(".glance").evaluate("e => e.scrollWidth <= e.parentElement.clientWidth")
    cards = width < 1280
    assert seen.locator(".glance tbody tr").first.evaluate("e => getComputedStyle(e).display") == ("grid" if cards else "table-row")
    label = seen.locator(".glance tbody td").first.evaluate("e => getComputedStyle(e, '::before').content")
    assert ("Customers" in label) is cards
    seen.context.close()


def test_the_essential_is_one_sheet_of_a4_in_type_that_can_be_read(pages, browser):  # noqa: F811
    seen = opened(browser, pages, 1280)
    paper = seen.pdf(prefer_css_page_size=True, print_background=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", paper)
    assert [(round(float(width)), round(float(height))) for width, height in boxes] == [A4]
    seen.set_viewport_size({"width": 718, "height": 1000})  # 190 mm between the margins
    seen.emulate_media(media="print")
    texts = """() => [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(
        n => n.nodeType === 3 && n.data.trim())).map(e => [parseFloat(getComputedStyle(e).fontSize), e.scrollWidth - e.clientWidth,
        getComputedStyle(e).display, e.textContent.trim()])"""
    found = seen.evaluate(texts)
    assert len(found) > 100
    heads = seen.locator(".glance thead th.told").evaluate_all("all => all.map(e => getComputedStyle(e).display)")
    assert heads == ["none", "none"], "they would stand above figures"
    label = seen.locator(".glance tbody td.told").first.evaluate("e => getComputedStyle(e, '::before').content")
    assert "→" in label and seen.locator(".analyst, .foot").filter(visible=True).count() == 0
    assert [text for size, _, _, text in found if size < 8 * 96 / 72 - 0.01] == []
    assert [text for _, over, display, text in found if display != "inline" and over > 0] == []
    assert seen.evaluate("document.documentElement.scrollWidth") <= 718
    seen.context.close()
