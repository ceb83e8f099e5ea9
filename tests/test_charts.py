"""Charts: what they refuse, what they write, and that no text is cut or covers another, in both languages."""

import io
import itertools
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from helpers import NinefoldError, charts, words
from helpers.charts import paper, scales, style

N = "\u202f"


class Step:
    """A step in progress that remembers what it was given to keep."""

    class project:
        min_cell = 10

    def __init__(self):
        self.kept = {}

    def keep_chart(self, name, png, wording):
        self.kept[name] = (png, wording)


pytestmark = pytest.mark.usefixtures("in_english")


@pytest.fixture(params=["en", "fr"])
def tongue(request, in_english):
    words.use(request.param)
    return request.param


@pytest.fixture(autouse=True)
def step(monkeypatch):
    running = Step()
    monkeypatch.setattr("helpers.run.current", lambda: running)
    return running


@pytest.fixture
def sheets(monkeypatch):
    """The sheets drawn, instead of keeping and showing them."""
    drawn = []
    monkeypatch.setattr(paper.Sheet, "keep", lambda sheet: drawn.append(sheet))
    return drawn


SAID = {
    "title": "Fewer than half of all households bought in each of the nine months that were observed",
    "subtitle": f"Part des ménages ayant acheté au cours du mois, tous les 2{N}446 ménages visibles, janvier à août",
    "alt": "A finding in a sentence.",
    "source": "Source: order lines; n = 2,446 households. Simulated data, not for commercial decisions, and so on.",
    "name": "example",
}
LONG = [
    "Bons de réduction du fabricant utilisés par période de trente jours",
    "Part de la droguerie et du bazar dans la dépense totale du ménage",
    "Récence (jours)",
    "Anticonstitutionnellement-incompréhensiblement-interminablement",
]
MONTHS = pd.date_range("2017-01-01", "2017-09-01", freq="MS")


def trend(values, margin=0.0, when=MONTHS):
    values = np.asarray(values, dtype=float)
    return pd.DataFrame({"when": when[: len(values)], "value": values, "low": values - margin, "high": values + margin})


def wide(rows, columns, seed=1):
    values = np.random.default_rng(seed).random((rows, columns))
    values[0, 0] = np.nan
    labels = [f"{LONG[i % 4]} {i}" for i in range(max(rows, columns))]
    return pd.DataFrame(values, index=labels[:rows], columns=labels[:columns])


def square(n):
    values = np.corrcoef(np.random.default_rng(2).normal(size=(n, 40)))
    labels = [f"{LONG[i % 4]} {i}" for i in range(n)]
    return pd.DataFrame(values, index=labels, columns=labels)


def histogram(top, unit=""):
    return (np.array([5, 3, 0, 1]), np.linspace(0, top, 5), unit)


