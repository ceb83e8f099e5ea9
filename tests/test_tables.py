"""Tables: what the reader sees, what the spreadsheet gets, and what nobody may see."""

import re
from datetime import date
from html.parser import HTMLParser

import pandas as pd
import pytest

from helpers import NinefoldError, tables, words
from helpers.project import Decision
from helpers.tables import Column, Table

N = "\u202f"


class Step:
    """A step in progress that remembers what it was given to keep."""

    class project:
        min_cell = 10

    def __init__(self):
        self.kept = {}

    def keep_table(self, name, payload):
        self.kept[name] = payload

    def keep_summary(self, payload):
        self.kept["summary"] = payload


pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(autouse=True)
def step(monkeypatch):
    running = Step()
    monkeypatch.setattr("helpers.run.current", lambda: running)
    return running


@pytest.fixture
def shown(monkeypatch):
    """The HTML of everything placed on the page."""
    pages = []
    monkeypatch.setattr(tables, "place_on_page", lambda bundle, metadata=None: pages.append(bundle["text/html"]))
    return pages


FRAME = pd.DataFrame(
    {
        "group": ["North <b>", "South", None],
        "n": [1234, 9, 0],
        "part": [0.5, 0.25, None],
        "spend": [1234.567, 20.0, None],
        "moved": [0.032, -0.5, None],
        "since": [date(2017, 10, 1), date(2016, 2, 29), None],
        "kept": [True, False, None],
    }
)
COLUMNS = [
    Column("group", "Group"),
    Column("n", "Households", "count"),
    Column("part", "Share", "share", 1),
    Column("spend", "Spend", "money", 2),
    Column("moved", "Change", "change", 1),
    Column("since", "Since", "date"),
    Column("kept", "Kept"),
]
PLAIN = Table("groups", "Three groups & more", FRAME, COLUMNS, note="All of <2017>.")
MASKED = Table("groups", "Three groups & more", FRAME, COLUMNS, note="All of <2017>.", cell_size="n")


def grid(table: Table) -> list[list[str]]:
    """The texts of a table's cells, row by row, headings first."""

    class Reader(HTMLParser):
        rows: list[list[str]] = []
        inside = False

        def handle_starttag(self, tag, attributes):
            self.inside = tag in ("td", "th") or (self.inside and tag == "span")
            if tag == "tr":
                self.rows.append([])
            elif tag in ("td", "th"):
                self.rows[-1].append("")

        def handle_endtag(self, tag):
            self.inside = self.inside and tag == "span"

        def handle_data(self, data):
            if self.inside:
                self.rows[-1][-1] += data

    reader = Reader()
    reader.rows = []
    reader.feed(tables.as_html(table))
    return reader.rows


def test_every_kind_is_written_in_english():
    assert grid(PLAIN) == [
        ["Group", "Households", "Share", "Spend ($)", "Change", "Since", "Kept"],
        ["North <b>", "1,234", "50.0%", "1,234.57", "+3.2%", "1 October 2017", "yes"],
        ["South", "9", "25.0%", "20.00", "−50.0%", "29 February 2016", "no"],
        ["–", "0", "–", "–", "–", "–", "–"],
    ]


def test_numbers_and_dates_follow_the_language():
    words.use("fr", "EUR")
    assert grid(PLAIN)[0][3] == "Spend (€)"
    assert grid(PLAIN)[1][1:6] == [f"1{N}234", f"50,0{N}%", f"1{N}234,57", f"+3,2{N}%", "1er octobre 2017"]


def test_rows_about_fewer_than_min_cell_customers_are_masked_and_empty_ones_are_not():
    assert grid(MASKED)[1:] == [
        grid(PLAIN)[1],
        ["South", f"<{N}10", *[f"n{N}<{N}10"] * 4, "no"],
        grid(PLAIN)[3],
    ]
    assert tables.payload(MASKED)["rows"][1] == ["South", None, None, None, None, None, "no"]


@pytest.mark.parametrize(("n", "hidden"), [(0, False), (1, True), (9, True), (10, False), (None, True)])
def test_the_mask_ends_exactly_at_min_cell_and_covers_the_unknown(n, hidden):
    table = Table("one", "One", pd.DataFrame({"n": [n], "x": [5.0]}), [Column("x", "X", "number")], cell_size="n")
    assert tables.payload(table)["rows"] == [[None if hidden else 5.0]]


