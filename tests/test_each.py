"""A report for each value of a column: who belongs to a value, what is refused, and how one failure leaves the others alone."""

import json
import sys
from datetime import date

import pytest
from small_shop import TILL, opened, refusal, rows

from helpers import each, project, run
from helpers.each import page as pages
from helpers.each.columns import By, column_of, slug
from helpers.each.overview import found
from helpers.each.page import claim, remark, row, shareable
from helpers.each.parts import Part, least_of, members, parts, write
from helpers.engine import Engine

CRM = {
    "table": "customers",
    "file": "crm.csv",
    "ids": "crm",
    "columns": {"customer_id": "no", "country": "land", "created_at": "since"},
}
NAMED = CRM | {"columns": CRM["columns"] | {"email": "mail", "last_name": "name"}}
ACCOUNTS = {"table": "customers", "file": "accounts.csv", "ids": "shop", "columns": {"customer_id": "account", "email": "mail"}}
LINES = """\
client,ticket,at,paid,way
1,T1,2024-01-05 09:00:00,5.00,web
1,T2,2024-01-06 09:00:00,6.00,till
2,T3,2024-02-01 09:00:00,7.00,web
3,T4,2024-02-02 09:00:00,8.00,till
9,T5,2024-02-03 09:00:00,9.00,
,T6,2024-02-03 10:00:00,4.00,web
4,T7,2024-03-02 09:00:00,3.00,web
"""
PEOPLE = """\
no,land,mail,name,since
1,Österreich,a@x.org,Adler,2023-01-01
2,Osterreich,b@x.org,Berger,2023-01-01
3,,c@x.org,Celik,2023-01-01
4,Österreich,d@x.org,Dorn,2024-03-02
5,Österreich,e@x.org,Eder,2023-01-01
"""
VISITS = {"table": "events", "file": "visits.csv", "columns": {"customer_id": "who", "occurred_at": "at", "kind": "kind"}}
SEEN = "who,at,kind\n1,2024-01-04 10:00:00,visit\n2,2024-01-30 10:00:00,visit\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The shop with five records, six identified order lines before as_of, two visits."""
    make = opened(tmp_path, monkeypatch)
    till = TILL | {"columns": TILL["columns"] | {"channel": "way"}}
    files = {"till.csv": LINES, "crm.csv": PEOPLE, "visits.csv": SEEN}

    def begin(crm=CRM, **more):
        return make({"crm": crm | {"ids": "till"}, "till": till | {"ids": "till"}, "visits": VISITS | {"ids": "till"}}, files, **more)

    begin.place, begin.make, begin.till = make.place, make, till
    return begin


def in_parts(engine, typed, least=1):
    by = column_of(engine.project, typed)
    table = members(engine, by)
    made = parts(table, engine.project, by, least)
    for part in made:
        write(part, table, engine.project, by, engine)
    return by, made


def part_of(engine, name):
    plan = project.load(f"shop/each/{name}")
    return Engine(plan, engine.as_of)


def test_a_value_of_an_attribute_holds_the_rows_of_its_people_in_every_table(shop):
    engine = shop()
    _, made = in_parts(engine, "country")
    assert [(p.value, p.slug, p.customers) for p in made] == [
        (None, "none", 2),
        ("Osterreich", "osterreich", 1),
        ("Österreich", "osterreich-2", 1),
    ]
    austria = part_of(engine, "country/osterreich-2")
    assert rows(austria.source("orders"), "customer_id", "order_id") == [("1", "T1"), ("1", "T2")]
    assert rows(austria.records(), "customer_id") == [("1",), ("5",)]  # who never bought is described; record 4 is of after as_of
    assert rows(austria.source("events"), "customer_id") == [("1",)]
    nowhere = part_of(engine, "country/none")
    assert rows(nowhere.source("orders"), "customer_id") == [("3",), ("9",)]  # without a country, and without a record
    assert rows(nowhere.source("events"), "customer_id") == []  # an empty table is no fault in a part


