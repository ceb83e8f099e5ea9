"""What people say: a survey that not everybody answers, and comments after orders."""

import numpy as np

from helpers.fait_maison.model import PERSON, Model

HOURS = 86_400


def survey(model: Model, who: dict, orders: dict, made: dict, chunk: int) -> dict[str, list]:
    """One entry an answer: id (crm), question, answer (text), second.

    The satisfied, the older and the loyal answer more often. What people say about their orders and about a subscription differs from
    what they do.
    """
    said, rng = model.said["survey"], model.stream(chunk, "survey")
    start, end = model.day(said["from"]), model.day(said["until"])
    crm = np.flatnonzero((made["source"] == "crm") & (made["copy"] == 0))
    place = made["place"][crm]
    bought = orders["day"] < start
    many = np.bincount(orders["person"][bought & (orders["day"] >= start - 180)], minlength=len(who["person"]))[place]
    ever = np.bincount(orders["person"][bought], minlength=len(who["person"]))[place] > 0
    age = (np.datetime64("2024-07-01") - who["birth"][place].astype("datetime64[D]")).astype(int) / 365.25
    odds = said["answer"]["base"] + said["answer"]["satisfied"] * who["satisfied"][place]
    odds += said["answer"]["per_ten_years"] * (age - 45) / 10 + said["answer"]["loyal"] * (many >= 6)
    invited = ever & (who["kind"][place] == PERSON) & (rng.random(len(place)) < min(1, said["invited_at_most"] / model.said["people"]))
    chosen = np.flatnonzero(invited & (rng.random(len(place)) < 1 / (1 + np.exp(-odds))))
    segment, ids = who["segment"][place[chosen]], made["id"][crm[chosen]]
    second = model.epoch + start * HOURS + (rng.random(len(chosen)) * (end - start) * HOURS).astype(np.int64)
    rows = _items(model, segment, rng) | _words(model, segment, many[chosen] / 6, rng)
    size = len(chosen)
    out = {"id": np.tile(ids, len(rows)), "second": np.tile(second, len(rows))}
    out["question"] = np.repeat(np.array(list(rows), dtype=object), size)
    out["answer"] = np.concatenate([np.asarray(value, dtype=object) for value in rows.values()])
    return out


def _items(model: Model, segment: np.ndarray, rng) -> dict[str, np.ndarray]:
    """Items from 1 to 7: the segment's mean, the person's own leaning, noise of the item; some are turned round."""
    said, made = model.said["survey"], {}
    for scale, (name, items) in enumerate(said["items"].items()):
        own = model.of["values"][segment, scale] + rng.normal(0, said["person_sd"], len(segment))
        for number in range(1, items + 1):
            value = np.clip(np.round(own + rng.normal(0, said["item_sd"], len(segment))), 1, 7).astype(int)
            item = f"{name}_{number}"
            made[item] = (8 - value if item in said["reversed"] else value).astype(str)
    return made


def _words(model: Model, segment: np.ndarray, a_month: np.ndarray, rng) -> dict[str, np.ndarray]:
    says = np.round(a_month * model.said["survey"]["says_orders"] + rng.normal(0, 0.5, len(segment)))
    cooks, would = (np.cumsum(model.of[key][segment], axis=1) for key in ("cooks", "subscribe"))
    draw = rng.random((2, len(segment), 1))
    return {
        "orders_per_month": np.maximum(says, 0).astype(int).astype(str),
        "cooks_daily": np.array(["never", "sometimes", "often"], dtype=object)[np.minimum((draw[0] > cooks).sum(axis=1), 2)],
        "would_subscribe": np.array(["no", "maybe", "yes"], dtype=object)[np.minimum((draw[1] > would).sum(axis=1), 2)],
    }


def comments(model: Model, who: dict, head: dict, chunk: int) -> dict[str, np.ndarray]:
    """One entry a comment: person (place), second, text, rating (1-5), channel."""
    rng, words = model.stream(chunk, "comments"), model.words["comments"]
    at = np.flatnonzero(rng.random(len(head["order"])) < model.said["comments"])
    place = head["person"][at]
    rating = np.clip(np.round(3.9 + 0.7 * who["satisfied"][place] + rng.normal(0, 0.8, len(at))), 1, 5).astype(int)
    first = np.where(who["late"][place], who["segment_after"][place], who["segment"][place])
    topics, segments = list(words["topics"]), model.segments
    likes = np.array([[5.0 if topic in words["of"][name] else 1.0 for topic in topics] for name in segments])
    borders = np.cumsum(likes / likes.sum(axis=1, keepdims=True), axis=1)[first]
    topic = np.minimum((rng.random((len(at), 1)) > borders).sum(axis=1), len(topics) - 1)
    draw = rng.random((4, len(at)))

    def one(choices: list[str], number: float) -> str:
        return choices[int(number * len(choices))]

    texts = []
    for n in range(len(at)):
        mood = "good" if rating[n] >= 4 else "middling" if rating[n] == 3 else "bad"
        said = words["topics"][topics[topic[n]]]
        parts = [one(words["openings"][mood], draw[0, n]), one(said[mood], draw[1, n])]
        parts += [one(words["endings"][mood], draw[2, n])] if draw[3, n] < 0.6 else []
        texts.append(" ".join(parts))
    second = head["second"][at] + ((0.5 + rng.random(len(at)) * 5) * HOURS).astype(np.int64)
    made = {"person": place, "second": second, "text": np.array(texts, dtype=object), "rating": rating, "channel": head["channel"][at]}
    seen = second < model.epoch + model.last * HOURS
    return {key: value[seen] for key, value in made.items()}
