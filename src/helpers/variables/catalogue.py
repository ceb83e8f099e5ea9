"""The variables that a project measures: those of the list that its data allow, its category shares, scales, and its own."""

import difflib
import re
from dataclasses import dataclass

import ibis

from helpers import NinefoldError, expressions, words
from helpers.project import Project
from helpers.project.sections import OwnVariable, Scale
from helpers.variables.measures import FAMILIES, FORMULAS, MEASURES, TYPE_OF, Variable
from helpers.words import mark, say

__all__ = [
    "FAMILIES",
    "FORMULAS",
    "MEASURES",
    "TYPE_OF",
    "GroupShare",
    "OwnMeasure",
    "ScaleMeasure",
    "Variable",
    "catalogue",
    "check_names",
    "definition",
    "of_totals",
    "unmeasured",
]
GROUP_LABEL = mark("Share of {group}")
CHANNEL_LABEL = mark("Orders through {group}")
DEVICE_LABEL = mark("Visits with {group}")
GROUP_DEFINITION = mark("spend on {group}, of all spend")
GROUP_FORMULA = "sum(amount where category in {name}) / sum(amount where amount > 0)"
CHANNEL_DEFINITION = mark("orders placed through {group}, of all orders whose channel is known")
CHANNEL_FORMULA = "count(order_id where channel in {name}) / count(order_id where channel is known)"
DEVICE_DEFINITION = mark("visits made with {group}, of all visits whose device is known")
DEVICE_FORMULA = "count(visits where device in {name}) / count(visits where device is known)"
SCALE_DEFINITION = mark("mean of a respondent’s newest answers, from 0% (lowest answer to each) to 100% (highest); respondents only")
WITH_TOTALS = ("monetary", "products")
"""Families of orders that mean something when one row holds all that a customer bought in a period."""


@dataclass(frozen=True)
class GroupShare(Variable):
    """The share of a group that the project names: of categories in spend, of channels in orders, of devices in visits.

    of   the field of project.yml that lists what is added up
    """

    group: object = ""
    of: str = "category_groups"

    def title(self) -> str:
        return say(self.label, group=words.text(self.group))

    def meaning(self) -> str:
        return say(self.definition, group=words.text(self.group))


@dataclass(frozen=True)
class ScaleMeasure(Variable):
    """What several survey items measure together, as the project lists them."""

    scale: Scale | None = None

    def title(self) -> str:
        return words.text(self.scale.name)

    def parameters(self, project: Project) -> dict:
        s = self.scale
        return {"items": sorted(set(s.items)), "reversed": sorted(set(s.reversed)), "low": s.low, "high": s.high}


@dataclass(frozen=True)
class OwnMeasure(Variable):
    """A variable of the analyst's own: one expression of others."""

    typed: OwnVariable | None = None

    def title(self) -> str:
        return words.text(self.typed.name)

    def meaning(self) -> str:
        return words.text(self.typed.definition)

    def parameters(self, project: Project) -> dict:
        return {"expression": " ".join(self.typed.expression.split())}


def catalogue(project: Project) -> list[Variable]:
    """The variables that the project's mapped columns allow, family by family."""
    given = [v for v in [*MEASURES, *_shares(project), *_scales(project)] if unmeasured(v, project) is None]
    return sorted([*given, *_own(project, given)], key=lambda v: list(FAMILIES).index(v.family))


def unmeasured(variable: Variable, project: Project) -> str | None:
    """Why a variable of the list is not measured here: "decided", "totals" or the first need that is not met; None: it is."""
    if variable.name in project.variables.not_measured:
        return "decided"
    if of_totals(project) and (_of_orders(variable) and variable.family not in WITH_TOTALS or variable.name == "basket_abandon_share"):
        return "totals"
    if variable.name == "own_brand_share" and not project.variables.own_brand:
        return "variables.own_brand"
    return next((need for need in variable.needs if not _met(need, project)), None)


def of_totals(project: Project) -> bool:
    """Whether the orders are totals of a period: one row a customer, so that nothing tells when, how often or how much at once."""
    sources = project.sources_of("orders").values()
    return bool(sources) and all(source.totals for source in sources)


def _of_orders(variable: Variable) -> bool:
    return variable.needs[0].split(".")[0] == "orders"


def _met(need: str, project: Project) -> bool:
    """Whether the sources can meet a need, as far as project.yml tells; a mapped column may hold anything."""
    column, _, kind = need.partition(":")
    table, _, name = column.rstrip("*").partition(".")
    if not kind and not column.endswith("*"):
        return project.has(need)
    sources = [s for s in project.sources_of(table).values() if name in s.mapped]
    constants = [s.constants[name] for s in sources if name in s.constants]
    if len(constants) < len(sources):
        return True  # at least one source maps a column of its file
    if kind:
        return any(value in getattr(project.variables.event_kinds, kind, [kind]) for value in constants)
    return len(set(constants)) > 1


SHARES = {
    "category_groups": ("products", GROUP_LABEL, GROUP_DEFINITION, GROUP_FORMULA, ("orders.category",)),
    "channel_groups": ("channels", CHANNEL_LABEL, CHANNEL_DEFINITION, CHANNEL_FORMULA, ("orders.channel",)),
    "device_groups": ("channels", DEVICE_LABEL, DEVICE_DEFINITION, DEVICE_FORMULA, ("events.device", "events.kind:visit")),
}
"""Field of project.yml that names groups: family, label, definition, formula and needs of their shares."""


