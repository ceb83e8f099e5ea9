"""The first page of a report: what somebody needs who has two minutes and must act, from the documents of the run.

Sentences and cells only; reports/template/front.html.j2 lays them out. What a step has not handed over and what nobody
can tell is said so, and is never shown as 0; nothing is told about a segment of fewer than `min_cell` customers.
"""

from collections.abc import Sequence

from helpers import words
from helpers.build.methods import CONVENTIONS, TITLES
from helpers.build.page import structure_sentence
from helpers.build.structure_page import WHY
from helpers.collect import control_page
from helpers.objectives.figures import METRICS, shown
from helpers.project import Objective
from helpers.render import glance
from helpers.render.asked import asked, changed, latest_first, roles, said
from helpers.render.chapters import Chapter
from helpers.render.documents import CANNOT_TELL, at, few, guarded, hidden, name, net, typed
from helpers.target.page import REASONS
from helpers.words import absent, mark, say, say_n

STEADY, LOOSE = 0.8, 0.6
"""Medians of the adjusted Rand index from which two versions are nearly the same, or much alike (Hennig: below .60, no trust)."""

GAPS, DECISIONS = 3, 4
"""Lines that are read in two minutes and fit on one A4 page; on screen the rest unfolds."""

METHODS = {
    "rfm": mark("rules of recency, frequency and spend"),
    "hcpc": mark("segments by classification"),
    "kmeans": mark("segments by k-means"),
    "latent": mark("latent classes"),
    "points": mark("a score in points"),
    "rules": mark("rules of our own"),
    "suggested": mark("suggested segments"),
    "crossing": mark("two criteria crossed"),
    "bands": mark("bands of past spend"),
    "slices": mark("slices of one gradient"),
    "tree": mark("a small decision tree"),
    "panel_tree": mark("a small tree on behaviours"),
    "chance": mark("chance"),
}
NO_KINDS = mark("Treat them as a useful cut, not as kinds of people.")
EXIST = {"natural": mark("Use them by name."), "reproducible": NO_KINDS, "constructive": NO_KINDS}
VERDICTS = {
    "rules": mark("Simple rules do at least as well as segments."),
    "segments": mark("Segments do better than the best simple rule."),
    "level": mark("No difference between segments and simple rules was shown."),
    "none": mark("Nothing here foresees more than chance."),
    "cannot tell": mark("Cannot tell: no later period could be judged."),
}
TOGETHER = {  # (objective, panel)
    ("rules", "segments"): mark("Rules for the budget, segments for the message."),
    ("rules", "level"): mark("Rules for the budget; for the message no difference to a short rule was shown."),
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
        "level": mark("Take the one that people can work with; keep messages few, and test each against a control group."),
        "cannot tell": mark("Try each message on a part of its segment first, against a control group."),
    },
}
ONE_CAMPAIGN = mark("Use the segments for one campaign at a time, and draw the list anew each time.")
HOLDS = {
    "keep": (mark("The segments hold: keep them."), ""),
    "adjust": (
        mark("Keep the segments, and change what rests on them."),
        mark("Step 9 says what, and why; nobody changes segment by it."),
    ),
    "refit": (mark("The segments have shifted: fit them again."), mark("Until then the present labels are the best there are.")),
    "look": (mark("The segments are not shown to last: keep them, and look closer."), ONE_CAMPAIGN),
    "rebuild": (mark("The recipe, built one horizon earlier, did not keep its customers."), ONE_CAMPAIGN),
    "not kept": (mark("The segments in force did not keep their customers."), ONE_CAMPAIGN),  # built earlier and applied unchanged
    "unlike": (mark("Fitted again, the recipe gives other segments than those in force."), ONE_CAMPAIGN),
    "cannot tell": (mark("Whether the segments still hold: cannot tell."), mark("Leave the labels as they are until the next review.")),
}
NOT_SIGNED = {"missing": mark("Not signed by {roles}."), "other sheet": mark("Signed another list: {roles}.")}
PUBLISHED = {
    "people": mark("Published: “{way}”, chosen by people."),
    "evidence": mark("Published: “{way}”, chosen by what step 6 measured: nobody has typed another choice."),
    "nobody": mark("Published: “{way}”, chosen by nobody: nothing could be judged."),
    "approved": mark("Published: “{way}”, approved by {role} on {day} and applied unchanged."),
    "earlier": mark("Published: “{way}” of the run before, applied unchanged: nobody has approved any."),
}


