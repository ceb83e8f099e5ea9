"""Comments: moods, languages, themes and quotes, on sentences whose meaning a reader can check."""

from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest
from by_hand import project
from sklearn.metrics import adjusted_rand_score

from helpers.fait_maison import load
from helpers.predict.voice import accuracy, by_segment, page, segments, topics, voice
from helpers.predict.voice.language import language
from helpers.predict.voice.quotes import anonymous, chosen, spoken
from helpers.predict.voice.sentiment import examples, mood
from helpers.predict.voice.themes import COLUMNS, said_rows

pytestmark = pytest.mark.usefixtures("in_english")

DAY = datetime(2017, 3, 1)
MATTERS = {  # theme: sentences on it, by mood
    "delivery": {
        1: ["The parcel came on time.", "Fast delivery and a polite driver."],
        -1: ["The parcel was late.", "The driver was rude."],
    },
    "price": {
        1: ["Great value for the price.", "A fair price and a good discount."],
        -1: ["The price is too high.", "Expensive for what it is."],
    },
    "fresh": {1: ["The salad was fresh.", "Lovely fresh vegetables."], -1: ["The salad was wilted.", "Mushy vegetables, sadly."]},
}
FRENCH = {
    "delivery": {1: ["Colis reçu en avance, parfait.", "Livreur aimable."], -1: ["Livraison en retard.", "Le livreur a été désagréable."]},
    "price": {1: ["Bon prix, belle remise.", "Des prix raisonnables."], -1: ["Les prix sont trop hauts.", "Trop cher."]},
}


def comments(written, *, people=60, each=5, seed=1) -> pd.DataFrame:
    """Comments: customer k writes of a matter by k modulo their number, at every fifth comment of another; ratings fit the mood."""
    rng, rows = np.random.default_rng(seed), []
    names = list(written)
    for who in range(people):
        for turn in range(each):
            matter = names[(who + (turn == each - 1)) % len(names)]
            felt = 1 if rng.random() < 0.6 else -1
            text = written[matter][felt][int(rng.integers(len(written[matter][felt])))]
            rating = float(rng.integers(4, 6) if felt > 0 else rng.integers(1, 3))
            rows.append((f"{names[0]}{who:04d}", DAY + timedelta(hours=len(rows)), text, rating, matter))
    return pd.DataFrame(rows, columns=["customer_id", "said_at", "text", "rating", "matter"])


class Run:
    """A step that hands over to itself: enough of one for this room."""

    def __init__(self, **predict):
        self.project, self.given = project(variables={"predict": {"themes": 3} | predict}), {}

    def gives(self, step, name):
        return (step, name) in self.given

    def take(self, step, name):
        return self.given[step, name]


def heard(frame, **predict):
    """The evidence, the comments as said, and the step with both handed over."""
    step = Run(**predict)
    table = ibis.memtable(frame.drop(columns="matter", errors="ignore"))
    evidence, said = voice(step, {"comments": table})
    step.given |= {("variables", "voice"): evidence, ("collect", "comments"): table}
    if said is not None:
        step.given["variables", "said"] = said
    return evidence, said, step


@pytest.fixture(scope="module")
def english():
    return comments(MATTERS)


@pytest.fixture(scope="module")
def told(english):
    return heard(english)


# Moods


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("The soup was good.", "en", 1),
        ("The soup was not good.", "en", -1),
        ("Not a bad soup.", "en", 1),
        ("No problems, fast delivery.", "en", 1),  # a comma ends what "no" turns round
        ("Good soup but horrible bread.", "en", -1),
        ("Good soup and bad bread.", "en", 0),
        ("I had soup.", "en", 0),
        ("Too salty.", "en", -1),
        ("", "en", 0),
        ("La soupe était bonne.", "fr", 1),
        ("La soupe n’était pas bonne.", "fr", -1),
        ("Je ne regrette rien.", "fr", 1),
        ("Je ne suis pas déçue.", "fr", 1),
        ("Un peu cher.", "fr", -1),
        ("Peu aimable.", "fr", -1),
        ("DÉÇU !!!", "fr", -1),
        ("Trooop bon 😍", "fr", 1),
        ("Sans plus.", "fr", 0),
        ("J’ai mangé une soupe.", "fr", 0),
    ],
)
def test_a_mood_is_read_with_its_negation(text, code, expected):
    assert mood(text, code) == expected


