"""Pages and spreadsheet of a finished run, from small notebooks written by hand."""

import base64
import json
import re
import shutil
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import nbformat
import openpyxl
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers import NinefoldError, render, words
from helpers.render.spreadsheet import HEADER_ROW, sheet_name

AS_OF = date(2017, 10, 1)
PROJECT = SimpleNamespace(
    name="sample",
    title={"en": "Households <& more>", "fr": "Ménages <& autres>"},
    description={"en": "Who they are.", "fr": "Qui ils sont."},
    notice="Simulated data.",
    currency="USD",
    min_cell=10,
    collect=SimpleNamespace(sources={"till": SimpleNamespace(where_from="Till receipts")}),
)
TABLE = {
    "caption": "What is left: [after] each filter / in order",
    "note": "Counted once.",
    "columns": [
        {"label": "Filter", "kind": "text", "digits": 0, "unit": ""},
        {"label": "Customers", "kind": "count", "digits": 0, "unit": ""},
        {"label": "Left", "kind": "share", "digits": 1, "unit": ""},
        {"label": "Revenue", "kind": "money", "digits": 2, "unit": "$"},
        {"label": "Change", "kind": "change", "digits": 1, "unit": ""},
        {"label": "Recency", "kind": "number", "digits": 1, "unit": "days"},
        {"label": "Since", "kind": "date", "digits": 0, "unit": ""},
    ],
    "rows": [
        ["All", 2446, 1.0, 1234.5, 0.032, 12.25, "2017-01-01"],
        ["=1+1", 2301, 0.9407, 99.0, -0.5, None, "2017-02-03"],
        ["@few", None, None, None, None, None, None],
    ],
}
HANDOUT = {"title": "Who counts & who does not", "lead": "For the shop.", "body": "<h2>In short</h2>\n<p>All &amp; sundry.</p>"}