def blocks(docs: dict[str, dict], chapters: Sequence[Chapter], project) -> dict | None:
    """The page, block by block; None as long as the run has no segments: the page then shows its steps as cards.

    docs   what `documents.read` found in the run
    """
    if not docs["profiles"].get("segments"):
        return None
    docs = docs | {"moves": guarded(docs["moves"], project)}
    decisions, typing = asked(docs, chapters, project)
    return {
        "data": control_page.first_line(docs.get("quality") or {}),
        "objectives": _objectives(docs["objectives"]),
        "glance": glance.table(docs, project),
        "trust": _trust(docs, project),
        "changes": _changes(docs, project),
        "unknown": _first(said(latest_first(chapters), "unknown"), GAPS),
        "decisions": _first(decisions, DECISIONS) | {"analyst": typing},
        "signed": _signed(docs),
    }


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
        main, metric = each.get("role") == "main", METRICS.get(plan.get("metric"))
        facts = [say(metric)] if main and metric else []
        facts += [say("today between {low} and {high}", low=low, high=high)] if low and high else []
        facts += [say("the target is already reached")] if target and value and plan["target"] <= each["value"] else []
        facts += [say("by {day}", day=words.day(plan["by_when"])) if plan.get("by_when") else say("no date")]
        facts += [words.text(plan["owner"]) if plan.get("owner") else say("nobody answers for it")]
        if each.get("due"):
            facts += [say("its day has come: step 9 says whether it was reached")]
        elif each.get("precise") is False:
            facts += [say("not precise enough yet")]
        found.append(
            {
                "name": words.text(plan.get("name")) or say("Objective"),
                "now": value or say(CANNOT_TELL),
                "target": target or say("no target"),
                "facts": facts,
                "main": main,
            }
        )
    return sorted(found, key=lambda objective: not objective["main"])


# How far to trust it


def _trust(docs: dict, project) -> dict:
    """A headline, which way is published and who chose it, and lines of (question, answer, why, what to do nevertheless)."""
    evidence, published = docs["evidence"], _published(docs, project)
    if not evidence:
        return {"headline": say("Nothing is known about that yet: step 6 handed over no evidence."), "published": published, "lines": []}
    verdicts = tuple(at(evidence, "verdicts", use, "verdict") for use in ("objective", "panel"))
    lines = [_use(docs, "objective"), _use(docs, "panel"), _stability(docs), _structure(docs), *_criteria(docs, project)]
    return {"headline": say(TOGETHER[verdicts]) if verdicts in TOGETHER else "", "published": published, "lines": lines}


def _published(docs: dict, project) -> str:
    """Which way of cutting the segments are from, and who chose it (as `build.chosen` tells)."""
    way = docs["profiles"].get("chosen")
    if way not in TITLES:
        return ""
    judged = at(docs["evidence"], "verdicts", "panel", "best_candidate")
    approval = docs["evidence"].get("approved")
    if approval:
        sentence, title = PUBLISHED["approved" if approval["role"] else "earlier"], TITLES[way]
        return say(sentence, way=say(title), role=words.text(approval["role"]), day=words.day(approval.get("on")))
    by = "people" if typed(project, "build", "chosen") else "evidence" if judged else "nobody"
    sentence, title = PUBLISHED[by], TITLES[way]
    return say(sentence, way=say(title))