def test_a_value_of_orders_holds_its_order_lines_and_everything_else_of_who_ordered_so(shop):
    engine = shop()
    by, made = in_parts(engine, "channel")
    assert by.table == "orders" and [(p.value, p.customers) for p in made] == [("till", 2), ("web", 2), (None, 1)]
    web = part_of(engine, "channel/web")
    assert rows(web.source("orders"), "order_id") == [("T1",), ("T3",), ("T6",)]  # T6 names nobody: step 3 sets it aside and counts it
    assert rows(web.records(), "customer_id") == [("1",), ("2",)]
    assert rows(part_of(engine, "channel/none").source("orders"), "order_id") == [("T5",)]


def test_an_attribute_is_that_of_the_united_person_whatever_numbering_the_order_has(shop):
    till = shop.till | {"ids": "shop"}
    files = {
        "till.csv": "client,ticket,at,paid,way\nA,T1,2024-01-05 09:00:00,5.00,web\nB,T2,2024-01-06 09:00:00,6.00,web\n",
        "crm.csv": PEOPLE,
        "accounts.csv": "account,mail\nA,a@x.org\nB,nobody@x.org\n",
    }
    matching = {"matching": {"exact": [["email"]], "compare": []}}
    engine = shop.make({"crm": NAMED, "accounts": ACCOUNTS, "till": till}, files, collect=matching)
    by = column_of(engine.project, "country")
    found_ = rows(members(engine, by), "customer_id", "value_", "bought_")
    first = next(iter(engine.project.collect.sources.values())).ids  # the numbering typed first keeps its ids bare
    a, b, one = ("A", "B", "crm:1") if first == "shop" else ("shop:A", "shop:B", "1")
    assert (a, "Österreich", True) in found_ and (one, "Österreich", True) in found_ and (b, None, True) in found_


def test_what_is_typed_about_everybody_is_left_out_and_the_title_names_the_value(shop):
    totals = [{"month": date(2024, 1, 1), "revenue": 11.0}]
    names = {"S1": {"name": "Fans", "expect": {"orders_per_30d": "high"}}, "S2": {"name": "Others"}}
    engine = shop(collect={"control_totals": totals}, build={"segments": names}, title={"en": "Shop", "fr": "Boutique"})
    in_parts(engine, "country")
    plan = project.load("shop/each/country/osterreich-2")
    assert plan.title == {"en": "Shop · Österreich", "fr": "Boutique · Österreich"}
    assert (plan.collect.control_totals, list(plan.build.segments)) == ([], ["S1"])
    assert (plan.file, plan.base.name, plan.folder.name) == ("data/shop/project.yml", "shop", "osterreich-2")
    assert project.load("shop/each/country/none").title["en"] == "Shop · country: –"


def test_a_run_records_the_list_of_ids_that_it_rests_on(shop):
    engine = shop()
    in_parts(engine, "country")
    listed = part_of(engine, "country/none").inputs()
    assert [name for name in listed if name.startswith("each/")] == ["each/country/none/customers.parquet", "each/country/none/only.json"]
    assert listed["till.csv"] == shop.place / "till.csv"


def test_the_same_data_give_the_same_list_of_ids_byte_for_byte(shop):
    engine = shop()
    in_parts(engine, "country")
    paths = sorted((shop.place / "each").glob("country/*/customers.parquet"))
    before = [run.digest(path) for path in paths]
    in_parts(shop(), "country")
    assert len(before) == 3 and [run.digest(path) for path in paths] == before


