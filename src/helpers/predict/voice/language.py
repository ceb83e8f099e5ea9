"""Which language a comment is in, by its short words: French, English, another, or too short to tell."""

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import yaml

from helpers.predict.voice.sentiment import LANGUAGES, plain, word_value

OTHER, UNKNOWN = "other", "unknown"
TOKEN = re.compile(r"[a-z]+")
AHEAD = 1.3
"""How many times the points of the second language the first must have."""
MARKS = {"fr": "çêèàùœâîôû", "es": "ñ¿¡", "de": "ßäü", "pt": "ãõ"}


@lru_cache(maxsize=1)
def listed() -> dict:
    """The lists of words.yml, `tell`, `stop`, `sensitive`, `dates` and `about`, by language; of `alike`, word → matter."""
    typed = yaml.safe_load((Path(__file__).parent / "words.yml").read_text(encoding="utf-8"))
    matters = typed.pop("alike")
    found = {part: {language: frozenset(words.split()) for language, words in lists.items()} for part, lists in typed.items()}
    each = {language: {w: matter for matter, words in lists.items() for w in words.split()} for language, lists in matters.items()}
    return found | {"alike": each}


@lru_cache(maxsize=1)
def _points() -> dict[str, list[tuple[str, float]]]:
    """Word → languages, each with its points: a word of three languages tells a third as much."""
    lists, found = listed()["tell"], {}
    for language, words in lists.items():
        for word in words:
            found.setdefault(word, []).append(language)
    return {word: [(language, 1 / len(languages)) for language in languages] for word, languages in found.items()}


@lru_cache(maxsize=200_000)
def _of_mood(word: str) -> tuple[str, ...]:
    """The languages whose lexicon knows the word."""
    return tuple(language for language in LANGUAGES if word_value(word, language))


def language(text: str) -> str:
    """ "fr", "en", "other" (another language, another script), or "unknown": no word that tells one.

    A list of short words a language, each word counting less the more languages have it; words of the lexicon and letters that only one
    language writes count half.
    """
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return UNKNOWN
    if sum("LATIN" not in unicodedata.name(c, "") for c in letters if not c.isascii()) * 2 > len(letters):
        return OTHER
    points: dict[str, float] = {}
    for word in TOKEN.findall(plain(text)):
        for name, value in _points().get(word, ()):
            points[name] = points.get(name, 0.0) + value
        moods = _of_mood(word)
        for name in moods:
            points[name] = points.get(name, 0.0) + 0.5 / len(moods)
    lower = text.lower()
    for name, marks in MARKS.items():
        if any(mark in lower for mark in marks):
            points[name] = points.get(name, 0.0) + 0.5
    ranked = sorted(points.items(), key=lambda one: (-one[1], one[0]))
    if not ranked or (len(ranked) > 1 and ranked[0][1] < AHEAD * ranked[1][1]):
        return UNKNOWN
    return ranked[0][0] if ranked[0][0] in LANGUAGES else OTHER
