"""The pages as people open them: in Chromium, without a network, on a desk, on a phone and on paper.

First on two small pages made here, then (slow) on what `make report` published. Skipped where there is no Chromium;
where NINEFOLD_CI is set, its absence is a failure.
"""

import os
import re
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from test_render import pages_of

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
A4 = (595, 842)
"""Points; Chromium rounds to whole pixels."""
A4_TEXT_WIDTH = 665
"""Pixels between the margins of the printed page (176 mm at 96 to the inch)."""
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        said = "no Chromium on this machine (Debian: apt-get install chromium): the pages were not looked at"
        if os.environ.get("NINEFOLD_CI"):
            pytest.fail(said)
        pytest.skip(said)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS) as launched:
            yield launched


@pytest.fixture(scope="module", params=["sample", pytest.param("published", marks=pytest.mark.slow)])
def pages(request, browser, tmp_path_factory) -> list[Path]:
    """The pages of a report, the front page first."""
    if request.param == "sample":
        folder = pages_of(tmp_path_factory.mktemp("browser"))
    else:
        published = request.getfixturevalue("published")
        found = sorted(published.path.glob("reports/*/*/0001/index.html"))
        assert found, f"nothing published\n{published.process.stdout}\n{published.process.stderr}"
        folder = found[-1].parent
    return [folder / "index.html", *sorted(folder.glob("[0-9]*.html"))]


@pytest.fixture(scope="module")
def sheets(pages) -> list[Path]:
    """The pages and the hand-outs beside them."""
    found = [path for path in sorted(pages[0].parent.glob("*.html")) if path not in pages]
    assert found
    return [*pages, *found]


class Visit:
    """A page opened with the network refused; what it asked for and complained about is noted."""

    def __init__(self, browser, size):
        self.context = browser.new_context(viewport=size, offline=True)
        self.asked, self.complaints = [], []
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url[:200]}"))
        self.context.route("**/*", self._refuse)

    def _refuse(self, route):
        if route.request.url.startswith(("file:", "data:")):
            route.continue_()
        else:
            self.asked.append(route.request.url)
            route.abort()

    def open(self, path: Path):
        self.page.goto(path.resolve().as_uri())
        return self.page


@pytest.fixture
def visit(browser):
    visits = []

    def begin(size=DESK) -> Visit:
        visits.append(Visit(browser, size))
        return visits[-1]

    yield begin
    for each in visits:
        each.context.close()


def test_every_page_opens_without_a_network_and_without_a_complaint(sheets, visit):
    for path in sheets:
        seen = visit()
        page = seen.open(path)
        assert page.title() and page.locator("h1").count() == 1, path.name
        assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)"), path.name
        assert (seen.asked, seen.complaints) == ([], []), path.name


def test_the_network_is_really_refused(visit):
    seen = visit()
    seen.page.set_content('<script>console.error("said")</script><img src="https://example.org/a.png">')
    assert seen.asked == ["https://example.org/a.png"]
    assert "said" in seen.complaints


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_link_of_the_contents_lands_on_its_heading(pages, visit, size):
    for path in pages[1:]:
        page = visit(size).open(path)
        if size is PHONE:
            assert not page.locator(".aside").is_visible()
            page.locator("details.contents > summary").click()
        links = page.locator('details.contents a[href^="#"]' if size is PHONE else '.aside a[href^="#"]')
        assert links.count() == page.locator("h2").count() > 0, path.name
        for number in range(links.count()):
            link = links.nth(number)
            link.scroll_into_view_if_needed()
            link.click()
            heading = page.locator(link.get_attribute("href"))
            assert heading.inner_text() == link.inner_text()
            top = heading.evaluate("e => e.getBoundingClientRect().top")
            assert 0 <= top < size["height"] - 20, f"{path.name} {link.get_attribute('href')} lands at {top}"


def test_one_can_read_all_steps_by_next_and_back_by_previous(pages, visit):
    page = visit().open(pages[0])
    page.locator(".card-more a").first.click()
    seen = [Path(page.url).name]
    while page.locator("a[rel=next]").count():
        page.locator("a[rel=next]").click()
        seen.append(Path(page.url).name)
    assert seen == [path.name for path in pages[1:]]
    while page.locator("a[rel=prev]").count():
        page.locator("a[rel=prev]").click()
        seen.pop()
        assert Path(page.url).name == seen[-1]
    page.locator(".turn-front a").click()
    assert Path(page.url).name == "index.html"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_is_blank(sheets, visit, size):
    from PIL import Image

    for path in sheets:
        shot = Image.open(BytesIO(visit(size).open(path).screenshot())).convert("L")
        dark = sum(shot.histogram()[:160]) / (shot.width * shot.height)
        assert 0.005 < dark < 0.6, f"{path.name}: {dark:.1%} of the screen is dark"


@pytest.mark.parametrize("width", [390, 768, 1100, 1280])
def test_no_page_is_wider_than_the_screen(sheets, visit, width):
    for path in sheets:
        page = visit({"width": width, "height": 844}).open(path)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name


def test_code_is_folded_until_it_is_asked_for(pages, visit):
    for path in pages[1:]:
        page = visit().open(path)
        folded = page.locator("details.code")
        assert folded.count() > 0 and folded.locator(".highlight:visible").count() == 0, path.name
        folded.first.locator("summary").click()
        assert folded.first.locator(".highlight").first.is_visible(), path.name


def test_paper_is_a4_and_nothing_is_cut_at_its_side(sheets, visit):
    for path in sheets:
        page = visit({"width": A4_TEXT_WIDTH, "height": 900}).open(path)
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= A4_TEXT_WIDTH, path.name
        assert page.locator("details:visible, .aside:visible, .turn:visible").count() == 0, path.name
        paper = page.pdf(prefer_css_page_size=True, print_background=True)
        boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", paper)
        assert boxes, path.name
        assert {(round(float(width)), round(float(height))) for width, height in boxes} == {A4}, path.name


def test_the_front_page_of_a_whole_run_prints_on_one_sheet(pages, visit):
    page = visit().open(pages[0])
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    whole = page.locator("body.whole").count() == 1  # the small sample has no segments: its steps stand as cards
    assert len(re.findall(rb"/MediaBox", paper)) in ([1] if whole else [1, 2])


def test_the_head_of_a_table_is_repeated_and_no_row_is_split_between_sheets(pages, visit):
    for path in pages[1:]:
        page = visit().open(path)
        page.emulate_media(media="print")
        heads = page.locator("main thead").evaluate_all("all => all.map(e => getComputedStyle(e).display)")
        rows = page.locator("main tbody tr").evaluate_all("all => all.map(e => getComputedStyle(e).breakInside)")
        scrolling = page.locator(".table, .scroll").evaluate_all("all => all.map(e => getComputedStyle(e).overflowX)")
        assert set(heads) <= {"table-header-group"} and set(rows) <= {"avoid"} and set(scrolling) <= {"visible"}, path.name
