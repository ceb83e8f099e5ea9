"""Special categories of personal data (articles 9 and 10 of the GDPR), told from what a column or a question is called."""

import re
import unicodedata

WORDS = {
    "religion": "religion religious religieux religieuse faith belief croyance croyant confession church eglise mosque mosquee synagogue "
    "parish paroisse catholic catholique protestant muslim musulman jewish juif halal kosher casher vegan",
    "opinion": "opinion political politics politique vote voter voting electeur philosophical philosophique",
    "health": "health sante medical medication medicament disease maladie illness handicap handicape handicapped disability disabled "
    "diagnosis allergy allergie allergic allergique pregnant pregnancy grossesse enceinte diabetes diabete diabetic diabetique "
    "bloodtype diet hiv vih",
    "union": "union syndicat syndique syndical syndicale syndicaux unionised unionized tradeunion unionmember",
    "origin": "ethnic ethnicity ethnie ethnique race racial",
    "sexuality": "sexual sexuality sexuel sexuelle sexualite orientationsexuelle sexualorientation lgbt gay lesbian lesbienne homosexual "
    "homosexuel heterosexual heterosexuel",
    "biometric": "biometric biometrie biometrique fingerprint empreinte genetic genetique dna adn",
    "criminal": "criminal conviction",
}
"""English and French words, without accents; their plurals are the same words."""
TOGETHER = {
    "opinion": ["parti", "party"],
    "health": ["blood type", "blood group", "groupe sanguin", "regime alimentaire"],
    "criminal": ["casier", "casier judiciaire", "condamnation penale"],
}
"""Names that speak only as a whole or as neighbours: `party` does, `third_party` and `party_size` do not."""
_CATEGORY = {word: category for category, listed in WORDS.items() for word in listed.split()}


def category(name: str) -> str | None:
    """The special category (a key of WORDS) that a name of a column or question speaks of, or None.

    A name is cut into words at capitals, digits and whatever is no letter, accents left away, and whole words count: `lead_origin`,
    `trace` and `healthy_share` speak of nothing, `santePercue` of health. What a column holds is not looked at: a name that says nothing
    gets past this, and people answer for that.
    """
    parts = _words(name)
    found = [_CATEGORY[each] for part in parts for each in _singular(part) if each in _CATEGORY]
    if found:
        return found[0]
    for kind, phrases in TOGETHER.items():
        for phrase in map(str.split, phrases):
            starts = range(len(parts) - len(phrase) + 1) if len(phrase) > 1 else range(len(parts) == 1)
            if any(all(word in _singular(part) for word, part in zip(phrase, parts[i:], strict=False)) for i in starts):
                return kind
    return None


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[a-z]+", spaced.lower())


def _singular(word: str) -> list[str]:
    """The word, and what it may be a plural of."""
    plural = [f"{word[:-3]}y"] if word.endswith("ies") else []
    return [word, *plural, *(word[: -len(end)] for end in ("s", "es") if word.endswith(end))]
