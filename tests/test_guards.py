"""From segment to list: each guard on rows whose end can be seen by eye."""

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import AS_OF, orders, project, rows_of, table

from helpers import NinefoldError, target
from helpers.project.checks import check_segments
from helpers.target import addresses, guards

CHANNELS = {
    "email": {"name": "e-mail", "cost": 0.03},
    "sms": {"name": "text message", "cost": 0.07},
    "mail": {"name": "letter", "cost": 0.85},
    "till": {"name": "coupon at the till", "cost": 0.0},
}


def offer(channel="till", name="a booklet", **more):
    return {"offer": name, "message": "Yours", "channel": channel} | more


def plan_of(offers=None, *, build=None, min_cell=10, **more):
    fields = {"campaign": "winter", "channels": CHANNELS, "control_share": 1e-9, "universal_control": 0.0}
    fields |= {"offers": offers if offers is not None else {"S1": offer(), "S2": offer(name="a cake")}} | more
    return project(target=fields, seed=7, min_cell=min_cell, **({"build": build} if build else {}))


def members_of(**segments):
    rows = [(one, segment) for segment, ids in segments.items() for one in ids]
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "segment"]).astype("string"))


def crowd(n, segment="S1"):
    return members_of(**{segment: [f"c{i}" for i in range(n)]})


def records(columns, *rows):
    return table("customers", columns, *rows)


def known(plan, members, *, sold=None, **more):
    tables = {"orders": sold if sold is not None else orders(("a", "o1", "09-01", 10))} | more.pop("checked", {})
    return guards.facts(plan, members, as_of=AS_OF, checked=tables, **more)


def ends(plan, members, facts):
    judged = guards.judge(members, plan, facts)
    return {(row.customer_id, row.offer): None if pd.isna(row.stopped) else row.stopped for row in rows_of(judged).itertuples()}


# Consents, addresses, suppression, cap, welcome


def test_each_guard_stops_whom_it_is_there_for_and_the_first_one_is_named(tmp_path, monkeypatch):
    plan = plan_of({"S1": offer("email")}, suppressed="never.csv", cap={"at_most": 2, "within_days": 30})
    suppress(tmp_path, monkeypatch, plan, "d\n")
    said = [(one, "email", "marketing", True, "09-01") for one in "abdef"]
    mailed = [("e", "x", "09-10", "test"), ("e", "y", "09-20", "test"), ("f", "x", "09-10", "test"), ("f", "y", "09-20", "Control ")]
    facts = known(
        plan,
        members_of(S1="abcdef"),
        records=records("customer_id email", *((one, f"{one}@shop.example") for one in "acdef"), ("b", "b at shop")),
        checked={
            "consents": table("consents", "customer_id channel purpose granted updated_at", *said),
            "contacts": table("contacts", "customer_id campaign_id sent_at arm", *mailed, ("a", "z", "08-01", "test")),
        },
    )
    found = {one: stopped for (one, _), stopped in ends(plan, members_of(S1="abcdef"), facts).items()}
    assert found == {"a": None, "b": "no address", "c": "no consent", "d": "suppressed", "e": "cap", "f": None}


def test_a_contact_on_the_first_day_of_the_cap_counts_and_one_before_does_not():
    plan = plan_of({"S1": offer()}, cap={"at_most": 1, "within_days": 30})
    first = (AS_OF - timedelta(days=30)).strftime("%m-%d")
    before = (AS_OF - timedelta(days=31)).strftime("%m-%d")
    mailed = table("contacts", "customer_id campaign_id sent_at", ("a", "x", first), ("b", "x", before), (None, "x", first))
    facts = known(plan, members_of(S1="ab"), checked={"contacts": mailed})
    assert ends(plan, members_of(S1="ab"), facts) == {("a", "S1"): "cap", ("b", "S1"): None}


def test_newsletters_of_the_last_days_are_counted_beside_the_cap():
    kinds = [("a", "09-10", "sent"), ("a", "09-20", "sent"), ("b", "09-20", "opened"), ("b", "08-01", "sent"), ("x", "09-20", "sent")]
    events = table("events", "customer_id occurred_at kind", *kinds)
    plan, members = plan_of(cap={"at_most": 4, "within_days": 30}), members_of(S1="ab", S2="cd")
    assert known(plan, members, checked={"events": events}).newsletters == 0.5 and known(plan, members).newsletters is None