def test_a_value_keeps_its_folder_when_another_that_looks_alike_goes(shop):
    in_parts(shop(), "country")
    (shop.place / "each/country/none/only.json").write_text("{")  # half written: it is written anew
    (shop.place / "crm.csv").write_text(PEOPLE.replace("2,Osterreich", "2,Schweiz"), encoding="utf-8")
    plan = project.load("shop")
    _, made = in_parts(Engine(plan, project.instant(None, plan)), "country")
    assert {p.value: p.slug for p in made} == {None: "none", "Schweiz": "schweiz", "Österreich": "osterreich-2"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Île-de-France", "ile-de-france"),
        ("Straße 7/8", "strasse-7-8"),
        ("..", "value"),
        ("日本", "value"),
        (None, "none"),
        ("None", "none"),
    ],
)
def test_a_folder_is_named_in_plain_letters(value, name):
    assert slug(value) == name


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("contry", "Did you mean country?"),
        ("email", "It says who or where somebody is"),
        ("customer_id", "is no column of customers or orders"),
        ("events.kind", "is no column of customers or orders"),
        ("orders.amount", "holds measurements or moments"),
    ],
)
def test_a_column_that_cannot_divide_a_project_is_refused_with_its_remedy(shop, typed, told):
    engine = shop(crm=NAMED)
    assert told in refusal(lambda: members(engine, column_of(engine.project, typed)))


def test_a_special_category_without_a_basis_divides_nobody(shop):
    crm = CRM | {"columns": CRM["columns"] | {"faith": "religion"}, "ids": "till"}
    engine = shop.make({"crm": crm}, {"crm.csv": PEOPLE.replace("since\n", "since,religion\n")})
    assert "special category" in refusal(lambda: column_of(engine.project, "faith"))


def test_more_than_fifty_values_are_refused_with_their_number(shop):
    lines = "".join(f"{n},T{n},2024-01-05 09:00:00,5.00,way {n}\n" for n in range(5000))
    engine = shop.make({"till": shop.till}, {"till.csv": "client,ticket,at,paid,way\n" + lines})
    told = refusal(lambda: members(engine, column_of(engine.project, "channel")))
    assert "has 5,000 values, and at most 50 are run" in told


def test_values_with_few_customers_are_left_out_and_one_more_where_the_few_could_be_worked_out(shop):
    engine = shop(min_cell=2)
    by = column_of(engine.project, "channel")
    table = members(engine, by)
    assert [(p.value, p.state) for p in parts(table, engine.project, by, 2)] == [("till", "waiting"), ("web", "shielding"), (None, "few")]
    assert least_of(engine.project, None) == 90  # three segments of 30
    assert "below 6" in refusal(lambda: least_of(engine.project, 5))


def test_a_part_is_not_measured_later_than_its_list_of_people_was_made(shop):
    engine = shop()
    in_parts(engine, "country")
    plan = project.load("shop/each/country/none")
    told = refusal(lambda: Engine(plan, project.instant("2024-03-02", plan)))
    assert "was found out as of 2024-03-01" in told and "make report-each PROJECT=shop BY=country AS_OF=2024-03-02" in told


def test_a_part_that_nobody_has_made_and_a_part_of_a_part_are_refused(shop):
    engine = shop()
    assert "Run `make report-each PROJECT=shop BY=country`" in refusal(lambda: project.load("shop/each/country/france"))
    in_parts(engine, "country")
    assert "is a part itself: divide shop" in refusal(lambda: column_of(project.load("shop/each/country/none"), "country"))


def report_of(fails=()):
    """A runner that publishes a page with three customers, or fails."""

    def work(name, as_of, language, log, progress):
        if name.rpartition("/")[2] in fails:
            return "Step 03_collect stopped. The customer '4711' stands twice.\nMore."
        plan = project.load(name)
        base, pages = plan.folder / "runs/2024-03-01/0001", plan.folder.parents[4] / "reports" / name / "2024-03-01/0001"
        (base / "06_build").mkdir(parents=True, exist_ok=True)
        pages.mkdir(parents=True, exist_ok=True)
        segment = {"id": "S1", "name": "Fans", "n": 3, "fits": True, "shown": True, "share_of_customers": 1.0}
        run.write_json(base / "06_build" / "profiles.json", {"customers": 3, "segments": [segment]})
        run.write_json(base / "run.json", {})
        run.link(plan.folder.parents[4] / "reports" / name / "latest", pages)
        progress("01 objectives")
        return ""

    return work


