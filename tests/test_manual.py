"""What people decide for single customers: every line checked, set beside the other levels, and learnt from only where it holds later."""

from datetime import date, datetime

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers import NinefoldError, project
from helpers.build import document as documents
from helpers.build import manual, manual_page, manual_rules
from helpers.build.inputs import Column
from helpers.project.building import Manual
from helpers.tables import as_html

AS_OF = datetime(2024, 10, 1)
HEADING = ["customer_id", "segment", "role", "because", "decided_on", "until"]
KNOWN = {raw: (raw, True) for raw in "abcdef"} | {"old_a": ("a", True), "gone": ("gone", False)}
SEGMENTS = [{"id": "S1", "name": "Key accounts"}, {"id": "S2", "name": None}]


def line(customer="a", segment="S1", role="sales", because="contract", decided_on="2024-03-01", until=""):
    return [customer, segment, role, because, decided_on, until]


def judged(*lines, **options):
    typed = pd.DataFrame(list(lines), columns=HEADING, dtype="object")
    return manual.checked(typed, KNOWN, {"S1", "S2"}, as_of=AS_OF, **options)


def states(found):
    return list(zip(found.rows["state"], found.rows["reason"], strict=True))


class Step:
    """A step with a project whose file of decisions lies in a folder of its own."""

    def __init__(self, folder, text, *, name="overrides.csv", identity=None, **more):
        plan = project.load("complete_journey")
        (folder / "data" / "complete_journey" / "overrides.csv").write_text(text, encoding="utf-8")
        chosen = plan.build.model_copy(update={"manual": Manual(file=name, **more)})
        self.project, self.as_of = plan.model_copy(update={"build": chosen}), AS_OF
        self.tables = {"customers": ["a", "b", "gone"], "variables": ["a", "b"]}
        self.identity = identity

    def gives(self, step, name):
        return name == "identity" and self.identity is not None

    def take(self, step, name):
        return ibis.memtable(self.identity if name == "identity" else {"customer_id": self.tables[name]})


# Reading


def test_a_valid_decision_is_kept_and_each_fault_named():
    found = judged(
        line(),
        line("nobody"),
        line("gone"),
        line("b", "S9"),
        line("b", role=""),
        line("b", because=""),
        line("b", decided_on="01/03/2024"),
        line("b", until="soon"),
        line("b", decided_on="2024-10-01"),
        line("b", until="2024-03-01"),
    )
    assert states(found) == [
        ("valid", None),
        ("set_aside", "unknown_customer"),
        ("set_aside", "out_of_scope"),
        ("set_aside", "unknown_segment"),
        ("set_aside", "no_role"),
        ("set_aside", "no_reason"),
        ("set_aside", "undated"),
        ("set_aside", "undated"),
        ("set_aside", "decided_later"),
        ("set_aside", "until_before_decision"),
    ]
    assert found.counts() == {"valid": 1, "expired": 0, "superseded": 0, "set_aside": 9}


def test_a_decision_holds_until_the_day_that_it_names_and_not_on_it():
    found = judged(line("a", until="2024-10-01"), line("b", until="2024-10-02"), line("c"))
    assert states(found) == [("expired", None), ("valid", None), ("valid", None)]
    assert list(found.table().execute()["customer_id"]) == ["b", "c"]


def test_the_newest_valid_decision_counts_and_of_one_day_the_one_further_down():
    found = judged(
        line("a", "S1", decided_on="2024-05-01"),
        line("old_a", "S2", decided_on="2024-04-01"),  # another record of the same customer
        line("b", "S1", decided_on="2024-05-01"),
        line("b", "S2", decided_on="2024-05-01"),
        line("c", "S1"),
        line("c", "S2", decided_on="2024-08-01", until="2024-09-01"),  # ran out: the earlier one holds again
    )
    assert [state for state, _ in states(found)] == ["valid", "superseded", "superseded", "valid", "valid", "expired"]
    assert found.table().execute()[["customer_id", "segment"]].to_numpy().tolist() == [["a", "S1"], ["b", "S2"], ["c", "S1"]]


