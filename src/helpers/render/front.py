"""The first page of a report: what somebody needs who has two minutes and must act, from the documents of the run.

Sentences and cells only; reports/template/front.html.j2 lays them out. What a step has not handed over and what nobody
can tell is said so, and is never shown as 0; nothing is told about a segment of fewer than `min_cell` customers.
"""

from collections.abc import Sequence

from helpers import words
from helpers.objectives.figures import shown
from helpers.project import Objective
from helpers.render import glance
from helpers.render.chapters import Chapter
from helpers.render.documents import CANNOT_TELL, at, few, guarded, name, net, owner, typed
from helpers.words import absent, mark, say, say_n

STEADY, LOOSE = 0.8, 0.6
"""Medians of the adjusted Rand index from which two versions are nearly the same, or much alike (Hennig: below .60, no trust)."""

GAPS, DECISIONS = 5, 6
"""Lines that are read in two minutes and fit on one A4 page; on screen the rest unfolds."""

METHODS = {
    "rfm": mark("rules of recency, frequency and spend"),
    "hcpc": mark("segments by classification"),
    "crossing": mark("two criteria crossed"),
    "bands": mark("bands of past spend"),
    "tree": mark("a small decision tree"),
    "chance": mark("chance"),
}
VERDICTS = {
    "rules": mark("Simple rules do at least as well as segments."),
    "segments": mark("Segments do better than the best simple rule."),
    "level": mark("No difference between segments and simple rules was shown."),
    "none": mark("Nothing here foresees more than chance."),
    "cannot tell": mark("Cannot tell: no later period could be judged."),
}
TOGETHER = {  # (objective, panel)
    ("rules", "segments"): mark("Rules for the budget, segments for the message."),
    ("segments", "segments"): mark("Segments for the budget and for the message."),
    ("segments", "rules"): mark("Segments for the budget, rules for the message."),
    ("rules", "rules"): mark("Simple rules for the budget and for the message: no segments are needed for these two uses."),
}
USES = {  # (what for, what the scores are)
    "objective": (mark("For the budget"), mark("Share of later differences in the main objective foreseen: {methods}.")),
    "panel": (mark("For the message"), mark("Share of later differences in how they buy foreseen: {methods}.")),
}
NEVERTHELESS = {
    "objective": {
        "rules": mark("Share out the budget by the rule of step 6, not by segment."),
        "level": mark("Share out the budget by the rule of step 6: neither does better, and it is the simpler."),
        "none": mark("Share out the budget evenly until something better is known."),
        "cannot tell": mark("Share out the budget by bands of past spend until a later period can be judged."),
    },
    "panel": {
        "segments": mark("Expect messages to fit better on average, not to fit everybody."),
        "rules": mark("Choose the message by the rule of step 6, and test it against a control group."),
        "none": mark("Send everybody the same message, and test another against a control group."),
        "level": mark("Keep messages few, and test each against a control group."),
        "cannot tell": mark("Try each message on a part of its segment first, against a control group."),
    },
}
HOLDS = {
    "keep": (mark("The segments hold: keep them."), ""),
    "refit": (mark("The segments have shifted: fit them again."), mark("Until then the present labels are the best there are.")),
    "rebuild": (mark("The segments no longer hold: build them anew."), mark("Until then steer by the rule of step 6 alone.")),
    "cannot tell": (mark("Whether the segments still hold: cannot tell."), mark("Leave the labels as they are until the next review.")),
}
ASKED = {
    "refit": mark("Agree to fit the segments again, and say when."),
    "rebuild": mark("Agree to build new segments, and say when."),
    "keep": mark("Confirm that the segments stay as they are until the next review."),
}
UNSIGNED = {
    "missing": mark("Sign the list of variables: until then all of this is DRAFT."),
    "other sheet": mark("Sign the list of variables again: it is not the one that was signed."),
}
SIGN_FIRST = mark("Have the list of variables signed (step 5) before anybody is contacted.")
"""What step 8 says of it too."""
WHY_DRAFT = {
    "no consents": mark("nobody’s consent to be contacted is known"),
    "not signed": mark("the list of variables is not signed"),
    "no offer": mark("at least one segment has no offer"),
    "no margin": mark("no margin is typed"),
}


def blocks(docs: dict[str, dict], chapters: Sequence[Chapter], project) -> dict | None:
    """The page, block by block; None as long as the run has no segments: the page then shows its steps as cards.

    docs   what `documents.read` found in the run
    """
    if not docs["profiles"].get("segments"):
        return None
    docs = docs | {"moves": guarded(docs["moves"], project)}
    return {
        "objectives": _objectives(docs["objectives"]),
        "glance": glance.table(docs, project),
        "trust": _trust(docs["evidence"]),
        "changes": _changes(docs, project),
        "unknown": _first(said(_latest_first(chapters), "unknown"), GAPS),
        "decisions": _first(_decisions(docs, chapters, project), DECISIONS),
        "signed": _signed(docs),
    }