def test_three_hundred_examples_are_typed_a_third_of_each_kind_seen_and_both_languages_alike():
    rows = pd.DataFrame(examples())
    assert len(rows) == 300
    assert rows["text"].is_unique
    counts = Counter(zip(rows["language"], rows["mood"], strict=True))
    assert all(counts["fr", one] == counts["en", one] for one in (-1, 0, 1))
    assert Counter(rows["seen"]) == {True: 96, False: 204}
    assert {"irony", "negated", "mixed", "slang"} <= set(rows["kind"])


def test_moods_of_the_examples_that_nobody_looked_at_are_read_well_above_chance():
    for one in accuracy.on_examples().values():
        assert one["n"] == 102
        assert one["low"] > accuracy.LEAST > 1 / 3
        assert one["low"] < one["balanced"] < one["high"]
        assert one["kinds"]["irony"][1] <= 2  # irony is not understood, and the page says so


def test_balanced_accuracy_is_the_mean_of_the_shares_whatever_the_sizes():
    one = accuracy.balanced([(100, 90), (10, 5)])
    assert one["balanced"] == pytest.approx(0.7)
    # Wilson: 90 of 100 is .8256 to .9448, 5 of 10 is .2366 to .7634; half the root of the sum of squares of the distances
    assert one["low"] == pytest.approx(0.7 - np.hypot(0.9 - 0.8256, 0.5 - 0.2366) / 2, abs=1e-4)
    assert one["high"] == pytest.approx(0.7 + np.hypot(0.9448 - 0.9, 0.7634 - 0.5) / 2, abs=1e-4)


def test_a_grade_whose_interval_crosses_a_border_has_both_letters():
    assert accuracy.letters({"balanced": 0.90, "low": 0.88, "high": 0.93}) == "A"
    assert accuracy.letters({"balanced": 0.84, "low": 0.80, "high": 0.87}) == "A/B"
    assert accuracy.letters({"balanced": 0.69, "low": 0.60, "high": 0.80}) is None


def rated(*rows):
    return ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "sentiment", "rating"]).astype({"rating": "float64"}))


def test_moods_are_compared_with_ratings_and_no_mood_counts_as_wrong():
    rows = [(f"a{n}", -1, 1) for n in range(40)] + [(f"b{n}", 0, 2) for n in range(10)] + [(f"c{n}", 1, 5) for n in range(60)]
    found = accuracy.on_ratings(rated(*rows, ("d", 1, 3)))
    assert (found["reason"], found["n"]) == (None, 110)
    assert found["balanced"] == pytest.approx((0.8 + 1) / 2)
    assert found["undecided"] == pytest.approx(10 / 110)


def test_one_customer_with_many_comments_tells_less_than_many_customers():
    many = [(f"a{n}", -1 if n < 40 else 1, 1) for n in range(60)] + [(f"c{n}", 1, 5) for n in range(60)]
    few = [(f"a{n // 20}", -1 if n < 40 else 1, 1) for n in range(60)] + [(f"c{n}", 1, 5) for n in range(60)]
    wide, narrow = (accuracy.on_ratings(rated(*rows)) for rows in (few, many))
    assert wide["balanced"] == pytest.approx(narrow["balanced"])
    assert wide["high"] - wide["low"] > 2 * (narrow["high"] - narrow["low"])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("a", 1, None)], "no_ratings"),
        ([("a", 1, 9), ("b", -1, 0)], "rating_scale"),
        ([("a", 1, 5), ("b", -1, 1)], "few_rated"),
    ],
)
def test_ratings_that_cannot_judge_say_why(rows, reason):
    found = accuracy.on_ratings(rated(*rows))
    assert (found["reason"], found["balanced"]) == (reason, None)