def picture(width=960, height=500, colour="#12436D") -> bytes:
    """A PNG with a bar in it."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((width // 4, height // 3, width // 2, height - 20), fill=colour)
    written = BytesIO()
    image.save(written, format="PNG")
    return written.getvalue()


def shows(markup: str):
    return new_output("display_data", data={"text/html": markup, "text/plain": "…"})


def draws(png: bytes, alt: str | None):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return new_output("display_data", data={"image/png": base64.b64encode(png).decode()}, metadata=metadata)


def code(source: str, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)} if tags else {})


def table_html(name: str, caption: str, rows: int = 3) -> str:
    body = "".join(f'<tr><th class="gt_stub">Row {n}</th><td class="gt_right">{n * 1000}</td></tr>' for n in range(rows))
    head = '<tr><th scope="col">What</th><th scope="col" class="gt_right">How many</th></tr>'
    return (
        f'<figure class="table-block" id="{name}"><figcaption id="{name}-caption">{caption}</figcaption>'
        f'<div class="table" role="region" tabindex="0"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
        "</figure>"
    )


def sample_cells() -> list:
    """A notebook as step 1 could be: parameters, set-up, sections, caveats, summary last."""
    return [
        new_markdown_cell(
            "# 1 · Objectives — what shall change?\n\n"
            "*Takes* project.yml · *Gives* objectives · *Decides* success · *Signed by* CRM\n\nWhy we ask."
        ),
        code('project = "sample"', tags=["parameters"]),
        code(
            'step = run.start("objectives")',
            shows("<p>Effective values</p>"),
            new_output("stream", name="stdout", text="NOISE OUT"),
        ),
        new_markdown_cell(
            "## Where revenue stands\n\nA basket of $12 and one of **$180** differ. "
            "See [scope](02_scope.ipynb) or [a site](https://example.org/a)."
        ),
        code("value = 1", new_output("stream", name="stderr", text="NOISE ERR")),
        code("charts.lines(value)", draws(picture(), "Revenue rose from 1 to 2 & stayed.")),
        code('tables.finding("…")', shows('<p class="finding">Revenue rose by 3.2%.</p>')),
        new_markdown_cell("### How to read it\n\nAgainst the line.\n\n| Decision | Because |\n|---|---|\n| Yes | Reason |"),
        code("tables.show(filters)", shows(table_html("filters", "What is left", rows=60))),
        new_markdown_cell("## Where revenue stands\n\nA second section of the same name."),
        code("2 + 2", new_output("execute_result", data={"text/plain": "4"}, execution_count=1)),
        new_markdown_cell("## What could mislead you"),
        code("tables.caveats([…])", shows('<ul class="caveats"><li>Much is not known.</li></ul>')),
        code(
            "SUMMARY_SOURCE()",
            shows('<div class="summary"><p class="headline">It stands at $152.</p></div>'),
            tags=["summary"],
        ),
    ]


def write_run(folder: Path, cells: list | None = None) -> Path:
    """A finished run of two steps: executed notebooks, step.json, what was kept for the pages."""
    base = folder / "0007"
    second = [
        new_markdown_cell("# 2 · Scope — whom do we segment?"),
        new_markdown_cell("## Who is counted\n\nAll of them."),
        code("tables.show(rest)", shows(table_html("rest", "The rest"))),
        code(
            "tables.summary(…)",
            shows('<div class="summary"><p class="headline">All are in.</p></div>'),
            tags=["summary"],
        ),
    ]
    (base / "notebooks").mkdir(parents=True)
    for slug, step_cells, finding, tables in (
        ("01_objectives", cells or sample_cells(), "It stands at $152.", ["filters", "again"]),
        ("02_scope", second, "All are in.", ["rest"]),
    ):
        nbformat.write(new_notebook(cells=step_cells), base / "notebooks" / f"{slug}.ipynb")
        page = base / slug / "page"
        (page / "charts").mkdir(parents=True)
        (page / "tables").mkdir()
        (base / slug / "step.json").write_text(json.dumps({"step": slug[3:], "finding": finding, "gives": []}))
        for number, name in enumerate(tables, start=1):
            (page / "tables" / f"{number:02d}_{name}.json").write_text(json.dumps(TABLE))
        unknown = ["What a basket earned."] if slug == "02_scope" else ["How long they have been customers.", "What a basket earned."]
        summary = {
            "headline": finding,
            "points": [],
            "figures": [["Revenue per household", "$152"]],
            "unknown": unknown,
        }
        (page / "summary.json").write_text(json.dumps(summary))
    (base / "02_scope" / "page" / "handouts").mkdir()
    (base / "02_scope" / "page" / "handouts" / "01_who-counts.json").write_text(json.dumps(HANDOUT))
    charts = base / "01_objectives" / "page" / "charts"
    (charts / "01_revenue.png").write_bytes(picture())
    (charts / "01_revenue.json").write_text(json.dumps({"title": "Revenue rose"}))
    return base


def pages_of(folder: Path, cells: list | None = None, *, language: str = "en") -> Path:
    render.render(write_run(folder, cells), folder / "pages", project=PROJECT, as_of=AS_OF, language=language)
    return folder / "pages"


@pytest.fixture(autouse=True)
def _english_again():
    yield
    words.use("en", currency="EUR")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    return pages_of(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(pages) -> str:
    return (pages / "01_objectives.html").read_text(encoding="utf-8")


# What a page shows


def test_the_summary_stands_right_under_the_title_and_its_code_nowhere(page):
    assert re.search(r"<h1>What shall change\?</h1>\s*</div>\s*<div class=\"output\">\s*<div class=\"summary\">", page)
    assert page.count('<div class="summary">') == 1
    assert "SUMMARY_SOURCE" not in page


def test_the_title_is_the_question_and_the_step_is_named_above_it(page):
    assert "Step 1 of 9 · Objectives" in page
    assert page.count("<h1>") == 1


def test_code_is_folded_once_between_two_paragraphs_beneath_what_it_shows(page):
    section = page[page.index('id="where-revenue-stands"') : page.index('id="how-to-read-it"')]
    assert section.count("<details") == 1
    assert section.index("<img") < section.index("Revenue rose by 3.2%") < section.index("<details") < section.index("charts")
    assert "Show the code" in section
    assert not any(" open" in opening for opening in re.findall(r"<details[^>]*>", page))


def test_what_a_cell_tagged_appendix_shows_is_folded_under_its_number_and_its_code_as_any_other(tmp_path):
    cells = sample_cells()
    cells[5:7] = [
        code("APPENDIX_SOURCE(value)", draws(picture(), "Revenue rose."), tags=["appendix"]),
        code("tables.place_on_page(text)", shows("<p>A text.</p>"), tags=["appendix"]),
        code("nothing = 2", tags=["appendix"]),
        code("charts.bars(value)", draws(picture(colour="#000000"), "It fell.")),
    ]
    page = (pages_of(tmp_path, cells) / "01_objectives.html").read_text(encoding="utf-8")
    folded = re.findall(r'<details class="more">\s*<summary>([^<]*)</summary>(.*?)</details>', page, re.DOTALL)
    assert [summary for summary, _ in folded] == ["Appendix: figure 1.1 · Revenue rose", "Appendix"]
    assert 'alt="Revenue rose."' in folded[0][1] and "A text." in folded[1][1]
    assert page.count("Revenue rose.") == 1 and not any("It fell." in inside for _, inside in folded) and "It fell." in page
    assert page.count("APPENDIX_SOURCE") == 1 and "APPENDIX_SOURCE" not in folded[0][1]


def test_parameters_and_set_up_are_folded_with_what_they_show(page):
    fold = re.search(r"<details class=\"code\">\s*<summary>Parameters and set-up of this run</summary>(.*?)</details>", page, re.S)[1]
    assert "Effective values" in fold and "sample" in fold
    assert page.count("Effective values") == 1


def test_what_cells_print_is_not_shown_and_plain_results_are_folded(page):
    assert "NOISE" not in page
    assert re.search(r"<details class=\"code\">(?:(?!</details>).)*<pre class=\"printed\">4</pre>", page, re.S)


def test_pictures_carry_their_text_alternative_number_and_size(page):
    image = re.search(r"<img[^>]*>", page)[0]
    assert 'alt="Revenue rose from 1 to 2 &amp; stayed."' in image
    assert 'width="960"' in image and 'height="500"' in image
    assert "<figcaption>Figure 1.1</figcaption>" in page


def test_tables_are_numbered_as_their_sheets_are(page):
    assert "Table 1.1</span> What is left</figcaption>" in page


def test_cells_with_long_text_are_marked_for_phones(tmp_path):
    long, short = "a" * 45, "a" * 44
    markup = f'<table><tr><td class="gt_row gt_left">{long}</td><td class="gt_row gt_left">{short}</td></tr></table>'
    page = (pages_of(tmp_path, [*sample_cells()[:4], code("show()", shows(markup))]) / "01_objectives.html").read_text()
    assert f'<td class="gt_row gt_left long">{long}</td><td class="gt_row gt_left">{short}</td>' in page


def test_every_entry_of_the_contents_leads_to_a_heading_of_its_own(page):
    links = re.findall(r'<a href="#([^"]+)">', page[page.index("<nav") : page.index("</nav>")])
    assert links == ["where-revenue-stands", "where-revenue-stands-2", "what-could-mislead-you"]
    for link in links:
        assert len(re.findall(f'<h2 id="{link}">', page)) == 1


def test_two_dollars_in_a_paragraph_are_two_prices(page):
    assert "A basket of $12 and one of <strong>$180</strong> differ." in page


def test_links_to_notebooks_lead_to_their_pages_and_links_elsewhere_become_text(page):
    assert '<a href="02_scope.html">scope</a>' in page
    assert '<span class="elsewhere">a site</span>' in page


def test_what_the_step_takes_and_gives_is_a_list(page):
    assert '<ul class="facts">' in page and "<li><em>Signed by</em> CRM</li>" in page


def test_pages_lead_to_the_step_before_and_after_and_to_the_front(pages):
    first, second = ((pages / f"{name}.html").read_text(encoding="utf-8") for name in ("01_objectives", "02_scope"))
    assert 'rel="next"' in first and 'rel="prev"' not in first
    assert re.search(r'<a href="01_objectives.html" rel="prev">', second) and 'rel="next"' not in second
    assert 'href="index.html"' in first and 'href="index.html"' in second


def test_no_page_holds_a_script_or_an_address_or_weighs_a_megabyte(pages):
    names = sorted(path.name for path in pages.glob("*.html"))
    assert names == ["01_objectives.html", "02_scope.html", "index.html", "who-counts.html"]
    for path in pages.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:[a-z]+:)?//""", text)
        assert "http" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.S)
        assert path.stat().st_size < 1_000_000


