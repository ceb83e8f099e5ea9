"""What people buy: habits drawn around their segment's means, then orders, lines, refunds, and the answers to two campaigns."""

import numpy as np

from helpers.fait_maison.model import FIRM, NOBODY, PERSON, RESELLER, STAFF, TILL, Model, order_numbers, pick

MIXES = ("mix", "channel", "block", "device")
CHANCES = ("weekend", "offer", "premium", "opens", "clicks")


def habits(model: Model, who: dict, chunk: int) -> list[dict[str, np.ndarray]]:
    """Each person's own habits before and after the turning day: rate, dropout, visits, lines, and a distribution for each of MIXES
    and CHANCES. They are drawn anew only for those who change segment."""
    rng = model.stream(chunk, "habits")
    first = np.where(who["late"], who["segment_after"], who["segment"])
    then = np.where(who["segment_after"] < 0, first, who["segment_after"])
    before, after = _drawn(model, first, rng), _drawn(model, then, rng)
    moved = first != then
    later = {key: np.where(moved.reshape(-1, *[1] * (value.ndim - 1)), after[key], value) for key, value in before.items()}
    for each in (before, later):
        each["rate"] = each["rate"] * np.where(who["kind"] == RESELLER, 2.0, 1.0) * ~who["prospect"]
    later["rate"] = later["rate"] * (who["segment_after"] >= 0)
    later["visits"] = later["visits"] * (who["segment_after"] >= 0)
    return [before, later]


def _drawn(model: Model, segment: np.ndarray, rng) -> dict[str, np.ndarray]:
    """Gamma rates, beta chances, Dirichlet mixes: the families whose marginal probabilities are known, so that `difficulty` can ask
    the classifier that knows the generator."""
    alike, made = model.said["individuality"], {}
    shape = model.of["shape"][segment]
    made["rate"] = rng.gamma(shape, model.of["rate"][segment] / shape)
    made["visits"] = rng.gamma(alike["visits"], model.of["visits"][segment] / alike["visits"])
    made["dropout"] = rng.beta(*model.of["dropout"][segment].T)
    made["lines"] = model.of["lines"][segment]
    for key in MIXES:
        drawn = rng.standard_gamma(np.maximum(model.of[key][segment] * alike[key], 1e-3)) + 1e-12
        made[key] = drawn / drawn.sum(axis=1, keepdims=True)
    for key in CHANCES:
        mean = model.of[key][segment]
        made[key] = rng.beta(mean * alike[key], (1 - mean) * alike[key])
    return made


def order_days(model: Model, who: dict, habit: list[dict], chunk: int) -> dict[str, np.ndarray]:
    """Orders of one's own accord: a Poisson process with one's own rate, ended for good after an order with one's own chance.

    Gives person (place in the chunk), day (days from the first day), first (whether it is the first), and for each person `until`:
    the day from which nothing follows any more.
    """
    rng = model.stream(chunk, "orders")
    size, place, day = len(who["person"]), [], []
    for number, (start, end) in enumerate(((0, model.turning), (model.turning, model.last))):
        length = np.clip(end - np.maximum(who["came"], start), 0, None)
        many = rng.poisson(habit[number]["rate"] / 30 * length)
        whose = np.repeat(np.arange(size), many)
        place.append(whose)
        day.append(np.maximum(who["came"], start)[whose] + rng.random(len(whose)) * length[whose])
    buys = np.flatnonzero(~who["prospect"])
    place, day = np.concatenate([*place, buys]), np.concatenate([*day, who["came"][buys]])
    first = np.arange(len(place)) >= len(place) - len(buys)
    keep = first | (rng.random(len(place)) < _season(model, day))
    place, day, first = place[keep], day[keep], first[keep]
    order = np.lexsort((~first, day, place))
    place, day, first = place[order], day[order], first[order]
    rank = np.arange(len(place)) - np.searchsorted(place, place)
    many = rng.geometric(np.clip(habit[0]["dropout"], 1e-6, 1))
    keep = rank < many[place]
    ends = np.full(size, float(model.last))
    stops = rank == many[place] - 1
    ends[place[stops]] = day[stops]
    ends[(who["segment_after"] < 0) & (ends > model.turning)] = model.turning
    return {"person": place[keep], "day": day[keep], "first": first[keep], "until": ends}


