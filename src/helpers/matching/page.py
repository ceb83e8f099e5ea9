"""What the page of step 3 says of matching: how many records became how many customers, why, how sure, and what would change."""

import pandas as pd

from helpers import words
from helpers.masking import covered_sizes
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.words import mark, say, say_n

FIELDS = {
    "first_name": mark("First name"),
    "last_name": mark("Last name"),
    "email": mark("E-mail address"),
    "phone": mark("Telephone"),
    "street": mark("Street"),
    "postcode": mark("Postcode"),
    "city": mark("Town"),
    "birth_date": mark("Date of birth"),
}
REASONS = {
    "same id": mark("Several records of one id"),
    "always": mark("Typed by hand as one person"),
    "rule": mark("A typed rule"),
    "probability": mark("Probable enough"),
}
THRESHOLDS = {"lower": mark("If joined sooner"), "now": mark("As used"), "higher": mark("If joined later")}


def findings(matched, project: Project) -> list[str]:
    """First the finding, how many records became how many customers; then its notes, a short one each.

    Why records were joined, how many joins are expected to be wrong, what another threshold would change, and where the evidence lies.
    """
    found = matched.summary
    if not found["joined"] and found["records"] == found["ids"]:
        alone = say_n(
            "The one record is one customer.",
            "Each of the {n} records is a customer of its own: no two were found to be one person.",
            found["records"],
        )
        return [alone, *_changes(found, project)]
    first = say_n(
        "{records} records make {n} customer.",
        "{records} records make {n} customers.",
        found["people"],
        records=words.number(found["records"]),
    )
    return _begun([first, *_why(found, project), *_changes(found, project), *_where()])


def _why(found: dict, project: Project) -> list[str]:
    pairs, said = found["pairs"], []
    if found["joined"]:
        said.append(say("{joined} ids belong to somebody who has another id too.", joined=_some(found["joined"], project)))
    if pairs["rule"]:
        said.append(say("{n} pairs of records were joined by a rule of project.yml.", n=_some(pairs["rule"], project)))
    if pairs["always"]:
        said.append(say("{n} pairs of records were joined by hand, in project.yml.", n=_some(pairs["always"], project)))
    if pairs["probability"]:
        said.append(
            say(
                "{n} pairs of records were joined because they are probably one person ({threshold} or more). The model itself expects "
                "{wrong} of them to be two people.",
                n=_some(pairs["probability"], project),
                threshold=words.share(found["threshold"], 0),
                wrong=_about(found["expected_wrong"], project),
            )
        )
    return said + _doubts(found, project)


def _doubts(found: dict, project: Project) -> list[str]:
    """What speaks against pairs that a rule joined: the figure above knows of those joined by probability only."""
    said = []
    if found["contradicted"]:
        said.append(
            say(
                "{n} pairs that a rule joined differ in first name or date of birth: look at them first, in the private table pairs "
                "(column contradicted).",
                n=_some(found["contradicted"], project),
            )
        )
    if found["pairs"]["rule"] and found["judged"]:
        said.append(
            say(
                "{n} pairs, joined by rule or by probability, can be judged by the model: it expects {wrong} of them to be two people, "
                "those of another first name or date of birth among them.",
                n=_some(found["judged"], project),
                wrong=_about(found["judged_wrong"], project),
            )
        )
    return said


def _changes(found: dict, project: Project) -> list[str]:
    lower, higher = found["sensitivity"]["lower"], found["sensitivity"]["higher"]
    values = {"lower": words.share(lower["threshold"], 0), "higher": words.share(higher["threshold"], 0)}
    if not (lower["join"] + lower["part"] + higher["join"] + higher["part"]):
        return [say("With a threshold of {lower} or of {higher} nobody would be joined or parted otherwise.", **values)]
    return [
        say(
            "With a threshold of {lower}, {join} of these customers would be joined with another. With {higher}, {part} would be several.",
            join=_some(lower["join"], project),
            part=_some(higher["part"], project),
            **values,
        )
    ]