WINDOWS = pd.DataFrame(
    {
        "label": ["Select", "Select", "Select", "Confirmation de la recette choisie sur une période plus tardive"],
        "part": ["history", "built on", "judged on", "built on"],
        "start": pd.to_datetime(["2017-01-01", "2017-01-04", "2017-04-04", "2017-04-04"]),
        "end": pd.to_datetime(["2017-01-04", "2017-04-04", "2017-07-03", "2017-07-03"]),
    }
)
GAPS = trend([1200, np.nan, 1100, 1300, np.nan, 1250, 1400, np.nan, 1380], 90)
NEGATIVE = pd.DataFrame({"label": LONG, "value": [-20.0, 5, np.nan, 1e6], "low": [-30, 4, np.nan, 9e5]})
NEGATIVE["high"] = [-10, 6, np.nan, 1.2e6]
AGAINST = pd.DataFrame({"k": range(2, 9), "value": [0.99, 0.97, 0.6, 0.95, 0.64, 0.6, -0.05]})
AGAINST = AGAINST.assign(low=AGAINST["value"] - 0.1, high=(AGAINST["value"] + 0.1).clip(upper=1), same=AGAINST["value"] - 0.03)
AGAINST = AGAINST.assign(cloud_low=0.4, cloud_high=[0.9, 0.7, 0.6, 0.6, np.nan, 0.5, 0.5], unrelated_low=0.1, unrelated_high=0.3)
GORGE = (np.array([0, 0, 40, 90]), np.array([300, 60, 0, 0]), np.linspace(0, 1, 5))
FLOWS = pd.DataFrame(
    [(3, 0, 0, 0.4, 1.0), (3, 0, 1, 0.2, 0.1), (3, 1, 1, 0.3, 0.1), (3, 1, 2, 0.1, 1.0), (4, 0, 0, 0.4, 1.0), (4, 1, 1, 0.3, 1.0),
     (4, 1, 3, 0.2, np.nan), (4, 2, 2, 0.1, 1.0)], columns=["k", "before", "segment", "share", "stability"]
)  # fmt: skip
# Five branches: 0 and 1, 2 and 3, then these four, then 4; of 30, 5, 25, 10 and 80 customers
TREE = pd.DataFrame(
    [(8, 7, 4, 0.4, 70, 80), (7, 5, 6, 0.3, 35, 35), (6, 2, 3, 0.1, 25, 10), (5, 0, 1, 0.05, 30, 5)],
    columns=["node", "left", "right", "gain", "rows_left", "rows_right"],
)
OVALS = pd.DataFrame(
    {"label": ["S1 · Recettes et ateliers", "S2 · Coffrets et pâtisseries", "S3 · Plats végétariens et souci de la santé", "Loin"],
     "x": [2.0, 0.0, 0.0, 9.0], "y": [0.0, 0.1, 1.2, -4.0], "width": 3.0, "height": 2.5, "angle": 20.0, "colour": list(style.FIVE[:4]),
     "core": [0.8, 0.75, None, 0.1]}
)  # fmt: skip
DRAWN = {
    "ovals": lambda: charts.separation(OVALS, across="rising: spend", upwards="falling: recency", **SAID),
    "one oval": lambda: charts.separation(OVALS.head(1), **SAID),
    "a tree": lambda: charts.tree(TREE, k=3, **SAID),
    "a tree of one fork": lambda: charts.tree(TREE.head(1), k=2, **SAID),
    "stability": lambda: charts.stability_against_nulls(AGAINST, **SAID),
    "stability alone": lambda: charts.stability_against_nulls(AGAINST[["k", "value", "low", "high"]].head(1), **SAID),
    "gorges": lambda: charts.gorges({f"{LONG[i % 4]} {i}": GORGE for i in range(5)}, **SAID),
    "one gorge": lambda: charts.gorges({"Récence": GORGE}, **SAID),
    "ribbons": lambda: charts.ribbons(FLOWS, **SAID),
    "ribbons of one step": lambda: charts.ribbons(FLOWS[FLOWS["k"] == 3], **SAID),
    "a trend": lambda: charts.lines_with_interval(trend(np.linspace(0.6, 0.7, 9), 0.02), value_format="share", **SAID),
    "a target above": lambda: charts.lines_with_interval(trend([0.5, 0.6], 0.1), target=0.9, value_format="share", **SAID),
    "a target amid": lambda: charts.lines_with_interval(GAPS, target=1250, value_format="money", **SAID),
    "one point": lambda: charts.lines_with_interval(trend([3], 1), target=3.2, **SAID),
    "nothing known": lambda: charts.lines_with_interval(trend([np.nan, np.nan]), target=3.2, **SAID),
    "a flat line": lambda: charts.lines_with_interval(trend([0, 0, 0]), **SAID),
    "huge": lambda: charts.lines_with_interval(trend(np.arange(1, 10) * 1e9, 1e8), value_format="money", **SAID),
    "tiny": lambda: charts.lines_with_interval(trend(np.arange(1, 10) * 1e-6, 1e-7), **SAID),
    "days": lambda: charts.lines_with_interval(
        trend(np.arange(20), 1, pd.date_range("2016-12-20", periods=20)), value_format="count", **SAID
    ),
    "decades": lambda: charts.lines_with_interval(trend(np.arange(200), 1, pd.date_range("1999-05-01", periods=200, freq="MS")), **SAID),
    "a funnel": lambda: charts.funnel(pd.DataFrame({"label": LONG, "n": [246900, 2446, 2441, 0], "share": [1, 0.991, 0.989, 0]}), **SAID),
    "windows": lambda: charts.windows(WINDOWS, as_of=date(2017, 10, 1), **SAID),
    "one window": lambda: charts.windows(WINDOWS.head(1), **SAID),
    "a grid": lambda: charts.heatmap(wide(5, 7), **SAID),
    "a large grid": lambda: charts.heatmap(wide(15, 12), **SAID),
    "one cell": lambda: charts.heatmap(wide(1, 1), **SAID),
    "correlations": lambda: charts.correlation(square(14), **SAID),
    "two variables": lambda: charts.correlation(square(2), **SAID),
    "histograms": lambda: charts.distributions(
        {f"{LONG[i % 4]} {i}": histogram(10.0 ** (i - 4), ["", "jours", "%"][i % 3]) for i in range(10)}, **SAID
    ),
    "one histogram": lambda: charts.distributions({"Récence": histogram(90, "jours")}, **SAID),
    "bars": lambda: charts.bars(NEGATIVE, value_format="money", **SAID),
    "small groups": lambda: charts.bars(pd.DataFrame({"label": LONG, "value": 5.25, "n": [9, 10, 29, 30]}), **SAID),
    "thirty bars": lambda: charts.bars(
        pd.DataFrame({"label": [f"{LONG[i % 4]} {i}" for i in range(30)], "value": np.arange(30) * 1e6}), **SAID
    ),
    "one bar": lambda: charts.bars(pd.DataFrame({"label": ["a"], "value": [0]}), **SAID),
    "columns": lambda: charts.strips(pd.DataFrame({"when": MONTHS, "n": range(120_000, 129_000, 1000)}), **SAID),
    "one column": lambda: charts.strips(pd.DataFrame({"when": MONTHS[:1], "n": [3]}), **SAID),
    "no column": lambda: charts.strips(pd.DataFrame({"when": MONTHS[:1], "n": [None]}), **SAID),
    "weeks": lambda: charts.strips(pd.DataFrame({"when": pd.date_range("2016-12-05", periods=10, freq="7D"), "n": np.arange(10)}), **SAID),
}


