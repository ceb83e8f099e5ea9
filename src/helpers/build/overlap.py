"""Two segmentations of the same customers laid over each other: what they share, what only one has, and how far they agree."""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers import words
from helpers.build import agreement
from helpers.build.choice import jaccard, place
from helpers.masking import covered_table
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.variables.people_page import attribute_words, level_words
from helpers.words import say


def crossed(one: ir.Table, other: ir.Table) -> pd.DataFrame:
    """Customers of each segment of one segmentation (rows) in each of another (columns); everybody who is in both.

    one, other   customer_id, segment
    """
    both = one.select("customer_id", one="segment").join(other.select("customer_id", other="segment"), "customer_id")
    found = both.group_by(["one", "other"]).agg(n=both.count()).order_by(["one", "other"]).execute()
    table = found.pivot(index="one", columns="other", values="n").fillna(0).astype("int64")
    return table.loc[_sorted(table.index), _sorted(table.columns)]


def adjusted_rand(table) -> float | None:
    """Agreement of two segmentations from their crossing, 0 by chance and 1 for the same; None for fewer than two customers."""
    return float(agreement.adjusted_rand(table)) if np.sum(table) >= 2 else None


def matched(table: pd.DataFrame) -> list[dict]:
    """Each segment of the first beside the one of the second that it is most like (Jaccard index).

    table     result of `crossed`
    Returns   [{one, other, jaccard, shared, only_one, only_other}]
    """
    index, rows = jaccard(table.to_numpy()), []
    for place_, one in enumerate(table.index):
        at = int(index[place_].argmax())
        shared = int(table.iloc[place_, at])
        alone = int(table.iloc[place_].sum()) - shared, int(table.iloc[:, at].sum()) - shared
        rows.append(
            {"one": one, "other": table.columns[at], "jaccard": float(index[place_, at]), "shared": shared}
            | {"only_one": alone[0], "only_other": alone[1]}
        )
    return rows


def by_field(groups: Mapping[str, ir.Table], field: ir.Table | None = None) -> pd.DataFrame:
    """Of two or more groups of customers: how many all share and how many are in one alone, in all and by a chosen field.

    groups    name → customer_id of its members;  field: customer_id and one more column, the level of each customer
    Returns   level ("" for everybody, then each level, missing where not known), shared, one column a group for who is in it alone,
              several (in more than one group, not in all)
    """
    names = list(groups)
    marked = [each.select("customer_id").distinct().mutate(group=ibis.literal(name)) for name, each in groups.items()]
    there = ibis.union(*marked) if len(marked) > 1 else marked[0]
    in_each = {f"in_{i}": (there.group == name).cast("int64").max() for i, name in enumerate(names)}
    people = there.group_by("customer_id").agg(**in_each)
    if field is not None:
        ((column),) = [c for c in field.columns if c != "customer_id"]
        people = people.left_join(field.select("customer_id", level=field[column].cast("string")), "customer_id").drop("customer_id_right")
    counted = people.group_by([*in_each, "level"] if field is not None else [*in_each]).agg(n=people.count()).execute()
    counted["level"] = counted["level"] if field is not None else None
    return _spread(counted, names)


