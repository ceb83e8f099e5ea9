"""Who is where one horizon later, under the same rules: customers and money, who came and who went, and what chance alone would move."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.build import apply, columns, customers
from helpers.build.agreement import interval, kappa, stay_and_chance
from helpers.build.profiles import revenue
from helpers.engine import Window, first_instant, total
from helpers.engine import windows as cut_windows
from helpers.project import Project
from helpers.reevaluate.causes import people
from helpers.run import Past
from helpers.variables.descriptors import DONE

OUT = ""
"""Where `flows` puts a customer who is not in scope at that date."""
LEVEL = 0.05
"""The chance that any segment is called "beyond chance" although customers only swap places."""
SUMS = ["money_before", "money_now", "squares_before", "squares_now", "squares_change"]


@dataclass(frozen=True)
class Movement:
    """A document applied to customers as they were at an earlier date, and to today's: the backtest, or what came since it was approved.

    document    the frozen document; None when step 6 could build nothing then, and everything else is empty
    travelled   `journeys`;  segments, table, stay: the results of `segments`, `matrix` and `staying`
    still       variables of the document that nobody can change in: attributes and answers, which are today's at both dates
    suggested   segment → what step 6 suggests as a name, where none is typed
    since       name of the run whose approved segmentation was applied at both dates; "" for a backtest
    """

    document: dict | None
    travelled: ir.Table | None
    segments: list[dict]
    table: np.ndarray
    stay: dict
    still: tuple[str, ...] = ()
    suggested: dict[str, dict] = field(default_factory=dict)
    since: str = ""

    @property
    def immovable(self) -> bool:
        """Whether the document uses nothing that is measured at each date."""
        return bool(self.document and self.still) and len(self.still) == len(self.document["variables"])


def backtest(step, windows: dict[str, Window], orders: ir.Table) -> Movement:
    """How customers and money moved between the window *confirm* and the published one, under the same rules.

    What people decided for single customers counts at neither date: both labels are what the document gives.
    """
    project, options = step.project, {"draws": step.project.build.draws, "seed": step.project.seed}
    if not step.gives("build", "segmentation_confirm"):
        nobody = np.zeros((0, 0), dtype="int64")
        return Movement(None, None, [], nobody, staying(nobody, **options))
    frozen = step.take("build", "segmentation_confirm")
    later = apply(frozen, customers(step))
    spent = {name: revenue(orders, windows[name]) for name in ("confirm", "published")}
    travelled = journeys(step.take("build", "membership_confirm"), later, spent["confirm"], spent["published"]).cache()
    found, ids = flows(travelled), [s["id"] for s in frozen["segments"]]
    table = matrix(found, ids)
    whole = segments(found, ids, months=project.scope.window_days / 30)
    return Movement(frozen, travelled, whole, table, staying(table, **options), still_of(frozen, project), _suggested(step))


def since(step, windows: dict[str, Window], orders: ir.Table) -> tuple[Movement, dict[str, Window]] | None:
    """How customers and money moved since the run whose approved segmentation is applied unchanged; None where there is none.

    Both labels are what the approved document gives: to the customers as that run saw them, and to today's. Money is that of the window
    of each date, as each run counted it. People's decisions for single customers count at neither date.
    Returns   the movement, and the windows with that run's own in the place of *confirm*
    """
    approved = step.approved
    if approved is None or approved.past is None or not approved.past.gives("build", "inputs"):
        return None
    project, run = step.project, approved.past
    earlier = window_of(run, step.engine.con, project)
    before = apply(approved.segmentation, run.table(step.engine.con, "build", "inputs"))
    later = apply(approved.segmentation, customers(step))
    spent = [revenue(run.table(step.engine.con, "collect", "orders"), earlier), revenue(orders, windows["published"])]
    before, spent[0] = as_today(step, run, orders, before, later, spent[0])
    travelled = journeys(before, later, *spent).cache()
    found, ids = flows(travelled), [s["id"] for s in approved.segmentation["segments"]]
    table = matrix(found, ids)
    whole = segments(found, ids, months=project.scope.window_days / 30)
    stay = staying(table, draws=project.build.draws, seed=project.seed)
    still, suggested = still_of(approved.segmentation, project), _suggested(step)
    document = step.take("build", "segmentation")  # the same rules, under the names that people gave them since
    return Movement(document, travelled, whole, table, stay, still, suggested, run.name), windows | {"confirm": earlier}


def as_today(step, run: Past, orders: ir.Table, before: ir.Table, later: ir.Table, spent: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Labels and money of an earlier run under the ids of today's persons, as `causes` pairs them; unchanged where matching gave the same.

    before, spent   customer_id (of that run) and segment, revenue;  later: customer_id and segment of today
    Of records that were joined one stands for the person; the others keep an id that nobody has, and count as departed.
    """
    then = run.table(step.engine.con, "collect", "identity") if run.gives("collect", "identity") else None
    now = step.take("collect", "identity") if step.gives("collect", "identity") else None
    found = people.pairs(then, now, orders)
    if found is None:
        return before, spent
    same = (
        people.presence(before.select("customer_id", "segment"), later, found)["present"].select(old_="old_id", new_="customer_id").cache()
    )

    def renamed(table: ir.Table) -> ir.Table:
        joined = table.left_join(same, table.customer_id == same.old_)
        return joined.mutate(customer_id=joined.new_.coalesce("then|" + joined.customer_id)).select(*table.columns)

    return renamed(before).cache(), renamed(spent).cache()


