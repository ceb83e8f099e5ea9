"""What the first page asks for and from whom: decisions for named people first, what is missing from outside, then housekeeping."""

import re
from collections.abc import Sequence

from helpers import words
from helpers.render.chapters import Chapter
from helpers.render.documents import few, name, owner, typed
from helpers.target.page import ASKED as ASKED_BY_PLAN
from helpers.target.plan import NO_CONSENTS, NO_MARGIN, NOT_SIGNED
from helpers.words import mark, say, say_n

ASKED = {
    "refit": mark("Agree to fit the segments again, and say when."),
    "rebuild": mark("Agree on other variables or a longer window, and say when."),
    "adjust": mark("Say who changes what rests on the segments, and when."),
    "keep": mark("Confirm that the segments stay as they are until the next review."),
}
UNAPPROVED = mark("Approve the segmentation that is in force, or say which one should be.")
UNSIGNED = {
    "missing": mark("Sign the list of variables: until then all of this is DRAFT."),
    "other sheet": mark("Sign the list of variables again: it is not the one that was signed."),
}
OUTDATED = mark("Sign the list of variables again: it has changed since it was signed.")
LACKING = {  # what no work on the data can replace
    NO_CONSENTS: mark("Say who keeps the consents to be contacted: without them nothing is sent."),
    NO_MARGIN: mark("Have finance give a margin: until then nobody knows what an offer may cost."),
}
FIELD = re.compile(r"project\.yml|`make |\b(?:objectives|scope|collect|variables|validate|build|adopt|target|reevaluate)\.[a-z_]+")
"""A sentence that names a field is for whoever types project.yml."""


def asked(docs: dict, chapters: Sequence[Chapter], project) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """(who, what, where it comes from) of each decision, and (what, where) of what is for the analyst to type."""
    found = [*_signatures(docs["validation"]), *_offers(docs, project), *_next_look(docs, project)]
    lacking = [code for code in LACKING if code in (docs["plan"].get("reasons") or [])]
    missing = [("", say(LACKING[code]), say("Step {number}", number=8)) for code in lacking]
    signing = any(step == say("Step {number}", number=5) for _, _, step in found)
    known = {what for _, what, _ in found} | {say(ASKED_BY_PLAN[code]) for code in lacking}
    known |= {say(ASKED_BY_PLAN[NOT_SIGNED])} if signing else set()
    signed = docs["validation"].get("status") == "signed"
    todo = said(latest_first(chapters), "todo", without=([5] if signing else []) + ([4] if signed else []))
    rest = [(*_addressed(sentence, project), place) for sentence, place in todo if sentence not in known]
    typing = [(sentence, place) for _, sentence, place in rest if FIELD.search(sentence)]
    people = found + [line for line in rest if line[0] and not FIELD.search(line[1])]
    plain = [line for line in rest if not line[0] and not FIELD.search(line[1])]
    return [*(x for x in people if x[0]), *(x for x in people if not x[0]), *missing, *plain], typing


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


def latest_first(chapters: Sequence[Chapter]) -> list[Chapter]:
    """Steps 5 to 9 speak first: what they say concerns the segments, not the making of them."""
    return sorted(chapters, key=lambda chapter: (chapter.number < 5, chapter.number))


def roles(validation: dict, state: str) -> list[str]:
    """The roles whose signature is in that state."""
    return [words.text(s.get("role")) for s in validation.get("signatures") or [] if s.get("state") == state]


def changed(validation: dict) -> bool:
    """Whether what was signed is another sheet than today's."""
    return bool(validation.get("signed") and validation.get("number") and validation["signed"] != validation["number"])


def _signatures(validation: dict) -> list[tuple[str, str, str]]:
    place = say("Step {number}", number=5)
    if changed(validation):
        everybody = [words.text(s.get("role")) for s in validation.get("signatures") or []]
        return [(words.join(everybody), say(OUTDATED), place)] if everybody else []
    found = [(words.join(roles(validation, state)), what) for state, what in UNSIGNED.items()]
    return [(who, say(what), place) for who, what in found if who]


def _offers(docs: dict, project) -> list[tuple[str, str, str]]:
    """Offers that do not pay, put to those who answer for them."""
    losing = [s for s in docs["plan"].get("segments") or [] if s.get("pays") is False and not few(s.get("contacted") or 0, project)]
    if not losing:
        return []
    named = {s["id"]: name(s) for s in docs["profiles"]["segments"]}
    owners = list(dict.fromkeys(filter(None, (owner(s, project) for s in losing))))
    names = words.join([named.get(s["id"], s["id"]) for s in losing])
    what = say("Change the offer or the channel of {names}, or leave them out.", names=names)  # as step 8 says it, here with who
    return [(words.join(owners), what, say("Step {number}", number=8))]


def _next_look(docs: dict, project) -> list[tuple[str, str, str]]:
    """What the last look back asks of whoever decides on the next: the verdict's question, and an approval where nobody gave one."""
    verdict, approved = docs["moves"].get("verdict"), docs["moves"].get("approved")
    questions = [ASKED[verdict]] if verdict in ASKED else []
    questions += [UNAPPROVED] if approved and not approved["role"] else []
    who = typed(project, "reevaluate", "decisions") or []
    return [(words.text(who[-1].decided_by) if who else "", say(each), say("Step {number}", number=9)) for each in questions]


def _addressed(sentence: str, project) -> tuple[str, str]:
    """Who is asked, where a sentence of step 1 begins with the role that answers for an objective, and what."""
    main, others = typed(project, "objectives", "main"), typed(project, "objectives", "secondary") or []
    for who in (words.text(o.owner) for o in [*([main] if main else []), *others] if o.owner):
        begins = say("{who}:", who=who)
        if sentence.startswith(begins):
            what = sentence.removeprefix(begins).strip()
            return who, what[:1].upper() + what[1:]
    return "", sentence