def _use(docs: dict, use: str) -> tuple[str, str, str, str]:
    """The verdict of the contest for one use, with the best rule, what is published, and bands of past spend."""
    evidence, (label, sentence) = docs["evidence"], USES[use]
    found = at(evidence, "verdicts", use) or {}
    verdict = found.get("verdict") if found.get("verdict") in VERDICTS else "cannot tell"
    scores, published = [], docs["profiles"].get("chosen") or found.get("best_candidate")
    won = found.get("best_candidate") if verdict == "segments" else None  # whose the verdict is, where people publish another way
    for method in dict.fromkeys((found.get("best_rule"), won, published, "bands")):
        named = METHODS.get(method) or TITLES.get(method)
        value = at(evidence, "contest", method, use, "value") if named else None
        if not absent(value):
            scores.append(say("{method} {share}", method=say(named), share=words.share(value, 1 if abs(value) < 0.1 else 0)))
    why = say(sentence, methods=words.join(scores)) if scores else ""
    nevertheless = NEVERTHELESS[use].get(verdict, "")
    return say(label), say(VERDICTS[verdict]), why, say(nevertheless)


def _structure(docs: dict) -> tuple[str, str, str, str]:
    """Whether the groups stand apart from data that hold none, in the words of step 6."""
    label, found = say("Do these groups exist in nature?"), docs["evidence"].get("structure")
    verdict = at(found, "verdict")
    if verdict not in (*EXIST, "cannot tell", "convention") or (verdict == "cannot tell" and at(found, "why") not in WHY):
        return label, say("Not tested yet."), "", say(NO_KINDS)
    nevertheless = EXIST.get(verdict, NO_KINDS)
    return label, structure_sentence(found), "", say(nevertheless)


def _criteria(docs: dict, project) -> list[tuple[str, str, str, str]]:
    """How many of the segments that are shown pass all five criteria; nothing as long as step 6 has not judged them."""
    judged, passing = at(docs, "criteria", "segments"), at(docs, "criteria", "passing")
    if not isinstance(judged, dict) or not isinstance(passing, list):
        return []
    shown_ = [s["id"] for s in docs["profiles"]["segments"] if s["id"] in judged and not hidden(s, project)]
    n = sum(one in passing for one in shown_)
    answer = say("{n} of {all} segments pass all five criteria.", n=words.number(n), all=words.number(len(shown_)))
    return [(say("Is each worth an action?"), answer, "", "" if n == len(shown_) else say("Step 6 says what each lacks."))]


def _core(docs: dict) -> str:
    """The share of customers whose segment is steady."""
    core = at(docs, "evidence", "confidence", "core")
    return "" if absent(core) else say("Core customers, who nearly always keep their segment: {share}.", share=words.share(core, 0))


def _median(docs: dict) -> float | None:
    """Agreement of two versions of segments that were learnt; null for any other way, which is a rule."""
    evidence = docs["evidence"]
    return at(evidence, "stability", str(evidence.get("k")), "median") if _classified(docs) else None


def _classified(docs: dict) -> bool:
    return docs["profiles"].get("chosen") not in CONVENTIONS and at(docs, "evidence", "structure", "verdict") != "convention"


def _stability(docs: dict) -> tuple[str, str, str, str]:
    label, median, core = say("Would they come back?"), _median(docs), _core(docs)
    if not _classified(docs):
        why = say("This way is a rule: the same customers always fall into the same segments. How it does one period later, step 9 tells.")
        return label, say("Always, for it is a rule."), f"{why} {core}".strip(), ""
    if absent(median):
        return label, say("Cannot tell."), core, say("Keep labels fixed between two reviews.")
    why = say("Agreement of two versions from other samples: {median} (1 the same, 0 chance).", median=words.number(median, 2))
    why = f"{why} {core}".strip()
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
    verdict, nevertheless = HOLDS[_held(moves)]
    shut = {s["id"] for s in docs["profiles"]["segments"] if hidden(s, project)}
    listed = [s for s in moves.get("segments") or [] if s["id"] not in shut]
    known = [s for s in listed if not any(few(s.get(when), project) for when in ("before", "now"))]
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
    if not absent(moves.get("refit_moved")):
        moved_by_fit = words.share(moves["refit_moved"], 0)
        if not moves.get("approved"):
            points.append(
                say("Today’s fit alone gives {share} of customers another segment than the earlier one would.", share=moved_by_fit)
            )
        elif moves["refit_moved"] and not few(moves.get("refit_changed") or project.min_cell, project):
            points.append(
                say("Fitted again, the segments would be others for {share} of customers; that is only proposed.", share=moved_by_fit)
            )
    points += _two_questions(docs)
    points += _tested(moves)
    return {"headline": say(verdict), "points": points or [say("Movements: cannot tell.")], "do": say(nevertheless)}


