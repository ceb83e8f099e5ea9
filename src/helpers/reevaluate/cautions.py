"""What could mislead whoever reads step 9, each with the size of its effect where that is known."""

from helpers import words
from helpers.reevaluate.approved_page import same_season, shared_days
from helpers.reevaluate.movement import Movement
from helpers.reevaluate.verdict import tested
from helpers.run import Approved
from helpers.words import say, say_n


def caveats(moved: Movement, floor: dict, reasons: list[dict], *, approved: Approved | None = None, dates: dict | None = None) -> list[str]:
    """What could mislead.

    approved, dates   what a re-evaluation applies unchanged, and the windows of the movement
    """
    if moved.document is None:
        return [say("Nothing is known here of how long the segments hold: act on them as on a first guess, and look again.")]
    if dates and dates["confirm"].built_at == dates["published"].built_at:
        return [
            say(
                "Both dates are the same: only data that were corrected since, or another definition, could move anybody here. How long "
                "the segments hold is not told by it."
            )
        ]
    result = [*_of_the_dates(approved, dates), *_of_what_stands_still(moved), *_of_the_noise(moved, floor)]
    if any(r["close"] for r in reasons):
        result.append(
            say(
                "At least one limit lies within the 95% interval of what is compared with it (see the reasons): on which side of it the "
                "truth lies cannot be told."
            )
        )
    if moved.stay["n"]:
        result.append(
            say(
                "The balance of a segment compares customers with themselves; a season that moves everybody alike would look like a "
                "movement beyond chance."
            )
        )
    return result


def _of_the_dates(approved: Approved | None, dates: dict | None) -> list[str]:
    """Whether it is a test, what the two dates have in common, and what may differ between them besides the customers."""
    if dates and tested(approved, dates):
        result = [
            say(
                "What was done with the segments in between moves customers too, and is not told apart here from what they would have "
                "done anyway."
            )
        ]
    else:
        result = [
            say(
                "The recipe was confirmed on this very period: this is a backtest, not yet tested on new months. It may show the segments "
                "better than new months will."
            )
        ]
    if not dates or not same_season(dates):
        result.append(
            say(
                "The two periods follow one another, so season and time cannot be told apart; only the same season a year apart would do "
                "it."
            )
        )
    common, days = shared_days(dates) if dates else (0, 0)
    if common:
        result.append(
            say(
                "{common} of the {days} days in which behaviour is measured are the same at both dates: customers look steadier than they "
                "will once a whole window has passed.",
                common=words.number(common),
                days=words.number(days),
            )
        )
    return result


def _of_what_stands_still(moved: Movement) -> list[str]:
    if not moved.still:
        return []
    return [
        say_n(
            "{n} of {all} variables, an attribute or answer, is known only as it is today: by it nobody moves here, so the segments "
            "look more lasting than they are.",
            "{n} of {all} variables, attributes and answers, are known only as they are today: by them nobody moves here, so the "
            "segments look more lasting than they are.",
            len(moved.still),
            all=words.number(len(moved.document["variables"])),
        )
    ]


def _of_the_noise(moved: Movement, floor: dict) -> list[str]:
    if floor["within"] is None:
        return []
    result = [
        say(
            "A half holds half of the orders, so its label is more uncertain than that of a whole window: {within} of labels differ "
            "between halves of one period, while {moved} differ between the two whole windows. So real changes are understated.",
            within=words.share(floor["within"], 0),
            moved=words.share(1 - moved.stay["share"], 0),
        )
    ]
    if floor["behaviour"] < 0:
        result.append(
            say(
                "Labels differ more within a period than between two. An order that one half holds is missing in the other, so halves of "
                "one period differ by their making where customers buy seldom: the noise floor is too high for them."
            )
        )
    return result
