"""Whether a segmentation document says what it must, and nothing that contradicts itself. Its shape is told in `model`."""

import difflib
import functools
import itertools
import math
import operator
import typing
from collections.abc import Iterable
from numbers import Integral, Real

from pydantic import ValidationError

from helpers import NinefoldError
from helpers.build.document import model
from helpers.build.document.ruled import rule_bounds, rules_named

FORMATS = (1, 2)
RESERVED = ("segment", "confidence", "reason", "best", "points")
"""Names that the result or its working takes; a key may not begin like a working column either."""
NEW = {"made_by", "posterior", "sqrt", "levels", "confidence", "define", "any", "all", "not", "in", "rule", "age", "half_life_days"}
"""Fields that format 1 does not have."""
SHAPES = {
    "finite_number": "write a finite number",
    "float_type": "write a finite number",
    "list_type": "write a list",
    "string_type": "write a text that is not empty",
    "string_too_short": "write a text that is not empty",
    "model_type": "write fields and their values",
    "dict_type": "write fields and their values",
    "greater_than": "write a number above 0",
    "greater_than_equal": "write a number from 0 on",
    "less_than_equal": "write a share from 0 to 1",
}


def place(document: dict) -> str:
    """How messages name the document."""
    return f"segmentation document, version {document.get('version')}"


def plain(value):
    """Tuples as lists and numbers with the 12 digits with which run.write_json writes them: documents mean the same before and after."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(f"{float(value):.12g}")


def check(document: dict) -> None:
    """Raise NinefoldError, naming version, field, value and remedy, for a document that cannot be applied."""
    as_written(document)


def as_written(document: dict) -> dict:
    """The document, checked, with its numbers as they are written."""
    if not isinstance(document, dict):
        raise NinefoldError(f"segmentation document: expected fields such as format and assign, found {document!r}. Take step 6's.")
    document = plain(document)
    found = document.get("format")
    if found not in FORMATS or isinstance(found, bool):
        fault(document, "format", found, "this program reads formats 1 and 2: build the segmentation again, or install the newer program")
    if found == 1:
        _refuse_what_is_new(document, document, "")
    try:
        model.Document.model_validate(document)
    except ValidationError as error:
        _told(document, error.errors()[0])
    _Cross(document).everything()
    return document


def fault(document: dict, field: str, value, remedy: str) -> typing.NoReturn:
    shown = value if isinstance(value, str) and " " in value else " ".join(repr(value).split())
    shown = shown if len(shown) <= 200 else shown[:200] + "…"
    raise NinefoldError(f"{place(document)}: field {field} has the value {shown}: {remedy}.")


def _refuse_what_is_new(document: dict, value, where: str) -> None:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        at = f"{where}.{key}".lstrip(".")
        if key in NEW or (key == "kind" and inner == "category"):
            fault(document, at, inner, "format 1 does not have it: take it out, or write format 2")
        _refuse_what_is_new(document, inner, at)


# The shape, in words


def _told(document: dict, error: dict) -> typing.NoReturn:
    """What pydantic found first, as an error of ours."""
    field, kind, value = _way(document, error["loc"]), error["type"], error["input"]
    if kind == "missing":
        raise NinefoldError(f"{place(document)}: field {field} is missing. Add it.")
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(field.rsplit(".", 1)[-1], _fields(), n=1)
        raise NinefoldError(f"{place(document)}: field {field} is unknown; {f'did you mean {near[0]}?' if near else 'take it out.'}")
    if field == "assign" and isinstance(value, dict):
        value = list(value)
    if field == "version":
        fault(document, field, value, "number versions 1, 2, 3")
    if kind in ("too_short", "too_long"):
        fault(document, field, value, "write two numbers, 2 in all")
    if kind == "literal_error":
        fault(document, field, value, f"write {error['ctx']['expected'].replace('True', 'true')}, or take it out")
    fault(document, field, value, str(error["ctx"]["error"]) if kind == "value_error" else SHAPES.get(kind, error["msg"]))


def _way(document: dict, loc: tuple) -> str:
    """The field's path, variables and criteria by their names, without the marks of what stands in one of several forms."""
    loc = [step for step in loc if not (isinstance(step, str) and step.startswith("‹"))]
    for n, (step, own) in enumerate(itertools.pairwise(loc)):
        naming = {"variables": "name", "criteria": "variable"}.get(step)
        if naming and isinstance(own, int) and loc[n + 2 :] != [naming]:
            inner = functools.reduce(operator.getitem, loc[: n + 2], document)
            if isinstance(inner, dict) and isinstance(inner.get(naming), str):
                loc[n + 1] = inner[naming]
    return ".".join(map(str, loc))


