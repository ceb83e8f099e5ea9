"""Comments as evidence for the later steps: language, theme and mood of each, and how far that reading can be trusted."""

from collections import Counter
from collections.abc import Iterator, Mapping

import ibis
import ibis.expr.types as ir

from helpers.collect.readiness import LEAST, requirement
from helpers.engine import sample, total
from helpers.predict.grades import CANNOT_TELL, GRADED, NONE, NOT_READY
from helpers.predict.voice import accuracy
from helpers.predict.voice.language import UNKNOWN, language
from helpers.predict.voice.sentiment import LANGUAGES, mood
from helpers.predict.voice.topics import Topics, assign, learn

LEARNT_FROM, BATCH = 10_000, 50_000
COLUMNS = {
    "customer_id": "string",
    "said_at": "timestamp",
    "language": "string",
    "theme": "int64",
    "sentiment": "int64",
    "rating": "float64",
}


def voice(step, checked: Mapping[str, ir.Table]) -> tuple[dict, ir.Table | None]:
    """What comments tell: the evidence (voice.json), and one row a comment for the private table `said`.

    checked    the tables of step 3 by name; comments: customer_id, said_at, text and, where there is one, rating
    Returns    evidence: status (graded, not_ready, cannot_tell, none), reasons, grade (of the themes; of the moods where there are no
               themes), readiness; comments, customers; languages (code → comments, null for those of a few customers); main (the
               language of most; those too short to tell are read in it); ratings (mean and comments); themes (see `_themes`); unclear
               (comments of no clear theme, null where it would give a theme away); topics (language → how steady its themes are);
               moods (see `_moods`)
               said: customer_id, said_at, language, theme (null: none clear), sentiment (-1, 0, 1; null: not used), rating; never the text
    """
    comments, project = checked.get("comments"), step.project
    empty = {"grade": None, "readiness": [], "comments": 0, "customers": 0, "themes": [], "topics": {}, "moods": None}
    if comments is None:
        return {"status": NONE, "reasons": ["no_comments"]} | empty, None
    rows = said_rows(comments)
    counted = rows.aggregate(n=rows.count(), people=rows.customer_id.nunique(), rated=rows.rating.count()).execute().iloc[0]
    n, people = int(counted["n"]), int(counted["people"])
    needs = [requirement("comments", n, LEAST["comments"]), requirement("rated", int(counted["rated"]), LEAST["rated"])]
    head = empty | {"readiness": needs, "comments": n, "customers": people}
    if n < LEAST["comments"] or people < project.min_cell:
        return {"status": NOT_READY if n else NONE, "reasons": ["few_comments" if n else "no_comments"]} | _hidden(head, project), None
    learnt = sample(rows, LEARNT_FROM, seed=project.seed, key="key_").drop("key_").execute()
    topics, told, main = _learnt(learnt, project)
    starts = dict(zip(topics, _first_ids(topics), strict=True))
    said = ibis.memtable(_read(rows.drop("key_"), topics, starts, main), schema=COLUMNS)
    moods = _moods(said)
    used = [code for code, one in moods["languages"].items() if one["used"]]
    read_as = said.language.isin(used) | ((said.language == UNKNOWN) & ibis.literal(main in used))
    said = said.mutate(sentiment=ibis.cases((read_as, said.sentiment)))
    evidence = (
        head
        | {"main": main, "languages": _told_languages(said, project), "ratings": _ratings(said, project)}
        | {"topics": told, "moods": moods}
    )
    themes = _themes(said, topics, starts, project)
    untold = any(one["n"] is None for one in themes)  # the one number missing from a sum would follow
    evidence |= {"themes": themes, "unclear": None if untold else int(said.theme.isnull().sum().execute())}
    return _verdict(evidence), said


def said_rows(comments: ir.Table) -> ir.Table:
    """customer_id, said_at, text, rating (null where there is none), key_ (an order of their own): comments with a text and a customer."""
    rating = comments.rating.cast("float64") if "rating" in comments.columns else ibis.null("float64")
    kept = comments.filter(comments.customer_id.notnull(), comments.said_at.notnull(), comments.text.strip() != "")
    key = ibis._.customer_id.cast("string") + "|" + ibis._.said_at.cast("string") + "|" + ibis._.text
    return kept.select("customer_id", "said_at", "text", rating=rating).mutate(key_=key)


def _hidden(head: dict, project) -> dict:
    """The same without numbers about a few customers."""
    few = 0 < head["customers"] < project.min_cell
    readiness = [need | {"have": None} for need in head["readiness"]] if few else head["readiness"]
    return head | {"readiness": readiness} | (dict.fromkeys(("comments", "customers")) if few else {})


def _learnt(learnt, project) -> tuple[dict[str, Topics], dict[str, dict], str]:
    """Themes by language, how steady they are, and the language of most comments, from a bounded sample."""
    told_in = [language(text) for text in learnt["text"]]
    counts = Counter(code for code in told_in if code in LANGUAGES)
    main = min(LANGUAGES, key=lambda code: (-counts[code], LANGUAGES.index(code)))
    topics, told = {}, {}
    for code in LANGUAGES:
        own = learnt[[one == code or (one == UNKNOWN and code == main) for one in told_in]]
        if len(own) < LEAST["comments"]:
            continue
        options = {"themes": project.variables.predict.themes, "least": project.min_cell, "seed": project.seed}
        found, told[code] = learn(list(own["text"]), list(own["customer_id"]), language=code, **options)
        if found is not None:
            topics[code] = found
    return topics, told, main


def _first_ids(topics: Mapping[str, Topics]) -> Iterator[int]:
    """The number of each language's first theme: those of all languages are counted through."""
    first = 0
    for one in topics.values():
        yield first
        first += len(one.names)