def test_a_welcome_goes_to_prospects_new_and_dormant_customers_and_never_to_regular_or_loyal_ones():
    plan = plan_of({"S1": offer(kind="welcome"), "S2": offer(name="a cake")})
    sold = orders(
        ("regular", "o1", "05-01", 10),
        ("regular", "o2", "08-01", 10),
        ("new", "o3", "09-01", 10),
        ("dormant", "o4", "02-01", 10),
        ("refunded", "o5", "04-01", -5),  # gave back what is not in the history: never bought
        ("other", "o6", "05-01", 10),
        ("other", "o7", "08-01", 10),
    )
    members = members_of(S1=["regular", "new", "dormant", "refunded", "prospect"], S2=["other"])
    found = {one: stopped for (one, _), stopped in ends(plan, members, known(plan, members, sold=sold)).items()}
    assert found.pop("regular") == "welcome"
    assert found == dict.fromkeys(("new", "dormant", "refunded", "prospect", "other"))


def test_what_the_data_do_not_tell_stops_nobody_and_keeps_the_list_a_draft():
    plan = plan_of({"S1": offer("mail"), "S2": offer("till", name="a cake")})
    members = members_of(S1="a", S2="b")
    facts = known(plan, members)
    assert set(ends(plan, members, facts).values()) == {None}
    assert guards.untold(plan, facts) == ["postal"] and guards.lacking(facts, plan) == [guards.NO_ADDRESSES]
    here = known(plan, members, records=records("customer_id street postcode", ("a", "1 rue Haute", "75001"), ("b", None, "75001")))
    assert guards.lacking(here, plan) == [] and set(ends(plan, members, here).values()) == {None}  # b takes a coupon at the till


def test_what_is_typed_of_a_channel_goes_before_its_name():
    typed = plan_of({"S1": offer("mail")}, channels={"mail": {"name": "newsletter", "cost": 0, "needs": "email"}})
    assert addresses.needs_of(typed, "mail") == "email"
    kinds = [addresses.needs_of(plan_of(), one) for one in ("email", "sms", "mail", "till")]
    assert kinds == ["email", "mobile", "postal", "none"]


# Addresses


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("0033612345678", "+33612345678"),
        ("612345678", "+33612345678"),
        ("+44 20 7946 0958", "+442079460958"),
        ("0000000000", None),
        ("06 12", None),
        ("not known", None),
    ],
)
def test_telephones_written_in_many_ways_are_one(typed, expected):
    found = records("customer_id phone", ("a", typed)).mutate(plain=lambda t: addresses.phone_plain(t.phone)).execute()
    assert [None if pd.isna(one) else one for one in found["plain"]] == [expected]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" Zoe.Roy@Shop.Example ", "zoe.roy@shop.example"),
        ("mailto:zoe@shop.example", "zoe@shop.example"),
        ("zoe@shop", None),
        ("a@b.fr;c@d.fr", None),
        ("test@shop.example", None),
        ("", None),
    ],
)
def test_an_address_that_no_mail_reaches_is_none(typed, expected):
    found = records("customer_id email", ("a", typed)).mutate(plain=lambda t: addresses.email_plain(t.email)).execute()
    assert [None if pd.isna(one) else one for one in found["plain"]] == [expected]


def test_of_several_records_the_newest_valid_address_counts_and_a_postal_one_is_never_put_together_from_two():
    rows = records(
        "customer_id email phone street postcode city updated_at",
        ("b1", "new@shop", "01 44 55 66 77", None, "69000", "Lyon", "09-01"),  # newest: no valid e-mail, a street missing
        ("a1", "old@shop.example", "06 12 34 56 78", "1 rue Haute", "75001", None, "08-01"),
        ("a2", "older@shop.example", None, "2 rue Basse", "13001", "Marseille", "07-01"),
    )
    identity = ibis.memtable({"raw_id": ["a1", "a2", "b1"], "customer_id": ["a1", "a1", "a1"]})
    found = addresses.contact_points(rows, identity).execute().iloc[0]
    assert found["customer_id"] == "a1" and found["email"] == "old@shop.example"
    assert (found["phone_plain"], found["mobile_plain"]) == ("+33144556677", "+33612345678")
    assert (found["street"], found["postcode"]) == ("1 rue Haute", "75001") and pd.isna(found["city"])


