"""When two records are certainly two people, and when two values are one value typed differently: SQL over the aliases l and r."""

from helpers.matching import fuzzy

ALIKE = 0.6
"""Fuzzy score from which two first names may be one, mistyped."""

NICKNAMES = {
    "babeth": "elisabeth",
    "lisbeth": "elisabeth",
    "babette": "elisabeth",
    "beth": "elisabeth",
    "betty": "elisabeth",
    "bob": "robert",
    "bill": "william",
    "will": "william",
    "jackie": "jacqueline",
    "jacky": "jacques",
    "sandy": "sandrine",
    "tom": "thomas",
    "manu": "emmanuel",
    "fanfan": "francoise",
    "fifi": "philippe",
    "gege": "gerard",
    "guigui": "guillaume",
    "juju": "julie",
    "lulu": "lucie",
    "toine": "antoine",
    "tony": "antoine",
    "titi": "thierry",
    "cricri": "christine",
    "kiki": "christian",
    "jo": "joseph",
    "jojo": "joseph",
    "mimi": "michele",
    "momo": "mohamed",
    "nath": "nathalie",
    "vivi": "viviane",
    "zaza": "isabelle",
    "jb": "jean baptiste",
    "jc": "jean claude",
    "jf": "jean francois",
    "jl": "jean luc",
    "jm": "jean marc",
    "jp": "jean pierre",
    "meg": "margaret",
    "peggy": "margaret",
    "kate": "katherine",
    "dick": "richard",
    "jack": "john",
}
"""Short forms that do not begin like the name; the others (Fred, Alex, Nico) are recognised because they do."""

OTHER_NAME = ("ine", "ette", "tte", "elle")
"""Endings that, like any one or two letters more, make another first name of one that exists (Paul, Pauline; Michel, Michèle): with
these a beginning is not a short form."""

ORGANISED = ("firm", "company", "reseller", "entreprise", "societe", "revendeur", "association")


def _first_alike() -> str:
    """First names that may be one person's: equal, short form, initial, mistyped, or written in the place of the last name."""
    short, long = "least(l.a_first, r.a_first)", "greatest(l.a_first, r.a_first)"  # a beginning sorts before what it begins
    begins = f"starts_with({long}, {short})"
    rest = f"substr({long}, length({short}) + 1)"
    ending = f"(length({rest}) <= 2 or {rest} in ({', '.join(repr(e) for e in OTHER_NAME)}))"
    typed = f"({fuzzy.sql('l.a_first', 'r.a_first')} >= {ALIKE} or jaro_winkler_similarity(l.a_first, r.a_first) >= 0.88)"
    return (
        f"(l.a_root = r.a_root or (length({short}) = 1 and {begins}) or (length({short}) >= 2 and {begins} and "
        f"not (l.a_known and r.a_known and {ending})) or ({typed} and not (l.a_known and r.a_known)) "
        "or coalesce(l.a_first = r.a_last and l.a_last = r.a_first, false))"
    )


def _birth_alike() -> str:
    """Days of birth that may be one: one figure or two neighbours mistyped, day and month changed over, or only the year known."""
    swapped = "left(l.a_birth, 4) = left(r.a_birth, 4) and right(l.a_birth, 2) || substr(l.a_birth, 5, 2) = right(r.a_birth, 4)"
    year = "left(l.a_birth, 4) = left(r.a_birth, 4) and (right(l.a_birth, 4) = '0101' or right(r.a_birth, 4) = '0101')"
    return f"(damerau_levenshtein(l.a_birth, r.a_birth) <= 1 or ({swapped}) or ({year}))"


FIRST_ALIKE, BIRTH_ALIKE = _first_alike(), _birth_alike()


def _organised(side: str) -> str:
    return f"({side}.x_kind in ({', '.join(repr(kind) for kind in ORGANISED)}))"


OTHER_KIND = f"coalesce({_organised('l')} <> {_organised('r')}, false)"
"""One is a firm, the other a person: never one customer, whatever a rule says."""

TWO_PEOPLE = (
    f"(coalesce(not {FIRST_ALIKE}, false) or coalesce(not {BIRTH_ALIKE}, false) "
    "or coalesce(l.x_gender <> r.x_gender and l.a_first <> r.a_first, false))"
)
"""First names or days of birth that no typing error explains: families share e-mail, telephone and address, so this outweighs them all."""

LAST_ALIKE = f"({fuzzy.sql('l.last_name', 'r.last_name')} >= 0.75 or jaro_winkler_similarity(l.last_name, r.last_name) >= 0.92)"
LAST_PART = (
    "(starts_with(l.last_name, r.last_name || ' ') or starts_with(r.last_name, l.last_name || ' ') "
    "or ends_with(l.last_name, ' ' || r.last_name) or ends_with(r.last_name, ' ' || l.last_name) "
    "or coalesce(l.last_name = r.a_first and l.a_first = r.last_name, false))"
)
# Figures are never a typing error (durand2 is another Durand), nor is a provider that many use (gmail.com for orange.fr).
MAIL_ALIKE = (
    f"(l.mail_digits = r.mail_digits and (l.host = r.host or not (l.host_known and r.host_known)) "
    f"and {fuzzy.sql('l.email', 'r.email')} >= 0.8)"
)
# The same box at another provider: a number makes it somebody's own (fred1987), a mere name is any namesake's and says nothing.
BOX_SAME = "(l.local = r.local and length(l.mail_digits) >= 3)"
BOX_NAMED = "(l.local = r.local and l.host <> r.host and length(l.mail_digits) < 3)"
STREET_ALIKE = (
    f"(l.postcode = r.postcode and regexp_extract(l.street, '^[0-9]+') = regexp_extract(r.street, '^[0-9]+') "
    f"and {fuzzy.sql('l.street', 'r.street')} >= 0.75)"
)