def test_decisions_after_the_day_that_is_typed_are_not_read():
    found = judged(line("a", decided_on="2024-06-30"), line("b", decided_on="2024-07-01"), decided_until=date(2024, 6, 30))
    assert states(found) == [("valid", None), ("set_aside", "decided_later")]


def test_an_empty_file_holds_no_decision():
    found = judged()
    assert sum(found.counts().values()) == 0
    assert len(found.table().execute()) == len(found.private().execute()) == 0
    assert manual.agreement(found, {"learned": labels(a="S1")})[0]["share"] is None


def test_the_file_is_read_and_its_ids_are_those_of_united_records(workspace):
    text = "\ufeffcustomer_id;segment;role;because;decided_on;until\n a ;S1;sales;contract;2024-03-01;\n"
    text += "raw_b;S2;sales;gift;2024-03-01;2025-01-01\ngone;S1;sales;contract;2024-03-01;\n"
    step = Step(workspace, text, separator=";", identity={"raw_id": ["raw_b", "b", "a"], "customer_id": ["b", "b", "a"]})
    found = manual.read(step, ["S1", "S2"])
    assert states(found) == [("valid", None), ("valid", None), ("set_aside", "out_of_scope")]
    expected = [["a", "S1", pd.NaT], ["b", "S2", pd.Timestamp("2025-01-01")]]
    pd.testing.assert_frame_equal(
        found.table().execute().astype({"until": "datetime64[us]"}),
        pd.DataFrame(expected, columns=["customer_id", "segment", "until"]).astype({"until": "datetime64[us]"}),
        check_dtype=False,
    )
    assert list(found.private().execute()["raw_id"]) == ["a", "raw_b", "gone"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.csv", "", "there is no such file"),
        ("../other.csv", "", "outside the folder of the project"),
        ("overrides.csv", "customer,segment\na,S1\n", "lacks the columns customer_id, role, because, decided_on"),
        ("overrides.csv", "", "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(name, text, message, workspace):
    with pytest.raises(NinefoldError, match=message) as raised:
        manual.read(Step(workspace, text, name=name), ["S1"])
    assert "field build.manual.file" in str(raised.value)


def test_no_file_named_means_no_decisions(workspace):
    step = Step(workspace, "")
    step.project = project.load("complete_journey")
    assert manual.read(step, ["S1"]) is None


# Beside the other levels


def labels(**by_customer):
    return ibis.memtable({"customer_id": list(by_customer), "segment": list(by_customer.values())})


@pytest.mark.skipif(not hasattr(documents, "json_schema"), reason="documents of format 2 are not there yet")
def test_a_valid_decision_replaces_the_segment_of_the_document():
    rules = {"define": {}, "rules": [{"segment": "S1", "name": "big", "when": {"variable": "x", "at_least": 5}}], "otherwise": "S2"}
    variables = [{"name": "x", "kind": "number", "missing": None, "steps": []}]
    segments = [{"id": id_, "name": None, "colour": ""} for id_ in ("S1", "S2")]
    document = {"format": 2, "version": 1, "key": "customer_id", "variables": variables, "segments": segments}
    table = ibis.memtable({"customer_id": ["a", "b", "c"], "x": [9.0, 9.0, 1.0]})
    found = judged(line("a", "S2"), line("b", "S2", until="2024-09-01"), line("c", "S1"))
    placed = documents.apply(document | {"assign": {"first_match": rules}}, table, as_of=AS_OF, overrides=found.table())
    assert dict(placed.select("customer_id", "segment").execute().itertuples(index=False)) == {"a": "S2", "b": "S1", "c": "S1"}


def test_agreement_is_the_share_of_decisions_that_a_level_would_have_made_too():
    found = judged(line("a", "S1"), line("b", "S1"), line("c", "S2"), line("d", "S2", until="2024-04-01"))
    learned, rules = labels(a="S1", b="S2", c="S2", d="S2"), labels(a="S2")
    learned, rules = manual.agreement(found, {"learned": learned, "rules": rules})
    assert (learned["name"], learned["n"], learned["same"]) == ("learned", 3, 2)  # d ran out
    assert (learned["low"], learned["high"]) == pytest.approx((0.2077, 0.9385), abs=1e-4)  # Wilson 1927, 2 of 3
    assert (rules["n"], rules["same"]) == (1, 0)


def test_the_segments_of_another_cut_are_taken_for_those_that_hold_most_of_them():
    published = labels(a="S1", b="S1", c="S2", d="S2", e="S3")
    other = labels(a="S2", b="S2", c="S2", d="S1", e="S1")  # its S1 is split evenly between S2 and S3: the first by id
    found = manual.aligned(other, published).order_by("customer_id").execute()
    assert list(found["segment"]) == ["S1", "S1", "S1", "S2", "S2"]


def test_a_decision_came_true_where_the_customer_was_learned_to_be_there_later():
    found = judged(line("a", "S1"), line("b", "S1"), line("c", "S1"), line("d", "S1", decided_on="2024-09-01"))
    then = labels(a="S2", b="S2", c="S1", d="S2", e="S2", f="S2")
    now = labels(a="S1", b="S2", c="S1", d="S1", e="S1", f="S2")
    whole, first = manual.came_true(found, then, now, before=datetime(2024, 7, 1))
    assert {key: whole[key] for key in ("segment", "n", "became")} == {"segment": "", "n": 2, "became": 1}  # c was there, d came after
    assert first["segment"] == "S1"
    assert whole["chance"] == pytest.approx(2 / 3)  # of d, e and f two moved by themselves


# Learning


def company(seed=0, n=400):
    """Firms buy more; every tenth customer is one."""
    draw = np.random.default_rng(seed)
    firm = np.arange(n) % 10 == 0
    spend = np.where(firm, 200, 50) + draw.normal(0, 10, n)
    ids = [f"c{i:04d}" for i in range(n)]
    return pd.DataFrame(
        {"customer_id": ids, "spend_per_30d": spend, "noise": draw.normal(size=n), "kind": np.where(firm, "firm", "person")}
    )


COLUMNS = {
    "spend_per_30d": Column("spend_per_30d", "number", "value", True),
    "noise": Column("noise", "number", "value", True),
    "kind": Column("kind", "category", "demographic", False),
}


def decided(frame, chosen, segment="S1"):
    """The first half of those chosen before July, the others after."""
    half = len(chosen) // 2
    days = ["2024-05-01"] * half + ["2024-08-01"] * (len(chosen) - half)
    lines = [line(c, segment, decided_on=day) for c, day in zip(chosen, days, strict=True)]
    typed = pd.DataFrame(lines, columns=HEADING, dtype="object")
    return manual.checked(typed, {c: (c, True) for c in frame["customer_id"]}, {"S1", "S2"}, as_of=AS_OF)


def suggestions(frame, found):
    plan = project.load("complete_journey")
    published = ibis.memtable({"customer_id": frame["customer_id"], "segment": np.where(frame["kind"] == "firm", "S1", "S2")})
    return manual_rules.suggested(found, ibis.memtable(frame), COLUMNS, published, plan, before=datetime(2024, 7, 1))


def test_decisions_that_follow_a_rule_are_suggested_as_that_rule():
    frame = company()
    firms = frame.loc[frame["kind"] == "firm", "customer_id"].tolist()
    (found,) = suggestions(frame, decided(frame, firms[:30]))
    assert found["verdict"] == "suggested"
    assert (found["learned"], found["n"], found["hits"]) == (15, 15, 15)
    assert found["condition"]["variable"] in ("spend_per_30d", "kind")
    assert found["low"] == pytest.approx(0.796, abs=1e-3)  # Wilson 1927, 15 of 15
    assert found["chance"] == pytest.approx(40 / 400)  # the ten firms nobody decided for are 2.7% of the others; the segment has 10%


def test_decisions_by_whim_are_suggested_no_more_than_once_in_twenty():
    verdicts = []
    for seed in range(20):
        frame = company(seed).set_index("customer_id")
        chosen = np.random.default_rng(100 + seed).permutation(frame.index)[:60]
        people, others = frame.loc[chosen], frame.drop(chosen)
        parts = manual_rules.learned(people[:30], others, list(COLUMNS.values()))
        late = pd.DataFrame({"customer_id": chosen[30:], "segment": "S1"})
        verdicts.append(manual_rules.tried(parts, people, others, late, "S1", size=0.1, least=10)["verdict"] if parts else "no rule")
    assert verdicts.count("suggested") <= 1
    assert len(verdicts) - verdicts.count("no rule") >= 10  # noise gives rules, and later decisions do not follow them


def test_too_few_decisions_tell_nothing():
    frame = company()
    firms = frame.loc[frame["kind"] == "firm", "customer_id"].tolist()
    (few,) = suggestions(frame, decided(frame, firms[:18]))  # nine to learn from
    assert (few["verdict"], few["condition"], few["n"]) == ("cannot tell", None, 0)
    (late,) = suggestions(frame, decided(frame, firms[:20]))
    assert (late["verdict"], late["n"]) == ("suggested", 10)


def test_a_customer_decided_for_before_is_no_later_test():
    frame = company()
    firms = frame.loc[frame["kind"] == "firm", "customer_id"].tolist()
    before = [line(c, decided_on="2024-05-01") for c in firms[:15]]
    again = [line(c, decided_on="2024-08-01") for c in firms[:15]]
    typed = pd.DataFrame([*before, *again], columns=HEADING, dtype="object")
    found = manual.checked(typed, {c: (c, True) for c in firms}, {"S1"}, as_of=AS_OF)
    (one,) = suggestions(frame, found)
    assert (one["n"], one["verdict"]) == (0, "cannot tell")


# The page


def test_the_page_counts_and_never_names_a_customer(in_english):
    frame = company()
    ids = frame["customer_id"].tolist()
    found = decided(frame, ids[:40])
    table = manual_page.manual_table(found, SEGMENTS)
    assert table.frame.to_numpy().tolist() == [["Key accounts", "sales", 40, 0, 0]]
    assert manual_page.manual_words(found) == "Manual decisions: 40 valid, 0 run out, 0 overtaken by a newer one and 0 set aside."
    lines = suggestions(frame, decided(frame, frame.loc[frame["kind"] == "firm", "customer_id"].tolist()[:30]))
    tables = [table, manual_page.suggestions_table(lines, SEGMENTS, COLUMNS), manual_page.set_aside_table(judged(line("stranger")))]
    pages = "".join(map(as_html, tables)) + "".join(manual_page.suggestions_words(lines, SEGMENTS))
    assert not any(customer in pages for customer in ids)
    assert "stranger" not in pages
    assert "For “Key accounts” a rule foresees what people decide" in pages


def test_few_decisions_are_not_told(in_english):
    found = judged(*(line(c) for c in "abc"), line("d", until="2024-04-01"), line("nobody"))
    assert "&lt;\u202f10" in as_html(manual_page.manual_table(found, SEGMENTS))
    assert manual_page.manual_words(found).startswith("Manual decisions: fewer than 10 valid, fewer than 10 run out")
    (told,) = manual_page.agreement_words(manual.agreement(found, {"learned": labels(a="S1", b="S1", c="S1")}))
    assert told == "Whether the learned segments agree with people cannot be told: fewer than 10 decisions."
    came = manual.came_true(found, labels(a="S2"), labels(a="S1"), before=AS_OF)
    assert "cannot be told" in manual_page.came_true_words(came)


def test_agreement_is_said_with_its_interval(in_english):
    told = manual_page.agreement_words([{"name": "rules"} | manual.share_of(30, 40, "same")])
    assert told == ["Of 40 customers whom people placed, the rules place 75% alike (95% interval 60% to 86%)."]
    came = [{"segment": "", "chance": 0.05} | manual.share_of(20, 40, "became")]
    assert manual_page.came_true_words(came) == (
        "Of 40 customers placed elsewhere than learned, 50% were later learned to be there (95% interval 35% to 65%; of other "
        "customers 5%)."
    )