def test_an_address_that_very_many_share_is_nobodys():
    rows = records("customer_id email", *((f"c{i}", "desk@shop.example") for i in range(21)), ("d", "d@shop.example"))
    found = rows_of(addresses.contact_points(rows))
    assert found.loc[found["email"].notna(), "customer_id"].tolist() == ["d"]
    assert addresses.contact_points(None) is None


# Never contacted


def suppress(tmp_path, monkeypatch, plan, text, encoding="utf-8"):
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    place = (tmp_path / plan.file).parent
    place.mkdir(parents=True, exist_ok=True)
    (place / "never.csv").write_bytes(text.encode(encoding))


def test_an_id_of_any_source_an_e_mail_address_or_a_telephone_names_a_person(tmp_path, monkeypatch):
    plan = plan_of(suppressed="never.csv")
    suppress(
        tmp_path, monkeypatch, plan, '\ufeffidentifiant\n\nshop:9\n"B@Shop.Example"\n+33 6 12 34 56 78\nnobody@shop.example\nx;y\nZ99\n'
    )
    rows = records(
        "customer_id email phone",
        ("a", "a@shop.example", None),
        ("shop:9", None, None),
        ("b", "b@shop.example", None),
        ("c", None, "0612345678"),
    )
    identity = ibis.memtable({"raw_id": ["a", "shop:9", "b", "c"], "customer_id": ["a", "a", "b", "c"]})
    found = addresses.suppressed(plan, rows, identity, members_of(S1="abcd"))
    assert rows_of(found.customers)["customer_id"].tolist() == ["a", "b", "c"]
    assert (found.lines, found.found, found.unknown, found.unreadable) == (6, 3, 2, 1)


def test_without_records_ids_alone_are_known_and_without_a_file_nobody_is_stopped(tmp_path, monkeypatch):
    plan = plan_of(suppressed="never.csv")
    suppress(tmp_path, monkeypatch, plan, "a\n007\n")
    found = addresses.suppressed(plan, None, None, members_of(S1=["a", "7", "007"]))
    assert rows_of(found.customers)["customer_id"].tolist() == ["007", "a"]
    assert addresses.suppressed(plan_of(), None, None, members_of(S1="a")) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.csv", "target.suppressed is 'gone.csv', and there is no such file: whom it names would be contacted"),
        ("../never.csv", "lies outside the folder of the project"),
    ],
)
def test_a_suppression_file_that_is_not_there_stops_the_step(tmp_path, monkeypatch, name, message):
    plan = plan_of(suppressed=name)
    suppress(tmp_path, monkeypatch, plan, "a\n")
    with pytest.raises(NinefoldError, match=message):
        addresses.suppressed(plan, None, None, members_of(S1="a"))


def test_a_suppression_file_in_another_encoding_stops_the_step(tmp_path, monkeypatch):
    plan = plan_of(suppressed="never.csv")
    suppress(tmp_path, monkeypatch, plan, "é\n", encoding="cp1252")
    with pytest.raises(NinefoldError, match="which is not UTF-8 text"):
        addresses.suppressed(plan, None, None, members_of(S1="a"))


# Rules beside segments, one message a person


RULES = {"rules": [{"name": "vip", "when": "spend_per_30d >= 100"}, {"name": "asleep", "when": "recency_days > 60", "segment": False}]}


def people(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "spend_per_30d", "recency_days"])
    return ibis.memtable(frame.astype({"spend_per_30d": "float64", "recency_days": "float64"}))