def _where() -> list[str]:
    return [
        say("Nothing was merged in the sources. To undo a join, type its two ids under collect.matching.never in project.yml."),
        say("The private table pairs of this step holds every pair and what agreed in it; the table identity, every id with its customer."),
    ]


def reasons_table(matched, project: Project) -> Table:
    """Pairs of records joined, by reason."""
    pairs = matched.summary["pairs"]
    hidden = covered_sizes([pairs[reason] for reason in REASONS], least=project.min_cell)
    frame = pd.DataFrame(
        {
            "reason": [say(label) for label in REASONS.values()],
            "pairs": pd.array([None if shut else pairs[reason] for reason, shut in zip(REASONS, hidden, strict=True)], dtype="Int64"),
        }
    )
    columns = [Column("reason", say("Joined because of")), Column("pairs", say("Pairs of records"), "count", people=True)]
    note = say("A person of three records may rest on two pairs or on three.")
    return Table("match_reasons", say("Why records were taken for one person"), frame, columns, note=note)


def evidence_table(matched, project: Project) -> Table:
    """Of each compared column, in what share of the pairs joined by probability the two values are the same, alike, other or missing."""
    agreement = matched.summary["agreement"]
    rows = []
    for column, counts in agreement.items():
        n, kinds = sum(counts.values()), ("same", "alike", "other", "missing")
        hidden = covered_sizes([counts[kind] for kind in kinds], least=project.min_cell)
        parts = {kind: None if shut or not n else counts[kind] / n for kind, shut in zip(kinds, hidden, strict=True)}
        rows.append({"field": say(FIELDS[column]), "n": n} | parts)
    frame = pd.DataFrame(rows, columns=["field", "n", "same", "alike", "other", "missing"])
    columns = [
        Column("field", say("Compared")),
        Column("same", say("Same"), "share", 1),
        Column("alike", say("Alike"), "share", 1),
        Column("other", say("Different"), "share", 1),
        Column("missing", say("Missing in one"), "share", 1),
    ]
    note = say(
        "Compared without case, accents, spaces and the prefix of France; alike: at most four letters in ten differ. Different values are "
        "no reason against a join where the others are strong enough: people move, marry and change their address."
    )
    return Table("match_evidence", say("What agreed in the pairs joined by probability"), frame, columns, note=note, cell_size="n")


def sensitivity_table(matched, project: Project) -> Table:
    """Customers, and who would join or part, at the threshold and a step below and above."""
    found, rows = matched.summary, []
    for name, label in THRESHOLDS.items():
        other = {"threshold": found["threshold"], "people": found["people"], "join": 0, "part": 0, "pairs_join": 0, "pairs_part": 0}
        other = other if name == "now" else found["sensitivity"][name]
        rows.append({"which": say(label)} | other)
    frame = pd.DataFrame(rows)
    few = [row["people"] != found["people"] and abs(row["people"] - found["people"]) < project.min_cell for row in rows]
    frame["people"] = pd.array([None if hide else row["people"] for row, hide in zip(rows, few, strict=True)], dtype="Int64")
    columns = [
        Column("which", say("Threshold")),
        Column("threshold", say("Probability"), "share", 0),
        Column("people", say("Customers"), "count"),
        Column("join", say("Would join another"), "count", people=True),
        Column("part", say("Would part"), "count", people=True),
        Column("pairs_join", say("Pairs more"), "count", people=True),
        Column("pairs_part", say("Pairs fewer"), "count", people=True),
    ]
    return Table("match_sensitivity", say("What another threshold would change"), frame, columns)


def sources_table(matched, project: Project) -> Table:
    """Records of each source, and how many of them are somebody whom a record of another id describes too."""
    rows = [{"source": name} | counts for name, counts in matched.summary["sources"].items()]
    frame = pd.DataFrame(rows, columns=["source", "records", "joined"])
    frame["share"] = [
        None if 0 < joined < project.min_cell or 0 < n - joined < project.min_cell else joined / n
        for joined, n in zip(frame["joined"], frame["records"], strict=True)
    ]
    columns = [
        Column("source", say("Source")),
        Column("records", say("Records"), "count"),
        Column("share", say("Also under another id"), "share", 1),
    ]
    return Table("match_sources", say("How much of each source is known from elsewhere"), frame, columns, cell_size="records")


