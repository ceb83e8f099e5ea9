"""Personas: three to five typical members, each field with where it comes from, of how many it is known and of whom it is true."""

import re
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from helpers.adopt.personas import invented as persona_names
from helpers.adopt.personas.facts import (
    Counts,
    compare,
    cover,
    doers,
    gap,
    key_of,
    levels,
    looks,
    of_levels,
    of_most,
    ordered,
    origin_of,
    run_of,
    sides,
)
from helpers.adopt.personas.sources import (
    FIELD_OF,
    HABITS,
    LEAST_GAP,
    LEAST_OWN,
    LEAST_SHARE,
    MOST,
    NOMINAL,
    PLACES,
    RHYTHM,
    TAKES,
    field_of,
    people_of,
)
from helpers.masking import withheld
from helpers.project import Project
from helpers.project.adopting import PERSONA_FIELDS
from helpers.project.special import category as special_of

FIVE = 5


def personas(step, profiles: dict, members: ir.Table, checked: dict[str, ir.Table]) -> dict:
    """personas.json: plain values and codes, the same whatever language the page is in.

    profiles   as step 6 hands them over;  members: customer_id, segment
    checked    the checked tables of step 3 (collect.checked)
    Returns    personas [{id, typed, ideal, segments, missing (typed segments that step 6 did not build), n, share_of_customers,
               share_of_revenue, revenue_per_30d, sure (whether the first is worth more than the second beyond chance), avatar, fields:
               {field: {origin, facts, n, share, would_take, text and because where people typed it}}}], the most valuable first;
               without {segments, n, share_of_customers, share_of_revenue}; twice (segments of several personas); hidden (figures held
               back because one about fewer than min_cell customers would follow); special (names not used: special categories)
    """
    project, found = step.project, _covering(profiles, step.project)
    asked = Asked(step, profiles, members, checked)
    for persona in found:
        persona["fields"] = {field: asked.field(field, persona) for field in PERSONA_FIELDS}
    hidden = cover(found, asked.true_of_all(found), least=project.min_cell)
    taken: set[str] = set()
    for persona in found:
        _finish(persona, project, taken)
        taken.add(persona["fields"]["first_name"]["facts"][0]["code"])
    return {
        "as_of": profiles["as_of"],
        "customers": profiles["customers"],
        "personas": found,
        "without": _without(found, profiles),
        "twice": sorted({s for a in found for b in found if a is not b for s in a["segments"] if s in b["segments"]}),
        "hidden": hidden,
        "special": sorted(asked.special),
    }


# Who stands for whom


def _covering(profiles: dict, project: Project) -> list[dict]:
    """The personas with the segments they stand for: as typed, else one a segment, the five that spend most each."""
    shown = {s["id"]: s for s in profiles["segments"] if s["n"] and not withheld(s, project.min_cell)}
    built = {s["id"] for s in profiles["segments"]}
    typed = project.adopt.personas
    found = []
    for name, segments in {key: p.segments for key, p in typed.items()}.items() if typed else {s: [s] for s in shown}.items():
        told = [shown[s] for s in dict.fromkeys(segments) if s in shown]
        head = {"id": name, "typed": bool(typed), "segments": [s["id"] for s in told], "missing": [s for s in segments if s not in built]}
        found.append(head | _worth(told))
    found.sort(key=lambda p: (-(p["revenue_per_30d"]["value"] or 0.0), p["id"]))
    found = found[:FIVE]
    for place, persona in enumerate(found):
        persona["ideal"] = place == 0 and persona["revenue_per_30d"]["value"] is not None
        persona["sure"] = persona["ideal"] and _apart(found)
    return found


def _worth(segments: list[dict]) -> dict:
    """Customers and revenue of several segments together; an interval only where it is one."""
    n = sum(s["n"] for s in segments)
    known = [s for s in segments if s["revenue_per_30d"]["value"] is not None]
    each = sum(s["revenue_per_30d"]["value"] * s["n"] for s in known) / n if n and len(known) == len(segments) else None
    ends = segments[0]["revenue_per_30d"] if len(segments) == 1 else {"low": None, "high": None}
    shares = [s["share_of_revenue"] for s in segments]
    return {
        "n": n,
        "share_of_customers": sum(s["share_of_customers"] or 0.0 for s in segments),
        "share_of_revenue": None if None in shares or not shares else sum(shares),
        "revenue_per_30d": {"value": each, "low": ends["low"], "high": ends["high"]},
    }