def test_who_fits_several_offers_gets_the_first_that_they_may_get():
    also = {"vip": offer("email", "a tasting"), "asleep": offer(name="a return")}
    plan = plan_of(also=also, build=RULES)
    members = members_of(S1=["both", "none", "no_mail"], S2=["asleep"])
    there = people(("both", 200, 90), ("none", 10, np.nan), ("no_mail", 300, 5), ("asleep", 1, 61))
    said = table("consents", "customer_id channel purpose granted updated_at", *((i, "till", "marketing", True, "09-01") for i in
                 ("both", "none", "no_mail", "asleep")), ("both", "email", "marketing", True, "09-01"))  # fmt: skip
    facts = known(plan, members, customers=there, checked={"consents": said})
    assert ends(plan, members, facts) == {
        ("both", "vip"): None,
        ("both", "asleep"): "another first",
        ("both", "S1"): "another first",
        ("none", "S1"): None,  # a missing value fulfils no comparison
        ("no_mail", "vip"): "no consent",
        ("no_mail", "S1"): None,
        ("asleep", "asleep"): None,
        ("asleep", "S2"): "another first",
    }
    drawn = rows_of(target.draw(members, plan, status="READY", facts=facts))
    assert dict(zip(drawn["customer_id"], drawn["offer"], strict=True)) == {
        "asleep": "asleep",
        "both": "vip",
        "no_mail": "S1",
        "none": "S1",
    }
    assert drawn["reason"].tolist() == ["rule", "rule", "segment", "segment"]
    assert guards.several(guards.judge(members, plan, facts)) == 2


def test_the_typed_priority_goes_first():
    plan = plan_of(also={"vip": offer(name="a tasting")}, priority=["S2", "vip"], build=RULES)
    assert guards.order_of(plan) == ["S2", "vip", "S1"]
    members, there = members_of(S1="a", S2="bc"), people(("a", 200, 1), ("b", 200, 1), ("c", 1, 1))
    drawn = rows_of(target.draw(members, plan, status="DRAFT", facts=known(plan, members, customers=there)))
    assert drawn["offer"].tolist() == ["vip", "S2", "S2"]


# Versions


def test_versions_share_out_those_contacted_and_nobody_changes_when_others_join():
    plan = plan_of({"S1": offer()}, versions={"a": {"share": 0.5}, "b": {"share": 0.3}, "c": {"share": 0.2}}, control_share=0.3)
    many = rows_of(target.draw(crowd(10_000), plan, status="DRAFT"))
    few = rows_of(target.draw(crowd(500), plan, status="DRAFT"))
    contacted = many[many["arm"] == "contact"]
    assert many.loc[many["arm"] != "contact", "version"].isna().all() and contacted["version"].notna().all()
    shares = contacted["version"].value_counts(normalize=True)
    assert shares["a"] == pytest.approx(0.5, abs=0.025) and shares["b"] == pytest.approx(0.3, abs=0.025)  # four standard errors
    both = few.merge(many, on="customer_id")
    assert both["version_x"].astype(str).tolist() == both["version_y"].astype(str).tolist()


# Send to everyone


def test_the_same_message_to_every_segment_is_refused():
    plan, members = plan_of({"S1": offer(), "S2": offer()}), members_of(S1="a", S2="b")
    with pytest.raises(NinefoldError, match=r"says the same to every segment \(S1, S2\).*one mailing to everyone"):
        known(plan, members)
    known(plan, members_of(S1="a", S2="b", S3="c"))  # one segment is left alone: that is a choice
    known(plan_of({"S1": offer()}), members_of(S1="ab"))  # and one segment is not every one


def test_a_rule_that_everybody_fits_is_refused():
    plan = plan_of(also={"vip": offer(name="a tasting")}, build=RULES)
    with pytest.raises(NinefoldError, match="target.also.vip has an offer for everybody: all 2 customers fit the rule vip"):
        known(plan, members_of(S1="a", S2="b"), customers=people(("a", 200, 1), ("b", 100, 1)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"also": {"vib": offer()}}, "target.also names 'vib', which is no rule of build.rules .* Did you mean vip?"),
        ({"also": {"vip": offer("pigeon")}}, "target.also.vip.channel has the value 'pigeon', which is not in target.channels"),
        ({"priority": ["S3"]}, "target.priority names 'S3', for which no offer is typed"),
        ({"cap": {"at_most": 0}}, "target.cap.at_most is 0: nobody could ever be contacted"),
        ({"offers": {f"S{n}": offer() for n in range(1, 6)}}, "says the same to every segment"),
    ],
)
def test_a_target_that_cannot_be_is_refused_when_it_is_read(more, message):
    with pytest.raises(NinefoldError, match=message):
        check_segments(plan_of(**({"build": RULES} | more)))