def _held(moves: dict) -> str:
    """Which sentence of HOLDS tells the verdict: a recipe that was rebuilt, or segments in force that were applied unchanged."""
    verdict, speaking = moves.get("verdict"), [r.get("code") for r in moves.get("reasons") or [] if r.get("speaks") == "rebuild"]
    if verdict == "rebuild" and moves.get("approved"):
        return "unlike" if speaking == ["agreement"] else "not kept"
    return verdict if verdict in HOLDS else "cannot tell"


def _tested(moves: dict) -> list[str]:
    """Whether the months in between took part in building what is judged."""
    if moves.get("marked"):
        return [say("Not yet tested on new months: the recipe had been judged on the months shown here.")]
    if not moves.get("approved") or not moves.get("from") or moves["from"] == moves.get("to"):
        return []
    days = {"start": words.day(moves["from"]), "end": words.day(moves["to"])}
    return [say("Tested on new months, {start} to {end}, which took no part in building the segments.", **days)]


def _two_questions(docs: dict) -> list[str]:
    """Why segments that come back may have to be built anew."""
    median = _median(docs)
    if docs["moves"].get("verdict") != "rebuild" or absent(median) or median < STEADY:
        return []
    return [
        say(
            "No contradiction to “Would they come back?”: there, other samples of the same customers are asked; here, the same customers, "
            "later."
        )
    ]


def _moved(move: dict, docs: dict) -> str:
    segment = next((s for s in docs["profiles"]["segments"] if s["id"] == move["id"]), move)
    values = {"name": name(segment), "net": net(move["net"])}
    if absent(move.get("noise")):
        return say("{name} {net}", **values)
    return say("{name} {net} (chance alone: {noise})", **values, noise=words.number(move["noise"]))


def _signed(docs: dict) -> dict:
    """Who signed which sheet, or that all this is a draft, and why the contact lists are one."""
    validation, plan = docs["validation"], docs["plan"]
    disagrees = control_page.draft_reason(docs.get("quality") or {})
    draft = validation.get("status") != "signed" or bool(disagrees)
    done = [
        say("{role} on {day}", role=words.text(s.get("role")), day=words.day(s.get("signed_on")))
        for s in validation.get("signatures") or []
        if s.get("state") == "signed"
    ]
    lines = [*([disagrees] if disagrees else []), *_signers(validation, words.join(done), draft)]
    if plan.get("status") == "DRAFT":
        reasons = [say(REASONS[code]) for code in plan.get("reasons") or [] if code in REASONS]
        because = words.join(reasons) or say("see step 8")
        lines.append(say("Contact lists are DRAFT and nothing is released: {because}.", because=because))
    return {"draft": draft, "lines": lines}


def _signers(validation: dict, done: str, draft: bool) -> list[str]:
    """Who signed, who did not, and which sheet; yesterday's signatures are never put under today's number."""
    number, earlier = validation.get("number"), validation["signed"] if changed(validation) else None
    if earlier:
        lines = [say("Sheet {number} was signed by {roles}.", number=earlier, roles=done)] if done else []
        if not any(s.get("sheet") == number for s in validation.get("signatures") or []):
            return [*lines, say("It has changed since; today’s sheet {number} is signed by nobody.", number=number)]
        return [*lines, say("It has changed since; today’s sheet is {number}.", number=number)]
    lines = [say("Signed by {roles}.", roles=done) if draft else say("By {roles}.", roles=done)] if done else []  # under “Signed”
    for state, sentence in ((s, t) for s, t in NOT_SIGNED.items() if roles(validation, s)):
        lines.append(say(sentence, roles=words.join(roles(validation, state))))
    lines = lines or [say("Nobody has signed the list of variables.") if draft else say("Nobody was asked to sign.")]
    return lines + ([say("Sheet {number}.", number=number)] if number else [])


def _first(lines: list[tuple], most: int) -> dict:
    rest = lines[most:]
    return {"lines": lines[:most], "rest": rest, "more": say_n("{n} more", "{n} more", len(rest))}
