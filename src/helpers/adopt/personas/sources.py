"""Where each field of a persona finds what it says: attributes by their names, variables, consents, and what a missing one would take."""

import ibis
import ibis.expr.types as ir

from helpers.collect.law import MARKETING, consents_now
from helpers.project.special import category as special_of
from helpers.variables import catalogue
from helpers.variables.descriptors import most_often

FIELD_OF = {
    "gender": ("gender", "sex", "sexe", "genre", "civility", "civilite", "civilité"),
    "children": ("kids", "kids_count", "children", "enfants", "number_of_children"),
    "age": ("age_band", "age", "age_bracket", "tranche_age"),
    "area": ("area", "region", "département", "departement", "country"),
    "household": ("kids", "children", "enfants", "home", "household", "logement", "marital", "family", "famille", "foyer", "situation"),
    "career": ("profession", "occupation", "job", "income", "revenu", "education", "diploma", "csp", "employment", "studies"),
    "post": ("post", "poste", "function", "fonction", "position", "role"),
    "missions": ("missions", "mission", "responsibilities"),
    "goals": ("goals", "goal", "objectives", "objectifs"),
    "arrival": ("lead", "origin", "acquisition", "provenance", "origine"),
}
"""Words in the names of attributes, field by field; an attribute of none of them is on no card."""
FIRMS = ("naf", "siret", "siren", "sector", "industry", "secteur", "firm_name")
"""Attributes that only firms have."""
NOMINAL = ("area", "region", "département", "departement", "country", "profession", *FIRMS)
"""Attributes whose levels have no order, even where they are numbers."""
TROUBLE = {"refund_order_share": 0.0, "basket_abandon_share": None, "rating_mean": None}
HABITS = {"evening_order_share": 0.5, "morning_order_share": 0.5, "weekend_order_share": 0.5}
OFFERS = ("discount_share", "coupon_order_share", "coupons_redeemed_per_30d")
MAILS = ("mails_opened_share", "mails_clicked_share", "response_rate")
VISITS = {"visits_per_30d": 0.0}
LEAST_SHARE = 0.2
"""Share of members from which something that sets them apart is worth a line."""
LEAST_OWN = 0.1
"""The same for one level of an attribute, beside the level of most members."""
LEAST_GAP = 0.05
"""Difference between the shares of members and of others from which it is worth a line, however sure it is."""
MOST = {"age": 2, "area": 1, "household": 3, "career": 2, "interests": 4, "media": 6, "path": 4, "pain_points": 3, "firm": 2}
RHYTHM = "gap_days"
PLACES = {
    "firm": 0,
    "level": 1,
    "habit": 2,
    "read": 1,
    "bought": 2,
    "opinion": 2,
    "above": 3,
    "rate": 3,
    "named": 4,
    "trouble": 2,
    "consent": 5,
}
"""Order of the kinds of facts within a field."""
TAKES = {
    "first_name": "invented",
    "age": "attribute_age",
    "area": "attribute_area",
    "household": "attribute_household",
    "career": "attribute_career",
    "interests": "orders_category",
    "firm": "attribute_firm",
    "post": "attribute_post",
    "missions": "ask_firms",
    "goals": "survey_needs",
    "arrival": "attribute_origin",
    "path": "events_visit",
    "content": "events_detail",
    "motivations": "survey_values",
    "brakes": "survey_values",
    "media": "orders_channel",
    "pain_points": "refunds",
    "quote": "apart",
}
"""Field → the code of what the data would have to hold."""


def field_of(column: str) -> str | None:
    """The field that an attribute belongs to, by its name; None: on no card."""
    fixed = {"preferred_channel": "media", "main_device": "path", "first_channel": "arrival", "most_read": "content", "firm_": "firm"}
    if column.startswith("area_"):  # what is known of an area is not known of the people who live there
        return None
    if column in fixed:
        return fixed[column]
    if column.startswith("interests: "):
        return "interests"
    name = column.casefold()
    if name in FIRMS:
        return "firm"
    if name in FIELD_OF["gender"]:
        return "household"
    parts = set(name.replace(" ", "_").split("_"))
    whole = ("age", "area")  # words that stand in many names: age_of_account, area_median_income
    for field, known in FIELD_OF.items():
        if field not in ("gender", "children") and (name in known or (field not in whole and parts & set(known))):
            return field
    return None


