"""What rests on the segments and is true no longer: lines of personas' cards, typed names, and offers that do not pay."""

from collections.abc import Mapping

import ibis.expr.types as ir

from helpers.adopt.personas import Asked
from helpers.adopt.personas.facts import Counts, compare, cover, key_of, of_levels, of_most, sides
from helpers.adopt.personas.invented import name_of
from helpers.masking import withheld
from helpers.rates import newcombe
from helpers.run import Past

LEVEL = 0.05
INVENTED = ("name", "said", "rhythm")
"""Kinds of facts that are no share of members: invented, composed of others, or a number of days."""


def cards(step, before: Past | None, checked: Mapping[str, ir.Table]) -> dict:
    """Lines of the cards of then, of each how many members it is true of today.

    A card says what was true of the members of then; the same counts are made of today's members, and a mean that was the border then
    is the border still. Two shares are compared by Newcombe's interval, as wide as that many comparisons ask (Bonferroni): for customers
    who are members at both dates it is wider than it need be, so it calls rather too little than too much.
    before    the run in which the segmentation in force was approved
    Returns   reason (no earlier run, built anew, no cards; None: compared), compared (lines), untold (of too few members known today),
              lines [{persona, name, segments, field, fact as told then, share and n then, share_now, n_now,
              low, high (change), state, typed (text that people typed over it)}] that fell beyond chance. state: gone (true of most and
              no longer so, or what set members apart and does no longer, or of too few to be told), weaker (it fell, and still holds)
    """
    found = {"reason": None, "compared": 0, "untold": 0, "lines": []}
    reason = _not_compared(step, before)
    if reason:
        return found | {"reason": reason}
    then, least = before.json("adopt", "personas"), step.project.min_cell
    profiles, members = step.take("build", "profiles"), step.take("build", "membership")
    asked = Asked(step, profiles, members, dict(checked))
    lines = [line for persona in then["personas"] for line in _lines(persona, asked, before, least)]
    known = [line for line in lines if line["known"] >= least]
    for line in known:
        line |= _change(line, len(known))
    fell = [line for line in known if line["high"] < 0]
    _told(fell, asked, least)
    return found | {"compared": len(known), "untold": len(lines) - len(known), "lines": [_public(line) for line in fell]}


def _not_compared(step, before: Past | None) -> str | None:
    if before is None:
        return "no earlier run"
    if step.approved is None or step.approved.run != before.name:
        return "built anew"
    return None if before.gives("adopt", "personas") else "no cards"


def _lines(persona: dict, asked: Asked, before: Past, least: int) -> list[dict]:
    """Every fact of a card that is a share of members, with the counts of then and of today."""
    inside, result = {s for s in persona["segments"] if s in asked.everyone}, []
    for field, told in persona["fields"].items():
        text = told.get("text") if told["origin"] == "edited" else None
        for fact in told["facts"]:
            if fact["kind"] in INVENTED or fact.get("share") is None:
                continue
            counts = _counts(fact, asked, before)
            if counts is None:
                continue
            known, true = (sum(counts[s][i] for s in counts if s in inside) for i in (0, 1))
            n = fact["n"] if fact.get("n") is not None else persona["n"]
            # Of "most" it is known that fewer than `least` are left: the least that it can have been, so that no fall is made up.
            was = n - least + 1 if fact["share"] == "most" else round(fact["share"] * n)
            line = {"persona": persona["id"], "name": _name(persona), "segments": sorted(inside), "fact": fact}
            line["field"] = "household" if fact["kind"] == "gender" else field
            result.append(line | {"n": n, "was": was, "known": known, "true": true, "counts": counts, "typed": text})
    return result


def _name(persona: dict):
    """The first name, as typed or invented."""
    field = persona["fields"]["first_name"]
    return field["text"] if field["origin"] == "edited" else name_of(field["facts"][0]["code"])


def _counts(fact: dict, asked: Asked, before: Past) -> Counts | None:
    """Segment → (members known, of whom it is true) today; None where the data do not tell it any more."""
    if fact["kind"] in ("above", "rate", "opinion", "habit", "trouble"):
        border = _border(fact["code"], asked, before)
        if border is None:
            return None
        return sides(asked.people, {fact["code"]: border})[fact["code"]][fact["values"][0]]
    for count in (count for each in asked.counts.values() for count in each):  # a gender stands beside the name, not where it was counted
        if (count["kind"], count["code"]) == (fact["kind"], fact["code"]):
            if "levels" in count:
                there = {level: count["levels"].get(level, {}) for level in {*count["levels"], *fact["values"]}}
                return of_levels(there, fact["values"])
            return count["counts"]
    return None


