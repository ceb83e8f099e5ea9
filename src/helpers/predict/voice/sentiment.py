"""The mood of a comment: content, not content, or neither, by a small lexicon of French and English with a few rules of negation.

No list of French words that can be installed is kept up (the newest are of 2021 or translated word by word), so the project has its
own, `lexicon.yml`, measured on typed examples that it was not mended with (`examples.yml`). The rules follow the idea of Hutto and
Gilbert 2014 (VADER): words have a strength, negation turns the next ones round, and what follows "but" counts more than what came before.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

LANGUAGES = ("fr", "en")
REACH = 4
"""Words after a negation that it turns round."""
NEGATED, WEAKENED, BEFORE_BUT, CONCEDED = 0.75, 0.5, 0.5, 0.25
LEAST, EVEN = 0.5, 0.5
"""The least sum that is a mood; from this share of the larger sum on, praise and blame are both there: neither."""
END, COMMA = ".!?;:\n", ","


class Lexicon(NamedTuple):
    """One language: words and stems with their strength (> 0 good), phrases by their first word, and the small words of the rules."""

    words: Mapping[str, float]
    stems: Mapping[str, float]
    phrases: Mapping[str, list[tuple[tuple[str, ...], float]]]
    small: Mapping[str, frozenset[str]]


@lru_cache(maxsize=1)
def _files() -> tuple[dict, dict]:
    place = Path(__file__).parent
    return tuple(yaml.safe_load((place / name).read_text(encoding="utf-8")) for name in ("lexicon.yml", "examples.yml"))


@lru_cache(maxsize=2)
def lexicon(language: str) -> Lexicon:
    """The lexicon of "fr" or "en"."""
    typed, words, stems = _files()[0][language], {}, {}
    for strength, size in (("strong", 2.0), ("usual", 1.0)):
        for mood, sign in (("good", 1), ("bad", -1)):
            for word in typed[strength][mood].split():
                (stems if word.endswith("*") else words).setdefault(word.rstrip("*"), sign * size)
    phrases: dict[str, list] = {}
    for value, listed in typed["phrases"].items():
        for phrase in listed.split("/"):
            first, *rest = phrase.split()
            phrases.setdefault(first, []).append((tuple(rest), float(value)))
    for known in phrases.values():
        known.sort(key=lambda one: (-len(one[0]), one[0]))  # the longest first
    keys = ("negators", "after_ne", "ne", "not_after", "little", "weaken", "too", "but", "despite")
    return Lexicon(words, stems, phrases, {key: frozenset(str(typed[key]).split()) for key in keys})


def examples() -> list[dict]:
    """The typed examples: language, mood (-1, 0, 1), kind, text, and `seen`: whether the lexicon was mended with it in view."""
    rows, count = [], {}
    for language, listed in _files()[1].items():
        for mood, kind, text in listed:
            key = (language, kind)
            count[key] = count.get(key, 0) + 1
            total = sum(1 for _, other, _ in listed if other == kind)
            rows.append({"language": language, "mood": mood, "kind": kind, "text": text, "seen": 3 * count[key] <= total})
    return rows


def plain(text: str) -> str:
    """Lower case without accents, apostrophes straight, letters typed three times or more once ("sooo" is "so")."""
    text = text.lower().replace("œ", "oe").replace("æ", "ae").replace("’", "'")
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"([a-z])\1{2,}", r"\1", text)


@lru_cache(maxsize=1)
def _signs() -> tuple[re.Pattern, dict[str, float]]:
    value = {sign: size for mood, size in (("good", 1.0), ("bad", -1.0)) for sign in _files()[0]["signs"][mood].split()}
    value |= {sign.lower(): size for sign, size in value.items()}
    listed = "|".join(re.escape(sign) for sign in sorted(value, key=len, reverse=True))
    return re.compile(rf"{listed}|[a-z0-9]+|[.!?;:,\n]"), value


@lru_cache(maxsize=200_000)
def word_value(word: str, language: str) -> float:
    """What one word (in the form of `plain`) counts: above 0 good, below 0 bad."""
    known = lexicon(language)
    if word in known.words:
        return known.words[word]
    return next((known.stems[word[:size]] for size in range(len(word), 2, -1) if word[:size] in known.stems), 0.0)


def mood(text: str, language: str) -> int:
    """1 content, -1 not content, 0 neither, or both about alike.

    language   "fr" or "en"
    """
    return decided(scores(text, language))


def decided(found: list[float]) -> int:
    """The mood that the values of a text make together."""
    good, bad = sum(v for v in found if v > 0), -sum(v for v in found if v < 0)
    larger, smaller = max(good, bad), min(good, bad)
    if larger < LEAST or smaller >= EVEN * larger:
        return 0
    return 1 if good > bad else -1


def scores(text: str, language: str) -> list[float]:
    """The values that the words, phrases and signs of a text have where they stand."""
    pattern, signs = _signs()
    return _Reading(pattern.findall(plain(text)), lexicon(language), language, signs).read()


class _Reading:
    """One text being read from left to right."""

    def __init__(self, tokens: list[str], known: Lexicon, language: str, signs: Mapping[str, float]):
        self.tokens, self.known, self.small, self.language, self.signs = tokens, known, known.small, language, signs
        self.found: list[list[Any]] = []  # value, place
        self.start()

    def start(self) -> None:
        """A new clause: nothing is negated or weakened yet."""
        self.negated, self.weak, self.ne, self.conceded = 0, 0, -1, False

    def read(self) -> list[float]:
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            if token in self.signs:
                self.found.append([self.signs[token], i])
                i += 1
            elif token in END or token == COMMA:
                self.start()
                i += 1
            else:
                i += self._phrase(i, token) or self._word(i, token)
        return [value for value, _ in self.found]

    def _phrase(self, i: int, token: str) -> int:
        """The words of the phrase that begins here, 0 if none does."""
        for rest, value in self.known.phrases.get(token, ()):
            if tuple(self.tokens[i + 1 : i + 1 + len(rest)]) == rest:
                self._add(value, i, turns=value > 0)
                self._pass(1 + len(rest))
                return 1 + len(rest)
        return 0

    def _word(self, i: int, token: str) -> int:
        small, before = self.small, self.tokens[i - 1] if i else ""
        if token in small["but"]:
            self.found = [[value * BEFORE_BUT, place] for value, place in self.found]
            self.start()
        elif token in small["despite"]:
            self.conceded = True
        elif token in small["ne"]:
            self.ne = i
        elif self.ne >= 0 and token in small["after_ne"] and i - self.ne <= REACH + 1:
            self.found = [[self._turned(value) if place > self.ne else value, place] for value, place in self.found]
            self.negated, self.ne = REACH, -1
        elif token in small["negators"]:
            self.negated = REACH
        elif token in small["little"] and before not in small["not_after"]:
            self.negated = 2
        elif token in small["weaken"] or token in small["little"]:
            self.weak = 3
        elif token in small["too"] and self._plain_after(i):
            self._add(-1.0, i, turns=True)
        else:
            value = word_value(token, self.language)
            if value:
                self._add(value, i, turns=True)
            self._pass(1)
        return 1

    def _plain_after(self, i: int) -> bool:
        """Whether "too" stands before words without a mood: then it blames by itself."""
        following = self.tokens[i + 1 : i + 3]
        return bool(following) and following[0].isalpha() and not any(word_value(token, self.language) for token in following)

    def _turned(self, value: float) -> float:
        return -NEGATED if value > 0 else NEGATED

    def _add(self, value: float, i: int, *, turns: bool) -> None:
        if not value:
            return
        if turns and self.negated:
            value = self._turned(value)
        if self.weak:
            value *= WEAKENED
        self.found.append([value * (CONCEDED if self.conceded else 1.0), i])

    def _pass(self, words: int) -> None:
        self.negated, self.weak = max(self.negated - words, 0), max(self.weak - words, 0)
