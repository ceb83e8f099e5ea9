"""What comments are about: themes found by a factorisation of their words, one set a language.

TF-IDF with non-negative matrix factorisation (Lee and Seung 1999): every theme is a list of words that are said together. Words that
only judge ("great", "awful") are left out, else themes would be moods; so are words said by too few customers, names and whatever
points at health, faith or the like.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers.predict.voice.language import listed
from helpers.predict.voice.sentiment import plain, word_value
from helpers.threads import one_thread

WORD = re.compile(r"[^\W\d_]+")
ADDRESS = re.compile(r"\S+@\S+|https?:\S+|www\.\S+", re.IGNORECASE)
"""An address tells who wrote, not what about: none of its parts is a word."""
SENTENCE = re.compile(r"[.!?;:\n]+")
TERMS, SHOWN, STARTS, ROUNDS, DIVISIONS = 2_000, 6, 2, 100, 2
MATTER, HEAVIER = "=", 2.0
"""The sign before a matter (words of one thing: "parcel", "driver"), and how many times a word's weight one has: where comments are short,
two ways to say the same share no word, and only what is known of the language brings them together."""
COMMON, CLEAR = 0.5, 0.5
"""A word in more of the comments than this tells none apart; the least part of a comment's weight that its theme must have."""
CAPITALS = 0.5
"""A word that has a capital inside a sentence in this share of its uses, or more, is a name."""
STEADY = (("A", 0.8), ("B", 0.6), ("C", 0.4))
"""Least adjusted Rand index between the themes of two halves of the customers, by grade; below the last there are no themes."""
ENDINGS = {"fr": ("es", "s", "x", "e"), "en": ("ing", "ed", "es", "s", "e")}


@dataclass(frozen=True)
class Topics:
    """Themes of one language.

    terms     stems, in order;  idf  their weights;  weights  themes × terms, rows of length 1
    names     of each theme its leading words as most customers write them;  matters: the matter it is mostly about, or None
    """

    language: str
    terms: tuple[str, ...]
    idf: np.ndarray
    weights: np.ndarray
    names: tuple[tuple[str, ...], ...]
    matters: tuple[str | None, ...]


@lru_cache(maxsize=200_000)
def in_list(word: str, part: str, language: str) -> bool:
    """Whether a word (in the form of `plain`) is in a list of words.yml, where a star stands for any ending."""
    known = listed()[part].get(language, frozenset())
    return word in known or any(word[:size] + "*" in known for size in range(3, len(word) + 1))


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """A word as typed → its form without accents and ending; "" for one that no theme is made of."""
    bare = plain(word)
    if len(bare) < 3 or in_list(bare, "stop", language) or in_list(bare, "dates", language) or in_list(bare, "sensitive", language):
        return ""
    if word_value(bare, language) and not in_list(bare, "about", language):
        return ""
    for ending in ENDINGS[language]:
        if bare.endswith(ending) and len(bare) - len(ending) >= 3:
            bare = bare[: -len(ending)]
            break
    return bare[:-1] if language == "fr" and len(bare) > 4 and bare[-1] == "e" else bare


@lru_cache(maxsize=200_000)
def matter(word: str, language: str) -> str:
    """The matter that a word as typed belongs to, with a sign in front that no word has; "" for none."""
    bare, known = plain(word), listed()["alike"][language]
    found = known.get(bare) or next((known[bare[:size] + "*"] for size in range(len(bare), 2, -1) if bare[:size] + "*" in known), "")
    return found and MATTER + found


def stems(text: str, language: str) -> list[str]:
    """The distinct stems of a text, and the matters that its words belong to, sorted."""
    words = WORD.findall(ADDRESS.sub(" ", text).replace("’", "'"))
    found = {stem(word, language) for word in words} | {matter(word, language) for word in words}
    return sorted(found - {""})


