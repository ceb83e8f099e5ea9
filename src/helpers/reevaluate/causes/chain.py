"""A chain of labels, one measurement after the other, added up: what each cause did to each segment, in customers and money, exactly."""

from dataclasses import dataclass
from decimal import Decimal

import ibis
import ibis.expr.types as ir

OUT = ""
"""The label of a customer who is not in scope in one of the measurements between the two dates."""
CAUSES = ("identity", "corrected", "yardstick", "refit", "idle", "active")
"""In their fixed order; time is told in two: who did nothing since (idle: only ageing), and who did something (active)."""
TIME = ("idle", "active")
SEVERAL, BACK = "several", "back"
"""Of a customer: more than one cause moved the label; it moved and came back."""
MONEY = "decimal(38, 9)"
OFF = 0.1
"""A cause whose figures differ by more than this share in the reverse order is marked."""


@dataclass(frozen=True)
class Path:
    """All customers with the same labels throughout.

    labels, money   at each measurement, one more than there are steps; money added up over these customers
    active          whether they did anything between the two dates
    touched         of each step: how many of them have another label or other money after it
    """

    labels: tuple[str, ...]
    money: tuple[Decimal, ...]
    n: int
    active: bool
    touched: tuple[int, ...] = ()


def paths(present: ir.Table, stages: list[ir.Table], active: ir.Table | None, *, own: int = 1) -> list[Path]:
    """Customers present at both dates, by the labels of every stage.

    present   customer_id, and old_id, under which the first `own` stages know them
    stages    customer_id, segment, money (of 30 days), each; first the earlier run's own
    active    customer_id of those who did something since; None: nobody
    """
    found = present
    for place, stage in enumerate(stages):
        side = stage.select(id_=stage.customer_id, **{f"l{place}": stage.segment, f"m{place}": stage.money.cast(MONEY)})
        key = found.old_id if place < own else found.customer_id
        found = found.left_join(side, key == side.id_).drop("id_")
    labels, money = ([f"{letter}{place}" for place in range(len(stages))] for letter in "lm")
    found = found.mutate(**{name: found[name].fill_null(OUT) for name in labels})
    doing = ibis.literal(False) if active is None else ibis._.did_.notnull()
    if active is not None:
        did = active.select(did_=active.customer_id).distinct()
        found = found.left_join(did, found.customer_id == did.did_)
    by = found.mutate(active=doing).group_by([*labels, "active"])
    sums = {name: ibis._[name].sum() for name in money}
    for place, (a, b) in enumerate(zip(labels, labels[1:], strict=False)):
        was, here = (ibis._[f"m{at}"].fill_null(0) for at in (place, place + 1))
        sums[f"t{place}"] = ((ibis._[a] != ibis._[b]) | (was != here)).sum()
    rows = by.agg(n=ibis._.count(), **sums).order_by([*labels, "active"]).to_pyarrow().to_pylist()
    return [_path(row, labels, money) for row in rows]


def _path(row: dict, labels: list[str], money: list[str]) -> Path:
    touched = tuple(int(row[f"t{place}"]) for place in range(len(labels) - 1))
    sums = tuple(row[x] or Decimal(0) for x in money)
    return Path(tuple(row[x] for x in labels), sums, int(row["n"]), bool(row["active"]), touched)


def cause_of(step: str, path: Path) -> str:
    """The cause as it is told: time apart for those who did nothing."""
    return TIME[path.active] if step == "time" else step


def ledger(found: list[Path], steps: list[str], ids: list[str]) -> list[dict]:
    """Each segment's customers and money among those present at both dates, at either end and by cause.

    steps     cause of each step from one label to the next; a cause may have several steps
    Returns   id, before, now, money_before, money_now, causes: {cause: {entered, left, net, money, touched}},
              so that now − before is the sum of net over the causes, and money_now − money_before that of money, exactly
    """
    zero = {"before": 0, "now": 0, "money_before": Decimal(0), "money_now": Decimal(0)}
    whole = {
        one: zero | {"causes": {c: dict.fromkeys(("entered", "left", "net", "touched"), 0) | {"money": Decimal(0)} for c in CAUSES}}
        for one in ids
    }
    for path in found:
        ends = (("before", path.labels[0], path.money[0]), ("now", path.labels[-1], path.money[-1]))
        for end, label, money in ends:
            if label in whole:
                whole[label][end] += path.n
                whole[label][f"money_{end}"] += money
        for place, step in enumerate(steps):
            _add(whole, path, place, cause_of(step, path))
    return [{"id": one} | whole[one] for one in ids]


def _add(whole: dict[str, dict], path: Path, place: int, cause: str) -> None:
    was, here = path.labels[place], path.labels[place + 1]
    for label, sign, money, side in ((was, -1, path.money[place], "left"), (here, 1, path.money[place + 1], "entered")):
        if label in whole:
            entry = whole[label]["causes"][cause]
            entry["money"] += sign * money
            entry["touched"] += path.touched[place] if path.touched and (was != here or sign > 0) else 0
            if was != here:
                entry["net"] += sign * path.n
                entry[side] += path.n


def movers(found: list[Path], steps: list[str]) -> dict[str, int]:
    """Customers by what moved them: a cause, several, back (moved and came back: no mover) and stayed."""
    told = dict.fromkeys((*CAUSES, SEVERAL, BACK, "stayed"), 0)
    for path in found:
        why = {cause_of(step, path) for place, step in enumerate(steps) if path.labels[place] != path.labels[place + 1]}
        if not why:
            code = "stayed"
        elif path.labels[0] == path.labels[-1]:
            code = BACK
        else:
            code = why.pop() if len(why) == 1 else SEVERAL
        told[code] += path.n
    return told


def compared(forward: tuple[list[Path], list[str]], reverse: tuple[list[Path], list[str]], *, least: int) -> dict[str, dict]:
    """Each cause in the order of the definitions and in the reverse one: customers whose label it changed, and whether they differ.

    forward, reverse   paths and steps;  least: a difference about fewer customers is none
    Returns            cause (time in one) → changed, reverse, marked: the customers it changed, or its balance in a segment, differ by
                       more than a tenth
    """
    there, back = (_by_step(*order) for order in (forward, reverse))
    told = {}
    for cause in sorted({*there, *back}):
        (n, net), (other, other_net) = ((_of.get(cause) or (0, {})) for _of in (there, back))
        apart = max([abs(n - other), *(abs(net.get(s, 0) - other_net.get(s, 0)) for s in {*net, *other_net})])
        told[cause] = {"changed": n, "reverse": other, "marked": apart >= least and apart > OFF * max(n, other)}
    return told


def _by_step(found: list[Path], steps: list[str]) -> dict[str, tuple[int, dict[str, int]]]:
    told = {}
    for cause in set(steps):
        places, net, n = [p for p, step in enumerate(steps) if step == cause], {}, 0
        for path in found:
            moves = [(path.labels[p], path.labels[p + 1]) for p in places if path.labels[p] != path.labels[p + 1]]
            n += path.n if moves else 0
            for was, here in moves:
                net[was], net[here] = net.get(was, 0) - path.n, net.get(here, 0) + path.n
        told[cause] = (n, net)
    return told