def people_of(step, members: ir.Table, checked: dict[str, ir.Table], asked) -> ir.Table:
    """One row a member: segment, attributes, variables, first channel, page most read, consents by channel; kept in the engine.

    asked   gets attributes (columns with levels), measured (variable → field, kind, side, border) and channels
    """
    variables = step.take("variables", "variables")
    asked.measured = {n: how for n, how in _measured(step.project).items() if n in variables.columns}
    people = members.select("customer_id", "segment")
    descriptors = step.take("variables", "descriptors") if step.gives("variables", "descriptors") else None
    asked.attributes = []
    for column in [c for c in descriptors.columns if c != "customer_id"] if descriptors is not None else []:
        if special_of(column) and column.partition(": ")[0] not in step.project.collect.special:
            asked.special.add(column)
        elif field_of(column):
            asked.attributes.append(column)
    if asked.attributes:
        people = _beside(people, descriptors.select("customer_id", *asked.attributes))
    wanted = [*asked.measured, *([RHYTHM] if RHYTHM in variables.columns else [])]
    if wanted:
        people = _beside(people, variables.select("customer_id", *wanted))
    firms = [c for c in FIRMS if any(c == a.casefold() for a in asked.attributes)]
    if firms:
        asked.attributes.append("firm_")
        known = ibis.or_(*(people[a].notnull() for a in asked.attributes if a.casefold() in firms))
        people = people.mutate(firm_=ibis.ifelse(known, "yes", "no"))
    for name, table in (("first_channel", _first_channel(checked)), ("most_read", _most_read(checked, step.project, asked))):
        if table is not None:
            people, asked.attributes = _beside(people, table), [*asked.attributes, name]
    return _consents(people, checked, asked).cache()


def _beside(people: ir.Table, table: ir.Table) -> ir.Table:
    joined = people.left_join(table, "customer_id")
    return joined.drop("customer_id_right") if "customer_id_right" in joined.columns else joined


def _measured(project) -> dict[str, tuple]:
    """Variable → (field, kind, the side that is told, border; None: everyone's mean)."""
    found: dict[str, tuple] = {}
    scales = project.variables.scales
    for variable in catalogue(project):
        name = variable.name
        if name in scales:
            found[name] = ("goals" if scales[name].type == "needs" else "motivations", "opinion", "above", None)
        elif name in project.variables.category_groups or name == "own_brand_share":
            found[name] = ("interests", "above", "above", None)
        elif name in TROUBLE:
            found[name] = ("pain_points", "trouble", "below" if name == "rating_mean" else "above", TROUBLE[name])
        elif name in HABITS:
            found[name] = ("path", "habit", "above", HABITS[name])
        elif name in VISITS:
            found[name] = ("path", "habit", "above", VISITS[name])
        elif name in OFFERS:
            found[name] = ("motivations", "above", "above", None)
        elif name in MAILS:
            found[name] = ("media", "above" if name == "response_rate" else "rate", "above", None)
    return found


def _first_channel(checked: dict[str, ir.Table]) -> ir.Table | None:
    """customer_id, first_channel: the channel of the first order that these data know; None where orders name no channel."""
    orders = checked.get("orders")
    if orders is None or "channel" not in orders.columns:
        return None
    known = orders.filter(orders.channel.notnull(), orders.amount >= 0, orders.customer_id.notnull())
    place = ibis.row_number().over(group_by="customer_id", order_by=["ordered_at", "order_id", "channel"])
    return known.mutate(place_=place).filter(ibis._.place_ == 0).select("customer_id", first_channel=known.channel)


def _most_read(checked: dict[str, ir.Table], project, asked) -> ir.Table | None:
    """customer_id, most_read: the page most visited within the window."""
    events = checked.get("events")
    if events is None or "detail" not in events.columns:
        return None
    kinds = project.variables.event_kinds.visit
    seen = events.filter(events.kind.isin(kinds), events.occurred_at >= ibis.literal(asked.window))
    return most_often(seen, "detail", "occurred_at", "most_read")


def _consents(people: ir.Table, checked: dict[str, ir.Table], asked) -> ir.Table:
    """The same people with a yes or a no to marketing by each channel; whoever said nothing said no yes."""
    asked.channels = []
    if "consents" not in checked:
        return people
    now = consents_now(checked["consents"].semi_join(people, "customer_id"))
    now = now.filter(now.purpose == MARKETING)
    asked.channels = sorted(now.channel.to_pyarrow().unique().to_pylist())
    for channel in asked.channels:
        said = now.filter(now.channel == channel, now.granted).select("customer_id", said_=now.granted)
        people = _beside(people, said).mutate(**{f"consent_{channel}_": ibis._.said_.notnull().ifelse("yes", "no")}).drop("said_")
    return people
