"""Whether a segmentation document says what it must, and nothing that contradicts itself. Its shape is told in `document`."""

import difflib
import itertools
import math
from numbers import Real

from helpers import NinefoldError

FORMAT = 1
FIELDS = ("format", "version", "key", "built_as_of", "variables", "project", "segments", "assign")
KINDS = ("nearest", "first_match", "points")
RESERVED = ("segment", "best", "points")
"""Names that the result or its working takes; a key may not begin like a working column either."""


def place(document: dict) -> str:
    """How messages name the document."""
    return f"segmentation document, version {document.get('version')}"


def check(document: dict) -> None:
    """Raise NinefoldError, naming version, field, value and remedy, for a document that cannot be applied."""
    if not isinstance(document, dict):
        raise NinefoldError(f"segmentation document: expected fields such as format and assign, found {document!r}. Take step 6's.")
    _Check(document).everything()


class _Check:
    def __init__(self, document: dict):
        self.document, self.names, self.ids = document, [], []

    def everything(self) -> None:
        found = self.document.get("format")
        if found != FORMAT or isinstance(found, bool):
            self.fault("format", found, f"this program reads format {FORMAT}: build the segmentation again, or install the newer program")
        optional = [field for field in ("built_as_of", "project") if field not in self.document]
        self.fields("", self.document, FIELDS, optional=optional)
        version = self.document["version"]
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            self.fault("version", version, "number versions 1, 2, 3")
        self.segments()
        self.variables()
        self.key()
        self.project()
        self.assign()

    # What is named

    def segments(self) -> None:
        self.ids = self.unique("segments", self.document["segments"], "id", "segment")

    def variables(self) -> None:
        variables = self.document["variables"]
        self.names = self.unique("variables", variables, "name", "variable")
        for variable in variables:
            where = f"variables.{variable['name']}"
            for field in ("kind", "missing", "steps"):
                if field not in variable:
                    self.fault(where, variable, f"the field {field} is missing: add it")
            if variable["kind"] != "number":
                self.fault(f"{where}.kind", variable["kind"], "only variables of kind number can be applied: leave the variable out")
            if variable["missing"] is not None:
                self.number(f"{where}.missing", variable["missing"])
            self.steps(f"{where}.steps", variable["steps"])

    def key(self) -> None:
        key = self.document["key"]
        if not isinstance(key, str) or not key:
            self.fault("key", key, "name the column that identifies a customer")
        taken = [*(name.casefold() for name in self.names), *RESERVED]
        if key.casefold() in taken or key.casefold().startswith(("axis_", "distance_")):
            self.fault("key", key, "a variable or the working has this name: rename the key's column, for example to customer_id")

    def steps(self, where: str, steps: list) -> None:
        lowest = -math.inf  # below which no value can lie after the steps so far: a logarithm needs more than -1
        for number, step in enumerate(self.items(where, steps)):
            at = f"{where}.{number}"
            if not isinstance(step, dict) or len(step) != 1 or next(iter(step)) not in ("clip", "log1p", "scale"):
                self.fault(at, step, "write exactly one of {clip: [low, high]}, {log1p: true}, {scale: [mean, sd]}")
            ((name, how),) = step.items()
            if name == "log1p":
                if how is not True:
                    self.fault(f"{at}.log1p", how, "write true, or take the step out")
                if lowest <= -1:
                    self.fault(at, step, "values at or below -1 have no logarithm here: clip above -1 in a step before it")
                lowest = math.log(1 + lowest)
                continue
            low, high = self.numbers(f"{at}.{name}", how, 2)
            if name == "clip" and low > high:
                self.fault(f"{at}.clip", how, "write the lower bound first")
            if name == "scale" and high <= 0:
                self.fault(f"{at}.scale", how, "the second number is a standard deviation, above 0: leave a constant variable out")
            lowest = low if name == "clip" else (lowest - low) / high

    def project(self) -> None:
        if "project" not in self.document:
            return
        project, size = self.document["project"], len(self.names)
        self.fields("project", project, ("centre", "loadings"))
        self.numbers("project.centre", project["centre"], size, "one number a variable")
        loadings = self.items("project.loadings", project["loadings"])
        if len(loadings) != size:
            self.fault("project.loadings", f"{len(loadings)} rows", f"give one row a variable, {size} in all")
        axes = len(self.items("project.loadings.0", loadings[0]))
        if not axes:
            self.fault("project.loadings.0", loadings[0], "give at least one axis, or take `project` out")
        for number, row in enumerate(loadings):
            self.numbers(f"project.loadings.{number}", row, axes, "one number an axis, as in the first row")

    # How segments are assigned

    def assign(self) -> None:
        assign = self.document["assign"]
        if not isinstance(assign, dict) or len(assign) != 1 or next(iter(assign)) not in KINDS:
            found = list(assign) if isinstance(assign, dict) else assign
            self.fault("assign", found, f"keep exactly one of {', '.join(KINDS)}")
        ((kind, how),) = assign.items()
        if kind != "nearest":
            self.raw(kind)
        getattr(self, kind)(how)

    def raw(self, kind: str) -> None:
        """Rules and points look at variables as they are measured."""
        if "project" in self.document:
            self.fault("project", f"given beside assign.{kind}", "only `nearest` uses axes: take it out")
        for variable in self.document["variables"]:
            if variable["steps"]:
                self.fault(f"variables.{variable['name']}.steps", variable["steps"], f"assign.{kind} uses values as measured: write []")

    def nearest(self, how: dict) -> None:
        self.fields("assign.nearest", how, ("centroids",))
        centroids = self.items("assign.nearest.centroids", how["centroids"])
        if len(centroids) != len(self.ids):
            self.fault("assign.nearest.centroids", f"{len(centroids)} rows", f"give one row a segment, {len(self.ids)} in all")
        projected = "project" in self.document
        size = len(self.document["project"]["loadings"][0]) if projected else len(self.names)
        for number, row in enumerate(centroids):
            self.numbers(f"assign.nearest.centroids.{number}", row, size, f"one number {'an axis' if projected else 'a variable'}")

    def first_match(self, how: dict) -> None:
        self.fields("assign.first_match", how, ("rules", "otherwise"))
        self.known("assign.first_match.otherwise", how["otherwise"], self.ids, "segment")
        for number, rule in enumerate(self.items("assign.first_match.rules", how["rules"])):
            where = f"assign.first_match.rules.{number}"
            self.fields(where, rule, ("segment", "when"))
            self.known(f"{where}.segment", rule["segment"], self.ids, "segment")
            for place_, condition in enumerate(self.items(f"{where}.when", rule["when"])):
                self.condition(f"{where}.when.{place_}", condition)

    def condition(self, where: str, condition: dict) -> None:
        self.fields(where, condition, ("variable", "at_least", "below"), optional=("at_least", "below"))
        self.known(f"{where}.variable", condition["variable"], self.names, "variable")
        bounds = {field: condition.get(field) for field in ("at_least", "below") if condition.get(field) is not None}
        if not bounds:
            self.fault(where, condition, "a condition needs at_least, below or both")
        for field, bound in bounds.items():
            self.number(f"{where}.{field}", bound)

    def points(self, how: dict) -> None:
        self.fields("assign.points", how, ("criteria", "bands", "otherwise"))
        self.known("assign.points.otherwise", how["otherwise"], self.ids, "segment")
        criteria = self.unique("assign.points.criteria", how["criteria"], "variable", "criterion")
        for variable, criterion in zip(criteria, how["criteria"], strict=True):
            where = f"assign.points.criteria.{variable}"
            self.known(where, variable, self.names, "variable")
            self.fields(where, criterion, ("variable", "cuts", "points"))
            cuts = self.ordered(f"{where}.cuts", criterion["cuts"], "write the cuts in ascending order")
            self.numbers(f"{where}.points", criterion["points"], len(cuts) + 1, "one number more than there are cuts")
        bands = self.items("assign.points.bands", how["bands"])
        for number, band in enumerate(bands):
            where = f"assign.points.bands.{number}"
            self.fields(where, band, ("segment", "from"))
            self.known(f"{where}.segment", band["segment"], self.ids, "segment")
            self.number(f"{where}.from", band["from"])
        self.ordered("assign.points.bands", [band["from"] for band in bands][::-1], "write the band with the most points first")

    # Small questions

    def fault(self, field: str, value, remedy: str):
        shown = value if isinstance(value, str) and " " in value else " ".join(repr(value).split())
        shown = shown if len(shown) <= 200 else shown[:200] + "…"
        raise NinefoldError(f"{place(self.document)}: field {field} has the value {shown}: {remedy}.")

    def fields(self, where: str, value, known: tuple[str, ...], optional=()) -> None:
        if not isinstance(value, dict):
            self.fault(where, value, f"write the fields {', '.join(known)}")
        for field in value:
            if field not in known:
                near = difflib.get_close_matches(str(field), known, n=1)
                hint = f"did you mean {near[0]}?" if near else "take it out."
                raise NinefoldError(f"{place(self.document)}: field {f'{where}.{field}'.lstrip('.')} is unknown; {hint}")
        for field in known:
            if field not in value and field not in optional:
                raise NinefoldError(f"{place(self.document)}: field {f'{where}.{field}'.lstrip('.')} is missing. Add it.")

    def items(self, where: str, value) -> list:
        if not isinstance(value, list | tuple):
            self.fault(where, value, "write a list")
        return value

    def number(self, where: str, value) -> float:
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            self.fault(where, value, "write a finite number")
        return float(value)

    def numbers(self, where: str, value, size: int, needed: str = "two numbers") -> list[float]:
        if len(self.items(where, value)) != size:
            self.fault(where, value, f"write {needed}, {size} in all")
        return [self.number(f"{where}.{n}", x) for n, x in enumerate(value)]

    def ordered(self, where: str, value, remedy: str) -> list[float]:
        figures = [self.number(f"{where}.{n}", x) for n, x in enumerate(self.items(where, value))]
        if any(low > high for low, high in itertools.pairwise(figures)):
            self.fault(where, value, remedy)
        return figures

    def unique(self, where: str, value, field: str, what: str) -> list[str]:
        """The names of a list's entries. DuckDB does not tell capitals from small letters, so names that differ by them are one."""
        if not self.items(where, value):
            self.fault(where, value, f"give at least one {what}")
        found = []
        for number, entry in enumerate(value):
            name = entry.get(field) if isinstance(entry, dict) else None
            if not isinstance(name, str) or not name:
                self.fault(f"{where}.{number}.{field}", name, "write a text that is not empty")
            if name.casefold() in [other.casefold() for other in found]:
                self.fault(f"{where}.{number}.{field}", name, f"another {what} has it already: keep one of the two")
            found.append(name)
        return found

    def known(self, where: str, value, names: list[str], what: str) -> None:
        if value not in names:
            near = difflib.get_close_matches(str(value), names, n=1)
            hint = f"did you mean {near[0]}" if near else f"write one of {', '.join(names)}"
            self.fault(where, value, f"there is no such {what}; {hint}")