def said(chapters: Sequence[Chapter], what: str, *, without: Sequence[int] = ()) -> list[tuple[str, str]]:
    """What the steps' summaries say under "unknown" or "todo": each sentence once, with the steps that say it."""
    sentences: dict[str, list[int]] = {}
    for chapter in chapters:
        for sentence in chapter.summary.get(what, []) if chapter.number not in without else []:
            sentences.setdefault(sentence, []).append(chapter.number)
    return [
        (sentence, say_n("Step {numbers}", "Steps {numbers}", len(steps), numbers=words.join(sorted(steps))))
        for sentence, steps in sentences.items()
    ]


# The objective


def _objectives(document: dict) -> list[dict]:
    """Each objective with where it stands, its target, and what belongs to them; the main one first."""
    found = []
    for each in document.get("objectives") or []:
        plan = each.get("plan") or {}
        kind = Objective.model_construct(metric=plan.get("metric"))
        value, low, high, target = (
            None if absent(x) else shown(kind, x) for x in (each.get("value"), each.get("low"), each.get("high"), plan.get("target"))
        )
        facts = [say("today between {low} and {high}", low=low, high=high)] if low and high else []
        facts += [say("by {day}", day=words.day(plan["by_when"])) if plan.get("by_when") else say("no date")]
        facts += [words.text(plan["owner"]) if plan.get("owner") else say("nobody answers for it")]
        facts += [say("not precise enough yet")] if each.get("precise") is False else []
        found.append(
            {
                "name": words.text(plan.get("name")) or say("Objective"),
                "now": value or say(CANNOT_TELL),
                "target": target or say("no target"),
                "facts": facts,
                "main": each.get("role") == "main",
            }
        )
    return sorted(found, key=lambda objective: not objective["main"])


# How far to trust it


def _trust(evidence: dict) -> dict:
    """A headline, and lines of (question, answer, why, what to do nevertheless)."""
    if not evidence:
        return {"headline": say("Nothing is known about that yet: step 6 handed over no evidence."), "lines": []}
    verdicts = tuple(at(evidence, "verdicts", use, "verdict") for use in ("objective", "panel"))
    lines = [
        _use(evidence, "objective"),
        _use(evidence, "panel"),
        _stability(evidence),
        (
            say("Do these groups exist in nature?"),
            say("Not tested yet.") if evidence.get("structure") in (None, "not tested yet") else say("See step 6."),
            "",
            say("Treat them as a useful cut, not as kinds of people."),
        ),
    ]
    return {"headline": say(TOGETHER[verdicts]) if verdicts in TOGETHER else "", "lines": lines}


def _use(evidence: dict, use: str) -> tuple[str, str, str, str]:
    """The verdict of the contest for one use, with the figures that it rests on."""
    found, (label, sentence) = at(evidence, "verdicts", use) or {}, USES[use]
    verdict = found.get("verdict") if found.get("verdict") in VERDICTS else "cannot tell"
    scores = []
    for method in (found.get("best_rule"), found.get("best_candidate")):
        value = at(evidence, "contest", method, use, "value") if method in METHODS else None
        if not absent(value):
            scores.append(say("{method} {share}", method=say(METHODS[method]), share=words.share(value, 1 if abs(value) < 0.1 else 0)))
    why = say(sentence, methods=words.join(scores)) if scores else ""
    nevertheless = NEVERTHELESS[use].get(verdict, "")
    return say(label), say(VERDICTS[verdict]), why, say(nevertheless)


def _stability(evidence: dict) -> tuple[str, str, str, str]:
    label = say("Would they come back?")
    found = at(evidence, "stability", str(evidence.get("k"))) or {}
    median = found.get("median")
    if absent(median):
        return label, say("Cannot tell."), "", say("Keep labels fixed between two reviews.")
    why = say("Agreement of two versions from other samples: {median} (1 the same, 0 chance).", median=words.number(median, 2))
    if median >= STEADY:
        return label, say("Yes, nearly the same segments."), why, ""
    answer = say("Much alike, not the same.") if median >= LOOSE else say("Not reliably.")
    return label, answer, why, say("Keep labels fixed between two reviews; act on large differences only.")


# What changed, what is asked, who signed