def learn(
    texts: Sequence[str], customers: Sequence[str], *, language: str, themes: int, least: int, seed: int
) -> tuple[Topics | None, dict]:
    """Themes of comments that are all in one language.

    texts, customers   one entry a comment;  least: customers who must say a word before it counts
    Returns    the themes (None: too few words for any, or they do not come back) and {"reason", "terms", "steady", "starts"}:
               steady is the adjusted Rand index between the themes that two halves of the customers give, starts that between the
               factorisation kept and those from other starts
    """
    vocabulary, surface = _vocabulary(texts, customers, language, least)
    told = {"reason": None, "terms": len(vocabulary), "steady": None, "starts": None, "grade": None}
    count = min(themes, len(vocabulary) // 3)
    if count < 2:
        return None, told | {"reason": "few_words"}
    rows, columns = _places(texts, vocabulary, language)
    matrix, idf = _weighted(rows, columns, len(texts), vocabulary)
    kept, others = _factorised(matrix, count, seed)
    told |= {"starts": _alike(matrix, kept, others), "steady": _halves(matrix, customers, count, seed)}
    told["grade"] = next((letter for letter, border in STEADY if told["steady"] >= border), None)
    order = np.argsort(-np.bincount(nearest(matrix, kept) + 1, minlength=count + 1)[1:], kind="stable")
    kept = kept[order]
    names = tuple(_leading(row, vocabulary, surface) for row in kept)
    if told["grade"] is None:
        return None, told | {"reason": "unsteady"}
    return Topics(language, tuple(vocabulary), idf, kept, names, _matters(kept, vocabulary)), told


def _leading(row: np.ndarray, vocabulary: Sequence[str], surface: dict[str, str]) -> tuple[str, ...]:
    """The words of a theme, heaviest first."""
    ordered = [vocabulary[i] for i in np.argsort(-row, kind="stable") if row[i] > 0]
    return tuple(surface[word] for word in ordered if word in surface)[:SHOWN]


def _matters(weights: np.ndarray, vocabulary: Sequence[str]) -> tuple[str | None, ...]:
    """The matter that is a theme's heaviest word, where one is and it weighs in no other theme more."""
    heaviest, owner = weights.argmax(axis=1), weights.argmax(axis=0)
    leads = [vocabulary[place] if owner[place] == theme else "" for theme, place in enumerate(heaviest)]
    return tuple(lead.removeprefix(MATTER) if lead.startswith(MATTER) else None for lead in leads)


def assign(texts: Sequence[str], topics: Topics) -> np.ndarray:
    """Of each text the number of its theme (0 …), or -1: none clearly. What is found for a text depends on no other text."""
    rows, columns = _places(texts, topics.terms, topics.language)
    return nearest(_times(rows, columns, len(texts), topics.idf), topics.weights)


def nearest(matrix, weights: np.ndarray) -> np.ndarray:
    """The theme with the largest share of each row, or -1 below the share CLEAR.

    Multiplicative updates with a stated number of rounds (Lee and Seung 2001), row by row alike however rows are batched.
    """
    towards, crossed = matrix @ weights.T, weights @ weights.T
    shares = np.where(towards > 0, 1.0, 0.0)
    for _ in range(ROUNDS):
        shares = shares * towards / np.maximum(shares @ crossed, 1e-12)
    sums = shares.sum(axis=1)
    best = shares.max(axis=1, initial=0.0)
    first = (shares >= best[:, None] - 1e-9).argmax(axis=1)
    return np.where((sums > 0) & (best >= CLEAR * sums), first, -1)


def _vocabulary(texts: Sequence[str], customers: Sequence[str], language: str, least: int) -> tuple[list[str], dict[str, str]]:
    """The stems that count, in order, and how most people write each."""
    said: dict[str, set] = {}
    written: dict[str, Counter] = {}
    named, used, many = Counter(), Counter(), Counter()
    for text, customer in zip(texts, customers, strict=True):
        seen = set()
        for sentence in SENTENCE.split(text.replace("’", "'")):
            for place, word in enumerate(WORD.findall(ADDRESS.sub(" ", sentence))):
                if about := matter(word, language):
                    said.setdefault(about, set()).add(customer)
                    seen.add(about)
                if found := stem(word, language):
                    said.setdefault(found, set()).add(customer)
                    written.setdefault(found, Counter())[word.lower()] += 1
                    seen.add(found)
                    if place:  # the first word has a capital anyway
                        used[found] += 1
                        named[found] += word[0].isupper()
        many.update(seen)
    kept = [
        word
        for word, who in said.items()
        if len(who) >= least and many[word] <= COMMON * len(texts) and not (named[word] and named[word] >= CAPITALS * used[word])
    ]
    kept = sorted(sorted(kept, key=lambda word: (-len(said[word]), word))[:TERMS])
    return kept, {word: min(written[word].items(), key=lambda one: (-one[1], one[0]))[0] for word in kept if word in written}


def _places(texts: Sequence[str], terms: Sequence[str], language: str) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every word of a list in texts."""
    index = {term: place for place, term in enumerate(terms)}
    pairs = [(row, index[word]) for row, text in enumerate(texts) for word in stems(text, language) if word in index]
    found = np.array(pairs, dtype="int64").reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _weighted(rows: np.ndarray, columns: np.ndarray, many: int, terms: Sequence[str]):
    said_in = np.bincount(columns, minlength=len(terms))
    idf = np.log((1 + many) / (1 + said_in)) + 1
    idf *= np.array([HEAVIER if term.startswith(MATTER) else 1.0 for term in terms])
    return _times(rows, columns, many, idf), idf


def _times(rows: np.ndarray, columns: np.ndarray, many: int, idf: np.ndarray):
    """Texts × terms: a word counts once a text, by its rarity; rows of length 1."""
    from scipy.sparse import csr_matrix

    values = idf[columns]
    length = np.sqrt(np.bincount(rows, weights=values**2, minlength=many))
    return csr_matrix((values / length[rows], (rows, columns)), shape=(many, len(idf)))


def _factorised(matrix, themes: int, seed: int, starts: int = STARTS) -> tuple[np.ndarray, list[np.ndarray]]:
    """The factorisation from a fixed start, and those from random ones; rows of length 1."""
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    found = []
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # how alike the starts end is measured instead
        for start in range(starts + 1):
            made = NMF(themes, init="random" if start else "nndsvd", random_state=seed + start, max_iter=300, tol=1e-4).fit(matrix)
            length = np.linalg.norm(made.components_, axis=1, keepdims=True)
            found.append((float(made.reconstruction_err_), made.components_ / np.maximum(length, 1e-12)))
    return found[0][1], [weights for _, weights in found[1:]]


def _alike(matrix, kept: np.ndarray, others: list[np.ndarray]) -> float:
    from sklearn.metrics import adjusted_rand_score

    first = nearest(matrix, kept)
    return float(np.mean([adjusted_rand_score(first, nearest(matrix, other)) for other in others]))


def _halves(matrix, customers: Sequence[str], themes: int, seed: int) -> float:
    """How alike two halves of the customers sort all comments: the adjusted Rand index, mean of a few divisions."""
    from sklearn.metrics import adjusted_rand_score

    names, place = np.unique(np.asarray(customers, dtype=object).astype(str), return_inverse=True)
    found = []
    for turn in range(DIVISIONS):
        half = (np.random.default_rng([seed, turn]).random(len(names)) < 0.5)[place]
        both = [_factorised(matrix[np.flatnonzero(part)], themes, seed, starts=0)[0] for part in (half, ~half) if part.sum() > themes]
        if len(both) < 2:
            return 0.0
        found.append(adjusted_rand_score(*(nearest(matrix, weights) for weights in both)))
    return float(np.mean(found))