# Languages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Parfait, merci beaucoup", "fr"),
        ("I would buy it again", "en"),
        ("Muy buena tienda, llegó todo bien", "other"),
        ("Sehr gut, gerne wieder", "other"),
        ("очень хорошо", "other"),
        ("とても良い", "other"),
        ("12345 !!!", "unknown"),
        ("OK", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_language_of_a_comment(text, expected):
    assert language(text) == expected


def test_the_language_of_nearly_every_example_is_told_and_none_is_taken_for_the_other():
    found = [(one["language"], language(one["text"])) for one in examples()]
    assert sum(a == b for a, b in found) >= 290
    assert {b for a, b in found if a != b} <= {"unknown"}


# Themes


def test_themes_are_what_the_comments_were_made_of(told, english):
    evidence, said, _ = told
    assert (evidence["status"], evidence["grade"], evidence["comments"], evidence["customers"]) == ("graded", "A", 300, 60)
    assert {one["matter"] for one in evidence["themes"]} == set(MATTERS)
    made = said.execute().merge(english[["said_at", "matter"]], on="said_at")
    names = {one["theme"]: one["matter"] for one in evidence["themes"]}
    known = made[made["theme"].notna()]
    assert (known["theme"].map(names) == known["matter"]).mean() > 0.95
    assert len(known) > 0.8 * len(made)


def test_the_invented_traiteur_s_comments_give_back_the_topics_they_were_made_of():
    made, rng = load().words["comments"], np.random.default_rng(5)
    truth, texts = [], []
    for topic in made["topics"]:
        for _ in range(120):
            felt = ("good", "middling", "bad")[int(rng.integers(3))]
            texts.append(
                " ".join(str(rng.choice(part)) for part in (made["openings"][felt], made["topics"][topic][felt], made["endings"][felt]))
            )
            truth.append(topic)
    found, how = topics.learn(texts, [str(n) for n in range(len(texts))], language="fr", themes=8, least=10, seed=1)
    themes = topics.assign(texts, found)
    clear = themes >= 0
    assert clear.mean() > 0.8
    assert adjusted_rand_score(np.array(truth)[clear], themes[clear]) > 0.7
    assert how["steady"] > 0.8


def test_the_text_is_never_handed_over(told):
    assert told[1].columns == tuple(COLUMNS)
    assert "text" not in COLUMNS


def test_shuffled_rows_give_the_same_to_the_last_row(told, english):
    evidence, said, _ = heard(english.sample(frac=1, random_state=3))
    assert evidence == told[0]
    order = ["customer_id", "said_at"]
    pd.testing.assert_frame_equal(*(one.execute().sort_values(order).reset_index(drop=True) for one in (said, told[1])))


def test_what_is_found_for_a_comment_depends_on_no_other(english):
    texts = list(english["text"])
    found, _ = topics.learn(texts, list(english["customer_id"]), language="en", themes=3, least=10, seed=1)
    whole = topics.assign(texts, found)
    alone = np.concatenate([topics.assign([text], found) for text in texts[:40]])
    np.testing.assert_array_equal(whole[:40], alone)


def test_words_that_differ_from_comment_to_comment_give_no_theme():
    rng = np.random.default_rng(2)
    stock = ["lamp", "chair", "garden", "window", "kettle", "pencil", "carpet", "mirror", "ladder", "bottle", "pillow", "candle"]
    texts = [" ".join(rng.choice(stock, 3, replace=False)) for _ in range(400)]
    found, how = topics.learn(texts, [str(n) for n in range(400)], language="en", themes=4, least=10, seed=1)
    assert (found, how["reason"], how["grade"]) == (None, "unsteady", None)


def test_names_judging_words_and_health_make_no_theme():
    texts = ["Great, I met Sylvie about the parcel and my cancer treatment", "The parcel of Sylvie was awful", "Soup", "Soup", "Soup"] * 30
    vocabulary, _ = topics._vocabulary(texts, [str(n) for n in range(150)], "en", 10)
    assert "parcel" in vocabulary
    assert not {"sylvi", "sylvie", "great", "awful", "cancer"} & set(vocabulary)


def test_two_languages_have_themes_of_their_own_counted_through():
    both = pd.concat([comments(MATTERS), comments(FRENCH).assign(customer_id=lambda t: "f" + t["customer_id"])])
    evidence, said, _ = heard(both.assign(said_at=[DAY + timedelta(hours=n) for n in range(len(both))]))
    assert [one["theme"] for one in evidence["themes"]] == list(range(len(evidence["themes"])))
    assert {one["language"] for one in evidence["themes"]} == {"fr", "en"}
    made = said.execute()
    of = {one["theme"]: one["language"] for one in evidence["themes"]}
    known = made[made["theme"].notna() & made["language"].isin(["fr", "en"])]
    assert (known["theme"].map(of) == known["language"]).all()


# What data may lack


def test_no_comments_are_one_sentence():
    evidence, said = voice(Run(), {})
    assert (evidence["status"], said) == ("none", None)
    assert page.themes_words(evidence, project())["title"].startswith("No comments: it would take")
    assert page.trust(evidence) == page.caveats(evidence) == []
    assert page.themes_table(evidence, project()).frame.empty


def test_an_empty_table_or_blank_texts_are_no_comments(english):
    for frame in (english.head(0), english.assign(text="  ")):
        evidence, said, _ = heard(frame)
        assert (evidence["status"], evidence["reasons"], said) == ("none", ["no_comments"], None)


def test_few_comments_are_not_ready_and_of_few_customers_tell_no_number(english):
    evidence, said, _ = heard(english.head(100))
    assert (evidence["status"], evidence["reasons"], evidence["comments"], said) == ("not_ready", ["few_comments"], 100, None)
    assert page.themes_words(evidence, project())["title"].startswith("Not ready")
    evidence, _, _ = heard(english.head(300).assign(customer_id="only"))
    assert (evidence["status"], evidence["comments"], evidence["customers"]) == ("not_ready", None, None)


def test_comments_without_ratings_are_judged_by_the_examples_alone(english):
    evidence, said, _ = heard(english.drop(columns="rating"))
    assert evidence["moods"]["languages"]["en"]["ratings"]["reason"] == "no_ratings"
    assert evidence["moods"]["languages"]["en"]["used"]
    assert said.execute()["rating"].isna().all()


def test_moods_that_ratings_contradict_are_not_used(english):
    evidence, said, _ = heard(english.assign(rating=6 - english["rating"]))
    one = evidence["moods"]["languages"]["en"]
    assert (one["used"], one["reason"], evidence["moods"]["grade"]) == (False, "ratings_low", None)
    assert said.execute()["sentiment"].isna().all()
    assert {theme["content"] for theme in evidence["themes"]} == {None}
    assert "cannot tell, and moods are not used" in " ".join(page.trust(evidence))


def test_a_comment_of_another_language_has_neither_theme_nor_mood(english):
    more = pd.DataFrame(
        {"customer_id": ["x"], "said_at": [DAY - timedelta(days=1)], "text": ["Muy buena tienda, llegó todo bien"], "rating": [5.0]}
    )
    _, said, _ = heard(pd.concat([english, more]))
    one = said.execute().set_index("customer_id").loc["x"]
    assert one["language"] == "other"
    assert one[["theme", "sentiment"]].isna().all()


def test_comments_in_no_language_that_is_read_cannot_be_told(english):
    evidence, said, step = heard(english.assign(text="Muy buena tienda, llegó todo bien"))
    assert (evidence["status"], evidence["reasons"], evidence["themes"]) == ("cannot_tell", ["languages"], [])
    assert page.themes_words(evidence, project())["title"].startswith("Cannot tell: too few comments in French or English")
    assert page.trust(evidence) == ["Languages of the comments: another language 100.0%."]
    assert by_segment(step, members(english))["reasons"] == ["languages"]


def test_the_language_of_one_customer_is_not_told(english):
    one = english.head(1).assign(customer_id="x", text="Muy buena tienda, llegó todo bien")
    evidence, _, _ = heard(pd.concat([english, one]))
    assert evidence["languages"] == {"en": 300, "other": None}
    assert page.trust(evidence)[0] == "Languages of the comments: English 100%."


def test_comments_of_nobody_or_without_a_day_do_not_count(english):
    frame = english.head(4).copy()
    frame.loc[frame.index[0], "customer_id"], frame.loc[frame.index[1], "said_at"] = None, pd.NaT
    assert int(said_rows(ibis.memtable(frame)).count().execute()) == 2


# Segments


def members(frame):
    """The segment of a customer is the matter most written of: by the customer's number."""
    who = sorted(set(frame["customer_id"]))
    return ibis.memtable(pd.DataFrame({"customer_id": who, "segment": [f"S{int(one[-4:]) % 3 + 1}" for one in who]}))


def test_each_segment_speaks_more_of_its_own_theme(told, english):
    evidence, _, step = told
    found = by_segment(step, members(english))
    names = {one["theme"]: one["matter"] for one in evidence["themes"]}
    own = {one["segment"]: {names[line["theme"]] for line in one["themes"] if line["more"]} for one in found["segments"]}
    assert own["S1"] >= {"delivery"}
    assert own["S2"] >= {"price"}
    assert own["S3"] >= {"fresh"}
    assert (found["customers"], [one["customers"] for one in found["segments"]]) == (60, [20, 20, 20])


def test_segments_drawn_by_lot_differ_in_nothing():
    evidence, _, step = heard(comments(MATTERS, people=120, each=3))
    who = [f"delivery{n:04d}" for n in range(120)]
    lot = np.random.default_rng(4).permutation(["S1"] * 60 + ["S2"] * 60)
    found = by_segment(step, ibis.memtable(pd.DataFrame({"customer_id": who, "segment": lot})))
    assert found["tried"] == 2 * len(evidence["themes"])
    assert not any(line["more"] or line["less"] for one in found["segments"] for line in one["themes"])


def test_no_figure_and_no_quote_about_fewer_than_ten_customers(told, english):
    few = members(english).execute()
    few["segment"] = np.where(few["customer_id"].str[-4:].astype(int) < 5, "S9", "S1")
    found = by_segment(told[2], ibis.memtable(few))
    small = next(one for one in found["segments"] if one["segment"] == "S9")
    assert small["customers"] is None and small["themes"]
    for line in small["themes"]:
        assert (line["n"], line["share"], line["mood"], line["rating"], line["quotes"]) == (None, None, None, None, [])


def test_writers_outside_all_segments_are_compared_with_nobody_and_give_no_small_number_away(told, english):
    some = members(english).execute()
    found = by_segment(told[2], ibis.memtable(some[some["segment"] != "S3"]))
    assert [one["segment"] for one in found["segments"]] == ["S1", "S2"]
    assert found["customers"] == 40
    few = some[some["customer_id"].str[-4:].astype(int) >= 4]  # four writers stay outside: no theme of theirs may follow
    found = by_segment(told[2], ibis.memtable(few))
    for theme in told[0]["themes"]:
        shown = [line["n"] for one in found["segments"] for line in one["themes"] if line["theme"] == theme["theme"]]
        assert None in shown


def test_without_evidence_of_step_four_nothing_is_told():
    found = by_segment(Run(), None)
    assert (found["status"], found["segments"]) == ("none", [])
    assert page.reason_words(found) == "What comments are about is not known: step four handed nothing over."


def test_the_pages_of_both_steps_say_what_was_found(told, english):
    evidence, _, step = told
    found = by_segment(step, members(english))
    profiles = {"segments": [{"id": f"S{n}", "name": f"Name {n}"} for n in (1, 2, 3)]}
    frame = page.segments_frame(found, evidence, profiles, step.project)
    assert frame.shape == (3, 3)
    assert "writes more than the others of" in page.segments_words(found, evidence, profiles, step.project)["title"]
    assert page.segments_finding(found, evidence, profiles, step.project).startswith("3 segments of 3 have a theme of their own")
    quotes = " ".join(page.segments_table(found, evidence, profiles, step.project).frame["quotes"])
    assert "driver" in quotes
    assert "salad" in quotes
    assert page.themes_frame(evidence, step.project)["value"].sum() <= 1
    assert any("English moods are read rightly in" in line for line in page.trust(evidence))
    assert any("ironic" in line for line in page.trust(evidence))


def test_a_typed_name_takes_the_place_of_the_leading_words(told):
    first = told[0]["themes"][0]
    named = project(variables={"predict": {"theme_names": {first["words"][0]: "Our own word"}}})
    assert page.theme_name(first, named) == "Our own word"
    assert page.theme_name(first | {"matter": None}, project()) == "{}, {} and {}".format(*first["words"][:3])
    idle = project(variables={"predict": {"theme_names": {"xylophone": "Music"}}})
    assert "“xylophone”, which leads no theme here" in page.themes_table(told[0], idle).note
    assert "leads no theme" not in page.themes_table(told[0], named).note


# Quotes


def known_of(*texts, names=()):
    """Each text said by ten customers."""
    return spoken([text for text in texts for _ in range(10)], [str(n) for _ in texts for n in range(10)], names=names)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the parcel came late on Tuesday", "the parcel came late on […]"),
        ("the parcel came late, says Sylvie", "the parcel came late, says […]"),
        ("the parcel 12345 came late", "the parcel […] came late"),
        ("the parcel came late to lyon", "the parcel came late to […]"),
        ("my cancer came late with the parcel", None),
        ("Sylvie Martin 12345", None),
        ("late", None),
    ],
)
def test_a_quote_has_gaps_for_names_places_numbers_and_dates(sentence, expected):
    known = known_of("the parcel came late on to says my with", sentence, names=["Lyon"])
    assert anonymous(sentence, known, least=10) == expected