def _changes(docs: dict, project) -> dict:
    """The verdict of the last look back, and the movements that chance alone does not make."""
    moves = docs["moves"]
    if not moves:
        return {"headline": say("Not known yet: the segments have not been looked at again (step 9)."), "points": [], "do": ""}
    verdict, nevertheless = HOLDS.get(moves.get("verdict"), HOLDS["cannot tell"])
    known = [s for s in moves.get("segments") or [] if not any(few(s.get(when), project) for when in ("before", "now"))]
    moved, points = [_moved(s, docs) for s in known if s.get("beyond") is True and not absent(s.get("net"))], []
    if moved:
        points.append(say("Won from or lost to other segments, beyond chance: {changes}.", changes=words.join(moved)))
    elif any(s.get("beyond") is False for s in known):
        points.append(say("No segment won from or lost to others beyond chance."))
    stay = moves.get("stay") or {}
    if not absent(stay.get("share")) and not absent(stay.get("chance")):
        values = {"share": words.share(stay["share"], 0), "chance": words.share(stay["chance"], 0)}
        points.append(say("{share} of customers are in the segment that they were in; by chance it would be {chance}.", **values))
    changed = [d for d in moves.get("drift") or [] if d.get("mark") == "changed"]
    if changed:
        points.append(
            say_n(
                "Customers as a whole have changed in {n} behaviour (step 9).",
                "Customers as a whole have changed in {n} behaviours (step 9).",
                len(changed),
            )
        )
    if moves.get("marked"):
        points.append(say("Not yet tested on new months: the recipe had been judged on the months shown here."))
    return {"headline": say(verdict), "points": points or [say("Movements: cannot tell.")], "do": say(nevertheless)}


def _moved(move: dict, docs: dict) -> str:
    segment = next((s for s in docs["profiles"]["segments"] if s["id"] == move["id"]), move)
    values = {"name": name(segment), "net": net(move["net"])}
    if absent(move.get("noise")):
        return say("{name} {net}", **values)
    return say("{name} {net} (chance alone: {noise})", **values, noise=words.number(move["noise"]))


def _decisions(docs: dict, chapters: Sequence[Chapter], project) -> list[tuple[str, str, str]]:
    """(who, what, where it comes from): what the documents ask for, then what the summaries do."""
    asked = []
    for state, what in UNSIGNED.items():
        roles = _roles(docs["validation"], state)
        asked += [(words.join(roles), say(what), say("Step {number}", number=5))] if roles else []
    losing = [s for s in docs["plan"].get("segments") or [] if s.get("pays") is False and not few(s.get("contacted") or 0, project)]
    if losing:
        named = {s["id"]: name(s) for s in docs["profiles"]["segments"]}
        owners = list(dict.fromkeys(filter(None, (owner(s, project) for s in losing))))
        names = words.join([named.get(s["id"], s["id"]) for s in losing])
        what = say("Change the offer or the channel of {names}, or leave them out.", names=names)  # as step 8 says it, here with who
        asked.append((words.join(owners), what, say("Step {number}", number=8)))
    if (verdict := docs["moves"].get("verdict")) in ASKED:
        who = typed(project, "reevaluate", "decisions") or []
        asked.append((words.text(who[-1].decided_by) if who else "", say(ASKED[verdict]), say("Step {number}", number=9)))
    signing = [5] if any(_roles(docs["validation"], state) for state in UNSIGNED) else []
    already = {what for _, what, _ in asked} | ({say(SIGN_FIRST)} if signing else set())
    rest = said(_latest_first(chapters), "todo", without=signing)
    return asked + [("", sentence, place) for sentence, place in rest if sentence not in already]


def _signed(docs: dict) -> dict:
    """Who signed which sheet, or that all this is a draft, and why the contact lists are one."""
    validation, plan = docs["validation"], docs["plan"]
    draft = validation.get("status") != "signed"
    done = [
        say("{role} on {day}", role=words.text(s.get("role")), day=words.day(s.get("signed_on")))
        for s in validation.get("signatures") or []
        if s.get("state") == "signed"
    ]
    by = {"roles": words.join(done)}
    lines = [say("Signed by {roles}.", **by) if draft else say("By {roles}.", **by)] if done else []  # under the heading “Signed”
    lines += [say("Not signed by {roles}.", roles=words.join(roles))] if (roles := _roles(validation, "missing")) else []
    lines += [say("Signed another list: {roles}.", roles=words.join(roles))] if (roles := _roles(validation, "other sheet")) else []
    lines = lines or [say("Nobody has signed the list of variables.") if draft else say("Nobody was asked to sign.")]
    lines += [say("Sheet {number}.", number=validation["number"])] if validation.get("number") else []
    if plan.get("status") == "DRAFT":
        reasons = [say(WHY_DRAFT[code]) for code in plan.get("reasons") or [] if code in WHY_DRAFT]
        because = words.join(reasons) or say("see step 8")
        lines.append(say("Contact lists are DRAFT and nothing is released: {because}.", because=because))
    return {"draft": draft, "lines": lines}


def _roles(validation: dict, state: str) -> list[str]:
    """The roles whose signature is in that state."""
    return [words.text(s.get("role")) for s in validation.get("signatures") or [] if s.get("state") == state]


def _first(lines: list[tuple], most: int) -> dict:
    rest = lines[most:]
    return {"lines": lines[:most], "rest": rest, "more": say_n("{n} more", "{n} more", len(rest))}


def _latest_first(chapters: Sequence[Chapter]) -> list[Chapter]:
    """Steps 5 to 9 speak first: what they say concerns the segments, not the making of them."""
    return sorted(chapters, key=lambda chapter: (chapter.number < 5, chapter.number))