def test_one_failure_does_not_stop_the_others_and_the_overview_says_why(shop, capsys):
    shop(min_cell=2, scope={"segments_wanted": 2, "segments_from": 2, "segments_to": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(each, "least_of", lambda plan, typed: 1)
        done = each.each("shop", "channel", runner=report_of(fails=["till"]))
    assert (done.status, [(p.slug, p.state) for p in done.parts]) == (10, [("till", "failed"), ("web", "done"), ("none", "done")])
    page = done.page.read_text(encoding="utf-8")
    assert 'href="web/2024-03-01/0001/index.html"' in page and "Failed: Step 03_collect stopped." in page
    assert "4711" not in page and "4711" in "\n".join(each.told(done))  # what a message quotes stays private
    last = json.loads((shop.place / "each" / "channel" / "last.json").read_text(encoding="utf-8"))
    assert [p["state"] for p in last["parts"]] == ["failed", "done", "done"]
    assert capsys.readouterr().out.count("done") == 2


def test_all_failing_is_a_failure_and_none_large_enough_is_said_before_anything_is_run(shop):
    shop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(each, "least_of", lambda plan, typed: 1)
        assert each.each("shop", "channel", runner=report_of(fails=["till", "web", "none"])).status == 1
    assert "no value of channel in data/shop/project.yml has the 90 customers" in refusal(lambda: each.each("shop", "channel"))


def test_a_report_that_ends_badly_is_told_with_what_it_said(shop, monkeypatch, tmp_path):
    code = "import sys; print('01 objectives   1.0 s'); print('No disk', file=sys.stderr); sys.exit(1)"
    monkeypatch.setattr(each, "HELPERS", ("-c", code))
    engine, lines = shop(), []
    assert each.report("shop", engine.as_of, "en", tmp_path / "log.txt", lines.append) == "No disk"
    assert lines == ["01 objectives 1.0 s"] and "No disk" in (tmp_path / "log.txt").read_text(encoding="utf-8")
    if sys.platform != "win32":
        monkeypatch.setattr(each, "HELPERS", ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
        assert "ended with status -9" in each.report("shop", engine.as_of, "en", tmp_path / "log.txt", lines.append)


def test_a_second_command_for_the_same_column_is_refused(shop):
    engine = shop()
    by = column_of(engine.project, "channel")
    with each._alone(engine.project, by):
        assert "is under way for shop by channel" in refusal(lambda: each.each("shop", "channel"))


def test_nothing_about_few_customers_stands_on_the_overview(shop):
    engine = shop(min_cell=10)
    by, made = in_parts(engine, "channel")
    report_of()("shop/each/channel/till", engine.as_of, "en", None, lambda line: None)
    line = row(found(engine.project, by, made[0].with_(state="done")), by, 90)
    assert line["href"] and line["cells"][:2] == ["–", "–"]  # three customers: neither their number nor the share of a segment


def test_what_a_message_quotes_is_not_shown_and_each_state_is_said():
    assert shareable("The id '4711' and \"x@y.org\" stand twice.\nSecond line") == "The id … and … stand twice."
    few = {"part": Part("Malta", "malta", 2, "few"), "href": "", "as_of": None}
    assert remark(few, 90) == "Left out: fewer than 90 customers."
    listed = [few, {"part": Part("Spain", "spain", 200, "done")}, {"part": Part("Italy", "italy", 200, "failed")}]
    assert claim(listed) == "1 of 3 values have a report of their own. 1 report failed. 1 value was left out."


def test_values_of_hardly_anybody_are_counted_and_not_named():
    by = By("customers", "country", "country")
    parts_ = [
        Part("UK", "uk", 300, "waiting"),
        Part("Spain", "spain", 29, "few"),
        Part("Malta", "malta", 2, "few"),
        Part("Italy", "italy", 15, "few"),
    ]
    listed = [{"part": part, "href": "", "as_of": None} for part in parts_]
    lines = pages.rows(listed, by, 90, 10)
    assert [line["value"] for line in lines] == ["UK", "Italy", "Spain", "1 further value"]
    earlier = {"part": Part("UK", "uk", 300, "failed", "Step 06_build stopped."), "href": "uk/index.html", "as_of": "2024-01-01"}
    assert remark(earlier, 90) == "Failed: Step 06_build stopped. What stands here is of the report as of 1 January 2024."