def _shares(project: Project) -> list[Variable]:
    v = project.variables
    return [
        GroupShare(
            name=name,
            family=family,
            kind="share",
            unit="share",
            label=label,
            definition=said,
            needs=needs,
            type="behavioural" if field == "channel_groups" else "",
            formula=formula.format(name=name),
            sensitivity="personal" if field == "device_groups" else "none",
            group=v.share_names.get(name, name.removesuffix("_share").replace("_", " ")),
            of=field,
        )
        for field, (family, label, said, formula, needs) in SHARES.items()
        for name in getattr(v, field)
    ]


def _scales(project: Project) -> list[Variable]:
    return [
        ScaleMeasure(
            name=name,
            family="opinions",
            kind="share",
            unit="share",
            label="",
            definition=SCALE_DEFINITION,
            needs=("answers",),
            type=scale.type,
            formula=_scale_formula(scale),
            sensitivity="special" if {"answer", "answers", name, *scale.items} & set(project.collect.special) else "personal",
            scale=scale,
        )
        for name, scale in project.variables.scales.items()
    ]


def _scale_formula(scale: Scale) -> str:
    items = [f"-{item}" if item in scale.reversed else item for item in scale.items]
    return f"mean({', '.join(items)}), from {scale.low:g}-{scale.high:g} to 0-1; a reversed item is turned first"


def _own(project: Project, given: list[Variable]) -> list[Variable]:
    """The analyst's own variables; whatever they are made of makes them as sensitive, and needs the same tables."""
    known, result = {v.name: v for v in given}, []
    for name, own in project.variables.own.items():
        used = [known[n] for n in sorted(_names(name, own, project)) if n in known]
        levels = [v.sensitivity for v in used]
        result.append(
            OwnMeasure(
                name=name,
                family="own",
                kind=own.kind,
                unit=own.unit,
                label="",
                definition=_english(own.definition).replace("{", "{{").replace("}", "}}"),
                needs=tuple(dict.fromkeys(need for v in used for need in v.needs)) or ("orders",),
                type=own.type,
                formula=own.expression,
                sensitivity=next((level for level in ("special", "personal") if level in levels), "none"),
                typed=own,
            )
        )
    return result


def _names(name: str, own: OwnVariable, project: Project) -> set[str]:
    return expressions.names(own.expression, field=_own_field(name, project))


def _own_field(name: str, project: Project) -> str:
    return f"{project.file}: field variables.own.{name}.expression"


def _english(prose) -> str:
    """Prose in English whatever language is in use; else the first that is typed."""
    return prose.get("en") or next(iter(prose.values())) if isinstance(prose, dict) else prose


def check_names(project: Project) -> None:
    """Raise NinefoldError for a name in project.yml that these data do not measure, wherever variables are named by people.

    Also for a variable of the analyst's own that cannot be worked out, and for two variables of one name.
    """
    _check_own(project)
    known = [v.name for v in catalogue(project)]
    fields = {
        "scope.panel": project.scope.panel,
        "variables.leave_out": project.variables.leave_out,
        "variables.keep": project.variables.keep,
        "build.crossing": project.build.crossing,
        **{f"build.segments.{segment}.expect": named.expect for segment, named in project.build.segments.items()},
    }
    for field, names in fields.items():
        for name in names:
            if name not in known:
                raise NinefoldError(
                    f"{project.file}: field {field} names {name!r}, which is no variable of these data. {_near(name, known)}"
                    f"Measured here: {', '.join(known)}."
                )
    for name in project.variables.not_measured:
        if name not in (listed := [v.name for v in MEASURES]):
            raise NinefoldError(
                f"{project.file}: field variables.not_measured names {name!r}, which is not on the list of variables. {_near(name, listed)}"
                f"On it: {', '.join(listed)}."
            )


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}? " if near else ""


def _check_own(project: Project) -> None:
    """The names typed in project.yml are new and can be names; the expressions can be worked out: before anything runs."""
    v = project.variables
    taken = {measure.name: "a variable of the list" for measure in MEASURES}
    for section, names in {field: getattr(v, field) for field in (*SHARES, "scales", "own")}.items():
        for name in names:
            field = f"{project.file}: field variables.{section}"
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise NinefoldError(f"{field} holds the name {name!r}. A name has letters a-z, digits and _ only, such as own_{section}.")
            if name in taken:
                raise NinefoldError(f"{field} holds the name {name!r}, which is {taken[name]} already. Give it another name.")
            taken[name] = f"a name in variables.{section}"
    measured = [variable.name for variable in catalogue(project) if variable.name not in v.own]
    row = ibis.table(dict.fromkeys(measured or ["nothing"], "float64"), name="measured")
    for name, own in v.own.items():
        expressions.build(own.expression, {n: row[n] for n in measured}, field=_own_field(name, project), wanted="number")


def definition(variable: Variable) -> str:
    """The definition in business words."""
    return variable.meaning()