def window_of(run: Past, con, project: Project) -> Window:
    """The window in which a run measured behaviour, of the length that it had then."""
    lines, scope = run.table(con, "collect", "orders"), (run.plan(project) or project).scope
    return cut_windows(run.as_of, window_days=scope.window_days, horizon_days=scope.horizon_days, first=first_instant(lines))["published"]


def still_of(document: dict, project: Project) -> tuple[str, ...]:
    """The variables of a document that step 4 neither measures nor works out anew at each date."""
    used = columns(project, [v["name"] for v in document["variables"]])
    return tuple(name for name, column in used.items() if not column.measured and name not in DONE)


def _suggested(step) -> dict[str, dict]:
    """Names that step 6 suggests, by segment."""
    found = step.take("build", "profiles")["segments"] if step.gives("build", "profiles") else []
    return {s["id"]: s["suggested"] for s in found if s.get("suggested")}


def journeys(members: ir.Table, later: ir.Table, spent: ir.Table, spent_later: ir.Table) -> ir.Table:
    """Every customer in scope at either date, with the segment at both.

    members, later       customer_id, segment at the earlier and the later date
    spent, spent_later   customer_id, revenue of the window that ends there
    Returns              customer_id, before, now (missing: not in scope then), money_before, money_now (0: bought nothing)
    """
    everyone = ibis.union(members.select("customer_id"), later.select("customer_id"), distinct=True)
    sides = {"before": members, "now": later, "money_before": spent, "money_now": spent_later}
    for name, side in sides.items():
        value = side.select("customer_id", **{name: side["segment" if "segment" in side.columns else "revenue"]})
        everyone = everyone.left_join(value, "customer_id").drop("customer_id_right")
    real = lambda column: column.fill_null(0).cast("float64")  # noqa: E731
    return everyone.mutate(money_before=real(everyone.money_before), money_now=real(everyone.money_now))


def flows(travelled: ir.Table) -> pd.DataFrame:
    """`journeys` added up, a row for each pair of segments: before, now (OUT: not in scope), n, sums of money and of their squares.

    Squares are those of the money before, of the money now, and of their difference: what the noise of a sum of money is made of.
    """
    there = travelled.mutate(before=travelled.before.fill_null(OUT), now=travelled.now.fill_null(OUT))
    earlier, later = there.money_before, there.money_now
    values = [earlier, later, earlier * earlier, later * later, (later - earlier) * (later - earlier)]
    sums = {name: total(value) for name, value in zip(SUMS, values, strict=True)}
    found = there.group_by(["before", "now"]).agg(n=there.count(), **sums).order_by(["before", "now"]).execute()
    return found.astype({"n": "int64"} | dict.fromkeys(SUMS, "float64"))


def matrix(found: pd.DataFrame, ids: list[str]) -> np.ndarray:
    """Customers present at both dates: segments before × segments now, in the order of `ids`."""
    wide = found.pivot(index="before", columns="now", values="n")
    return wide.reindex(index=ids, columns=ids).fillna(0).to_numpy(dtype="int64")


def money_matrix(moved: Movement, project: Project) -> np.ndarray:
    """What those present at both dates spend now, per 30 days: segments before × segments now, in the order of `matrix`."""
    ids = [s["id"] for s in moved.segments]
    wide = flows(moved.travelled).pivot(index="before", columns="now", values="money_now").reindex(index=ids, columns=ids)
    return wide.fillna(0.0).to_numpy(dtype="float64") / (project.scope.window_days / 30)


