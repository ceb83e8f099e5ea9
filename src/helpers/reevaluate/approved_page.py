"""What step 9 says of what is judged: whose decision it is, whether these months are a test of it, and the new fit proposed beside."""

from helpers import words
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.verdict import tested
from helpers.run import Approved
from helpers.words import say

YEAR = 365
"""Days after which the same season comes again."""
NEAR = 15
"""Days by which two dates may miss the same season and still be called alike."""


def basis_words(moved: Movement, dates: dict, approved: Approved | None) -> list[str]:
    """Whose decision the segmentation is that is judged, and whether the months between the two dates are a test of it.

    dates   the windows of the movement, result of `since` or the backtest's
    """
    if approved is None:
        return [_backtest(dates)] if moved.document else []
    return [approved_words(approved), tested_words(moved, dates, approved)]


def approved_words(approved: Approved) -> str:
    """Which segmentation is applied unchanged, and who approved it when."""
    if approved.role is None:
        return say("Nobody has approved a segmentation: that of the newest run before, {run}, is applied unchanged.", run=approved.run)
    values = {"run": approved.run, "role": words.text(approved.role), "day": words.day(approved.on)}
    return say("The segmentation of the run {run}, approved by {role} on {day}, is applied unchanged.", **values)


def tested_words(moved: Movement, dates: dict, approved: Approved) -> str:
    """Between which dates it is judged, and whether these months took part in building it."""
    start, end = dates["confirm"].built_at, dates["published"].built_at
    values = {"start": words.day(start), "end": words.day(end)}
    if start == end:
        return say("Both dates of the comparison are {end}: no time has passed.", **values)
    if moved.since:
        return say(
            "Judged from {start} to {end}: no month of it took part in building the segments, so this is a test and no backtest.",
            **values,
        )
    gone = say("How customers were sorted in the run {run} can no longer be read.", run=approved.run)
    if tested(approved, dates):
        instead = say(
            "Instead the same rules are applied as of {start} and as of {end}; they were built before, so this is a test and no backtest.",
            **values,
        )
    else:
        instead = say(
            "Instead the same rules are applied as of {start} and as of {end}, though part of these months took part in building them.",
            **values,
        )
    return f"{gone} {instead}"


def proposal_words(agreement: dict, approved: Approved | None, project) -> str:
    """What today's fit of the same recipe would change, and that nothing of it is published; "" outside a re-evaluation."""
    if approved is None or agreement["value"] is None:
        return ""
    changed = agreement.get("changed")
    if not agreement["moved"]:
        return say("The new fit would give nobody another segment; it is proposed beside, and not published.")
    if changed is None or changed < project.min_cell:
        return say("The new fit is proposed beside the segments in force, and not published.")
    return say(
        "The new fit alone would give {n} customers another segment ({share}); it is proposed beside, and not published.",
        n=words.number(changed),
        share=words.share(agreement["moved"], 0),
    )


def take_it_words(step) -> str:
    """The commands that put today's fit in the place of what is in force."""
    day, project = f"{step.as_of:%Y-%m-%d}", step.project.name
    return say(
        "To take today’s fit, once somebody approves it: make report PROJECT={project} AS_OF={day}, then make approve PROJECT={project} "
        'RUN={day} ROLE="…". Until then the segments in force are applied.',
        day=day,
        project=project,
    )


def approve_words(step) -> list[str]:
    """That somebody should approve what is in force, where nobody has."""
    approved = step.approved
    if approved is None or approved.role is not None:
        return []
    values = {"project": step.project.name, "run": approved.run}
    return [say('Approve the segmentation that is in force: make approve PROJECT={project} RUN={run} ROLE="…".', **values)]


def shared_days(dates: dict) -> tuple[int, int]:
    """Days that the windows of both dates have in common, and the days of the later one."""
    earlier, later = dates["confirm"], dates["published"]
    common = (min(earlier.built_at, later.built_at) - max(earlier.built_from, later.built_from)).days
    return max(common, 0), (later.built_at - later.built_from).days


def same_season(dates: dict) -> bool:
    """Whether the two dates are whole years apart, so that season explains nothing."""
    days = (dates["published"].built_at - dates["confirm"].built_at).days
    return days > NEAR and min(days % YEAR, -days % YEAR) <= NEAR


def _backtest(dates: dict) -> str:
    return say(
        "A backtest: the recipe as it would have been built on {start}, judged until {end}, on months on which it was confirmed.",
        start=words.day(dates["confirm"].built_at),
        end=words.day(dates["published"].built_at),
    )
