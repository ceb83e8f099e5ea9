"""Short quotes that give nobody away: a sentence of a comment without names, places, numbers, dates and words that few customers say."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from helpers.predict.voice.language import listed
from helpers.predict.voice.sentiment import LANGUAGES, mood, plain, word_value
from helpers.predict.voice.topics import SENTENCE, in_list, matter, stem

LONGEST, SHORTEST, MOST_CUT, EACH = 12, 3, 1 / 3, 2
GAP = "[…]"
TOKEN = re.compile(r"[\w@'’-]+,?", re.UNICODE)
ADDRESS = re.compile(r"@|https?:|www\.|\.(?:com|fr|net|org)\b", re.IGNORECASE)
INNER = re.compile(r"[^\W_]+")


class Spoken(NamedTuple):
    """What is known of the words and sentences of all comments: word or wording → customers who say it."""

    lower: dict[str, set]
    words: dict[str, set]
    wordings: dict[str, set]
    names: frozenset[str]


def spoken(texts: Sequence[str], customers: Sequence[str], *, names: Collection[str] = ()) -> Spoken:
    """Count who says what.

    names    names of customers and places: cut wherever they stand, unless they are everyday words
    """
    lower, words, wordings = {}, {}, {}
    for text, customer in zip(texts, customers, strict=True):
        for sentence in sentences(text):
            wordings.setdefault(wording(sentence), set()).add(customer)
            for word in INNER.findall(sentence):
                bare = plain(word)
                words.setdefault(bare, set()).add(customer)
                if word[0].islower():
                    lower.setdefault(bare, set()).add(customer)
    kept = {plain(part) for name in names for part in INNER.findall(str(name))}
    return Spoken(lower, words, wordings, frozenset(name for name in kept if not _everyday(name)))


def sentences(text: str) -> list[str]:
    """The sentences of a comment; none of one with an address in it."""
    return [] if ADDRESS.search(text) else [part.strip() for part in SENTENCE.split(text) if part.strip()]


def wording(sentence: str) -> str:
    """What two sentences have in common that differ in capitals, accents and signs only."""
    return " ".join(INNER.findall(plain(sentence)))


@lru_cache(maxsize=100_000)
def _everyday(word: str) -> bool:
    """Whether a word (in the form of `plain`) is one of the lists of either language."""
    return any(
        word in listed()["tell"][code]
        or any(in_list(word, part, code) for part in ("stop", "about"))
        or word_value(word, code)
        or matter(word, code)
        for code in LANGUAGES
    )


def anonymous(sentence: str, known: Spoken, *, least: int) -> str | None:
    """The sentence with a gap for each name, place, number, date and word said by fewer than `least` customers, at most LONGEST words.

    None where too much would be gaps, where it is too short, or where it touches health, faith, politics, origin or the like.
    """
    shown, cut = [], 0
    for place, token in enumerate(TOKEN.findall(sentence)):
        parts = INNER.findall(token)
        if not parts:
            continue
        if any(in_list(plain(part), "sensitive", code) for part in parts for code in LANGUAGES):
            return None
        hidden = any(_gives_away(part, known, least, first=place == 0 and n == 0) for n, part in enumerate(parts))
        cut += hidden
        if not (hidden and shown and shown[-1] == GAP):
            shown.append(GAP if hidden else token)
    kept = sum(token != GAP for token in shown)
    if kept < SHORTEST or cut > MOST_CUT * (kept + cut):
        return None
    told = " ".join(shown[:LONGEST]).rstrip(",")
    return told if len(shown) <= LONGEST else f"{told} …"


def _gives_away(word: str, known: Spoken, least: int, *, first: bool) -> bool:
    bare = plain(word)
    if any(c.isdigit() for c in word) or bare in known.names or any(in_list(bare, "dates", code) for code in LANGUAGES):
        return True
    if len(known.words.get(bare, ())) < least:
        return True
    if word[0].isupper():  # inside a sentence a name; at its beginning one unless people write the word small elsewhere
        return not first or not (_everyday(bare) or len(known.lower.get(bare, ())) >= least)
    return False


def chosen(texts: Sequence[str], language: str, leading: Collection[str], known: Spoken, *, least: int) -> list[dict]:
    """Up to EACH quotes of one segment on one theme: wordings that name it and that many customers share, of two moods if it can be.

    texts     comments of the segment on the theme;  leading: the theme's words
    Returns   text, mood
    """
    about = {stem(word, language) for word in leading}
    matters = {matter(word, language) for word in leading} - {""}
    found: dict[str, tuple] = {}
    for text in texts:
        for sentence in sentences(text):
            words = INNER.findall(sentence)
            on_theme = sum(stem(word, language) in about for word in words) + sum(matter(word, language) in matters for word in words)
            same = wording(sentence)
            if not on_theme or same in found:
                continue
            shown = anonymous(sentence, known, least=least)
            if shown is not None:
                shared = len(known.wordings.get(same, ()))
                order = (GAP in shown, -min(on_theme, 3), shared < least, -shared, same)
                found[same] = (order, {"text": shown, "mood": mood(sentence, language)})
    ranked = [quote for _, quote in sorted(found.values(), key=lambda one: one[0])]
    other = [quote for quote in ranked[1:] if quote["mood"] != ranked[0]["mood"]] or ranked[1:]
    return ranked[:1] + other[: EACH - 1]
