"""Did it work: objectives, campaigns, use and feedback since the segments were approved, and what rests on them that is true no longer."""

from datetime import datetime

from helpers import collect
from helpers.project import Project
from helpers.reevaluate.verdict import reason
from helpers.reevaluate.worked.objectives import reached
from helpers.reevaluate.worked.personas import cards, names, offers
from helpers.reevaluate.worked.use import campaigns, feedback, used
from helpers.run import Past

__all__ = ["campaigns", "cards", "feedback", "names", "offers", "reached", "reasons", "used", "worked"]


def worked(step, before: Past | None) -> dict:
    """What became of objectives, campaigns, teams, cards, names and offers since a run; codes, numbers and prose as typed.

    before    the run in which the segmentation in force was approved; None in a report that builds its own, for nobody has used that
              yet, and where its folder is gone: then its day is known still, and with it all that needs no card, name or plan of then
    Returns   run (its name), since (first instant not counted then, None: nothing to compare with), objectives (`reached`), campaigns,
              use (`used`), feedback, cards, names, offers
    """
    since = _since(step, before)
    found = {"run": before.name if before else None, "since": since.isoformat() if since else None}
    found |= {"objectives": reached(step, since, before), "campaigns": campaigns(step, since), "use": used(step, since)}
    found |= {"feedback": feedback(step, since), "cards": cards(step, before, collect.checked(step))}
    return found | {"names": names(step, before), "offers": offers(step, before)}


def _since(step, before: Past | None) -> datetime | None:
    if before:
        return before.as_of
    return step.approved.as_of if step.approved else None


def reasons(found: dict, project: Project) -> list[dict]:
    """What of it speaks for changing something that rests on the segments (adjust), or for looking closer.

    adjust   contact that lowered answers; a team for which a segment does not fit;
             a card that is no longer true; a typed name that no longer fits; an offer that paid and no longer does
    look     an objective missed on its day, beyond its interval, or behind its pace: without a control group that does not judge the
             segments, and nothing that rests on them need be wrong; segments that no decision has used, or campaigns that went by them;
             a team that finds a segment unclear or does not use it; an offer that loses and did not pay then, or of then nothing is known
    Nothing speaks before segments were in use: without an earlier run there is nothing that could have worked. Limits are those of
    the objectives themselves; none stands in `project.reevaluate`.
    """
    if found["since"] is None:
        return []
    return [*_of_objectives(found), *_of_campaigns(found), *_of_use(found), *_of_feedback(found), *_of_what_rests(found)]


def _of_objectives(found: dict) -> list[dict]:
    result = []
    for one in found["objectives"]:
        judged, about = one["judged"], {"objective": one["name"], "kind": one["kind"]}
        if one["state"] == "missed":
            result.append(reason("objective_missed", judged["value"], one["target"], "look", judged) | about)
        elif one["state"] == "behind":
            result.append(reason("objective_behind", one["pace"]["gained"], one["pace"]["needed"], "look", one["pace"]) | about)
    return result


def _of_campaigns(found: dict) -> list[dict]:
    result, told = [], found["campaigns"]
    for one in (each for each in told["measured"] if not each["silent"]):
        if one["uplift"] is not None and one["high"] < 0:
            result.append(reason("campaign_lowers", one["uplift"], 0.0, "adjust", one) | {"campaign": one["id"]})
        lowered = [line for line in one["segments"] if line["verdict"] == "lowers"]
        result += [reason("contact_lowers", s["uplift"], 0.0, "adjust", s) | {"campaign": one["id"], "segment": s["id"]} for s in lowered]
    if told["sent"] and not told["with_segments"]:
        result.append(reason("campaigns_without", 0, 1, "look"))
    return result


def _of_use(found: dict) -> list[dict]:
    use = found["use"]
    if not use["written"]:
        return [reason("nothing_written", 0, 1, "look")]
    return [reason("never_used", 0, 1, "look") | {"segment": one} for one in use["never"]]


def _of_feedback(found: dict) -> list[dict]:
    speaks = {"does not fit": "adjust", "unclear": "look", "not used": "look"}
    codes = {"does not fit": "does_not_fit", "unclear": "unclear", "not used": "not_used"}
    told = [one for one in found["feedback"] if one["counts"] and one["says"] in speaks]
    return [
        reason(codes[one["says"]] + ("" if one["segment"] else "_all"), None, None, speaks[one["says"]])
        | {"team": one["team"], "segment": one["segment"]}
        for one in told
    ]


def _of_what_rests(found: dict) -> list[dict]:
    gone: dict[str, list] = {}
    for line in found["cards"]["lines"]:
        if line["state"] == "gone":
            gone.setdefault(line["persona"], []).append(line)
    result = [reason("card_untrue", len(lines), 1, "adjust") | {"persona": lines[0]["name"]} for lines in gone.values()]
    result += [
        reason("name_withdrawn", 0, 1, "adjust") | {"segment": one["segment"]} for one in found["names"] if one["state"] == "withdrawn"
    ]
    for one in found["offers"]:
        if one["state"].startswith("loses"):
            speaks = "adjust" if one["state"] == "loses now" else "look"
            result.append(reason("offer_loses", one["gain"], 0.0, speaks) | {"segment": one["segment"]})
    return result
