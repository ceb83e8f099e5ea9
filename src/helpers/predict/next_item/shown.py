"""What a page may show of recommendations: counts of customers, never a customer."""

import ibis
import ibis.expr.types as ir
import numpy as np

from helpers.masking import covered
from helpers.predict.next_item.history import KEY
from helpers.project import Project
from helpers.rates import quantile

MOST = 10
"""Recommended items shown."""
LOOKED_AT = 200
"""Items looked at for segments, those on most lists."""
TOLD = 3
"""Items told of a segment."""
ALPHA = 0.05


def recommended(wide: ir.Table, shown: int, project: Project) -> list[dict]:
    """The items recommended to most: [{item, n (customers), new (to whom it is new)}]; null where a count would tell of a few."""
    parts = [wide.select(item=wide[f"next_{k}"], new=wide[f"new_{k}"]) for k in range(1, shown + 1)]
    rows = (ibis.union(*parts) if len(parts) > 1 else parts[0]).filter(ibis._.item.notnull())
    counted = rows.group_by("item").agg(n=rows.count(), new=rows.new.sum()).order_by([ibis.desc("n"), "item"]).limit(MOST).execute()
    counted = counted[counted["n"] >= project.min_cell]
    few = lambda numbers: (numbers > 0) & (numbers < project.min_cell)  # noqa: E731
    others = few(int(wide.count().execute()) - counted["n"])  # readers know how many customers there are
    shut = few(counted["new"]) | few(counted["n"] - counted["new"]) & ~others
    told = zip(counted["item"], counted["n"], counted["new"], others, shut, strict=True)
    return [{"item": i, "n": None if most else int(n), "new": None if hidden else int(new)} for i, n, new, most, hidden in told]


def segments(listed: ir.Table, members: ir.Table, *, least: int, told_apart: bool = True) -> dict[str, list[dict]]:
    """Segment → the items new to its members that are recommended to more of them than of everyone else, the surest first.

    listed    customer_id, rank, item, new_to_customer;  members: customer_id, segment
    told_apart   False: lists of popularity differ by what members lack, not by what they want, so only the number counts
    Returns   see `by_segment`; where nothing is recommended more than elsewhere, what is recommended to most (low None)
    """
    sizes = dict(members.group_by("segment").agg(n=members.count()).order_by("segment").execute().itertuples(index=False, name=None))
    rows = listed.filter(listed.new_to_customer).select(KEY, "item").join(members.select(KEY, "segment"), KEY)
    counts = rows.group_by(["segment", "item"]).agg(n=rows.count()).order_by(["segment", "item"]).execute()
    wide = counts.pivot(index="item", columns="segment", values="n").reindex(columns=list(sizes)).fillna(0).astype("int64")
    if wide.empty or len(sizes) < 2:
        return {}
    z = quantile(1 - ALPHA / wide.size)
    wide = wide.loc[wide.sum(axis=1).sort_values(ascending=False, kind="stable").index[:LOOKED_AT]]
    having = wide.to_numpy()
    without = np.array(list(sizes.values())) - having
    elsewhere = having.sum(axis=1, keepdims=True) - having
    few = (having > 0) & (having < least)  # readers know how many have an item in all: its rows are covered, columns add up to nothing
    shut = np.array([covered(row[None], hidden, least) for row, hidden in zip(having, few, strict=True)]) | (having < least)
    shut |= ((without > 0) & (without < least)) | ((elsewhere > 0) & (elsewhere < least))
    everyone, result = sum(sizes.values()), {}
    for s, (segment, size) in enumerate(sizes.items()):
        rows = [i for i in range(len(having)) if not shut[i, s]]
        lines = [{"item": wide.index[i]} | _against(int(having[i, s]), size, int(having[i].sum()), everyone, z) for i in rows]
        surer = sorted((x for x in lines if told_apart and x["low"] and x["low"] > 1), key=lambda x: (-round(x["low"], 9), x["item"]))
        most = sorted((x | {"low": None} for x in lines), key=lambda x: (-x["n"], x["item"]))
        result[segment] = (surer or most)[:TOLD]
    return result


def _against(n: int, size: int, all_n: int, everyone: int, z: float) -> dict:
    """n, size, share, others, lift and its interval (Katz et al. 1978); no lift where nobody else has it."""
    rest, other = everyone - size, all_n - n
    line = {"n": n, "share": n / size, "others": other / rest if rest else None, "lift": None, "low": None, "high": None}
    if other and rest:
        lift = (n / size) / (other / rest)
        ratio = float(np.exp(z * np.sqrt(max(1 / n - 1 / size + 1 / other - 1 / rest, 0.0))))
        line |= {"lift": lift, "low": lift / ratio, "high": lift * ratio}
    return line