def test_every_page_says_project_date_run_and_language(pages):
    for path in pages.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert '<html lang="en">' in text
        assert "Households &lt;&amp; more&gt;" in text and "<& more>" not in text
        assert "As of 1 October 2017" in text and "run 0007 of project sample" in text and "English" in text
        assert "Till receipts" in text and "Simulated data." in text


def test_a_hand_out_is_a_page_of_its_own_to_which_its_step_and_the_front_page_lead(pages):
    page = (pages / "who-counts.html").read_text(encoding="utf-8")
    assert "<h1>Who counts &amp; who does not</h1>" in page and "For the shop." in page
    assert HANDOUT["body"] in page and 'href="02_scope.html"' in page and 'href="index.html"' in page
    leads = {path.stem for path in pages.glob("*.html") if 'href="who-counts.html"' in path.read_text(encoding="utf-8")}
    assert leads == {"index", "02_scope"}


@pytest.mark.parametrize("body", ["<script>1</script>", '<img src="https://example.org/a.png" alt="A picture">', '<p id="text">Twice</p>'])
def test_a_hand_out_that_would_break_what_pages_promise_is_refused(tmp_path, body):
    base = write_run(tmp_path)
    (base / "02_scope" / "page" / "handouts" / "01_who-counts.json").write_text(json.dumps(HANDOUT | {"body": body}))
    with pytest.raises(NinefoldError, match=r"^who-counts\.html would hold"):
        render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")