def _apart(found: list[dict]) -> bool | None:
    """Whether the intervals of the two most valuable do not meet; None where there are not two."""
    ends = [p["revenue_per_30d"] for p in found[:2]]
    if len(ends) < 2 or ends[0]["low"] is None or ends[1]["high"] is None:
        return None
    return ends[0]["low"] > ends[1]["high"]


def _without(found: list[dict], profiles: dict) -> dict:
    """Segments that no persona stands for, with what they are of all customers and of all revenue."""
    covered = {s for persona in found for s in persona["segments"]}
    left = [s for s in profiles["segments"] if s["id"] not in covered and s["n"]]
    return {"segments": [s["id"] for s in left]} | {k: v for k, v in _worth(left).items() if k != "revenue_per_30d"}


def _finish(persona: dict, project: Project, taken: set[str]) -> None:
    """The name and the quote, which are invented; what people typed; and what is drawn."""
    fields = persona["fields"]
    fields["first_name"] = _name(fields, taken)
    fields["quote"] = _quote(fields)
    for field in fields.values():
        first = field["facts"][0] if field["facts"] else {}
        field |= {"n": first.get("n"), "share": first.get("share")}
        if field["facts"]:
            field["origin"], field["would_take"] = first["origin"], None
        elif field["would_take"] is None:
            field["would_take"] = "too_few"
        for fact in field["facts"]:
            fact.pop("true", None)
    firm = fields["firm"]["facts"][0] if fields["firm"]["facts"] else None
    if (firm and not of_most(firm)) or fields["firm"]["would_take"] == "apart":
        for name in ("post", "missions"):
            fields[name]["would_take"] = fields[name]["would_take"] and "people"
    persona["avatar"] = _drawn(fields)
    typed = project.adopt.personas.get(persona["id"]) if persona["typed"] else None
    for name, text in (typed.fields if typed else {}).items():
        fields[name] |= {"said": fields[name]["origin"], "origin": "edited", "text": text, "because": typed.because.get(name, "")}
        fields[name]["would_take"] = None


def _fact(kind: str, code: str, values: list, origin: str, **more) -> dict:
    return {"kind": kind, "code": code, "values": values, "origin": origin, "n": None, "share": None, "others": None} | more


def _name(fields: dict, taken: set[str]) -> dict:
    """An invented first name, of the gender and generation of most members where these are known."""
    gender = next((f for f in fields["household"]["facts"] if f["kind"] == "gender"), None)
    fields["household"]["facts"] = [f for f in fields["household"]["facts"] if f is not gender]
    age = fields["age"]["facts"][0]["values"] if fields["age"]["facts"] else []
    numbers = [float(n) for level in age for n in re.findall(r"\d+", level)]
    middle = sum(numbers) / len(numbers) if numbers else None
    told = persona_names.gender_of(gender["values"][0]) if gender else "anyone"
    code = persona_names.draw(told, persona_names.generation_of(middle), taken)
    facts = [_fact("name", code, [], "assumed")] + ([gender] if gender else [])
    return {"origin": "assumed", "facts": facts, "would_take": None}


def _quote(fields: dict) -> dict:
    """What such a person might say: made of the needs and habits that set most of them apart, never of anybody's words."""
    places = {"goals": ("opinion",), "motivations": ("opinion",), "interests": ("bought",), "path": ("habit",), "media": ("level",)}
    told = {
        place: next((f for f in fields[place]["facts"] if f.get("stands_out") == "more" and f["kind"] in kinds and of_most(f)), None)
        for place, kinds in places.items()
    }
    kept = [_fact("said", f["kind"], [f["code"], *f["values"]], "assumed") for f in told.values() if f]
    return {"origin": "assumed" if kept else "unknown", "facts": kept[:3], "would_take": None if kept else "apart"}


def _drawn(fields: dict) -> dict:
    """What the picture shows, from facts that are true of more than half of those known."""

    def sure(field: str, code: str) -> str | None:
        fact = next((f for f in fields[field]["facts"] if f["code"] == code), None)
        return fact["values"][0] if fact and fact["values"] and of_most(fact) else None

    gender, place = fields["first_name"]["facts"][0]["code"].split("-")
    half = [f["code"] for f in fields["path"]["facts"] if f["code"] in HABITS and of_most(f)]
    family = [f for f in fields["household"]["facts"] if f["code"].casefold() in FIELD_OF["children"] and of_most(f)]
    several = [f for f in family if not re.match(r"0|no|none", f["values"][0].casefold())]
    firm = fields["firm"]["facts"][0] if fields["firm"]["facts"] else None
    return {
        "generation": int(place) // 3 if fields["age"]["facts"] else None,
        "gender": gender,
        "device": sure("path", "main_device"),
        "channel": sure("media", "preferred_channel"),
        "time": next((h.removesuffix("_order_share") for h in half), None),
        "children": bool(several),
        "firm": bool(firm and firm["kind"] == "firm" and of_most(firm)),
    }