def test_a_masked_table_says_so_in_its_note_and_an_unmasked_one_does_not():
    hidden = "Figures about fewer than 10 customers are not shown."
    assert tables.payload(MASKED)["note"] == f"All of <2017>. {hidden}"
    assert tables.payload(PLAIN)["note"] == "All of <2017>."
    assert f'<p class="note">All of &lt;2017&gt;. {hidden}</p>' in tables.as_html(MASKED)


def test_min_cell_is_the_projects_own(step):
    step.project = type("Strict", (), {"min_cell": 50})
    table = Table("one", "One", pd.DataFrame({"n": [49]}), [Column("n", "N", "count")], cell_size="n")
    assert grid(table)[1] == [f"<{N}50"]


def test_the_spreadsheet_gets_plain_numbers_iso_dates_and_units(step, shown, monkeypatch):
    monkeypatch.setenv("NINEFOLD_RUN", "/somewhere")
    tables.show(PLAIN)
    assert step.kept == {
        "groups": {
            "caption": "Three groups & more",
            "note": "All of <2017>.",
            "columns": [
                {"label": "Group", "kind": "text", "digits": 0, "unit": ""},
                {"label": "Households", "kind": "count", "digits": 0, "unit": ""},
                {"label": "Share", "kind": "share", "digits": 1, "unit": ""},
                {"label": "Spend", "kind": "money", "digits": 2, "unit": "$"},
                {"label": "Change", "kind": "change", "digits": 1, "unit": ""},
                {"label": "Since", "kind": "date", "digits": 0, "unit": ""},
                {"label": "Kept", "kind": "text", "digits": 0, "unit": ""},
            ],
            "rows": [
                ["North <b>", 1234, 0.5, 1234.567, 0.032, "2017-10-01", "yes"],
                ["South", 9, 0.25, 20.0, -0.5, "2016-02-29", "no"],
                [None, 0, None, None, None, None, None],
            ],
        }
    }
    assert [type(x) for x in step.kept["groups"]["rows"][0][1:4]] == [int, float, float]
    assert shown == [tables.as_html(PLAIN)]


def test_nothing_is_kept_when_no_step_is_in_progress(monkeypatch, shown):
    monkeypatch.setattr("helpers.run.current", lambda: None)
    tables.show(PLAIN)
    tables.summary("A headline", [], [])
    assert len(shown) == 2


def test_headings_have_a_scope_numbers_stand_right_and_the_caption_names_the_table():
    page = tables.as_html(PLAIN)
    assert re.findall(r'<th [^>]*scope="(\w+)"', page) == ["col"] * 7 + ["row"] * 3
    body = page.partition("<tbody")[2].partition("</tr>")[0]
    assert re.findall(r"gt_(left|right)", body) == ["left", "right", "right", "right", "right", "left", "left"]
    assert '<figcaption id="groups-caption">Three groups &amp; more</figcaption>' in page
    assert '<table aria-labelledby="groups-caption"' in page


def test_html_is_the_same_twice_has_no_script_no_address_and_no_unescaped_text():
    page = tables.as_html(PLAIN)
    assert page == tables.as_html(PLAIN)
    assert not re.search(r"<script|https?:|<b>|<2017>", page)


def test_a_style_is_added_in_jupyterlab_and_none_in_the_report_nor_in_hand_outs(step, shown, monkeypatch):
    monkeypatch.delenv("NINEFOLD_RUN", raising=False)
    tables.show(PLAIN)
    tables.show(PLAIN, fold="More")
    assert [page.count("<style>") for page in shown] == [1, 1]
    assert "<style" not in tables.as_html(PLAIN), "a hand-out made in a draft has the report's style"
    monkeypatch.setenv("NINEFOLD_RUN", "/somewhere")
    tables.show(PLAIN)
    assert "<style" not in shown[-1]


def test_an_empty_table_says_so_and_keeps_its_columns_in_the_spreadsheet():
    empty = Table("none", "None", FRAME.head(0), COLUMNS, cell_size="n")
    assert "<table" not in tables.as_html(empty)
    assert "Nothing to show: these data hold none." in tables.as_html(empty)
    assert (len(tables.payload(empty)["columns"]), tables.payload(empty)["rows"]) == (7, [])