def texts(sheet):
    return [t for t in sheet.figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_visible() and t.get_text().strip()]


def read(sheet) -> list[str]:
    return [t.get_text() for t in texts(sheet)]


@pytest.mark.parametrize("what", DRAWN)
def test_no_text_is_cut_or_covers_another(what, sheets, tongue):
    with style.house_style():
        DRAWN[what]()
        figure = sheets[-1].figure
        figure.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts(sheets[-1])]
    width, height = figure.bbox.size
    cut = [s for s, b in boxes if b.x0 < 0 or b.y0 < 0 or b.x1 > width + 1 or b.y1 > height + 1]
    pairs = itertools.combinations(boxes, 2)
    over = [(s, t) for (s, a), (t, b) in pairs if a.padded(-2).overlaps(b.padded(-2))]
    assert (cut, over) == ([], [])


@pytest.mark.parametrize("what", ["a target above", "correlations", "bars"])
def test_a_picture_is_the_same_twice_small_and_without_time_or_version(what, step):
    DRAWN[what]()
    first, said = step.kept.pop("example")
    DRAWN[what]()
    assert step.kept["example"][0] == first
    assert len(first) < 90_000
    picture = Image.open(io.BytesIO(first))
    assert picture.width == 980
    assert set(picture.info) == {"dpi"}
    assert said == {key: SAID[key] for key in ("title", "subtitle", "alt", "source")}


def test_a_picture_is_shown_with_its_alternative_text(monkeypatch, step):
    shown = []
    monkeypatch.setattr(paper, "place_on_page", lambda bundle, metadata: shown.append((bundle, metadata)))
    DRAWN["one bar"]()
    assert shown[0][0]["text/plain"] == SAID["alt"]
    assert shown[0][1]["image/png"]["alt"] == SAID["alt"]


def test_axes_speak_the_language_of_the_reader(sheets, tongue):
    charts.lines_with_interval(trend([0.605, 0.61, 0.6125], 0.001), value_format="share", digits=2, **SAID)
    charts.lines_with_interval(trend([1200, 1300, 1400]), value_format="money", **SAID)
    ticks = [t for t in read(sheets[0]) if "%" in t]
    if tongue == "fr":
        assert f"60,5{N}%" in ticks and f"61,25{N}%" in ticks
        assert f"1{N}400{N}$US" in read(sheets[1]) and "févr." in read(sheets[1])
    else:
        assert "60.5%" in ticks and "61.25%" in ticks
        assert "$1,400" in read(sheets[1]) and "Feb" in read(sheets[1])