# What is true of how many


class Asked:
    """Counts by segment of everything a card may say; fields are made of them, persona by persona."""

    def __init__(self, step, profiles: dict, members: ir.Table, checked: dict[str, ir.Table]):
        self.project, self.as_of = step.project, step.as_of
        self.window = step.as_of - timedelta(days=step.project.scope.window_days)
        self.everyone = {s["id"]: s["n"] for s in profiles["segments"]}
        self.tests, self.missing, self.special = 1, {}, set()
        people = people_of(step, members, checked, self)
        self.people = people
        self.counts: dict[str, list[dict]] = {field: [] for field in PERSONA_FIELDS}
        for column in self.attributes:
            self._attribute(column, levels(people, column))
        self._variables(profiles)
        self._things(members, checked)
        self._consents()
        self.tests = max(sum(looks(c) for each in self.counts.values() for c in each), 1) * FIVE

    def _add(self, field: str, kind: str, code: str, values: list, origin: str, counts: Counts, **more) -> None:
        self.counts[field].append({"kind": kind, "code": code, "values": values, "origin": origin, "counts": counts} | more)

    def _attribute(self, column: str, found: dict[str, dict[str, int]]) -> None:
        field = field_of(column)
        if len(found) < 2 or field is None:  # what all share tells nobody apart
            return
        if column == "firm_":
            self._add("firm", "firm", column, ["yes"], "declared", of_levels(found, ["yes"]))
            return
        if column == "most_read":
            for page in sorted(found):
                self._add(field, "read", page, [], "observed", of_levels(found, [page]))
            return
        if ": " in column:  # one of a list: what counts is whether it is named
            if "yes" in found:
                self._add(field, "named", column, ["yes"], "declared", of_levels(found, ["yes"]))
            return
        kind = "gender" if column.casefold() in FIELD_OF["gender"] else "level"
        self._add(field, kind, column, [], origin_of(column), {}, levels=found)

    def _variables(self, profiles: dict) -> None:
        """Which members lie above or below everyone's mean, or a border that anybody understands."""
        traits = [(s["id"], t) for s in profiles["segments"] for t in s["traits"] if t["everyone"] is not None]
        means = {trait["variable"]: trait["everyone"] for _, trait in traits}
        self.own = {(segment, trait["variable"]): trait["mean"] for segment, trait in traits if trait["mean"] is not None}
        borders = {name: (border if border is not None else means.get(name)) for name, (_, _, _, border) in self.measured.items()}
        borders = {name: border for name, border in borders.items() if border is not None and name in self.people.columns}
        for name, found in sides(self.people, borders).items():
            field, kind, side, border = self.measured[name]
            self._add(field, kind, name, [side], "declared" if kind == "opinion" else "observed", found[side], mean=means.get(name))
            if kind == "opinion":
                self._add("brakes", "opinion", name, ["below"], "declared", found["below"], mean=means.get(name))

    def _things(self, members: ir.Table, checked: dict[str, ir.Table]) -> None:
        """What members bought at least once in the window, of all members: a category nobody could guess a belief from."""
        orders = checked.get("orders")
        if orders is None or "category" not in orders.columns:
            return
        bought = orders.filter(orders.ordered_at >= ibis.literal(self.window), orders.amount > 0)
        found = doers(bought, members, "category")
        for name in sorted(found):
            if special_of(name):
                self.special.add(name)
                continue
            self._add("interests", "bought", name, [], "observed", of_levels(found, [name], self.everyone))

    def _consents(self) -> None:
        for channel in self.channels:
            found = levels(self.people, f"consent_{channel}_")
            if "yes" in found:
                self._add("media", "consent", channel, [], "declared", of_levels(found, ["yes"]))

    def true_of_all(self, found: list[dict]) -> dict[tuple, int]:
        """For each fact told, of how many customers it is true in all."""
        known: dict[tuple, dict] = {}
        for count in (c for each in self.counts.values() for c in each):
            known[count["kind"], count["code"], *([] if "levels" in count else count["values"])] = count
        result = {}
        for fact in (f for p in found for field in p["fields"].values() for f in field["facts"] if "true" in f):
            count = known.get((fact["kind"], fact["code"], *fact["values"])) or known[fact["kind"], fact["code"]]
            counts = of_levels(count["levels"], fact["values"]) if "levels" in count else count["counts"]
            result[key_of(fact)] = sum(true for _, true in counts.values())
        return result

    def field(self, field: str, persona: dict) -> dict:
        """One field of one persona: the facts worth a line, at most MOST of them; what would be needed where there are none."""
        inside = set(persona["segments"])
        facts = [fact for count in self.counts[field] for fact in self._facts(count, inside) if _worth_a_line(fact)]
        facts.sort(key=lambda f: (PLACES.get(f["kind"], 9), -_weight(f), f["code"], f["values"]))
        genders = [f for f in facts if f["kind"] == "gender"]
        facts = [f for f in facts if f["kind"] != "gender"]
        facts = [*self._rhythm(field, inside), *facts][: MOST.get(field, 3)] + genders
        takes = "apart" if self.counts[field] else TAKES[field]
        return {"origin": "unknown", "facts": facts, "n": None, "share": None, "would_take": None if facts else takes}

    def _facts(self, count: dict, inside: set[str]) -> list[dict]:
        """What a count says of the persona; of an attribute the level or bracket of most members, and the one that is most their own."""
        about = {key: count[key] for key in ("kind", "code", "origin")}

        def told(values: list[str], counts: Counts) -> dict | None:
            found = compare(counts, inside, self.everyone, tests=self.tests, least=self.project.min_cell)
            return about | {"values": ordered(values)} | found if found else None

        if "levels" not in count:
            fact = told(count["values"], count["counts"])
            return [fact | self._mean(count, inside)] if fact else []
        here = {level: sum(n for s, n in each.items() if s in inside) for level, each in count["levels"].items()}
        chosen = run_of(here, in_order=count["code"].casefold() not in NOMINAL)
        first = told(chosen, of_levels(count["levels"], chosen)) if chosen else None
        alone = [told([level], of_levels(count["levels"], [level])) for level in here if [level] != chosen and level not in chosen]
        own = [f for f in alone if f and f["stands_out"] == "more" and (f["share"] == "most" or f["share"] >= LEAST_OWN)]
        own = [max(own, key=lambda f: (gap(f), f["values"]))] if own and count["kind"] == "level" else []
        kept = [first] if first and (of_most(first) or first["share"] >= LEAST_SHARE and first["stands_out"] != "less") else []
        return [*kept, *own]

    def _mean(self, count: dict, inside: set[str]) -> dict:
        """The members' own mean of a variable beside everyone's, where its mean is what they are held against."""
        if count["kind"] not in ("above", "rate"):
            return {}
        known = {s: n for s, (n, _) in count["counts"].items() if s in inside and n and (s, count["code"]) in self.own}
        n = sum(known.values())
        mean = sum(self.own[s, count["code"]] * known[s] for s in sorted(known)) / n if n else None
        return {"mean": mean, "everyone": count["mean"]}

    def _rhythm(self, field: str, inside: set[str]) -> list[dict]:
        """Days between orders: the middle half of the members, and the median."""
        if field != "path" or RHYTHM not in self.people.columns:
            return []
        days = self.people.filter(self.people.segment.isin(sorted(inside)))[RHYTHM].cast("float64")
        days = days.isnan().ifelse(ibis.null("float64"), days)
        asked = {"n": days.count(), "low": days.quantile(0.25), "middle": days.quantile(0.5), "high": days.quantile(0.75)}
        row = self.people.filter(self.people.segment.isin(sorted(inside))).aggregate(**asked).execute().iloc[0]
        if not row["n"] >= 2 * self.project.min_cell:
            return []
        members = sum(n for s, n in self.everyone.items() if s in inside)
        n = None if 0 < members - int(row["n"]) < self.project.min_cell else int(row["n"])
        days = [round(float(row[key]), 1) for key in ("low", "middle", "high")]
        return [_fact("rhythm", RHYTHM, [], "observed", n=n, share=0.5, days=days)]


def _worth_a_line(fact: dict) -> bool:
    """Whether it helps to know: what most do, or what sets members apart and is true of enough of them."""
    if fact["kind"] in ("level", "gender", "consent", "firm", "trouble", "rate"):
        return True
    if fact["kind"] == "habit" and of_most(fact) and gap(fact) >= LEAST_GAP:
        return True
    if fact["stands_out"] != "more" or gap(fact) < LEAST_GAP:
        return False
    return fact["share"] == "most" or fact["share"] >= (LEAST_OWN if fact["kind"] == "read" else LEAST_SHARE)


def _weight(fact: dict) -> float:
    """What comes first among facts of a kind: what sets apart most; a channel that may be used, by how many said yes."""
    if fact["kind"] == "consent":
        return 1.0 if fact["share"] == "most" else fact["share"]
    return abs(gap(fact)) + of_most(fact) if fact["kind"] == "level" else gap(fact)
