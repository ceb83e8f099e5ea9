"""How a persona's card says what is known: the names of its fields, where a fact comes from, and facts, shares and gaps in words."""

from helpers import words
from helpers.project import Project
from helpers.variables import catalogue
from helpers.variables.people_page import attribute_words, level_words
from helpers.words import mark, say

FIELDS = {
    "first_name": mark("First name"),
    "age": mark("Age"),
    "area": mark("Where they live"),
    "household": mark("Household"),
    "career": mark("Work and income"),
    "interests": mark("What they buy and like more than others"),
    "firm": mark("Firm"),
    "post": mark("Post"),
    "missions": mark("Missions"),
    "goals": mark("What they want to achieve"),
    "arrival": mark("How they arrived"),
    "path": mark("On the way to an order"),
    "content": mark("What they read"),
    "motivations": mark("What moves them"),
    "brakes": mark("What leaves them cold"),
    "media": mark("How to reach them"),
    "pain_points": mark("What goes wrong"),
    "quote": mark("In a sentence"),
}
ORIGINS = {
    "observed": ("●", mark("observed"), mark("counted in orders, visits and mails")),
    "declared": ("◆", mark("declared"), mark("said by customers or written down by staff")),
    "assumed": ("○", mark("assumed"), mark("invented, or composed from the rest of the card")),
    "edited": ("✎", mark("edited"), mark("typed by people; the data stand beside it")),
    "unknown": ("?", mark("unknown"), mark("left empty, with what it would take")),
}
"""Mark, word and meaning."""
TAKES = {
    "attribute_age": mark("a birth date or an age bracket in the customer file"),
    "attribute_area": mark("a postcode or an area in the customer file"),
    "attribute_household": mark("household, children or home in the customer file"),
    "attribute_career": mark("profession, education or income in the customer file"),
    "attribute_firm": mark("a sector (NAF) or company number of firms in the customer file"),
    "attribute_post": mark("the contact’s post in the customer file of firms"),
    "attribute_origin": mark("where customers heard of you, asked at the first contact"),
    "ask_firms": mark("five interviews with contacts in firms"),
    "people": mark("does not apply: few or none of them are firms"),
    "orders_category": mark("the category of each product ordered"),
    "orders_channel": mark("the channel of each order, mails opened and clicked, consents"),
    "survey_needs": mark("a survey with questions on needs, made a scale in project.yml"),
    "survey_values": mark("a survey with questions on values, made a scale in project.yml"),
    "events_visit": mark("visits of the site with device and time"),
    "events_detail": mark("the page of each visit, or the link of each click"),
    "refunds": mark("refunds, abandoned baskets or ratings"),
    "apart": mark("known, but nothing is shared by many or sets them apart from the others"),
    "too_few": mark("known of too few of them"),
    "invented": mark("a name of your own"),
}
HABITS = {
    "evening_order_share": mark("Most of their orders in the evening"),
    "morning_order_share": mark("Most of their orders in the morning"),
    "weekend_order_share": mark("Most of their orders at the weekend"),
    "visits_per_30d": mark("Visited the site or the app"),
}
TROUBLES = {
    "refund_order_share": mark("Had at least one order refunded"),
    "basket_abandon_share": mark("Abandon more of their baskets than the mean"),
    "rating_mean": mark("Rate lower than the mean"),
}
OTHERS = {"few": mark("hardly any"), "most": mark("nearly all")}
LEVELS = {
    "preferred_channel": mark("Most orders through {level}"),
    "first_channel": mark("First order through {level}"),
    "main_device": mark("Most visits with {level}"),
    "lead_origin": mark("Heard of us through: {level}"),
}
DEVICES = {"mobile": mark("a mobile telephone"), "desktop": mark("a computer"), "tablet": mark("a tablet")}
BARE = ("age", "area")
"""Fields whose label says what the level is of."""