def _fields() -> list[str]:
    """The fields of all parts: near enough to find what was meant."""
    return sorted(
        {field.alias or name for part in [model.Document, *model.Part.__subclasses__()] for name, field in part.model_fields.items()}
    )


# What one field demands of another


class _Cross:
    def __init__(self, document: dict):
        self.document, self.variables = document, {v["name"]: v for v in document["variables"]}
        self.ids = [s["id"] for s in document["segments"]]
        self.sizes = {n: 1 if v["kind"] == "number" else len(v.get("levels") or []) for n, v in self.variables.items()}

    def everything(self) -> None:
        self.unique("segments", self.document["segments"], "id", "segment")
        self.unique("variables", self.document["variables"], "name", "variable")
        ((kind, how),) = self.document["assign"].items()
        for variable in self.document["variables"]:
            self.variable(variable, kind)
        self.key()
        self.project(kind)
        getattr(self, kind)(how)
        if "confidence" in how:
            self.confidence(kind, how)

    def variable(self, variable: dict, kind: str) -> None:
        where = f"variables.{variable['name']}"
        if variable["kind"] == "number":
            if "missing" not in variable:
                self.fault(where, variable, "the field missing is missing: add it")
            if variable.get("levels"):
                self.fault(f"{where}.levels", variable["levels"], "only a category has levels: take them out, or write kind category")
        elif variable["steps"] or variable.get("missing") is not None:
            field = "steps" if variable["steps"] else "missing"
            self.fault(f"{where}.{field}", variable[field], "a category has neither steps nor a value for missing: take it out")
        self.unique(f"{where}.levels", variable.get("levels") or [], "level", "level", several=False)
        if kind in ("first_match", "points") and variable["steps"]:
            self.fault(f"{where}.steps", variable["steps"], f"assign.{kind} uses values as measured: write []")
        self.steps(f"{where}.steps", variable["steps"])

    def steps(self, where: str, steps: list[dict]) -> None:
        lowest = -math.inf  # below which no value can lie after the steps so far: a logarithm needs more than -1, a root at least 0
        for number, step in enumerate(steps):
            at, ((name, how),) = f"{where}.{number}", step.items()
            if name == "log1p":
                if lowest <= -1:
                    self.fault(at, step, "values at or below -1 have no logarithm here: clip above -1 in a step before it")
                lowest = math.log(1 + lowest)
            elif name == "sqrt":
                if lowest < 0:
                    self.fault(at, step, "values below 0 have no square root here: clip at 0 or above in a step before it")
                lowest = math.sqrt(lowest)
            elif name == "clip":
                if how[0] > how[1]:
                    self.fault(f"{at}.clip", how, "write the lower bound first")
                lowest = how[0]
            else:
                if how[1] <= 0:
                    self.fault(f"{at}.scale", how, "the second number is a standard deviation, above 0: leave a constant variable out")
                lowest = (lowest - how[0]) / how[1]

    def key(self) -> None:
        key = self.document["key"].casefold()
        if key in [*(name.casefold() for name in self.variables), *RESERVED] or key.startswith(("axis_", "distance_")):
            remedy = "a variable or the working has this name: rename the key's column, for example to customer_id"
            self.fault("key", self.document["key"], remedy)

    def project(self, kind: str) -> None:
        if "project" not in self.document:
            return
        if kind != "nearest":
            self.fault("project", f"given beside assign.{kind}", "only `nearest` uses axes: take it out")
        project, size, one = self.document["project"], sum(self.sizes.values()), self.one()
        self.length("project.centre", project["centre"], size, f"one number {one}")
        loadings = project["loadings"]
        if len(loadings) != size:
            self.fault("project.loadings", f"{len(loadings)} rows", f"give one row {one}, {size} in all")
        if not loadings[0]:
            self.fault("project.loadings.0", loadings[0], "give at least one axis, or take `project` out")
        for number, row in enumerate(loadings):
            self.length(f"project.loadings.{number}", row, len(loadings[0]), "one number an axis, as in the first row")

    def one(self) -> str:
        return "a variable" if all(v["kind"] == "number" for v in self.variables.values()) else "a variable, for a category one a level"

    # How segments are assigned

    def nearest(self, how: dict) -> None:
        for name, size in self.sizes.items():
            if not size:
                self.fault(f"variables.{name}.levels", [], "a category has coordinates by its levels: list them")
        centroids, projected = how["centroids"], "project" in self.document
        if len(centroids) != len(self.ids):
            self.fault("assign.nearest.centroids", f"{len(centroids)} rows", f"give one row a segment, {len(self.ids)} in all")
        size = len(self.document["project"]["loadings"][0]) if projected else sum(self.sizes.values())
        for number, row in enumerate(centroids):
            self.length(f"assign.nearest.centroids.{number}", row, size, f"one number {'an axis' if projected else self.one()}")

    def posterior(self, how: dict) -> None:
        classes = self.unique("assign.posterior.classes", how["classes"], "segment", "class")
        for number, (segment, each) in enumerate(zip(classes, how["classes"], strict=True)):
            where = f"assign.posterior.classes.{number}"
            self.known(f"{where}.segment", segment, self.ids, "segment")
            for name, distribution in each["of"].items():
                self.known(f"{where}.of.{name}", name, list(self.variables), "variable")
                kind = "category" if "levels" in distribution else "number"
                self.kind_is(f"{where}.of.{name}", name, kind, "write mean and sd for a number, levels for a category")
        if how.get("unknown") is not None:
            self.known("assign.posterior.unknown", how["unknown"], self.ids, "segment")

    def first_match(self, how: dict) -> None:
        self.known("assign.first_match.otherwise", how["otherwise"], self.ids, "segment")
        define = how.get("define") or {}
        for name, condition in define.items():
            self.conditions(f"assign.first_match.define.{name}", condition, define)
        self.circles(define)
        for number, rule in enumerate(how["rules"]):
            self.known(f"assign.first_match.rules.{number}.segment", rule["segment"], self.ids, "segment")
            self.conditions(f"assign.first_match.rules.{number}.when", rule["when"], define)

    def conditions(self, where: str, condition, define: dict) -> None:
        if isinstance(condition, list):
            for number, each in enumerate(condition):
                self.conditions(f"{where}.{number}", each, define)
        for form in ("all", "any", "not"):
            if isinstance(condition, dict) and form in condition:
                return self.conditions(f"{where}.{form}", condition[form], define)
        if isinstance(condition, dict) and "rule" in condition:
            self.known(f"{where}.rule", condition["rule"], list(define), "definition")
        elif isinstance(condition, dict):
            self.comparison(where, condition)

    def comparison(self, where: str, condition: dict) -> None:
        name = condition["variable"]
        self.known(f"{where}.variable", name, list(self.variables), "variable")
        if "in" in condition:
            texts = self.variables[name]["kind"] == "category"
            for number, value in enumerate(condition["in"]):
                if isinstance(value, str) != texts:
                    self.fault(
                        f"{where}.in.{number}",
                        value,
                        f"{name} is a {self.variables[name]['kind']}: write {'texts' if texts else 'numbers'}",
                    )
        elif "missing" not in condition:
            self.kind_is(where, name, "number", "a category has no bounds: write in")

    def circles(self, define: dict) -> None:
        settled: set[str] = set()
        while len(settled) < len(define):
            ready = {name for name in define if name not in settled and set(rules_named(define[name])) <= settled}
            if not ready:
                name = next(name for name in define if name not in settled)
                self.fault(f"assign.first_match.define.{name}", define[name], "definitions go round in a circle: let one stand by itself")
            settled |= ready

    def points(self, how: dict) -> None:
        self.known("assign.points.otherwise", how["otherwise"], self.ids, "segment")
        criteria = self.unique("assign.points.criteria", how["criteria"], "variable", "criterion")
        for variable, criterion in zip(criteria, how["criteria"], strict=True):
            self.criterion(f"assign.points.criteria.{variable}", variable, criterion)
        for number, band in enumerate(how["bands"]):
            self.known(f"assign.points.bands.{number}.segment", band["segment"], self.ids, "segment")
        self.ordered("assign.points.bands", [band["from"] for band in how["bands"]][::-1], "write the band with the most points first")

    def criterion(self, where: str, variable: str, criterion: dict) -> None:
        self.known(where, variable, list(self.variables), "variable")
        self.kind_is(where, variable, "category" if "levels" in criterion else "number", "write cuts for a number, levels for a category")
        if "levels" not in criterion:
            for field in ("cuts", "points"):
                if field not in criterion:
                    raise NinefoldError(f"{place(self.document)}: field {where}.{field} is missing. Add it.")
            self.ordered(f"{where}.cuts", criterion["cuts"], "write the cuts in ascending order")
            self.length(f"{where}.points", criterion["points"], len(criterion["cuts"]) + 1, "one number more than there are cuts")
        if "age" in criterion:
            self.known(f"{where}.age", criterion["age"], list(self.variables), "variable")
            self.kind_is(f"{where}.age", criterion["age"], "number", "an age is a number of days")

    def confidence(self, kind: str, how: dict) -> None:
        where, table = f"assign.{kind}.confidence", how["confidence"]["table"]
        for number, row in enumerate(table):
            at = f"{where}.table.{number}"
            self.known(f"{at}.own", row["own"], self.ids, "segment")
            if kind == "nearest" and row["other"]:
                self.known(f"{at}.other", row["other"], [i for i in self.ids if i != row["own"]], "other segment")
            elif row["other"]:
                self.fault(f"{at}.other", row["other"], f"assign.{kind} knows no nearest other segment: write an empty text")
            if (row["own"], row["other"]) in [(r["own"], r["other"]) for r in table[:number]]:
                self.fault(at, [row["own"], row["other"]], "another row has the same pair already: keep one of the two")
            self.ordered(f"{at}.at", row["at"], "write the distances in ascending order")
            self.length(f"{at}.share", row["share"], len(row["at"]) + 1, "one share more than there are distances")
        bounds = rule_bounds(how) if kind == "first_match" else [(c["variable"], 0) for c in how.get("criteria", []) if c.get("cuts")]
        spread = how["confidence"].get("spread") or {}
        for name in spread:
            self.known(f"{where}.spread.{name}", name, list(self.variables), "variable")
        for name in dict.fromkeys(name for name, _ in bounds if name not in spread):
            self.fault(f"{where}.spread", spread, f"{name} has bounds, so its spread is needed: add it")

    # Small questions

    def fault(self, field: str, value, remedy: str) -> typing.NoReturn:
        fault(self.document, field, value, remedy)

    def length(self, where: str, value: list, size: int, needed: str) -> None:
        if len(value) != size:
            self.fault(where, value, f"write {needed}, {size} in all")

    def ordered(self, where: str, value: list[float], remedy: str) -> None:
        if any(low > high for low, high in itertools.pairwise(value)):
            self.fault(where, value, remedy)

    def unique(self, where: str, value: list[dict], field: str, what: str, several: bool = True) -> list[str]:
        """The names of a list's entries. DuckDB does not tell capitals from small letters, so names that differ by them are one."""
        if not value and several:
            self.fault(where, value, f"give at least one {what}")
        found: list[str] = []
        for number, entry in enumerate(value):
            name = entry[field] if field == "level" else entry[field].casefold()
            if name in found:
                self.fault(f"{where}.{number}.{field}", entry[field], f"another {what} has it already: keep one of the two")
            found.append(name)
        return [entry[field] for entry in value]

    def kind_is(self, where: str, name: str, kind: str, remedy: str) -> None:
        if self.variables[name]["kind"] != kind:
            self.fault(where, f"{name}, a {self.variables[name]['kind']}", remedy)

    def known(self, where: str, value, names: Iterable[str], what: str) -> None:
        if value not in names:
            near = difflib.get_close_matches(str(value), names, n=1)
            hint = f"did you mean {near[0]}" if near else f"write one of {', '.join(names)}"
            self.fault(where, value, f"there is no such {what}; {hint}")
