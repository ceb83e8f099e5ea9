"""What a segmentation works out, told once: terms that each back end turns into its own, and the stages that they stand in."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """An operation of a back end and what it is applied to: terms, tuples of terms, numbers or texts."""

    op: str
    args: tuple


@dataclass(frozen=True)
class Stage:
    """One select: columns worked out from those of the stage before; the key goes through by itself."""

    name: str
    comment: str
    columns: dict[str, Term]


def _operation(name: str):
    return lambda *args: Term(name, args)


col = _operation("col")  # name: a column of the stage before
known = _operation("known")  # term, number or None: NULL and NaN are missing, and replaced where a number is given
label = _operation("label")  # name: a column as text
minus = _operation("minus")  # term, number
apart = _operation("apart")  # term, term: the one less the other
over = _operation("over")  # term, number or term
times = _operation("times")  # term, term
square, ln, exp, sqrt, absolute, half, whole, real = map(_operation, "square ln exp sqrt absolute half whole real".split())
clip = _operation("clip")  # term, low, high
at_least, below, same = map(_operation, ("at_least", "below", "same"))  # of values: whoever has none fulfils no comparison
up_to = _operation("up_to")  # of scores, which everybody has: what is not a number is above all and equal to itself, as in SQL
one_of = _operation("one_of")  # term, tuple of numbers or texts
is_missing, opposite, surely = map(_operation, ("is_missing", "opposite", "surely"))  # true or false for everyone
nothing = _operation("nothing")  # "number" or "text"


def total(pairs: Iterable[tuple[float, Term]]) -> Term:
    """A weighted sum, added in the order given."""
    return Term("total", (tuple(pairs),))


def least(terms: Iterable[Term]) -> Term:
    return _extreme("least", tuple(terms))


def greatest(terms: Iterable[Term]) -> Term:
    return _extreme("greatest", tuple(terms))


def _extreme(op: str, terms: tuple[Term, ...]) -> Term:
    return terms[0] if len(terms) == 1 else Term(op, (terms,))


def every(conditions: Iterable[Term]) -> Term:
    return Term("every", (tuple(conditions),))


def some(conditions: Iterable[Term]) -> Term:
    return Term("some", (tuple(conditions),))


def case(branches: Iterable[tuple[Term, object]], otherwise) -> object:
    """The value of the first branch whose condition holds."""
    branches = tuple(branches)
    return Term("case", (branches, otherwise)) if branches else otherwise


def sought(term: object) -> list[str]:
    """The columns that a term is worked out from, in the order in which it names them."""
    if isinstance(term, Term):
        return [term.args[0]] if term.op in ("col", "label") else sought(term.args)
    return list(dict.fromkeys(name for each in term for name in sought(each))) if isinstance(term, tuple) else []


def pruned(stages: list[Stage], wanted: list[str]) -> list[Stage]:
    """Only what leads to the columns wanted: each stage carries on what later ones need; one that serves nothing is left out."""
    kept, needed = [], list(wanted)
    for stage in reversed(stages):
        made = {name: term for name, term in stage.columns.items() if name in needed}
        carried = {name: col(name) for name in needed if name not in made}
        if not made:
            continue
        if made == {name: col(name) for name in made} and not kept:
            continue  # the last stage only repeats the one before
        kept.append(Stage(stage.name, stage.comment, carried | made))
        needed = list(dict.fromkeys([*carried, *sought(tuple(made.values()))]))
    return kept[::-1]


def evaluated(term: object, backend) -> object:
    """The term as the back end has it: the operation's own method, given its arguments evaluated."""
    if isinstance(term, Term):
        return getattr(backend, term.op)(*(evaluated(each, backend) for each in term.args))
    return tuple(evaluated(each, backend) for each in term) if isinstance(term, tuple) else term