@pytest.mark.parametrize(
    ("place", "name"), [("02_scope/page/handouts/02_index", "index"), ("01_objectives/page/handouts/01_who-counts", "who-counts")]
)
def test_a_hand_out_never_takes_the_place_of_another_page(tmp_path, place, name):
    base = write_run(tmp_path)
    (base / place).parent.mkdir(exist_ok=True)
    (base / f"{place}.json").write_text(json.dumps(HANDOUT))
    with pytest.raises(NinefoldError, match=f"keeps a hand-out '{name}', and there is a page of that name"):
        render.render(base, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")


def test_the_front_page_says_what_every_step_found_and_what_is_not_known_once(pages):
    front = (pages / "index.html").read_text(encoding="utf-8")
    for wanted in (
        "What shall change?",
        "It stands at $152.",
        "Whom do we segment?",
        "All are in.",
        "Read step 2",
        "Who they are.",
    ):
        assert wanted in front
    assert front.count("What a basket earned.") == 1
    assert re.search(r"What a basket earned\. <span class=\"from\">Steps 1 and 2</span>", front)
    assert '<a href="tables.xlsx">' in front and '<a href="charts/01_01_revenue.png">' in front and "Revenue rose" in front


def test_charts_are_put_beside_the_pages(pages):
    assert (pages / "charts" / "01_01_revenue.png").read_bytes() == picture()


def test_french_pages_are_french_in_words_numbers_and_anchors(tmp_path, monkeypatch):
    def translated(source, language):
        return source.replace("Where revenue stands", "Où en est la dépense ?") if language == "fr" else source

    monkeypatch.setattr(words, "translate_markdown", translated)
    page = (pages_of(tmp_path, language="fr") / "01_objectives.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in page and "Ménages &lt;&amp; autres&gt;" in page and "Français" in page
    assert '<h2 id="ou-en-est-la-depense">Où en est la dépense ?</h2>' in page
    assert '<a href="#ou-en-est-la-depense-2">' in page
    assert "1er octobre 2017" in page


def test_rendering_twice_gives_the_same_bytes(tmp_path):
    run = write_run(tmp_path)
    for name in ("a", "b"):
        render.render(run, tmp_path / name, project=PROJECT, as_of=AS_OF, language="en")
    first, second = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("a", "b"))
    assert first == second and len(first) == 6


def test_a_page_that_would_be_too_heavy_refers_to_its_pictures(tmp_path):
    import os

    from PIL import Image

    written = BytesIO()
    Image.frombytes("RGB", (700, 700), os.urandom(3 * 700 * 700)).save(written, format="PNG")
    run = write_run(tmp_path, [*sample_cells()[:4], code("charts.noise()", draws(written.getvalue(), "Noise."))])
    (run / "01_objectives" / "page" / "charts" / "01_revenue.png").write_bytes(written.getvalue())
    render.render(run, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")
    page = tmp_path / "pages" / "01_objectives.html"
    assert page.stat().st_size < 1_000_000
    assert 'src="charts/01_01_revenue.png"' in page.read_text(encoding="utf-8")


# What becomes an error, never a page


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            code("plt.plot()", draws(picture(), None)),
            r"01_objectives\.ipynb, cell 5 \(`plt\.plot\(\)`\).*without a text alternative",
        ),
        (code("show()", shows('<img src="data:image/png;base64,AA==">')), "cell 5 .*without a text alternative"),
        (code("show()", shows("<script>alert(1)</script>")), "cell 5 .*<script>"),
        (code("show()", shows('<p onclick="x()">Hello</p>')), "cell 5 .*onclick"),
        (code("show()", shows('<link href="https://example.org/a.css">')), "cell 5 .*https://example.org/a.css"),
        (code("show()", shows("<style>p { background: url(//example.org/a.png) }</style>")), "cell 5 .*example.org"),
        (new_markdown_cell("![A map](map.png)"), "cell 5 .*map.png"),
        (
            code("boom()", new_output("error", ename="ValueError", evalue="no such column", traceback=[])),
            "cell 5 ended in ValueError: no such",
        ),
        (code("show()", shows('<p id="a">1</p><p id="a">2</p>')), "01_objectives.html .*the id a twice"),
        (new_markdown_cell("[there](#nowhere)"), "01_objectives.html .*#nowhere"),
    ],
)
def test_what_a_page_must_not_hold_is_an_error_that_names_the_cell(tmp_path, cell, said):
    with pytest.raises(NinefoldError, match=said):
        pages_of(tmp_path, [*sample_cells()[:4], cell])