def rule_stays(step, moved: Movement) -> dict:
    """`staying` of the bands of step 6, today's limits applied at both dates: whether the simple rule keeps its customers better."""
    options, nobody = {"draws": step.project.build.draws, "seed": step.project.seed}, np.zeros((0, 0), dtype="int64")
    if moved.document is None or not step.gives("build", "bands"):
        return staying(nobody, **options)
    bands = step.take("build", "bands")
    sides = {"before": "confirm", "now": "published"}
    before, now = (apply(bands, customers(step, window)).select("customer_id", **{name: "segment"}) for name, window in sides.items())
    both = before.join(now, "customer_id").group_by(["before", "now"])
    found = both.agg(n=ibis._.count()).order_by(["before", "now"]).execute()
    return staying(matrix(found, [s["id"] for s in bands["segments"]]), **options)


def staying(table: np.ndarray, *, draws: int, seed: int) -> dict:
    """share that stayed, share by chance, kappa with its 95 % interval, n: of customers present at both dates; None where unknown."""
    n, unknown = int(table.sum()), dict.fromkeys(("share", "chance", "kappa", "low", "high"))
    if not n:
        return unknown | {"n": 0}
    (share, chance), found = stay_and_chance(table.astype("float64")), kappa(table)
    known = {"share": float(share), "chance": float(chance), "kappa": float(found) if np.isfinite(found) else None}
    return unknown | known | interval(table, kappa, draws=draws, seed=seed) | {"n": n}


def segments(found: pd.DataFrame, ids: list[str], *, months: float) -> list[dict]:
    """Each segment's customers and money at both dates, and its balance beside what chance alone would move.

    months    length of each window in units of 30 days: money is per 30 days
    Returns   id, before, now; arrived and departed (not in scope at the other date); entered, left, net = entered − left and stay
              (share, chance, kappa) among those present at both, so that before + arrived − departed + net = now; the same of money.

    noise     If nobody's chances had changed, each customer's two dates could be swapped, which changes the sign of what he adds
              to a segment: +1 who entered, −1 who left, the difference of his money. Hence a balance of 0 with a standard
              deviation of √Σ of their squares: √(entered + left) for customers (McNemar 1947, Psychometrika 12). `noise` is
              that times the normal quantile for 5 % over all segments together (Bonferroni); `beyond`: more than that.
    """
    quantile = NormalDist().inv_cdf(1 - LEVEL / 2 / max(len(ids), 1))
    table = matrix(found, ids)
    return [_segment(found, one, quantile, months) | {"stay": _stay(table, place)} for place, one in enumerate(ids)]


def _segment(found: pd.DataFrame, one: str, quantile: float, months: float) -> dict:
    was, here = found["before"] == one, found["now"] == one
    new, gone = found["before"] == OUT, found["now"] == OUT
    sides = {"arrived": here & new, "departed": was & gone, "entered": here & ~was & ~new, "left": was & ~here & ~gone}
    n = {name: int(found.loc[rows, "n"].sum()) for name, rows in sides.items()}
    sums = {name: found.loc[rows, SUMS].sum() for name, rows in (sides | {"stayed": was & here}).items()}
    change = sums["entered"]["money_now"] - sums["left"]["money_before"] + sums["stayed"]["money_now"] - sums["stayed"]["money_before"]
    squares = sums["entered"]["squares_now"] + sums["left"]["squares_before"] + sums["stayed"]["squares_change"]
    money = {
        "money_before": found.loc[was, "money_before"].sum(),
        "money_now": found.loc[here, "money_now"].sum(),
        "money_arrived": sums["arrived"]["money_now"],
        "money_departed": sums["departed"]["money_before"],
        "net_money": change,
        "noise_money": quantile * math.sqrt(squares),
    }
    net, noise = n["entered"] - n["left"], quantile * math.sqrt(n["entered"] + n["left"])
    return {
        "id": one,
        "before": int(found.loc[was, "n"].sum()),
        "now": int(found.loc[here, "n"].sum()),
        **n,
        "net": net,
        "noise": noise,
        "beyond": abs(net) > noise,
        **{name: float(value) / months for name, value in money.items()},
        "beyond_money": bool(abs(change) > money["noise_money"]),
    }


def _stay(table: np.ndarray, place: int) -> dict:
    """share, chance (the segment's share at the later date) and kappa of one segment; None where nobody could stay."""
    were, everybody = table[place].sum(), table.sum()
    if not were:
        return {"share": None, "chance": None, "kappa": None}
    share, chance = table[place, place] / were, table[:, place].sum() / everybody
    return {"share": float(share), "chance": float(chance), "kappa": float((share - chance) / (1 - chance)) if chance < 1 else None}