def test_an_interval_is_named_where_one_is_drawn_and_only_there(sheets, tongue):
    interval = words.say("95% interval")
    charts.lines_with_interval(trend([1, 2], 1), **SAID)
    charts.bars(NEGATIVE, **SAID)
    charts.lines_with_interval(trend([1, 2], np.nan), **SAID)
    charts.bars(NEGATIVE[["label", "value"]], **SAID)
    assert [interval in read(sheet) for sheet in sheets] == [True, True, False, False]


def test_a_target_is_labelled_beside_its_line_or_else_in_the_key(sheets):
    charts.lines_with_interval(trend([1, 2, 3], 0.1), target=3.5, target_label="the target", **SAID)
    charts.lines_with_interval(trend([1, 2, 3], 5), target=2, target_label="the target", **SAID)
    labels = [next(t for t in texts(sheet) if t.get_text() == "the target") for sheet in sheets]
    assert [label.get_position()[1] > sheet.top for label, sheet in zip(labels, sheets, strict=True)] == [False, True]


def test_a_funnel_writes_what_is_left_its_share_and_the_loss(sheets, tongue):
    charts.funnel(pd.DataFrame({"label": ["All", "Some"], "n": [2469, 2446], "share": [1, 2446 / 2469]}), **SAID)
    expected = {
        "en": ["2,469", "100.0%", "2,446", "99.1%  (−23)"],
        "fr": [f"2{N}469", f"100,0{N}%", f"2{N}446", f"99,1{N}%  (−23)"],
    }
    assert [t for t in read(sheets[0]) if t in expected[tongue]] == expected[tongue]


def test_bars_are_sorted_start_at_zero_and_the_unknown_come_last(sheets, tongue):
    charts.bars(pd.DataFrame({"label": ["b", "x", "a"], "value": [1.0, None, 3.0]}), **SAID)
    plot = sheets[0].figure.axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in plot.patches] == [(0, 3), (0, 1), (0, 0)]
    assert [t for t in read(sheets[0]) if len(t) == 1] == ["a", "b", "x", "3", "1"]
    assert words.say("cannot tell") in read(sheets[0])


def test_groups_under_min_cell_are_left_out_and_mentioned_and_small_ones_are_grey(sheets, tongue):
    charts.bars(pd.DataFrame({"label": ["a", "b", "c", "d"], "value": [4, 3, 2, 1], "n": [30, 29, 10, 9]}), **SAID)
    sheet = sheets[0]
    fills = [to_hex(bar.get_facecolor()).upper() for bar in sheet.figure.axes[0].patches]
    assert fills == ["#12436D", "#6B6B6B", "#6B6B6B"]
    assert f"(n{N}={N}29)" in read(sheet) and f"(n{N}={N}10)" in read(sheet) and "d" not in read(sheet)
    left_out = words.say_n(
        "{n} group of fewer than {least} customers is not shown.",
        "{n} groups of fewer than {least} customers are not shown.",
        1,
        least="10",
    )
    assert " ".join(read(sheet)).count(left_out) == 1 or sheet.words.source.endswith(left_out)


def test_correlations_at_the_threshold_are_marked_whatever_their_sign(sheets):
    names = ["a", "b", "c"]
    table = pd.DataFrame([[1, 0.7, -0.7], [0.7, 1, 0.69], [-0.7, 0.69, 1]], names, names)
    charts.correlation(table, **SAID)
    marks = [t.get_position() for t in texts(sheets[0]) if t.get_text() == "●"]
    assert marks == [(0.5, 1.5), (0.5, 2.5)]