def test_a_table_may_have_one_column_and_one_row():
    assert grid(Table("one", "One", pd.DataFrame({"x": [1.25]}), [Column("x", "X", "number", 1, "km")])) == [
        ["X (km)"],
        ["1.3"],
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Big Table"}, "Table 'Big Table': name it with lower-case letters"),
        ({"columns": []}, "Table groups: name at least one column"),
        ({"columns": [Column("gone", "Gone")]}, "Table groups: the frame has no column 'gone'; it has group, n"),
        ({"columns": [Column("n", "N", "int")]}, "column n: kind is 'int'; choose one of text, count"),
        ({"cell_size": "size"}, "the frame has no column 'size'"),
    ],
)
def test_a_wrong_table_is_refused_with_the_remedy(changes, message):
    with pytest.raises(NinefoldError, match=re.escape(message)):
        tables.as_html(Table(**{"name": "groups", "caption": "C", "frame": FRAME, "columns": COLUMNS} | changes))


def test_findings_and_caveats_escape_what_they_hold(shown):
    tables.finding("Bread & butter < cake")
    tables.caveats(["One <i>", "Two"])
    assert shown == [
        '<p class="finding">Bread &amp; butter &lt; cake</p>\n',
        '<ul class="caveats">\n<li>One &lt;i&gt;</li>\n<li>Two</li>\n</ul>\n',
    ]


def test_a_summary_is_shown_and_kept(step, shown):
    tables.summary("Sales & more", ["First.", "Second <x>."], [("Households", "2,446")], ["Profit."], ["Ask <finance>."])
    assert step.kept == {
        "summary": {
            "headline": "Sales & more",
            "points": ["First.", "Second <x>."],
            "figures": [["Households", "2,446"]],
            "unknown": ["Profit."],
            "todo": ["Ask <finance>."],
        }
    }
    assert shown == [
        '<div class="summary">\n<p class="headline">Sales &amp; more</p>\n'
        '<dl class="figures">\n<div><dt>Households</dt><dd>2,446</dd></div>\n</dl>\n'
        "<ul>\n<li>First.</li>\n<li>Second &lt;x&gt;.</li>\n</ul>\n"
        '<p class="todo">What to do next</p>\n<ul>\n<li>Ask &lt;finance&gt;.</li>\n</ul>\n</div>\n'
    ]


def test_decisions_are_shown_as_typed_and_their_absence_too():
    made = Decision(decision="Keep 5", because="Staff", decided_by="Head of marketing", decided_on=date(2017, 9, 1))
    assert grid(tables.decisions([made]))[1] == ["Keep 5", "Staff", "", "", "Head of marketing", "1 September 2017"]
    assert grid(tables.decisions([]))[1] == ["none yet", "", "", "", "", "–"]


def test_rows_in_different_units_keep_numbers_and_are_written_each_in_its_own():
    words.use("en", currency="USD")
    frame = pd.DataFrame({"what": ["spend", "back"], "value": [154.5, 0.956], "kind": [("money", 2), ("share", 1)]})
    table = Table("mixed", "Mixed", frame, [Column("what", "What"), Column("value", "Value", "number", kinds="kind")])
    assert "$154.50" in tables.as_html(table) and "95.6%" in tables.as_html(table)
    kept = tables.payload(table)
    assert kept["rows"] == [["spend", 154.5], ["back", 0.956]]
    assert kept["columns"][1]["kinds"] == [("money", 2), ("share", 1)]


def test_a_number_of_customers_below_the_least_is_not_shown_but_none_and_many_are():
    frame = pd.DataFrame({"what": ["a", "b", "c", "d"], "people": [0, 1, 9, 10]})
    table = Table("few", "Few", frame, [Column("what", "What"), Column("people", "People", "count", people=True)])
    page = tables.as_html(table)
    assert page.count(f"&lt;{words.THIN}10") == 2 and ">0<" in page and ">10<" in page and ">9<" not in page
    assert [row[1] for row in tables.payload(table)["rows"]] == [0, None, None, 10]
    assert "fewer than 10 customers" in tables.payload(table)["note"]


def test_a_row_whose_number_is_not_told_is_dashes_and_never_called_small():
    frame = pd.DataFrame({"what": ["a", "b"], "n": [None, 20], "value": [7.0, 8.0]})
    table = Table(
        "untold", "Untold", frame, [Column("what", "What"), Column("n", "N", "count"), Column("value", "V", "number")], cell_size="n"
    )
    page = tables.as_html(table)
    assert page.count(">–<") == 2 and "&lt;" not in page and tables.payload(table)["rows"] == [["a", None, None], ["b", 20, 8.0]]
    assert "A dash: fewer than 10 customers, or a number that would give them away." in page
