"""How people look in the files: records of crm, shop and newsletter, with the errors that records have, and consents."""

import numpy as np

from helpers.fait_maison.model import FIRM, PERSON, RESELLER, STAFF, Model, identifiers
from helpers.fait_maison.people import address, addresses, bare

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIELDS = ("first_name", "last_name", "email", "phone", "street", "postcode", "city")


def records(model: Model, who: dict, chunk: int) -> dict[str, np.ndarray]:
    """One entry a record: source, copy (0; 1: the second of one person), place (of the person), id, FIELDS, created and updated
    (dates), unsubscribed (newsletter: days, inf: never)."""
    rng = model.stream(chunk, "records")
    source, copy, place = _which(model, who, rng)
    towns = np.array(model.words["towns"], dtype=object)
    made = {key: who[key][place].copy() for key in ("first_name", "last_name", "email", "phone", "street")}
    made |= {"source": source, "copy": copy, "place": place, "town": who["town"][place].copy()}
    made["id"] = np.zeros(len(place), dtype=np.int64)
    for name in ("crm", "shop", "news"):
        rows = source == name
        made["id"][rows] = identifiers(who["person"][place[rows]] * 4 + copy[rows], numbering=name)
    _aged(model, made, rng)
    _misspelt(model, made, rng)
    _emptied(model, made, rng)
    made["postcode"], made["city"] = towns[made["town"], 0], towns[made["town"], 1]
    return made | _dated(model, who, made, rng)