def test_text_on_a_coloured_cell_can_be_read(sheets):
    charts.heatmap(pd.DataFrame([np.linspace(0, 1, 11)], ["a"], list("bcdefghijkl")), **SAID)
    cells = [t for t in texts(sheets[0]) if "%" in t.get_text() and t.axes is not None]
    fills = [style.SEQUENTIAL(x) for x in np.linspace(0, 1, 11)]
    ratios = [style.contrast(t.get_color(), to_hex(f)) for t, f in zip(cells, fills, strict=True)]
    assert min(ratios) >= 4


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: charts.strips(NEGATIVE, **SAID), "the frame has no column 'when'; it has label, value, low, high"),
        (lambda: charts.windows(WINDOWS.assign(part="built"), **SAID), "column part: 'built' is not one of history"),
        (lambda: charts.correlation(square(3).iloc[::-1], **SAID), "the same in index and columns"),
        (lambda: charts.correlation(square(1), **SAID), "give two variables or more"),
        (lambda: charts.bars(NEGATIVE.assign(n=9), **SAID), "every group has fewer than 10 customers"),
        (lambda: charts.bars(NEGATIVE, **SAID | {"name": "My chart"}), "Chart 'My chart': name it with lower-case"),
        (lambda: charts.ribbons(FLOWS.drop(columns="share"), **SAID), "the frame has no column 'share'"),
        (lambda: charts.stability_against_nulls(NEGATIVE, **SAID), "the frame has no column 'k'"),
    ],
)
def test_a_wrong_frame_is_refused_with_the_remedy(draw, message):
    with pytest.raises(NinefoldError, match=re.escape(message)):
        draw()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.bars(NEGATIVE.head(0), **SAID),
        lambda: charts.lines_with_interval(pd.DataFrame(), **SAID),
        lambda: charts.distributions({}, **SAID),
        lambda: charts.gorges({}, **SAID),
        lambda: charts.ribbons(FLOWS.head(0), **SAID),
        lambda: charts.tree(TREE.head(0), k=2, **SAID),
        lambda: charts.curves(pd.DataFrame(), **SAID),
        lambda: charts.standing(pd.DataFrame(), **SAID),
        lambda: charts.returns(pd.DataFrame(), marks=[], **SAID),
        lambda: charts.calibration(pd.DataFrame(), **SAID),
    ],
)
def test_with_nothing_to_draw_the_title_is_said_as_a_sentence(draw, monkeypatch, sheets):
    said = []
    monkeypatch.setattr(paper, "finding", said.append)
    draw()
    assert said == [SAID["title"]] and not sheets


# Evidence


def test_nulls_are_drawn_and_named_only_where_they_are_known(sheets):
    charts.stability_against_nulls(AGAINST, **SAID)
    charts.stability_against_nulls(AGAINST[["k", "value", "low", "high"]], **SAID)
    with_nulls, alone = ([p for p in sheet.figure.axes[0].patches] for sheet in sheets)
    assert (len(with_nulls), len(alone)) == (13, 0)  # seven numbers of segments, two nulls, one not known
    named = [words.say("one cloud without segments") in read(sheet) for sheet in sheets]
    assert named == [True, False]
    assert "0.95" in read(sheets[1]) and "−0.05" in read(sheets[1])


def test_ribbons_hold_every_flow_and_boxes_the_stability(sheets):
    charts.ribbons(FLOWS, **SAID)
    patches = sheets[0].figure.axes[0].patches
    assert len(patches) == 8 + 2 + 3 + 4  # flows, and segments at two, three and four
    assert read(sheets[0]).count("1.00") == 5 and "0.10" in read(sheets[0])
    assert [t for t in read(sheets[0]) if t in "234"] == ["2", "3", "4"]


def test_a_gorge_stacks_the_segment_on_all_others(sheets):
    charts.gorges({"a": GORGE}, **SAID)
    whole, own = (stairs.get_data().values.tolist() for stairs in sheets[0].figure.axes[0].patches)
    assert (whole, own) == ([300, 60, 40, 90], [0, 0, 40, 90])


def test_a_tree_is_cut_half_way_between_two_gains_and_tells_of_no_few_customers(sheets):
    charts.tree(TREE, k=3, **SAID)
    axes = sheets[0].figure.axes[0]
    *arches, cut = axes.lines
    assert list(cut.get_ydata()) == pytest.approx([0.2, 0.2])  # between the gains .3, of three classes, and .1, of a fourth
    forks = {round(float(max(line.get_ydata())), 2): line for line in arches}
    assert [to_hex(forks[gain].get_color()).upper() for gain in (0.4, 0.3, 0.1, 0.05)] == [style.ACCENT] * 2 + [style.NEUTRAL] * 2
    assert list(forks[0.3].get_xdata()) == [0.5, 0.5, 2.5, 2.5] and list(forks[0.3].get_ydata()) == [0.05, 0.3, 0.3, 0.1]
    written = read(sheets[0])
    assert [t for t in written if t in ("30", "5", "25", "10", "80", "–")] == ["30", "–", "25", "–", "80"]  # 10 would give the 5 away
    assert "cut into 3" in written and "customers below each branch" in written