def _border(variable: str, asked: Asked, before: Past) -> float | None:
    """Against which value members were held: a fixed one, else everyone's mean of then."""
    if variable not in asked.measured or variable not in asked.people.columns:
        return None
    fixed = asked.measured[variable][3]
    if fixed is not None:
        return fixed
    traits = [t for s in (before.json("build", "profiles") or {}).get("segments", []) for t in s.get("traits", [])]
    return next((t["everyone"] for t in traits if t["variable"] == variable and t["everyone"] is not None), None)


def _change(line: dict, tests: int) -> dict:
    """The change of the share with its interval for all comparisons together."""
    low, high = newcombe(line["true"], line["known"], line["was"], line["n"], level=1 - LEVEL / max(tests, 1))
    return {"low": low, "high": high, "change": line["true"] / line["known"] - line["was"] / line["n"]}


def _told(fell: list[dict], asked: Asked, least: int) -> None:
    """share_now, n_now and state, in place; a share from which one about fewer than `least` customers would follow is not told."""
    pages: dict[str, dict] = {}
    for line in fell:
        now = compare(line["counts"], set(line["segments"]), asked.everyone, tests=asked.tests, least=least)
        line["state"] = "gone" if _gone(line["fact"], now) else "weaker"
        line["now"] = (now | {key: line["fact"][key] for key in ("kind", "code", "values")}) if now else None
        page = pages.setdefault(line["persona"], {"segments": line["segments"], "fields": {"all": {"facts": []}}})
        page["fields"]["all"]["facts"] += [line["now"]] if now else []
    everyone = {key_of(line["fact"]): sum(true for _, true in line["counts"].values()) for line in fell}
    cover(list(pages.values()), everyone, least=least)
    kept = {id(fact) for page in pages.values() for fact in page["fields"]["all"]["facts"]}
    for line in fell:
        shown = line["now"] if line["now"] and id(line["now"]) in kept else {"share": None, "n": None}
        line |= {"share_now": shown["share"], "n_now": shown["n"]}


def _gone(fact: dict, now: dict | None) -> bool:
    """Whether what the card says may no longer be said: of most, or more of them than of others; or it is of too few to be told."""
    if now is None:
        return True
    return (of_most(fact) and not of_most(now)) or (fact.get("stands_out") == "more" and now["stands_out"] != "more")


def _public(line: dict) -> dict:
    """Without counts from which a number of few customers could be read."""
    fact = {key: line["fact"].get(key) for key in ("kind", "code", "values", "origin", "share", "n")}
    kept = {key: line[key] for key in ("persona", "name", "segments", "field", "state", "typed", "share_now", "n_now")}
    ends = {"change": line["change"], "low": line["low"], "high": line["high"]} if line["share_now"] is not None else {}
    return kept | {"fact": fact, "change": None, "low": None, "high": None} | ends


def names(step, before: Past | None) -> list[dict]:
    """Typed names whose segment is not what they promise.

    Returns   segment, state: withdrawn (it fitted then, or what it did then is not known), never (it did not fit then either)
    """
    then = {s["id"]: s.get("fits") for s in (before.json("build", "profiles") or {}).get("segments", [])} if before else {}
    now = [s for s in step.take("build", "profiles")["segments"] if s["fits"] is False and not withheld(s, step.project.min_cell)]
    return [{"segment": s["id"], "state": "never" if then.get(s["id"]) is False else "withdrawn"} for s in now]


def offers(step, before: Past | None) -> list[dict]:
    """Offers of step 8 by segment, and whether each pays at the rise thought plausible.

    Returns   segment, offer as typed, pays, gain (project currency), state: pays, pays now (it did not then), loses now (it paid then),
              loses still, loses (of then nothing is known), cannot tell
    """
    if not step.gives("target", "plan"):
        return []
    then = {s["id"]: s["pays"] for s in (before.json("target", "plan") or {}).get("segments", [])} if before else {}
    lines = [s for s in step.take("target", "plan")["segments"] if s["offer"]]
    keys = {"segment": "id", "offer": "offer", "pays": "pays", "gain": "gain"}
    return [{key: s[name] for key, name in keys.items()} | {"state": _pays(s["pays"], then.get(s["id"]))} for s in lines]


def _pays(now: bool | None, then: bool | None) -> str:
    if now is None:
        return "cannot tell"
    if now:
        return "pays now" if then is False else "pays"
    return {True: "loses now", False: "loses still", None: "loses"}[then]