def _which(model: Model, who: dict, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, copy and person of each record. Everybody is in one at least: a prospect who is not in the crm reads the newsletter."""
    said, size = model.said, len(who["person"])
    draw = rng.random((5, size))
    crm = draw[0] < np.where(who["prospect"], said["prospects_in_crm"], said["in_crm"])
    shop = ~who["prospect"]
    news = np.where(crm | shop, draw[1] < said["in_newsletter"], True) & (who["kind"] < STAFF)
    crm |= who["kind"] != PERSON
    private = who["kind"] == PERSON
    has = [crm, crm & private & (draw[2] < said["twice_in_crm"]), shop, shop & private & (draw[3] < said["twice_in_shop"]), news]
    names, copies = ["crm", "crm", "shop", "shop", "news"], [0, 1, 0, 1, 0]
    places = [np.flatnonzero(mask) for mask in has]
    source = np.concatenate([np.full(len(p), name) for p, name in zip(places, names, strict=True)])
    copy = np.concatenate([np.full(len(p), n) for p, n in zip(places, copies, strict=True)])
    return source, copy, np.concatenate(places)


def _careless(made: dict) -> np.ndarray:
    """How often a record has errors, as a multiple: the crm's first record is typed by staff, a second one in haste."""
    return np.select([(made["source"] == "crm") & (made["copy"] == 0), made["copy"] == 1], [0.4, 1.6], 1.0)


def _aged(model: Model, made: dict, rng) -> None:
    """Some moved house, some changed their e-mail address, before this record was made."""
    noise, size = model.said["noise"], len(made["place"])
    town, street = addresses(model, rng, size)
    moved = (rng.random(size) < noise["moved_house"] * _careless(made)) & (made["source"] != "news")
    made["town"], made["street"] = np.where(moved, town, made["town"]), np.where(moved, street, made["street"])
    chance = np.where(made["source"] == "news", model.said["newsletter_email_changed"], noise["email_changed"] * _careless(made))
    chance = np.where((made["source"] == "shop") & (made["copy"] == 1), 0.7, chance)  # why else open a second account
    number, domain, shape = rng.integers(0, 10_007, size), rng.integers(0, len(model.words["mail_domains"]), size), rng.integers(0, 4, size)
    for n in np.flatnonzero(rng.random(size) < chance):
        made["email"][n] = address(model, made["first_name"][n], made["last_name"][n], number[n], domain[n], shape[n])


def _misspelt(model: Model, made: dict, rng) -> None:
    """Nicknames, accents lost, capitals, typing errors."""
    noise, size, careless = model.said["noise"], len(made["place"]), _careless(made)
    typed = (made["source"] != "crm") | (made["copy"] == 1)
    draw = rng.random((4, size))
    for n in np.flatnonzero(typed & (draw[0] < noise["nickname"] * careless)):
        made["first_name"][n] = model.words["nicknames"].get(made["first_name"][n], made["first_name"][n])
    for n in np.flatnonzero(typed & (draw[1] < noise["accents_lost"])):
        for key in ("first_name", "last_name", "street"):
            made[key][n] = bare(made[key][n])
    for n in np.flatnonzero(typed & (draw[2] < noise["upper_case"])):
        for key in ("first_name", "last_name"):
            made[key][n] = made[key][n].upper()
    chance = np.where(made["source"] == "news", model.said["newsletter_typing_error"], noise["typing_error"] * careless)
    which, place, letter, how = rng.integers(0, 4, size), rng.random(size), rng.integers(0, 26, size), rng.integers(0, 4, size)
    for n in np.flatnonzero(draw[3] < chance):
        key = (
            ("first_name", "email")[which[n] % 2]
            if made["source"][n] == "news"
            else ("first_name", "last_name", "street", "email")[which[n]]
        )
        made[key][n] = typing_error(made[key][n], place[n], LETTERS[letter[n]], how[n])


def typing_error(word: str, where: float, letter: str, how: int) -> str:
    """A letter left out, doubled, changed or swapped with the next, somewhere after the first and before any @."""
    end = word.find("@") if "@" in word else len(word)
    at = 1 + int(where * max(end - 2, 0))
    if end < 3:
        return word
    if how == 0:
        return word[:at] + word[at + 1 :]
    if how == 1:
        return word[:at] + word[at] + word[at:]
    if how == 2:
        return word[:at] + letter + word[at + 1 :]
    at = min(at, end - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _emptied(model: Model, made: dict, rng) -> None:
    """What a source does not ask for, or was not told."""
    noise, size, news = model.said["noise"], len(made["place"]), made["source"] == "news"
    for key in ("last_name", "phone", "street"):
        made[key][news] = None
    made["email"][(made["source"] == "crm") & (rng.random(size) < noise["email_missing"])] = None
    made["phone"][~news & (rng.random(size) < noise["phone_missing"])] = None
    made["phone"][~news & (rng.random(size) < noise["phone_sentinel"])] = "0000000000"


def _dated(model: Model, who: dict, made: dict, rng) -> dict:
    """When a record was made and last changed, and until when a newsletter was taken."""
    size, place, first = len(made["place"]), made["place"], np.datetime64(model.said["first_day"])
    ahead = np.where(made["source"] == "crm", rng.random(size) * 40, 0) * (made["copy"] == 0)
    created = who["came"][place] - ahead + np.where(made["copy"] == 1, 150 + 300 * rng.random(size), 0)
    created = created + np.where(made["source"] == "news", rng.random(size) * 60, 0)
    old = who["prospect"][place] & (rng.random(len(who["person"])) < model.said["old_contacts"])[place] & (made["source"] == "crm")
    created = np.minimum(np.where(old, -1400 + rng.random(size) * 980, created), model.last - 1)
    changed = np.where(rng.random(size) < 0.5, created + rng.random(size) * (model.last - 1 - created), created)
    changed = np.where(old, created, changed)
    leaves = rng.random(size) < model.said["unsubscribed"]
    ends = np.where(leaves, created + 30 + rng.random(size) * 600, np.inf)
    dates = {key: first + np.floor(value).astype("timedelta64[D]") for key, value in (("created", created), ("updated", changed))}
    return dates | {"created_day": created, "unsubscribed": ends}


def described(model: Model, who: dict, made: dict, chunk: int) -> dict[str, np.ndarray]:
    """What the crm alone knows, for its records: gender, birth_date, profession, kids, home, income, kind, siret, naf,
    current_segment (the company's own, by age and children: a poor one), interests."""
    rng, noise = np.random.default_rng([model.said["seed"], chunk, 99]), model.said["noise"]
    place = made["place"][made["source"] == "crm"]
    size, birth = len(place), who["birth"][place].astype("datetime64[D]")
    age = (np.datetime64("2024-07-01") - birth).astype(int) / 365.25
    out = {"gender": np.where(who["woman"][place], "F", "M").astype(object)}
    out["birth_date"] = birth.copy()
    out["birth_date"][rng.random(size) < noise["birth_date_sentinel"]] = np.datetime64("1900-01-01")
    out["birth_date"][rng.random(size) < noise["birth_date_missing"]] = np.datetime64("NaT")
    jobs = np.array(model.words["professions"], dtype=object)[rng.integers(0, 14, size)]
    out["profession"] = np.where(age > 63, "retraité", np.where(age < 23, "étudiant", jobs))
    out["kids"] = who["kids"][place]
    out["home"] = np.where(rng.random(size) < np.clip((age - 18) / 60, 0.1, 0.8), "propriétaire", "locataire").astype(object)
    bands = np.array(["moins de 1500", "1500-2500", "2500-4000", "plus de 4000"], dtype=object)
    out["income"] = bands[np.clip(np.round(rng.normal(1.5 + (np.minimum(age, 55) - 40) / 40, 0.9, size)), 0, 3).astype(int)]
    out["income"][rng.random(size) < noise["income_missing"]] = None
    kind = who["kind"][place]
    out["kind"] = np.array(["person", "firm", "staff", "reseller"], dtype=object)[kind]
    out["siret"] = np.array([siret(n) if k in (FIRM, RESELLER) else None for n, k in zip(who["person"][place], kind, strict=True)], object)
    codes = np.array(model.words["naf"], dtype=object)[rng.integers(0, 12, size)]
    out["naf"] = np.where((kind == FIRM) | (kind == RESELLER), codes, None)
    known = np.select([kind == FIRM, age < 30, who["kids"][place] > 0, age >= 60], ["Pros", "Jeunes", "Familles", "Seniors"], "Actifs")
    wrong = rng.random(size) < 0.12
    out["current_segment"] = np.where(wrong, rng.permutation(known), known).astype(object)
    out["interests"] = _interests(model, who["segment"][place], rng)
    return out


def _interests(model: Model, segment: np.ndarray, rng) -> np.ndarray:
    """Up to three, drawn with a slight leaning of the segment; half of all tell none."""
    words = model.words["interests"]
    weight = 1 + 2.0 * np.random.default_rng(model.said["seed"]).random((len(model.segments) + 1, len(words)))
    many = rng.integers(0, 4, len(segment)) * (rng.random(len(segment)) < 0.6)
    draw = rng.random((len(segment), len(words))) ** (1 / weight[segment])
    ranked = np.argsort(-draw, axis=1)
    return np.array(["|".join(sorted(words[c] for c in ranked[n, :k])) if k else None for n, k in enumerate(many)], dtype=object)


def siret(number: int) -> str:
    """Fourteen figures whose keys are right (Luhn's, over the first nine and over all), in the range 0000…, where no firm is registered."""
    shuffled = int(identifiers(np.array([number]), numbering="crm")[0])
    head = f"0000{shuffled // 10_000:04d}"
    siren = head + luhn_key(head)
    office = siren + f"{shuffled % 10_000:04d}"
    return office + luhn_key(office)


def luhn_key(figures: str) -> str:
    """The figure that, put behind, makes Luhn's sum a multiple of ten: from the right, every second figure doubled, digits added."""
    doubled = (int(f) * (2 if n % 2 == 0 else 1) for n, f in enumerate(reversed(figures)))
    return str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def consents(model: Model, who: dict, made: dict, chunk: int) -> tuple[dict, dict]:
    """Consents of the crm's records, and who may be written to.

    Gives rows (id, channel, purpose, granted, day), and channel: which people the crm may mail for marketing at all times.
    """
    rng, rows, may = model.stream(chunk, "consents"), [], {}
    crm = made["source"] == "crm"
    place, ids, created = made["place"][crm], made["id"][crm], made["created_day"][crm]
    withdraws = rng.random(len(place)) < model.said["withdrawn"]
    when = created + 60 + rng.random(len(place)) * 500
    for purpose, shares in model.said["consents"].items():
        for channel, share in shares.items():
            asked, yes = rng.random(len(place)) < 0.92, rng.random(len(place)) < share
            rows.append((ids[asked], channel, purpose, yes[asked], np.floor(created[asked])))
            back = asked & yes & withdraws & (when < model.last)
            rows.append((ids[back], channel, purpose, np.zeros(back.sum(), dtype=bool), np.floor(when[back])))
            if purpose == "marketing":
                may[channel] = np.zeros(len(who["person"]), dtype=bool)
                may[channel][place[asked & yes & ~withdraws]] = True
    many = [len(row[0]) for row in rows]
    table = {"id": np.concatenate([row[0] for row in rows]), "granted": np.concatenate([row[3] for row in rows])}
    table["day"] = np.concatenate([row[4] for row in rows]).astype(np.int64)
    for place_, key in ((1, "channel"), (2, "purpose")):
        table[key] = np.repeat(np.array([row[place_] for row in rows], dtype=object), many)
    return table, may