def _spread(counted: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Numbers by level from numbers by combination of groups and level."""
    inside = counted[[f"in_{i}" for i in range(len(names))]].to_numpy()
    how_many = inside.sum(axis=1)
    kind = np.where(how_many == len(names), "shared", "several").astype(object)
    for i, name in enumerate(names):
        kind[(how_many == 1) & (inside[:, i] == 1) & (len(names) > 1)] = f"only {name}"
    counted = counted.assign(kind=kind)
    wanted = ["shared", *(f"only {name}" for name in names), "several"]
    levels = sorted(counted["level"].dropna().unique())
    parts = [("", counted), *((level, counted[counted["level"] == level]) for level in levels)]
    if levels and counted["level"].isna().any():
        parts.append((None, counted[counted["level"].isna()]))
    rows = [{"level": level} | {k: int(part.loc[part["kind"] == k, "n"].sum()) for k in wanted} for level, part in parts]
    return pd.DataFrame(rows, columns=["level", *wanted])


def _sorted(ids) -> list[str]:
    numbered = all(str(one)[:1] in "Ss" and str(one)[1:].isdigit() for one in ids)
    return sorted(ids, key=place if numbered else str)


# Page


def overlap_words(table: pd.DataFrame, one: str, other: str) -> str:
    """How far two segmentations agree.

    one, other   what people call them
    """
    return say(
        "“{one}” and “{other}” agree at {agreement} (adjusted Rand index, 0 = chance, 1 = the same groups).",
        one=one,
        other=other,
        agreement=words.number(adjusted_rand(table.to_numpy()), 2),
    )


def overlap_table(
    table: pd.DataFrame, names: Mapping[str, str], other: str, project: Project, *, other_names: Mapping | None = None
) -> Table:
    """Each segment beside the one of another segmentation that it is most like; numbers that tell of a few customers are left out.

    table   result of `crossed`;  names: id → name of the first;  other: what the second is called;  other_names: its ids → names
    """
    hidden = covered_table(table.to_numpy(), least=project.min_cell)
    hidden = pd.DataFrame(hidden, index=table.index, columns=table.columns)
    rows = []
    for row in matched(table):
        shut = hidden.loc[row["one"], row["other"]] or any(0 < row[part] < project.min_cell for part in ("only_one", "only_other"))
        figures = {part: None if shut else row[part] for part in ("shared", "only_one", "only_other", "jaccard")}
        rows.append({"one": names.get(row["one"], row["one"]), "other": (other_names or {}).get(row["other"], row["other"])} | figures)
    columns = [
        Column("one", say("Segment")),
        Column("other", say("Most like it in “{other}”", other=other)),
        Column("shared", say("Customers of both"), "count", people=True),
        Column("only_one", say("Only here"), "count", people=True),
        Column("only_other", say("Only there"), "count", people=True),
        Column("jaccard", say("Jaccard index"), "number", 2),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    note = say("Jaccard index: customers of both, over customers of either. From one half on it is the same segment.")
    return Table("overlap", say("What the two segmentations share"), frame, columns, note=note)


def by_field_table(found: pd.DataFrame, field: str, names: Mapping[str, str], project: Project) -> Table:
    """Shared by all and exclusive to one, by the levels of a field.

    found   result of `by_field`;  names: its groups → what people call them
    """
    parts = [column for column in found.columns if column != "level" and (column != "several" or len(names) > 2)]
    counts = found.loc[found["level"] != "", parts].to_numpy(dtype="int64")
    hidden = covered_table(counts, least=project.min_cell) if len(counts) else np.empty((0, len(parts)), dtype=bool)
    whole = found.loc[found["level"] == "", parts].to_numpy(dtype="int64")
    hidden = np.vstack([covered_table(whole, least=project.min_cell), hidden])
    rows = []
    for line, shut in zip(found.to_dict("records"), hidden, strict=True):
        level = say("Everybody") if line["level"] == "" else say("not known") if words.absent(line["level"]) else None
        told = {part: None if h else line[part] for part, h in zip(parts, shut, strict=True)}
        rows.append({"level": level or level_words(field, line["level"])} | told)
    heads = {"shared": say("In all of them"), "several": say("In several, not all")}
    heads |= {f"only {key}": say("Only “{name}”", name=name) for key, name in names.items()}
    columns = [Column("level", attribute_words(field)), *(Column(part, heads[part], "count", people=True) for part in parts)]
    frame = pd.DataFrame(rows, columns=["level", *parts])
    return Table("overlap_by_field", say("Shared by all, exclusive to one, by {field}", field=attribute_words(field)), frame, columns)
