"""The page of journeys: what is told of a document, drawn within its sheet, and said where nothing can be told."""

import pytest
from by_hand import AS_OF, project

from helpers import tables, words
from helpers.adopt.journey import moments_page
from helpers.adopt.journey import page as journey_page
from helpers.adopt.journey.moments import rate
from helpers.charts import journey as drawn
from helpers.charts import paper

pytestmark = pytest.mark.usefixtures("in_english")


def plan():
    return project(tables=("orders", "events", "customers"))


@pytest.fixture
def told():
    """A journey document of two segments and everyone, as step 7 hands it over."""
    share = lambda yes, n: rate(yes, n, least=10)  # noqa: E731
    steps = {"visit": share(80, 100), "basket": share(60, 80) | {"median_days": 0.003}, "order": share(50, 60) | {"median_days": 0.2}}
    after = {"n": 100, "ordered": share(70, 100), "channel": "web", "channel_share": 0.6}
    came = {"n": 60, "visited": share(30, 60), "filled": None, "origin": "friend", "origin_share": 0.4, "channel": None}
    came |= {"channel_share": None, "days_to_first": 3.0, "days_to_second": 9.0, "days_to_third": 20.0}
    line = {"segment": "S1", "point": "refund", "days": 45, "with": share(20, 40), "without": share(48, 60), "difference": -0.3}
    line |= {"low": -0.47, "high": -0.11, "p": 0.002, "p_holm": 0.004, "breaks": True}
    segments = [
        {"id": s, "name": s, "suggested": None, "colour": "#12436D", "shown": True, "arrived": came, "pains": {"refund": share(20, 70)}}
        | {"later": after | {"steps": steps | {"again": share(yes, 50) | {"median_days": 11.0}}}}
        for s, yes in (("S1", 20), ("S2", 35))
    ]
    hidden = {
        "id": "S3",
        "name": "S3",
        "suggested": None,
        "colour": "#000000",
        "shown": False,
        "arrived": None,
        "later": None,
        "pains": None,
    }
    whole = share(300, 400) | {"median_days": 20.0, "around": 0.0}
    stages = [
        {"stage": "trace", "n": 500, "by": "search", "by_share": 0.4, "next": whole | {"stage": "first"}},
        {"stage": "first", "n": 380, "by": "web", "by_share": 1.0, "next": None},
    ]
    return {
        "as_of": AS_OF.isoformat(),
        "everyone": {"within_days": 180, "customers": 500, "followed": 450, "stages": stages, "whole": whole},
        "fixed": ["first"],
        "segments": [*segments, hidden],
        "window": {"from": "2017-07-03T00:00:00", "until": AS_OF.isoformat(), "enough": True, "go_on_days": 45},
        "breaks": {"landmark_days": 21, "tried": 1, "lines": [line]},
        "lacks": ["complaints", "themes"],
    }


def test_the_picture_has_a_row_for_each_stage_and_marks_what_breaks(told):
    frame = journey_page.maps_frame(told, plan())
    assert list(frame["label"].unique()) == ["S1", "S2"]  # S3 may not be told
    assert list(frame["stage"][:5]) == ["Members", "Visit", "Basket", "Purchase", "Purchase again"]
    assert list(frame["told"][:5]) == ["", "80%", "75%", "83%", "40%"]
    assert frame["pains"][3] == ["refund: 29%"] and frame["breaks"][3] == ["refund: 29%"] and frame["breaks"][8] == []


def test_titles_are_claims_of_fifteen_words_at_most(told):
    for said in (journey_page.maps_words(told, plan()), journey_page.path_words(told, plan())):
        assert len(said["title"].split()) <= 15 and said["alt"] and said["source"]
    assert journey_page.maps_words(told, plan())["title"] == "Between 40% and 70% of a segment’s buyers buy again within 45 days"


def test_the_finding_names_the_moment_and_calls_it_an_association(told):
    assert moments_page.breaks_words(told).startswith("After a refund, 50% go on, 80% of the others (S1).")
    assert "association" in moments_page.breaks_words(told)
    told["breaks"]["lines"][0]["breaks"] = False
    assert "up to 47 points cannot be excluded" in moments_page.breaks_words(told)
    told["breaks"]["lines"] = []
    assert "cannot be told" in moments_page.breaks_words(told)


def test_what_these_data_lack_is_said(told):
    said = " ".join(moments_page.caveats(told))
    assert "What comments are about: it takes comments with a text" in said and "log of complaints" in said
    told["lacks"] = ["complaints"]  # step 4 reads them
    assert "comments" not in " ".join(moments_page.caveats(told))


def test_that_who_buys_often_is_struck_often_is_said_where_refunds_or_ratings_are_compared(told):
    told["breaks"]["lines"] = [{"point": "basket"}]
    assert "Who buys often" not in " ".join(moments_page.caveats(told))
    told["breaks"]["lines"] = [{"point": "refund"}]
    assert "“go on more” is no effect of a pain point" in " ".join(moments_page.caveats(told))


@pytest.mark.parametrize("tongue", ["en", "fr"])
def test_tables_are_written_and_pictures_drawn_within_their_sheet(told, monkeypatch, tongue):
    words.use(tongue)
    sheets = []
    monkeypatch.setattr(paper.Sheet, "keep", lambda sheet: sheets.append(sheet))
    drawn.maps(journey_page.maps_frame(told, plan()), **journey_page.maps_words(told, plan()))
    drawn.path(journey_page.path_frame(told), **journey_page.path_words(told, plan()))
    for sheet in sheets:
        sheet.figure.canvas.draw()
        for text in sheet.figure.texts:
            box = text.get_window_extent().transformed(sheet.points.inverted())
            assert box.x0 >= 0 and box.x1 <= 504 and box.y0 >= 0 and box.y1 <= sheet.height, text.get_text()
    made = [
        journey_page.path_table(told),
        journey_page.arrived_table(told),
        moments_page.pains_table(told),
        moments_page.breaks_table(told),
    ]
    assert all("<table" in tables.as_html(each) for each in made)


def test_with_nothing_to_draw_the_sentence_stands_alone(told):
    for segment in told["segments"]:
        segment["later"] = None
    assert journey_page.maps_frame(told, plan()).empty
    assert journey_page.maps_words(told, plan())["title"].startswith("How segments go on cannot be told")


def test_a_time_is_written_in_the_unit_that_suits_it():
    assert [journey_page.duration(d) for d in (None, 0.0001, 0.003, 0.2, 1.5, 11.4)] == [
        "–",
        "1 minute",
        "4 minutes",
        "5 hours",
        "36 hours",
        "11 days",
    ]


def test_a_difference_that_many_comparisons_explain_is_called_neither_nothing_nor_a_finding():
    words.use("en")
    line = {"breaks": False, "p_holm": 0.2, "low": -0.12, "high": -0.01}
    assert moments_page._verdict(line) == "may be chance, so many were tried"
    assert moments_page._verdict(line | {"high": 0.01}) == "no difference seen"
    assert moments_page._verdict(line | {"p_holm": 0.01, "low": 0.01, "high": 0.2}) == "go on more"