def test_a_word_that_few_customers_say_is_cut():
    known = spoken(["the parcel came late"] * 12 + ["the parcel came late with my zither"], [str(n) for n in range(13)])
    assert anonymous("the parcel came late zither", known, least=10) == "the parcel came late […]"


def test_a_quote_is_short():
    long = "the parcel came late and the parcel came late and the parcel came late and the parcel came late"
    quote = anonymous(long, known_of(long), least=10)
    assert quote.endswith(" …")
    assert len(quote.split()) == 13


def test_a_comment_with_an_address_is_not_quoted():
    texts = ["the parcel came late, write to me@shop.com"]
    assert chosen(texts, "en", ["parcel"], known_of(*texts), least=10) == []


def test_quotes_name_the_theme_and_are_of_two_moods():
    texts = ["The parcel came on time.", "The parcel was late.", "The salad was fresh."]
    found = chosen(texts, "en", ["parcel", "driver"], known_of(*texts), least=10)
    assert [quote["mood"] for quote in found] in ([1, -1], [-1, 1])
    assert all("parcel" in quote["text"] for quote in found)


def test_names_come_from_the_customer_file(english):
    people = ibis.memtable(pd.DataFrame({"customer_id": ["a", "b"], "city": ["Lyon", None], "age": [1, 2]}))
    step = SimpleNamespace(gives=lambda *_: True, take=lambda *_: people)
    assert segments._names(step) == ["Lyon"]