def _season(model: Model, day: np.ndarray) -> np.ndarray:
    of_year = (np.datetime64(model.said["first_day"]) + day.astype(int)).astype("datetime64[D]")
    month_day = (of_year - of_year.astype("datetime64[Y]")).astype(int)
    return np.where((month_day >= 195) & (month_day < 243), model.said["summer"], 1.0)


def campaigns(model: Model, who: dict, orders: dict, may: dict, chunk: int) -> dict[str, np.ndarray]:
    """The two mailings: a random control group, and answers by segment whatever the customer was worth before.

    may       channel: which people the crm may write to
    Gives person (place), campaign, test, answered (day, NaN: no)
    """
    rng, rows = model.stream(chunk, "campaigns"), []
    for number, campaign in enumerate(model.said["campaigns"].values()):
        sent = model.day(campaign["sent"])
        seen = (orders["day"] < sent) & (orders["day"] >= sent - model.said["campaign_known_days"])
        known = np.zeros(len(who["person"]), dtype=bool)
        known[orders["person"][seen]] = True
        chosen = np.flatnonzero(known & (who["kind"] == PERSON) & may[campaign["channel"]])
        test = rng.random(len(chosen)) >= campaign["control"]
        segment = who["segment"][chosen]
        chance = np.array(list(campaign["base"].values()))[segment] + test * np.array(list(campaign["uplift"].values()))[segment]
        answers = rng.random(len(chosen)) < chance
        day = sent + 0.5 + rng.random(len(chosen)) * 20
        rows.append((chosen, np.full(len(chosen), number), test, np.where(answers, day, np.nan)))
    return {
        key: np.concatenate(parts) for key, parts in zip(("person", "campaign", "test", "answered"), zip(*rows, strict=True), strict=True)
    }


def lines(model: Model, who: dict, habit: list[dict], orders: dict, asked: dict, chunk: int) -> tuple[dict, dict]:
    """Order lines and orders.

    Lines: order (number), person (place; NOBODY, TILL), second (from 1970), category, product, quantity, cents, discount, channel,
    store. Orders: order, person, second, channel, first.
    """
    rng = model.stream(chunk, "lines")
    answered = ~np.isnan(asked["answered"])
    place = np.concatenate([orders["person"], asked["person"][answered]])
    day = np.concatenate([orders["day"], asked["answered"][answered]])
    first = np.concatenate([orders["first"], np.zeros(answered.sum(), dtype=bool)])
    own = _own(habit, place, day >= model.turning)
    channel, second = pick(own("channel"), rng), _moment(model, day, own, rng)
    kept = (second >= model.epoch) & (second < model.epoch + model.last * 86_400)
    head = {"order": order_numbers(np.arange(len(place)) + (chunk << 19)), "person": place, "second": second, "channel": channel}
    head |= {"first": first, "store": rng.integers(0, len(model.said["stores"]), len(who["person"]))[place]}
    head = {key: value[kept] for key, value in head.items()}
    made = _filled(model, who, habit, head, rng)
    made = _with_refunds(model, made, rng, chunk)
    return _with_walk_ins(model, made, head, rng, chunk), head


def _own(habit: list[dict], place: np.ndarray, later: np.ndarray):
    """The habits that hold at each row's time."""

    def of(key: str) -> np.ndarray:
        before, after = habit[0][key][place], habit[1][key][place]
        return np.where(later.reshape(-1, *[1] * (before.ndim - 1)), after, before)

    return of


def _moment(model: Model, day: np.ndarray, own, rng) -> np.ndarray:
    """Days as seconds: moved to the nearest weekend or weekday that suits the person, at an hour of the suitable part of the day."""
    whole = np.floor(day).astype(np.int64)
    weekday = (whole + model.said["first_day"].weekday()) % 7
    weekend = rng.random(len(day)) < own("weekend")
    whole += np.where(weekend & (weekday < 5), 5 - weekday + rng.integers(0, 2, len(day)), 0)
    whole -= np.where(~weekend & (weekday >= 5), weekday - 4 + rng.integers(0, 3, len(day)), 0)
    block = pick(own("block"), rng)
    hour = np.array([7, 12, 18])[block] + rng.random(len(day)) * np.array([5, 6, 5])[block]
    return model.epoch + np.maximum(whole, 0) * 86_400 + (hour * 3600).astype(np.int64)