def _read(rows: ir.Table, topics: Mapping[str, Topics], starts: Mapping[str, int], main: str):
    """The rows of `said`, read in batches: what is found for a comment depends on no other one."""
    import pyarrow as pa

    kinds = {name: ibis.dtype(kind).to_pyarrow() for name, kind in COLUMNS.items()}
    schema = pa.schema([pa.field(name, kind) for name, kind in kinds.items()])
    parts = []
    for batch in rows.to_pyarrow_batches(chunk_size=BATCH):
        texts = batch.column("text").to_pylist()
        codes = [language(text) for text in texts]
        read_in = [code if code in LANGUAGES else main if code == UNKNOWN else None for code in codes]
        themes: list[int | None] = [None] * len(texts)
        for code, found in topics.items():
            places = [place for place, one in enumerate(read_in) if one == code]
            for place, theme in zip(places, assign([texts[p] for p in places], found).tolist() if places else [], strict=True):
                themes[place] = starts[code] + theme if theme >= 0 else None
        moods = [mood(text, code) if code else None for text, code in zip(texts, read_in, strict=True)]
        made = {"language": codes, "theme": themes, "sentiment": moods}
        columns = [pa.array(made[name], kinds[name]) if name in made else batch.column(name).cast(kinds[name]) for name in COLUMNS]
        parts.append(pa.record_batch(columns, schema=schema))
    return pa.Table.from_batches(parts, schema=schema)


def _counts(said: ir.Table) -> dict[str, int]:
    counts = said.group_by("language").agg(n=said.count()).order_by("language").execute()
    return {str(row.language): int(row.n) for row in counts.itertuples()}


def _told_languages(said: ir.Table, project) -> dict[str, int | None]:
    """Comments by language; None where fewer than min_cell customers wrote in it."""
    counts = said.group_by("language").agg(n=said.count(), people=said.customer_id.nunique()).order_by("language").execute()
    return {str(row.language): int(row.n) if row.people >= project.min_cell else None for row in counts.itertuples()}


def _ratings(said: ir.Table, project) -> dict | None:
    rated = said.filter(said.rating.notnull())
    one = rated.aggregate(n=rated.count(), people=rated.customer_id.nunique(), sum_=total(rated.rating)).execute().iloc[0]
    return {"n": int(one["n"]), "mean": float(one["sum_"]) / int(one["n"])} if int(one["people"]) >= project.min_cell else None


def _moods(said: ir.Table) -> dict:
    """languages (code → comments, examples, ratings, grade, used, reason) for those that occur, and grade, the lowest of those used.

    A language's moods are used where both measures are at least accuracy.LEAST; without ratings the examples decide alone.
    """
    typed, counts, found = accuracy.on_examples(), _counts(said), {}
    for code in (code for code in LANGUAGES if counts.get(code)):
        rated = accuracy.on_ratings(said.filter(said.language == code))
        measures = [typed[code]] + ([rated] if rated["reason"] is None else [])
        grades = [accuracy.letters(one) for one in measures]
        used = None not in grades
        reason = None if used else ("examples_low" if grades[0] is None else "ratings_low")
        found[code] = {"comments": counts[code], "examples": typed[code], "ratings": rated, "used": used, "reason": reason}
        found[code]["grade"] = max(grades) if used else None
    grades = [one["grade"] for one in found.values() if one["used"]]
    return {"languages": found, "grade": max(grades) if grades else None}


def _themes(said: ir.Table, topics: Mapping[str, Topics], starts: Mapping[str, int], project) -> list[dict]:
    """Every theme: how many comments and customers, its mean mood and rating; those of fewer than min_cell customers tell no number."""
    some = said.filter(said.theme.notnull())
    asked = {"n": some.count(), "customers": some.customer_id.nunique(), "felt": some.sentiment.count(), "rated": some.rating.count()}
    asked |= {name: (some.sentiment == m).fill_null(False).cast("int64").sum() for name, m in (("good", 1), ("bad", -1))}
    rows = some.group_by("theme").agg(**asked, stars=total(some.rating)).execute().set_index("theme")
    everything, found = int(said.count().execute()), []
    for code, topic in topics.items():
        for place, leading in enumerate(topic.names):
            theme = starts[code] + place
            line = {"theme": theme, "language": code, "words": list(leading), "matter": topic.matters[place]}
            if theme not in rows.index or rows.loc[theme, "customers"] < project.min_cell:
                found.append(line | dict.fromkeys(("n", "customers", "share", "content", "not_content", "rating")))
                continue
            row = rows.loc[theme]
            line |= {"n": int(row["n"]), "customers": int(row["customers"]), "share": int(row["n"]) / everything}
            felt, rated, good, bad = (int(row[name]) for name in ("felt", "rated", "good", "bad"))
            few = felt < project.min_cell or any(0 < side < project.min_cell for side in (good, bad, felt - good - bad))
            line |= {"content": None if few else good / felt, "not_content": None if few else bad / felt}
            found.append(line | {"rating": float(row["stars"]) / rated if rated >= project.min_cell else None})
    return found


def _verdict(evidence: dict) -> dict:
    themes, grades = bool(evidence["themes"]), [one["grade"] for one in evidence["topics"].values() if one["grade"]]
    reasons = sorted({one["reason"] for one in evidence["topics"].values() if one["reason"]})
    reasons += [] if evidence["topics"] else ["languages"]
    moods = evidence["moods"]["grade"]
    reasons += sorted({one["reason"] for one in evidence["moods"]["languages"].values() if one["reason"]})
    status = GRADED if themes or moods else CANNOT_TELL
    return evidence | {"status": status, "reasons": reasons, "grade": max(grades) if themes else moods}