def test_a_tree_that_does_not_reach_the_cut_is_drawn_without_it(sheets):
    charts.tree(TREE, k=9, **SAID)
    assert len(sheets[0].figure.axes[0].lines) == 4 and not any("cut into" in t for t in read(sheets[0]))


# Colours


def test_segments_keep_their_colours_in_the_order_of_their_names():
    assert charts.colours(["Loyal", "New", "Loyal"]) == {"Loyal": "#12436D", "New": "#D55E00"}
    assert list(charts.colours(list("abcdef")).values()) == list(style.SIX)
    assert charts.colours(["a", "b", "c"], {"b": "#12436d"}) == {"a": "#D55E00", "b": "#12436D", "c": "#A285D1"}


def test_from_the_seventh_segment_on_all_are_grey():
    assert list(charts.colours(list("abcdefgh")).values()) == [*style.SIX, style.NEUTRAL, style.NEUTRAL]


def test_a_faint_or_unknown_colour_is_refused():
    with pytest.raises(NinefoldError, match="colour of segment 'a': '#FFEE00'"):
        charts.colours(["a"], {"a": "#FFEE00"})
    with pytest.raises(NinefoldError, match="colour of segment 'a': 'bleu'"):
        charts.colours(["a"], {"a": "bleu"})


def test_contrast_is_the_published_formula():
    assert style.contrast("#000000") == pytest.approx(21)
    assert style.contrast("#FFFFFF") == pytest.approx(1)
    assert style.contrast("#767676") == pytest.approx(4.54, abs=0.005)  # the lightest grey that passes 4.5:1


@pytest.mark.parametrize("colour", [*style.FIVE, *style.SIX, style.NEUTRAL, style.SECOND, style.ACCENT])
def test_every_colour_of_a_segment_stands_out_on_white(colour):
    assert style.contrast(colour) >= 3


@pytest.mark.parametrize("colour", [style.INK, style.GREY, style.TARGET])
def test_every_colour_of_a_text_can_be_read_on_white(colour):
    assert style.contrast(colour) >= 4.5


# Machado, Oliveira and Fernandes (2009), severity 1: red-, green- and blue-blind.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour, matrix):
    """CIE L*a*b* of a colour as somebody with that blindness sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize("palette", [style.FIVE, style.SIX], ids=["five", "six"])
def test_segments_are_told_apart_by_the_colour_blind(kind, palette):
    seen = [lab(colour, BLINDNESS[kind]) for colour in palette]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 10


# Numbers and dates on axes


@pytest.mark.parametrize(
    ("ticks", "kind", "expected"),
    [
        ([0, 0.5, 1], "number", ["0.0", "0.5", "1.0"]),
        ([0, 0.025, 0.05], "share", ["0.0%", "2.5%", "5.0%"]),
        ([0, 2.5, 5], "money", ["$0.00", "$2.50", "$5.00"]),
        ([0, 500_000, 1_000_000], "count", ["0", "500K", "1M"]),
        ([-0.1, 0, 0.1], "change", ["−10%", "0%", "10%"]),
        ([1e-6, 2e-6], "number", ["0.000001", "0.000002"]),
    ],
)
def test_ticks_have_the_fewest_decimals_that_are_exact(ticks, kind, expected):
    assert scales.tick_texts(np.array(ticks), kind) == expected


def test_dates_thin_out_until_they_can_be_read(tongue):
    months = [m.date() for m in pd.date_range("2016-11-01", "2017-12-01", freq="MS")]
    roomy, narrow = scales.readable(months, per_day=3), scales.readable(months, per_day=0.35)
    assert list(roomy) == months
    assert list(narrow) == [date(2017, 1, 1), date(2017, 5, 1), date(2017, 9, 1)]
    expected = {"en": ["Jan\n2017", "May", "Sept"], "fr": ["janv.\n2017", "mai", "sept."]}
    assert scales.date_texts(narrow) == expected[tongue]


def test_text_is_wrapped_at_spaces_but_never_at_no_break_ones():
    assert style.wrap("one two three", 60, 11) == ["one two", "three"]
    assert style.wrap(f"about 1{N}234{N}567 of all", 66, 11) == ["about", f"1{N}234{N}567", "of all"]
    assert style.wrap("incomprehensible", 60, 11) == ["incompre-", "hensible"]
    assert style.wrap(" ", 60, 11) == style.wrap("", 60, 11) == []