def household_words(matched, project: Project) -> str:
    """How many households there are, and how many people live with another."""
    found = matched.summary
    if not project.collect.matching.households:
        return say("Households are not told apart: project.yml says so (collect.matching.households).")
    if not found["households"]:
        return say("No household can be told: it takes the last name, the street and the postcode or town of customers.")
    together = found["in_households"] - found["households_of"].get("1", 0)
    return say(
        "{people} of {all} customers have a last name and an address: they live in {n} households, {together} of them with somebody else.",
        people=words.number(found["in_households"]),
        all=words.number(found["people"]),
        n=words.number(found["households"]),
        together=_some(together, project),
    )


def caveats(matched, project: Project) -> list[str]:
    """What could mislead in the number of customers, each with its size."""
    found, said = matched.summary, []
    single = found["sizes"].get("1", 0)
    if found["people"] > single:
        said.append(
            say(
                "{single} customers ({share}) are known from one id only. Who came back under another name, address and e-mail is among "
                "them twice, so customers are rather fewer and more loyal than they look.",
                single=_some(single, project),
                share=words.share(single / found["people"], 0) if single >= project.min_cell else words.NONE,
            )
        )
    if found["fields"] and found["compared_pairs"] and not found["estimated"]:
        said.append(
            say(
                "{n} records are too few to learn from them how much each agreement proves: general weights were used. Look "
                "through the pairs.",
                n=words.number(found["records"]),
            )
        )
    return _begun(said + _left_out(found, project) + _families(found, project))


def _left_out(found: dict, project: Project) -> list[str]:
    said = []
    for shared in found["shared"]:
        name = FIELDS[shared["field"]]
        said.append(
            say_n(
                "{field}: {n} value is on so many ids ({ids} in all) that it is nobody’s own; it was not compared.",
                "{field}: {n} values are on so many ids ({ids} in all) that they are nobody’s own; they were not compared.",
                shared["values"],
                field=say(name),
                ids=_some(shared["ids"], project),
            )
        )
    if found["rule_values_left_out"]:
        said.append(
            say_n(
                "{n} value that a typed rule would have joined is shared by too many ids to be one person’s: the rule did not apply to it.",
                "{n} values that a typed rule would have joined are shared by too many ids to be one person’s: the rule did not apply "
                "to them.",
                found["rule_values_left_out"],
            )
        )
    if found["nothing_to_compare"]:
        said.append(
            say(
                "{n} records hold nothing that could be compared: each counts as a customer of its own.",
                n=_some(found["nothing_to_compare"], project),
            )
        )
    return said


def _families(found: dict, project: Project) -> list[str]:
    said = []
    if found["shared_emails"]:
        said.append(
            say(
                "{n} e-mail addresses belong to several customers, mostly families: a message to one is read by all of them.",
                n=_some(found["shared_emails"], project),
            )
        )
    if found["kept_apart"]:
        said.append(
            say(
                "{n} pairs would have united two people who are not one (typed as never, of another kind, or of another first name or date "
                "of birth) through a third record: the chain was cut at its weakest pair.",
                n=_some(found["kept_apart"], project),
            )
        )
    if found["households"] and found["households"] < found["in_households"]:
        said.append(
            say("A household is a last name at an address: namesakes in one building count as one, and couples of two names as two.")
        )
    return said


def _begun(sentences: list[str]) -> list[str]:
    """Sentences with a capital letter: one may begin with words for a number that is not told."""
    return [sentence[:1].upper() + sentence[1:] for sentence in sentences]


def _some(n: int, project: Project) -> str:
    """A number of people or pairs, or that it is too small to be told."""
    if 0 < n < project.min_cell:
        return say("fewer than {n}", n=words.number(project.min_cell))
    return words.number(n)


def _about(expected: float, project: Project) -> str:
    if round(expected) < project.min_cell:
        return say("fewer than {n}", n=words.number(project.min_cell))
    return say("about {n}", n=words.number(expected))
