"""What each customer is likely to buy next, by category or product: item to item, against popularity and the customer's own habits.

`following` judges and recommends (step 4); `by_segment` tells what a segment's members are likely to take next that they never had (8).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from helpers.collect.readiness import LEAST
from helpers.engine import sample
from helpers.predict.grades import CANNOT_TELL, GRADED, NONE, NOT_READY, need
from helpers.predict.next_item import history
from helpers.predict.next_item.grade import ALPHAS, JUDGED, Chosen, choose, judged, taken_anew
from helpers.predict.next_item.history import KEY, Histories
from helpers.predict.next_item.recommend import MODEL, Learnt, Recipe, learn, lists_by
from helpers.predict.next_item.shown import recommended, segments
from helpers.variables.catalogue import of_totals

__all__ = ["by_segment", "following"]

TUNED = 3000
"""Customers on whom recipes are compared, at most: more change the choice hardly, and cost time."""
BATCH = 20_000
"""Customers for whom lists are made at a time."""


def following(step, checked: Mapping[str, ir.Table], *, item: str | None = None) -> tuple[dict, ir.Table | None, ir.Table | None]:
    """next.json and its tables: tuned on the last but one `predict.next_days`, judged on the last, then learnt again from all.

    checked   tables of step 3 by name;  item: the column recommended, else the project's
              `predict.next_item`, else the category, or the product where no category is known
    Returns   evidence: status, reasons (codes of needs not met), grade (of `all`), readiness, item, items, shown, next_days, judged_from,
              judged_until,
              all and new (see `grade.judged`; new: of items never bought before, among customers who took one, `active`: customers who
              bought anything), recommended, names (item → its category, for products);
              customer_id, next_1 … next_K (null where nothing is left), a row for everybody who ever bought an item, or None;
              customer_id, rank, item, new_to_customer: ranks 1 to K as above, then further items that are new to the customer, or None
    """
    settings = step.project.variables.predict
    item, shown, days = item or settings.next_item or _known(checked["orders"]), settings.next_shown, settings.next_days
    found = {"item": item, "shown": shown, "next_days": days, "status": NOT_READY, "grade": None, "all": None, "new": None}
    found |= {"items": 0, "recommended": [], "names": {}, "judged_from": step.as_of - timedelta(days=days), "judged_until": step.as_of}
    rows, needs = _rows_and_readiness(step, checked["orders"], item)
    found |= {"readiness": needs, "reasons": [each["code"] for each in needs if not each["met"]]}
    if found["reasons"]:
        return found, None, None
    codes = history.item_codes(rows)
    found["items"] = len(codes)
    tasks = _graded(step, checked["orders"], item, codes)
    enough = need("judged", tasks["all"]["n"], JUDGED)
    found |= {"readiness": [*needs, enough], "all": tasks["all"], "new": tasks["new"], "grade": tasks["all"]["grade"]}
    if tasks["all"]["grade"] is None:
        return found | {"status": CANNOT_TELL, "reasons": ["no_success" if enough["met"] else "judged"]}, None, None
    wide = _recommended(step, rows, codes, tasks)
    most = recommended(wide, shown, step.project)
    names = _names(checked["orders"], item, [line["item"] for line in most])
    found |= {"status": GRADED, "recommended": most, "names": names}
    return found, wide.select(KEY, *[f"next_{k + 1}" for k in range(shown)]), _long(wide, shown)


def _known(lines: ir.Table) -> str:
    """The category, or the product where no line has a category."""
    if "product_id" not in lines.columns or ("category" in lines.columns and int(lines.category.count().execute())):
        return "category"
    return "product_id"


def by_segment(step, members: ir.Table, checked: Mapping[str, ir.Table] | None = None) -> dict:
    """What each segment's members are likely to take next and never had, by the lists that step 4 handed over.

    members   customer_id, segment;  checked: tables of step 3 by name, to say of which category a product is
    Returns   status and reasons as in next.json (none: step 4 gave nothing; no_new: new items could not be graded), grade and method of
              new items, item, names, segments: {id: [{item, n (members to whom it is recommended), share, others (share of everyone else),
              lift, low, high}]}, the surest difference first; nothing about fewer than min_cell customers
    """
    found = {"status": NONE, "reasons": [], "grade": None, "method": None, "item": None, "names": {}, "segments": {}}
    if not step.gives("variables", "next"):
        return found
    evidence = step.take("variables", "next")
    found |= {key: evidence[key] for key in ("status", "reasons", "item", "names", "shown")}
    new = evidence["new"]
    if evidence["status"] != GRADED:
        return found
    if new["grade"] is None or not step.gives("variables", "next_items"):
        return found | {"status": CANNOT_TELL, "reasons": ["no_new"]}
    found |= {"grade": new["grade"], "method": new["method"]}
    how = {"least": step.project.min_cell, "told_apart": new["method"] == MODEL}
    found["segments"] = segments(step.take("variables", "next_items"), members, **how)
    named = {line["item"] for lines in found["segments"].values() for line in lines}
    return found | {"names": _names(checked["orders"], evidence["item"], sorted(named)) if checked else evidence["names"]}


def _rows_and_readiness(step, orders: ir.Table, item: str) -> tuple[ir.Table | None, list[dict]]:
    """What was bought, and what recommendations ask of the data: items known, several items, buyers who came back, three periods."""
    settings = step.project.variables.predict
    if item not in orders.columns or of_totals(step.project):
        return None, [need("single_orders" if of_totals(step.project) else "item_known", None, LEAST["product_share"])]
    counted = orders.aggregate(n=orders.count(), known=orders[item].cast("string").strip().nullif("").count()).execute().iloc[0]
    rows = history.bought(orders, item, as_of=step.as_of).cache()
    orders_of = rows.group_by(KEY).agg(n=rows.order_id.nunique(), first=rows.at.min())
    facts = orders_of.aggregate(buyers=orders_of.count(), several=(orders_of.n >= 2).sum(), first=orders_of["first"].min())
    facts, items = facts.execute().iloc[0], int(rows.item.nunique().execute())
    days = 0 if pd.isna(facts["first"]) else (step.as_of - facts["first"].to_pydatetime()).days
    return rows, [
        need("item_known", int(counted["known"]) / max(int(counted["n"]), 1), LEAST["product_share"]),
        need("several_items", items, settings.next_shown + 1),
        need("repeat_share", 0.0 if not facts["buyers"] else int(facts["several"]) / int(facts["buyers"]), LEAST["repeat_share"]),
        need("history_days", days, 3 * settings.next_days),
    ]


def _clocks(days: int) -> dict:
    """Half-lives and spans tried, in days; None is all history alike."""
    return {"half_lives": (None, 6 * days, 2 * days), "spans": (None, 3 * days)}


def _past(step, rows: ir.Table, codes: np.ndarray, cut: datetime, clocks: dict) -> Histories:
    """The histories, before `cut`, of at most `sample_rows` customers."""
    known = history.known_at(rows, cut=cut, **clocks)
    ids = sample(known.select(KEY).distinct(), step.project.sample_rows, seed=step.project.seed)
    return history.histories(known.semi_join(ids, KEY), items=codes, **clocks)


def _graded(step, orders: ir.Table, item: str, codes: np.ndarray) -> dict:
    """{all, new}: each tuned on the last but one period, judged on the last; a refund counts from the day on which it came."""
    project, settings = step.project, step.project.variables.predict
    days, chosen = timedelta(days=settings.next_days), {}
    for name, end in (("select", step.as_of - days), ("confirm", step.as_of)):
        cut = end - days
        known, came = (history.bought(orders, item, as_of=day) for day in (cut, end))
        known = known.semi_join(ibis.memtable({"item": codes}), "item").cache()  # what is all given back since has no code
        past = _past(step, known, codes, cut, _clocks(settings.next_days))
        learnt = learn(past, alphas=ALPHAS, least=project.min_cell)
        found = history.truth(history.later(came, start=cut, end=end), past.customers, codes)
        past, found = _came_back(past, found, TUNED if name == "select" else len(past.customers), project.seed)
        both = {"all": found, "new": taken_anew(found, past)}
        if name == "select":
            chosen = {task: choose(past, learnt, each, settings.next_shown, new=task == "new") for task, each in both.items()}
    result = {}
    for task, each in both.items():
        result[task] = judged(past, learnt, each, chosen[task], settings.next_shown, new=task == "new", seed=project.seed)
    result["new"]["active"] = len(past.customers)
    return result


def _came_back(past: Histories, found, most: int, seed: int) -> tuple[Histories, object]:
    """Those who bought anything later, at most so many, by lot."""
    back = np.flatnonzero(np.diff(found.indptr) > 0)
    if len(back) > most:
        back = np.sort(np.random.default_rng(seed).choice(back, most, replace=False))
    return past.of(back), found[back]


def _chosen(task: dict) -> Chosen:
    return Chosen(Recipe(**task["recipe"]), task["span"])


def _recommended(step, rows: ir.Table, codes: np.ndarray, tasks: dict) -> ir.Table:
    """customer_id, next_1 …, new_1 … (whether it is new to the customer), more_1 … (further new items): everybody, learnt from all rows."""
    project, recipes = step.project, [task["recipe"] for task in tasks.values()]
    clocks = {"half_lives": tuple(dict.fromkeys(r["half_life"] for r in recipes))}
    clocks["spans"] = tuple(dict.fromkeys(task["span"] for task in tasks.values()))
    alphas = tuple(sorted({r["alpha"] for r in recipes}))
    learnt = learn(_past(step, rows, codes, step.as_of, clocks), alphas=alphas, least=project.min_cell)
    known = history.known_at(rows, cut=step.as_of, **clocks).cache()
    ids = known.select(KEY).distinct().order_by(KEY).to_pyarrow()[KEY]
    parts = []
    for start in range(0, len(ids), BATCH):
        first, last = ids[start].as_py(), ids[min(start + BATCH, len(ids)) - 1].as_py()
        within = known.filter(known[KEY] >= first, known[KEY] <= last) if len(ids) > BATCH else known
        past = history.histories(within, items=codes, **clocks)
        parts.append(_wide(past, learnt, codes, tasks, project.variables.predict.next_shown))
    return ibis.memtable(pa.concat_tables(parts))


def _wide(past: Histories, learnt: Learnt, codes: np.ndarray, tasks: dict, shown: int) -> pa.Table:
    chosen = {name: _chosen(task) for name, task in tasks.items()}
    lists = {"all": lists_by(tasks["all"]["method"], past, learnt, chosen["all"].recipe, chosen["all"].span, shown, new=False)}
    if tasks["new"]["grade"] is not None:
        lists["new"] = lists_by(tasks["new"]["method"], past, learnt, chosen["new"].recipe, chosen["new"].span, shown, new=True)
    columns = {KEY: pa.array(past.customers.tolist(), pa.string())}
    owned = past.orders.tocoo()
    pairs_owned = np.sort(owned.row.astype("int64") * len(codes) + owned.col)
    names = np.append(codes.astype(object), None)
    for k in range(shown):
        mine = lists["all"][:, k]
        wanted = np.arange(len(mine)) * len(codes) + mine
        place = np.minimum(np.searchsorted(pairs_owned, wanted), len(pairs_owned) - 1)
        columns[f"next_{k + 1}"] = pa.array(names[mine].tolist(), pa.string())
        columns[f"new_{k + 1}"] = pa.array((pairs_owned[place] != wanted) & (mine >= 0))
    for k in range(shown):
        more = lists["new"][:, k] if "new" in lists else np.full(len(past.customers), -1)
        more = np.where((lists["all"] == more[:, None]).any(axis=1), -1, more)
        columns[f"more_{k + 1}"] = pa.array(names[more].tolist(), pa.string())
    return pa.table(columns)


def _long(wide: ir.Table, shown: int) -> ir.Table:
    """A row a customer and item; further items are ranked on behind the first ones, without gaps."""
    parts = []
    for k in range(1, shown + 1):
        parts.append(wide.select(KEY, place=ibis.literal(k), item=wide[f"next_{k}"], new_to_customer=wide[f"new_{k}"]))
        parts.append(wide.select(KEY, place=ibis.literal(shown + k), item=wide[f"more_{k}"], new_to_customer=ibis.literal(True)))
    rows = ibis.union(*parts).filter(ibis._.item.notnull())
    rank = ibis.row_number().over(group_by=KEY, order_by=rows.place) + 1
    return rows.select(KEY, rank=rank.cast("int64"), item=rows.item, new_to_customer=rows.new_to_customer)


def _names(orders: ir.Table, item: str, named: list[str]) -> dict[str, str]:
    """Item → the category of most of its lines, for the products that a page names."""
    if item != "product_id" or "category" not in orders.columns or not named:
        return {}
    code = orders.product_id.cast("string").strip()
    rows = orders.filter(code.isin(named), orders.category.notnull()).select(code=code, category=orders.category)
    counted = rows.group_by(["code", "category"]).agg(n=rows.count()).order_by(["code", ibis.desc("n"), "category"]).execute()
    return dict(counted.drop_duplicates("code")[["code", "category"]].itertuples(index=False, name=None))