def _filled(model: Model, who: dict, habit: list[dict], head: dict, rng) -> dict:
    """Lines for each order, no product twice in one."""
    own = _own(habit, head["person"], head["second"] >= model.epoch + model.turning * 86_400)
    at = np.repeat(np.arange(len(head["order"])), 1 + rng.poisson(own("lines")))
    person, later = head["person"][at], head["second"][at] >= model.epoch + model.turning * 86_400
    own = _own(habit, person, later)
    products, prices = model.prices
    category = pick(own("mix"), rng)
    step = rng.binomial(products[category] - 1, own("premium"))
    keep = np.zeros(len(at), dtype=bool)
    keep[np.unique(at * 10_000 + category * 100 + step, return_index=True)[1]] = True
    kind = who["kind"][person]
    times = np.select([kind == FIRM, kind == RESELLER], [model.said["firm_quantity"], model.said["reseller_quantity"]], 1)
    quantity = (1 + rng.poisson(0.25, len(at))) * times
    off = np.where(rng.random(len(at)) < own("offer"), rng.choice(model.said["discounts"], len(at)), 0.0)
    off = np.where(kind == STAFF, model.said["staff_discount"], off)
    gross = prices[category, step] * quantity
    discount = np.round(gross * off).astype(np.int64)
    made = {key: head[key][at] for key in ("order", "person", "second", "channel", "store", "first")}
    made |= {"category": category, "product": category * 100 + step, "quantity": quantity, "cents": gross - discount, "discount": discount}
    return {key: value[keep] for key, value in made.items()}


def _with_refunds(model: Model, made: dict, rng, chunk: int) -> dict:
    """Add refunds: orders of their own, negative, with what was paid."""
    chance = np.where(made["first"], model.said["refund_first_order"], model.said["refund"])
    back = np.flatnonzero(rng.random(len(chance)) < chance)
    refunds = {key: value[back] for key, value in made.items()}
    refunds["second"] = refunds["second"] + ((2 + rng.random(len(back)) * 18) * 86_400).astype(np.int64)
    refunds["order"] = order_numbers(np.arange(len(back)) + (chunk << 19) + (1 << 18) + (1 << 17))
    refunds |= {"quantity": -refunds["quantity"], "cents": -refunds["cents"], "discount": -refunds["discount"]}
    seen = refunds["second"] < model.epoch + model.last * 86_400
    return {key: np.concatenate([value, refunds[key][seen]]) for key, value in made.items()}


def _with_walk_ins(model: Model, made: dict, head: dict, rng, chunk: int) -> dict:
    """Add sales in the shops to people without an account, part of them on the shared card of the market stall."""
    said, shop = model.said, model.said["channels"].index("shop")
    copied = np.flatnonzero((head["channel"] == shop) & (rng.random(len(head["order"])) < said["walk_in"]))
    at = np.flatnonzero(np.isin(made["order"], head["order"][copied]) & (made["cents"] > 0))
    extra = {key: value[at] for key, value in made.items()}
    rank = np.searchsorted(np.sort(head["order"][copied]), extra["order"])
    shared = (rng.random(len(copied)) < said["walk_in_shared_card"])[rank]
    extra["order"] = order_numbers(rank + (chunk << 19) + (1 << 18))
    extra["person"] = np.where(shared, TILL, NOBODY)
    day = (extra["second"] - model.epoch) // 86_400
    market = day - day % 28 + 6  # every fourth Saturday
    hour = 3600 * 8 + rng.integers(0, 3600 * 5, len(copied))[rank]
    extra["second"] = np.where(shared, model.epoch + market * 86_400 + hour, extra["second"])
    seen = extra["second"] < model.epoch + model.last * 86_400
    return {key: np.concatenate([value, extra[key][seen]]) for key, value in made.items()}