def test_a_notebook_that_papermill_left_half_run_is_no_report(tmp_path):
    run = write_run(tmp_path)
    path = run / "notebooks" / "02_scope.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["papermill"] = {"exception": True}
    nbformat.write(notebook, path)
    with pytest.raises(NinefoldError, match="02_scope.ipynb was not run to its end"):
        render.render(run, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")


def test_a_step_that_did_not_hand_over_is_no_report(tmp_path):
    run = write_run(tmp_path)
    (run / "02_scope" / "step.json").unlink()
    with pytest.raises(NinefoldError, match=r"02_scope/step\.json is missing"):
        render.render(run, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")


def test_a_run_without_notebooks_is_no_report(tmp_path):
    run = write_run(tmp_path)
    shutil.rmtree(run / "notebooks")
    with pytest.raises(NinefoldError, match="no executed notebook"):
        render.render(run, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")


# The spreadsheet


def test_the_spreadsheet_lists_its_tables_in_page_order_and_links_to_them(pages):
    book = openpyxl.load_workbook(pages / "tables.xlsx")
    assert book.sheetnames == [
        "Contents",
        "1.1 What is left after each",
        "1.2 What is left after each",
        "2.1 What is left after each",
    ]
    cover = book["Contents"]
    assert [cell.value for cell in cover[HEADER_ROW + 1]] == ["Table", "Caption", "Step", "Sheet"]
    assert [cover.cell(HEADER_ROW + 2 + n, 1).value for n in range(3)] == ["1.1", "1.2", "2.1"]
    assert cover.cell(HEADER_ROW + 2, 3).value == "1 · Objectives"
    assert cover.cell(HEADER_ROW + 2, 4).hyperlink.location == "'1.1 What is left after each'!A1"


def test_numbers_are_numbers_with_the_format_of_their_kind(pages):
    sheet = openpyxl.load_workbook(pages / "tables.xlsx").worksheets[1]
    header = [cell.value for cell in sheet[HEADER_ROW]]
    assert header == ["Filter", "Customers", "Left", "Revenue ($)", "Change", "Recency (days)", "Since"]
    row = sheet[HEADER_ROW + 1]
    assert [cell.value for cell in row] == ["All", 2446, 1, 1234.5, 0.032, 12.25, datetime(2017, 1, 1)]
    assert [cell.number_format for cell in row[1:]] == [
        "#,##0",
        "0.0%",
        '"$"#,##0.00;-"$"#,##0.00',
        "+0.0%;-0.0%;0.0%",
        "#,##0.0",
        "yyyy-mm-dd",
    ]
    assert sheet.freeze_panes == f"A{HEADER_ROW + 1}"
    assert sheet[HEADER_ROW][0].font.bold
    assert sheet["A1"].value == "Table 1.1 · What is left: [after] each filter / in order" and sheet["A2"].value == "Counted once."


def test_figures_hidden_on_the_page_are_empty_in_the_spreadsheet(pages):
    sheet = openpyxl.load_workbook(pages / "tables.xlsx").worksheets[1]
    assert [cell.value for cell in sheet[HEADER_ROW + 3]] == ["@few", None, None, None, None, None, None]


def test_text_that_begins_like_a_formula_stays_text(pages):
    sheet = openpyxl.load_workbook(pages / "tables.xlsx").worksheets[1]
    cell = sheet.cell(HEADER_ROW + 2, 1)
    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=1+1", "s", True)


def test_french_amounts_and_dates_have_french_formats(tmp_path):
    count = render.workbook(write_run(tmp_path), tmp_path / "fr.xlsx", project=PROJECT, as_of=AS_OF, language="fr")
    row = openpyxl.load_workbook(tmp_path / "fr.xlsx").worksheets[1][HEADER_ROW + 1]
    assert count == 3
    assert row[3].number_format == '#,##0.00 "$US"' and row[6].number_format == "dd/mm/yyyy"


def test_a_run_without_tables_has_no_spreadsheet_and_no_link_to_it(tmp_path):
    run = write_run(tmp_path)
    for path in run.glob("*/page/tables/*.json"):
        path.unlink()
    render.render(run, tmp_path / "pages", project=PROJECT, as_of=AS_OF, language="en")
    assert not (tmp_path / "pages" / "tables.xlsx").exists()
    assert all("tables.xlsx" not in path.read_text(encoding="utf-8") for path in (tmp_path / "pages").glob("*.html"))


@pytest.mark.parametrize(
    ("caption", "taken", "name"),
    [
        ("Short", [], "1.1 Short"),
        ("a" * 60, [], "1.1 " + "a" * 27),
        ("What: is/left?", [], "1.1 What is left"),
        ("'quoted'", [], "1.1 'quoted"),
        ("Short", ["1.1 SHORT"], "1.1 Short (2)"),
        ("", [], "1.1"),
    ],
)
def test_sheet_names_are_short_unique_and_allowed(caption, taken, name):
    assert sheet_name("1.1", caption, taken) == name
    assert len(name) <= 31
