"""What teams are called, and a mean beside everyone's in plain words: what all pages of step 7 say alike."""

from helpers import words
from helpers.variables.catalogue import Variable
from helpers.words import mark, say

NAMES = {
    "marketing": mark("marketing"),
    "sales": mark("sales"),
    "product": mark("product"),
    "finance": mark("finance"),
    "service": mark("service"),
}
HOW = (  # (from this multiple of everyone's mean, for what is counted, for shares and money)
    (2.75, mark("about {times} times as many"), mark("about {times} times as high")),
    (2.2, mark("more than twice as many"), mark("more than twice as high")),
    (1.9, mark("twice as many"), mark("twice as high")),
    (1.65, mark("almost twice as many"), mark("almost twice as high")),
    (1.35, mark("about half as many again"), mark("about half as high again")),
    (1.12, mark("more"), mark("higher")),
    (1.0, mark("slightly more"), mark("slightly higher")),
    (0.88, mark("slightly fewer"), mark("slightly lower")),
    (0.6, mark("fewer"), mark("lower")),
    (0.42, mark("about half as many"), mark("about half as high")),
    (0.28, mark("about a third as many"), mark("about a third as high")),
    (0.0, mark("far fewer"), mark("far lower")),
)


def how(mean: float, everyone: float, variable: Variable) -> str:
    """The segment's mean beside everyone's in plain words; for what may be negative, only on which side it lies."""
    if variable.kind == "signed" or everyone <= 0 or mean < 0:
        return say("higher than everyone’s") if mean >= everyone else say("lower than everyone’s")
    times = mean / everyone
    counted, measured = next((many, much) for least, many, much in HOW if times >= least)
    return say(measured if variable.unit in ("share", "money") else counted, times=words.number(times))


def beside(mean: float, everyone: float, variable: Variable) -> str:
    """Both means in the variable's unit, with as few digits as tell them apart."""
    write = {"share": words.share, "money": words.money}.get(variable.unit, words.number)
    write = words.percent_change if variable.kind == "signed" else write
    digits = next((d for d in range(3) if write(mean, d) != write(everyone, d)), 0)
    digits = max(digits, 1) if write is words.number else digits
    return say("{mean}, everyone {everyone}", mean=write(mean, digits), everyone=write(everyone, digits))


def within(title: str) -> str:
    """What something is called within a sentence, without the capital of a heading."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def team_name(team: str) -> str:
    """What people call a team."""
    told = NAMES[team]
    return say(told)