class Wording:
    """The words for facts of one project."""

    def __init__(self, project: Project):
        known = catalogue(project)
        self.project, self.titles, self.units = project, {v.name: v.title() for v in known}, {v.name: v.unit for v in known}

    def fact(self, fact: dict, field: str) -> str:
        """What is true, without of how many."""
        kind, code = fact["kind"], fact["code"]
        if kind in ("level", "gender"):
            return self._level(fact, field)
        if kind in ("habit", "trouble"):
            told = HABITS.get(code) or TROUBLES[code]
            return say(told)
        if kind == "bought":
            return say("Bought: {category}", category=self.category(code))
        if kind == "read":
            return say("Page visited most: {page}", page=code)
        if kind == "named":
            return say("Named as an interest: {interest}", interest=code.partition(": ")[2])
        if kind == "firm":
            return say("A firm, not a person")
        if kind == "consent":
            return say("May be contacted by {channel}", channel=self.channel(code))
        if kind == "rhythm":
            low, middle, high = (words.number(day) for day in fact["days"])
            return say("An order every {middle} days; half of them between {low} and {high}", middle=middle, low=low, high=high)
        return self._variable(fact)

    def _variable(self, fact: dict) -> str:
        title = self.titles.get(fact["code"], fact["code"])
        if fact["kind"] == "opinion":
            return title if fact["values"] == ["above"] else say("{opinion}: less than most", opinion=title)
        if fact.get("mean") is None:
            return say("{variable}: above the mean", variable=title)
        values = {"mean": self._number(fact, "mean"), "everyone": self._number(fact, "everyone")}
        return say("{variable}: mean {mean} (everyone {everyone}); above it:", variable=title, **values)

    def _number(self, fact: dict, which: str) -> str:
        """A mean in the variable's unit."""
        unit = self.units.get(fact["code"])
        write = {"share": words.share, "money": words.money}.get(unit, words.number)
        return write(fact[which], {"share": 0, "money": 0}.get(unit, 1))

    def _level(self, fact: dict, field: str) -> str:
        code = fact["code"]
        told = self.levels(fact)
        if code in LEVELS:
            pattern = LEVELS[code]
            return say(pattern, level=told)
        if field in BARE:
            return told
        attribute = attribute_words(code)
        return say("{attribute}: {level}", attribute=attribute[:1].upper() + attribute[1:], level=told)

    def levels(self, fact: dict) -> str:
        """The levels of a fact: one, two, or from the first to the last of a run."""
        code = fact["code"]
        write = {"main_device": self.device, "preferred_channel": self.order_channel, "first_channel": self.order_channel}.get(code)
        told = [write(level) if write else level_words(code, level) for level in fact["values"]]
        return say("{first} to {last}", first=told[0], last=told[-1]) if len(told) > 2 else say(" or ").join(told)

    def category(self, code: str) -> str:
        """A category as the orders call it; what a till prints in capitals is written as a word."""
        return code.capitalize() if code.isupper() and len(code) > 3 else code

    def order_channel(self, code: str) -> str:
        """What people call a channel of orders: the name of its share, where it has one."""
        variables = self.project.variables
        for share, members in variables.channel_groups.items():
            if members == [code] and share in variables.share_names:
                return words.text(variables.share_names[share])
        return code

    def device(self, code: str) -> str:
        if code in DEVICES:
            told = DEVICES[code]
            return say(told)
        return code

    def channel(self, code: str) -> str:
        """What people call a channel by which customers are contacted."""
        typed = self.project.target.channels.get(code)
        return words.text(typed.name) if typed else code

    def opinion(self, code: str) -> str:
        """What a scale asks about, to stand within a sentence: without what stands before a colon."""
        title = self.titles.get(code, code)
        title = title.partition(": ")[2] or title.partition(" : ")[2] or title
        return title[:1].lower() + title[1:]

    def quote(self, facts: list[dict]) -> str:
        """A sentence such a person might say: their needs, what they come back for, when and where."""
        told: dict[str, list[list[str]]] = {}
        for fact in facts:
            told.setdefault(fact["code"], []).append(fact["values"])
        parts = []
        if "opinion" in told:
            things = words.join([self.opinion(values[0]) for values in told["opinion"]])
            parts.append(say("What counts for me: {things}.", things=things))
        if "bought" in told:
            parts.append(say("I come back for this: {category}.", category=self.category(told["bought"][0][0])))
        if "habit" in told:
            habit = {
                "evening_order_share": say("I order in the evening."),
                "morning_order_share": say("I order in the morning."),
                "weekend_order_share": say("I order at the weekend."),
            }
            parts.append(habit.get(told["habit"][0][0], ""))
        if "level" in told:
            parts.append(say("I order through {channel}.", channel=self.order_channel(told["level"][0][1])))
        return " ".join(part for part in parts if part)


def share_words(share: float | str | None) -> str:
    """A share of members, or of the others, without decimals."""
    if isinstance(share, str):
        told = OTHERS[share]
        return say(told)
    return words.share(share, 0)


def evidence(fact: dict) -> str:
    """Of how many it is known, and how sure the difference from the others is, as short as the legend explains it."""
    known = say("of {n}", n=words.number(fact["n"])) if fact["n"] is not None else say("of nearly all")
    if fact.get("lift") is not None and fact.get("stands_out"):
        values = {"lift": words.number(fact["lift"], 1), "low": words.number(fact["low"], 1), "high": words.number(fact["high"], 1)}
        return say("{known} · ×{lift} ({low}–{high})", known=known, **values)
    return say("{known} · ≈", known=known) if fact.get("others") is not None and not fact.get("stands_out") else known


def takes_words(code: str | None) -> str:
    """What the data would have to hold for an empty field."""
    told = TAKES[code or "too_few"]
    return say(told)


def origin_words(origin: str) -> str:
    """observed, declared, assumed, edited or unknown."""
    _, told, _ = ORIGINS[origin]
    return say(told)
