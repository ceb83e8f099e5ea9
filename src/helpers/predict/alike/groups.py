"""Which groups are to be widened, who may be looked at, and which characteristics may rank: never what defines the group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import NinefoldError
from helpers.build.document import holds
from helpers.build.inputs import Column, columns, customers
from helpers.build.rules_read import conditions, variables_of
from helpers.engine import between
from helpers.masking import withheld
from helpers.project import Project
from helpers.project.special import category
from helpers.variables.catalogue import catalogue
from helpers.variables.proxies import DEFAULT as PROTECTED

KEY = "customer_id"
HIGH = "high_value"
DEFAULT_LENGTH = 100
"""Customers listed for the group that is widened where project.yml names none."""
TIED = 0.7
"""Correlation (of ranks, of levels) from which a column says the same as one that defines the group."""
LEAST_TIED, MOST = 10, 50
"""Customers of a level that is compared, and levels of a column at most."""
DECILES = [tenth / 10 for tenth in range(1, 10)]
CATEGORIES = 40
"""Categories of orders that may rank, those with most buyers."""
BOUGHT = "category: "
OFTEN = ("orders_per_30d", "active_weeks_share", "gap_days")
"""Ways to say how often somebody buys: with the money of an order, each says how much money somebody brings."""
MONEY = ("spend_per_30d", "seniority")
"""What says the same as having brought much money over all history."""


@dataclass(frozen=True)
class Group:
    """A group to widen.

    name        segment id, name of a rule of build.rules, or high_value;  kind: "segment", "rule" or "high_value"
    length      customers to list
    members     customer_id of those in it; None where it cannot be told who they are
    defined_by  the variables that make somebody a member
    """

    name: str
    kind: str
    length: int
    members: ir.Table | None
    defined_by: frozenset[str] = field(default_factory=frozenset)


def groups(step, members: ir.Table) -> list[Group]:
    """The groups of target.widen; where it names none, the segment whose members bring most each.

    members   customer_id, segment: step 6's
    Raises    NinefoldError for a name that is no segment, no rule and not high_value
    """
    project, document = step.project, step.take("build", "segmentation")
    segments, found = [s["id"] for s in document["segments"]], []
    rules = {rule.name: rule for rule in project.build.rules}
    made_of = frozenset(v["name"] for v in document["variables"])
    for name, length in _wanted(step, project).items():
        if name in segments:
            inside = members.filter(members.segment == name).select(KEY)
            found.append(Group(name, "segment", length, inside, made_of))
        elif name == HIGH:
            found.append(Group(name, HIGH, length, _high_value(step), frozenset(MONEY)))
        elif name in rules:
            found.append(_by_rule(name, length, project, customers(step)))
        else:
            known = ", ".join([*segments, *rules, HIGH])
            raise NinefoldError(f"{project.file}: field target.widen names {name!r}, which is no group. Choose one of {known}.")
    return found


def _wanted(step, project: Project) -> dict[str, int]:
    if project.target.widen:
        return dict(project.target.widen)
    told = [s for s in step.take("build", "profiles")["segments"] if s["n"] and not withheld(s, project.min_cell)]
    told = [s for s in told if s["revenue_per_30d"]["value"] is not None]
    return {max(told, key=lambda s: s["revenue_per_30d"]["value"])["id"]: DEFAULT_LENGTH} if told else {}


def _high_value(step) -> ir.Table | None:
    if not step.gives("variables", "predicted"):
        return None
    predicted = step.take("variables", "predicted")
    return predicted.filter(predicted[HIGH]).select(KEY) if HIGH in predicted.columns else None


def _by_rule(name: str, length: int, project: Project, people: ir.Table) -> Group:
    known, defined, table, used = conditions(project.build.rules, project, columns(project, people.columns)), {}, people, set()
    for rule, condition in known.items():  # a rule may build on those above it
        table = table.mutate(**{f"fits_{rule}": holds(condition, table, defined)})
        defined[rule] = f"fits_{rule}"
    todo = [name]
    while todo:
        condition = known[todo.pop()]
        used |= variables_of(condition)
        todo += _named_in(condition)
    return Group(name, "rule", length, table.filter(table[f"fits_{name}"]).select(KEY), frozenset(used))


def _named_in(condition: dict) -> list[str]:
    """The rules that a condition builds on."""
    inner = [condition["not"]] if "not" in condition else [*condition.get("all", []), *condition.get("any", [])]
    return [condition["rule"]] if "rule" in condition else [name for part in inner for name in _named_in(part)]


# Who and by what


def described(step, orders: ir.Table) -> tuple[ir.Table, dict[str, Column]]:
    """Everyone in scope with all that may tell them apart: variables, attributes, scales, and the categories that they bought.

    Returns   customer_id and a column each; and the columns by name, single survey items left out (their scales are there)
    """
    table, project = customers(step), step.project
    known = {name: column for name, column in columns(project, table.columns).items() if not column.scale}
    table = table.select(KEY, *known)
    bought = _categories(orders, table, project, step)
    if bought is not None:
        flags = [name for name in bought.columns if name != KEY]
        table = table.left_join(bought, KEY).drop(f"{KEY}_right")
        table = table.mutate(**{name: table[name].fill_null("no") for name in flags})
        known |= {name: Column(name, "category", "behavioural", True) for name in flags}
    return table, known


def _categories(orders: ir.Table, people: ir.Table, project: Project, step) -> ir.Table | None:
    """customer_id and a column a category, yes or no: bought in the window; None without categories."""
    if "category" not in orders.columns:
        return None
    lines = between(orders, "ordered_at", step.as_of - timedelta(days=project.scope.window_days), step.as_of)
    have = lines.filter(lines.category.notnull(), lines.amount > 0).select(KEY, "category").distinct().semi_join(people, KEY)
    counts = have.group_by("category").agg(n=have.count())
    common = counts.filter(counts.n >= project.min_cell).order_by([ibis.desc("n"), "category"]).limit(CATEGORIES).execute()
    if common.empty:
        return None
    held = {f"{BOUGHT}{c}": (have.category == c).any().ifelse("yes", "no") for c in sorted(common["category"])}
    return have.group_by(KEY).agg(**held)


def barred(
    group: Group, known: Mapping[str, Column], project: Project, sample: pd.DataFrame, proxies: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """What may not rank, by reason: "defines" the group, "tied" to what defines it, "protected", "proxy" of something protected.

    known     the columns that could rank;  sample: values of a sample of customers
    proxies   protected attribute → variables that give it away by themselves (step 4)
    """
    kept = [name for name in known if name not in group.defined_by]
    protected = set(project.variables.proxies_of) | set(PROTECTED)
    found = {"defines": sorted(set(known) & group.defined_by)}
    found["protected"] = [name for name in kept if name in protected or category(name)]
    found["proxy"] = sorted({v for each in proxies.values() for v in each} & set(kept) - set(found["protected"]))
    rest = [name for name in kept if name not in found["protected"] and name not in found["proxy"]]
    found["tied"] = sorted(_tied(rest, group, known, sample, project) | _same_source(rest, group, project))
    return found


def _tied(names: list[str], group: Group, known: Mapping[str, Column], sample: pd.DataFrame, project: Project) -> set[str]:
    """Columns of which a rank, a cut, a level or the being missing goes with one of a defining column."""
    defining = [n for n in known if n in group.defined_by and n in sample]
    sample = sample.iloc[:: max(len(sample) // project.pairwise_rows, 1)]
    if not defining or not names or len(sample) < 3:
        return set()
    (a, owners), (b, _) = (_encoded(sample, part, known) for part in (names, defining))
    if not a.shape[1] or not b.shape[1]:
        return set()
    strongest = np.abs(a.T @ b).max(axis=1)
    return {owner for owner, r in zip(owners, strongest, strict=True) if r >= TIED}


def _encoded(sample: pd.DataFrame, names: list[str], known: Mapping[str, Column]) -> tuple[np.ndarray, list[str]]:
    """Ranks and deciles of numbers, levels of categories and what is missing, as columns of mean 0 and length 1; and whose each is."""
    columns, owners = [], []
    for name in names:
        missing = sample[name].isna()
        parts = [missing.astype("float64")]
        if known[name].kind == "number":
            values = sample[name].astype("float64")
            parts.append(values.fillna(values.median()).fillna(0.0).rank(method="average"))
            parts += [(values >= cut).astype("float64") for cut in sorted(set(values.quantile(DECILES).dropna()))]  # a skewed cut
        else:
            levels = sample[name].dropna().astype(str).value_counts()
            parts += [(sample[name].astype(str) == level).astype("float64") for level in sorted(levels.index[levels >= LEAST_TIED])[:MOST]]
        for part in parts:
            centred = part.to_numpy() - part.mean()
            length = np.sqrt(centred @ centred)
            if length > 0:
                columns.append(centred / length)
                owners.append(name)
    return np.column_stack(columns) if columns else np.zeros((len(sample), 0)), owners


def _same_source(names: list[str], group: Group, project: Project) -> set[str]:
    """Categories, channel, device and items of which something defining is made; of money or frequency, its other measures."""
    v, result = project.variables, set()
    money = {each.name for each in catalogue(project) if each.unit == "money"}
    if "spend_per_30d" in group.defined_by:
        result |= money | set(OFTEN)
    if group.defined_by & set(OFTEN):
        result |= set(OFTEN)
    for share, members in v.category_groups.items():
        if share in group.defined_by:
            result |= {f"{BOUGHT}{each}" for each in members}
    result |= {name for name, scale in v.scales.items() if group.defined_by & set(scale.items)}
    if group.defined_by & {"online_order_share", *v.channel_groups}:
        result.add("preferred_channel")
    if group.defined_by & {"mobile_share", *v.device_groups}:
        result.add("main_device")
    return result & set(names)
