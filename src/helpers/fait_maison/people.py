"""Who there is: segment, household, name, address, when they came. Nothing here is written to raw/ except through records."""

import unicodedata

import numpy as np

from helpers.fait_maison.model import PERSON, Model, identifiers


def people(model: Model, chunk: int, size: int) -> dict[str, np.ndarray]:
    """One entry a person of a chunk.

    Gives person (number), kind, prospect, segment and segment_after (places in model.segments, −1: not there yet, not there any
    more), came (days from the first day; of the first order), household (number of its first person), woman, birth (date), kids,
    satisfied (standard normal), first_name, last_name, street, town (place in the list), email, phone
    """
    rng = model.stream(chunk, "people")
    made = _who(model, rng, chunk, size) | {}
    made |= _belonging(model, rng, made, size)
    made |= _described(model, rng, made, size)
    return made | _reached(model, rng, made, size)


def _who(model: Model, rng, chunk: int, size: int) -> dict:
    said = model.said
    person = np.arange(size, dtype=np.int64) + chunk * said["people_per_chunk"]
    kind = rng.choice(4, size, p=list(said["kinds"].values()))
    prospect = (rng.random(size) < said["prospects"]) & (kind < 2)
    raw = rng.random(size) < said["second_in_household"]
    second = raw & ~np.roll(raw, 1) & (kind == PERSON) & (np.roll(kind, 1) == PERSON)
    second[0] = False
    household = np.where(second, person - 1, person)
    late = rng.random(size) < said["after"]["arrivals"]
    rush = rng.random(size) < said["arrivals"]["first_half_year"]
    came = np.where(rush, rng.random(size) * 181, 181 + rng.random(size) * (model.turning - 181))
    came = np.where(late, model.turning + rng.random(size) * (model.last - model.turning), came)
    return {"person": person, "kind": kind, "prospect": prospect, "second": second, "household": household, "late": late, "came": came}


def _belonging(model: Model, rng, made: dict, size: int) -> dict:
    """The latent segment before and after the turning day."""
    after, place = model.said["after"], {name: number for number, name in enumerate(model.segments)}
    segment = rng.choice(len(model.segments), size, p=model.of["share"])
    later, move = segment.copy(), rng.random(size)
    later[(segment == place["hurried"]) & (move < after["hurried_to_office"])] = place["office"]
    thrifty = segment == place["thrifty"]
    later[thrifty & (move < after["thrifty_leave"])] = -1
    later[thrifty & (move >= after["thrifty_leave"]) & (move < after["thrifty_leave"] + after["thrifty_to_hurried"])] = place["hurried"]
    born = made["late"] & (rng.random(size) < after["arrivals_office"])
    later = np.where(made["late"], np.where(born, place["office"], segment), later)
    return {"segment": np.where(made["late"], -1, segment), "segment_after": later}


def _described(model: Model, rng, made: dict, size: int) -> dict:
    """Sex, age, children, names. Who lives together shares the last name; twins also the birth date, never the first name."""
    first = np.where(made["late"], made["segment_after"], made["segment"])
    woman = rng.random(size) < model.of["woman"][first]
    age = np.clip(rng.normal(model.of["age"][first], 11), 19, 92)
    birth = np.datetime64("2024-07-01") - (age * 365.25).astype("timedelta64[D]")
    twin = made["second"] & (rng.random(size) < model.said["twins"])
    before = np.roll(np.arange(size), 1)
    birth = np.where(twin, birth[before], birth)
    age = (np.datetime64("2024-07-01") - birth).astype(int) / 365.25
    kids = np.minimum(rng.poisson(model.of["kids"][first]), 5) * (age < 66)
    words = model.words
    lists = [[words["men_old"], words["men_young"]], [words["women_old"], words["women_young"]]]
    places = rng.integers(0, 40, size)
    young = rng.random(size) < 1 / (1 + np.exp((age - 48) / 4))
    names = np.empty(size, dtype=object)
    for n in range(size):
        choice = lists[int(woman[n])][int(young[n])]
        names[n] = choice[places[n]]
        if made["second"][n] and names[n] == names[n - 1]:
            names[n] = choice[(places[n] + 1) % 40]
    last = np.array(words["last"], dtype=object)[(len(words["last"]) * rng.random(size) ** 1.25).astype(int)]  # the first are commoner
    last = np.where(made["second"], last[before], last)
    return {"woman": woman, "birth": birth, "kids": kids, "first_name": names, "last_name": last, "satisfied": rng.normal(size=size)}


def _reached(model: Model, rng, made: dict, size: int) -> dict:
    """Address, e-mail, telephone. The domains and the telephone range are nobody's: `.example` is reserved, and numbers in 0700 have
    fourteen figures (machines), so one of ten rings nowhere."""
    town, street = addresses(model, rng, size)
    before = np.roll(np.arange(size), 1)
    town, street = np.where(made["second"], town[before], town), np.where(made["second"], street[before], street)
    number = identifiers(made["person"] * 7 + 3, numbering="phone") % 10_007
    domain, shape = rng.integers(0, len(model.words["mail_domains"]), size), rng.integers(0, 4, size)
    email = np.array(
        [address(model, *row) for row in zip(made["first_name"], made["last_name"], number, domain, shape, strict=True)], object
    )
    shared = made["second"] & (rng.random(size) < model.said["shared_email"])
    email = np.where(shared, email[before], email)
    phone = np.array([f"0700{n:06d}" for n in identifiers(made["person"], numbering="phone")], dtype=object)
    return {"town": town, "street": street, "email": email, "phone": phone, "shared": shared}


def addresses(model: Model, rng, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in the list of towns, and street lines."""
    words = model.words
    weight = np.array([row[2] for row in words["towns"]], dtype=float)
    town = rng.choice(len(weight), size, p=weight / weight.sum())
    number, kind = rng.integers(1, 140, size), rng.integers(0, len(words["street_kinds"]), size)
    name = rng.integers(0, len(words["street_names"]), size)
    street = [f"{n} {words['street_kinds'][k]} {words['street_names'][s]}" for n, k, s in zip(number, kind, name, strict=True)]
    return town, np.array(street, dtype=object)


def address(model: Model, first: str, last: str, number: int, domain: int, shape: int) -> str:
    """An e-mail address in one of four shapes."""
    first, last = (bare(word).lower().replace(" ", "").replace("’", "") for word in (first, last))
    local = (f"{first}.{last}{number}", f"{first[0]}{last}{number}", f"{last}.{first}{number}", f"{first}{number}")[shape]
    return f"{local}@{model.words['mail_domains'][domain]}"


def bare(word: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).replace("œ", "oe")
