"""What people look at: visits of the site and the app, and newsletters sent, opened and clicked."""

import numpy as np

from helpers.fait_maison.model import Model, pick


def visits(model: Model, who: dict, habit: list[dict], orders: dict, head: dict, chunk: int) -> dict[str, np.ndarray]:
    """One entry an event: person (place), second, basket (False: visit), device (place in the list), page, anonymous.

    People come of their own accord while they are customers; every order of the site or the app has its visit, a quarter of an hour
    earlier, with a basket. Part of the visits are made without logging in.
    """
    rng, places, days = model.stream(chunk, "visits"), [], []
    size = len(who["person"])
    for number, (start, end) in enumerate(((0, model.turning), (model.turning, model.last))):
        rate = np.where(who["prospect"], 0.5, habit[number]["visits"])
        begin = np.maximum(who["came"], start)
        length = np.clip(np.minimum(orders["until"], end) - begin, 0, None)
        whose = np.repeat(np.arange(size), rng.poisson(rate / 30 * length))
        places.append(whose)
        days.append(begin[whose] + rng.random(len(whose)) * length[whose])
    place, day = np.concatenate(places), np.concatenate(days)
    hour = 7 + rng.beta(2.2, 1.8, len(place)) * 16
    second = model.epoch + np.floor(day).astype(np.int64) * 86_400 + (hour * 3600).astype(np.int64)
    basket = rng.random(len(place)) < model.said["basket"]
    online = head["channel"] < 2
    place = np.concatenate([place, head["person"][online]])
    second = np.concatenate([second, head["second"][online] - 900])
    basket = np.concatenate([basket, np.ones(online.sum(), dtype=bool)])
    later = second >= model.epoch + model.turning * 86_400
    device = pick(np.where(later[:, None], habit[1]["device"][place], habit[0]["device"][place]), rng)
    anonymous = rng.random(len(place)) < model.said["anonymous"]
    page = rng.integers(0, len(model.said["categories"]), len(place))
    again = np.flatnonzero(basket)
    from_order = np.arange(len(place)) >= len(place) - online.sum()
    rows = {"person": place, "second": second, "device": device, "anonymous": anonymous, "page": page, "from_order": from_order}
    made = {key: np.concatenate([value, value[again]]) for key, value in rows.items()}
    made["basket"] = np.arange(len(made["person"])) >= len(place)
    made["second"] = made["second"] + made["basket"] * 240
    return made


def mails(model: Model, who: dict, habit: list[dict], made: dict, asked: dict, chunk: int) -> dict[str, np.ndarray]:
    """One entry an event: id (of the newsletter's record), second, kind (0 sent, 1 opened, 2 clicked), device, mailing (number of the
    newsletter; −1 and below: campaigns, from the first on)."""
    rng = model.stream(chunk, "mails")
    news = np.flatnonzero(made["source"] == "news")
    every = np.arange(9, model.last, model.said["newsletter_every_days"])
    begin, end = made["created_day"][news], made["unsubscribed"][news]
    low, high = np.searchsorted(every, begin), np.searchsorted(every, np.minimum(end, model.last))
    many = np.maximum(high - low, 0)
    row = np.repeat(news, many)
    mailing = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many) + np.repeat(low, many)
    day = every[mailing]
    record = np.full(len(who["person"]), -1)
    record[made["place"][news]] = news
    for number, campaign in enumerate(model.said["campaigns"].values()):
        sent = model.day(campaign["sent"])
        if campaign["channel"] == "email":
            chosen = record[asked["person"][(asked["campaign"] == number) & asked["test"]]]
            chosen = chosen[(chosen >= 0) & (made["unsubscribed"][chosen] > sent) & (made["created_day"][chosen] < sent)]
            row, mailing = np.concatenate([row, chosen]), np.concatenate([mailing, np.full(len(chosen), -1 - number)])
            day = np.concatenate([day, np.full(len(chosen), sent)])
    place, second = made["place"][row], model.epoch + day * 86_400 + 6 * 3600 + rng.integers(0, 1800, len(row))
    later = day >= model.turning
    opens, clicks = (np.where(later, habit[1][key][place], habit[0][key][place]) for key in ("opens", "clicks"))
    opened = rng.random(len(row)) < opens
    clicked = opened & (rng.random(len(row)) < clicks)
    device = pick(np.where(later[:, None], habit[1]["device"][place], habit[0]["device"][place]), rng)
    opens_at = second + 60 + (rng.exponential(6 * 3600, len(row))).astype(np.int64)
    parts = [(np.arange(len(row)), second), (np.flatnonzero(opened), opens_at[opened])]
    parts.append((np.flatnonzero(clicked), opens_at[clicked] + 5 + rng.integers(0, 300, clicked.sum())))
    at = np.concatenate([part[0] for part in parts])
    kind = np.repeat([0, 1, 2], [len(part[0]) for part in parts])
    made_ = {"id": made["id"][row][at], "second": np.concatenate([part[1] for part in parts]), "kind": kind}
    made_ |= {"device": np.where(kind == 0, -1, device[at]), "mailing": mailing[at]}
    seen = made_["second"] < model.epoch + model.last * 86_400
    return {key: value[seen] for key, value in made_.items()}
