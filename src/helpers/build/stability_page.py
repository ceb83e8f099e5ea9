"""What the page of step 6 says of how surely segments come back: with how many of them, each by itself, and the appendix."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers import words
from helpers.build.portraits import label
from helpers.build.stability import TRUSTED
from helpers.charts.style import ACCENT, NEUTRAL
from helpers.masking import withheld
from helpers.tables import Column, Table, nothing
from helpers.words import say, say_n

STEADY = 0.8
"""Adjusted Rand index from which two builds are nearly the same."""


def against_frame(stable: Mapping, by_k: Mapping | None = None) -> pd.DataFrame:
    """What `charts.stability_against_nulls` draws.

    stable   k → one index a pair, or k as text → {low_quartile, median, high_quartile} as handed over
    by_k     of `structure.verdict`; None: not compared
    Returns  k, value, low, high, same, cloud_median, cloud_low, cloud_high, unrelated_low, unrelated_high
    """
    rows = []
    for k, values in stable.items():
        quartiles = [values[part] for part in QUARTILES] if isinstance(values, Mapping) else np.quantile(values, [0.25, 0.5, 0.75])
        told = (by_k or {}).get(str(k)) or {}
        cloud, unrelated = (((told.get(null) or {}).get("stability") or {}) for null in ("one_cloud", "unrelated"))
        row = dict(zip(("low", "value", "high"), quartiles, strict=True)) | {"k": int(k), "same": told.get("stability")}
        row |= {f"cloud_{part}": cloud.get(part) for part in ("median", "low", "high", "p")}
        rows.append(row | {f"unrelated_{part}": unrelated.get(part) for part in ("low", "high")})
    frame = pd.DataFrame(rows, columns=["k", "value", "low", "high", "same", *NULL_COLUMNS])
    return frame.astype(dict.fromkeys(frame.columns.drop("k"), "float64")).sort_values("k", ignore_index=True)


LEVEL = 0.95
"""What chance reaches in 19 of 20 cases."""
QUARTILES = ("low_quartile", "median", "high_quartile")
NULL_COLUMNS = ("cloud_median", "cloud_low", "cloud_high", "cloud_p", "unrelated_low", "unrelated_high")


def against_words(frame: pd.DataFrame, k: int, *, pairs: int, starts: int, customers: int, compared: Mapping | None = None) -> dict:
    """Words of the chart of stability; k: the number that is published; compared: what `structure.verdict` gave."""
    name = "stability"
    if frame.empty:
        return nothing(name, say("Stability cannot be told: there are too few different customers."))
    best = frame.loc[frame["value"].idxmax()]
    at = frame[frame["k"] == k]
    source = say(
        "Source: {pairs} pairs of bootstrap samples of {n} customers, at most {starts} cold starts a fit",
        pairs=words.number(pairs),
        n=words.number(customers),
        starts=words.number(starts),
    )
    if compared and frame["same"].notna().any():
        more = say(
            "comparison: {draws} data sets of each kind, {rows} customers, boxes hold nine tenths",
            draws=words.number(compared["draws"]),
            rows=words.number(compared.get("rows") or 0),
        )
        source = f"{source}; {more}"
    return {
        "name": name,
        "title": _against_title(frame, at, best, k),
        "subtitle": say("Agreement of two builds on two samples (adjusted Rand index, 0 = chance, 1 = the same segments)"),
        "alt": _against_alt(frame, at, best, k),
        "source": source,
    }


def _against_title(frame: pd.DataFrame, at: pd.DataFrame, best: pd.Series, k: int) -> str:
    most, highest = int(best["k"]), words.number(best["value"], 2)
    if at.empty:
        return say("{k} segments come back best, at {value}; {wanted} cannot be told", k=most, value=highest, wanted=words.number(k))
    row = at.iloc[0]
    value = words.number(row["value"], 2)
    if np.isfinite(row["same"]) and np.isfinite(row["cloud_high"]):
        if row["cloud_p"] <= 1 - LEVEL:  # over all numbers of segments at once, as the verdict has it
            return say("{k} segments come back at {value}, more surely than one cloud would", k=k, value=value)
        if row["same"] <= row["unrelated_high"]:
            return say("{k} segments come back at {value}, as they would from unrelated variables", k=k, value=value)
        return say("{k} segments come back at {value}, as they would from one cloud", k=k, value=value)
    if most != k and best["value"] - row["value"] > 0.05:
        return say("{k} segments come back at {value}; {best_k} would at {best}", k=k, value=value, best_k=most, best=highest)
    return say("Two samples of the same customers give {k} segments that agree at {value}", k=k, value=value)


def _against_alt(frame: pd.DataFrame, at: pd.DataFrame, best: pd.Series, k: int) -> str:
    first = say(
        "Agreement of two builds is highest, {best}, with {best_k} segments.", best=words.number(best["value"], 2), best_k=int(best["k"])
    )
    if at.empty:
        return first
    row = at.iloc[0]
    second = say(
        "With {k} it is {value}; half of the pairs lie between {low} and {high}.",
        k=k,
        value=words.number(row["value"], 2),
        low=words.number(row["low"], 2),
        high=words.number(row["high"], 2),
    )
    if not np.isfinite(row["cloud_median"]):
        return f"{first} {second}"
    cloud = say("Cut out of one cloud without segments, {k} reach {value}.", k=k, value=words.number(row["cloud_median"], 2))
    return f"{first} {second} {cloud}"


def reading_words(frame: pd.DataFrame, k: int) -> str:
    """What the agreement means for the reader, in one sentence."""
    at = frame.loc[frame["k"] == k, "value"]
    if at.empty:
        return say("How surely {k} segments come back cannot be told: some samples hold too few different customers.", k=words.number(k))
    if at.iloc[0] >= STEADY:
        return say("Another sample of customers would have given nearly the same segments.")
    if at.iloc[0] >= 0.5:
        return say("Another sample of customers would have given similar segments, with many customers placed otherwise.")
    return say("Another sample of customers would have given other segments: these are one cut among several.")


def within_frame(values: np.ndarray, segments: Sequence[Mapping], cloud: np.ndarray | None = None) -> pd.DataFrame:
    """label, value (median), low, high (quartiles), n, whether it is a segment, and limit (what pieces of clouds of the same rank reach in
    19 of 20): what `charts.bars` draws, the cloud last.

    values     pairs × segments, from `stability.within_solution`, in the order of the segments
    segments   id, name, n … as in the profiles;  cloud: clouds × segments, of `evidence.cloud_of`
    """
    there = [(i, s) for i, s in enumerate(segments) if not np.isnan(values[:, i]).any()]
    rows = [_spread(values[:, i]) | {"label": label(s), "n": s["n"], "segment": True} for i, s in there]
    rows = sorted(rows, key=lambda row: -row["value"])
    if cloud is not None and len(cloud):
        # The surest segment is held against the surest piece of each cloud, the second against the second …
        limits = np.quantile(np.asarray(cloud), LEVEL, axis=0)
        rows = [row | {"limit": limits[min(place, len(limits) - 1)]} for place, row in enumerate(rows)]
        everybody = sum(s["n"] for s in segments)
        rows.append(_spread(np.ravel(cloud)) | {"label": say("Cut out of one cloud"), "n": everybody, "segment": False})
    return pd.DataFrame(rows, columns=["label", "value", "low", "high", "n", "segment", "limit"])


def _spread(values: np.ndarray) -> dict:
    return dict(zip(("low", "value", "high"), np.quantile(values, [0.25, 0.5, 0.75]).tolist(), strict=True))


def within_palette(frame: pd.DataFrame) -> dict[str, str]:
    """Segments dark, those not to be trusted and the cloud grey."""
    return {row.label: ACCENT if row.segment and row.value >= TRUSTED else NEUTRAL for row in frame.itertuples()}


def within_words(frame: pd.DataFrame, *, pairs: int, min_cell: int) -> dict:
    name = "segment_stability"
    shown = frame[frame["segment"].astype(bool) & (frame["n"] >= min_cell)]
    if shown.empty:
        return nothing(name, say("How surely each segment comes back cannot be told."))
    weak, least = shown[shown["value"] < TRUSTED], shown.loc[shown["value"].idxmin()]
    limit, lowest = words.number(TRUSTED, 2), words.number(least["value"], 2)
    cloud = frame.loc[~frame["segment"].astype(bool), "value"]
    if len(weak) == len(shown):
        title = say("No segment comes back surely: all lie under {limit}", limit=limit)
    elif len(weak):
        title = say_n("{n} segment is not to be trusted: it comes back at less than {limit}",
                      "{n} segments are not to be trusted: they come back at less than {limit}", len(weak), limit=limit)  # fmt: skip
    elif len(cloud):
        title = _beside_cloud(int((shown["value"] > shown["limit"]).sum()), len(shown))
    else:
        title = say("Every segment comes back; the least sure, “{name}”, at {value}", name=least["label"], value=lowest)
    alt = say("The least sure segment is “{name}” at {value}.", name=least["label"], value=lowest)
    if len(cloud):
        beside = say("Segments cut out of one cloud reach {value}.", value=words.number(cloud.iloc[0], 2))
        alt = f"{alt} {beside}"
    return {
        "name": name,
        "title": title,
        "subtitle": say("Largest overlap with a segment of another build (Jaccard index, 1 = the same customers), median and quartiles"),
        "alt": alt,
        "source": say(
            "Source: {pairs} pairs of bootstrap samples; under {limit} a segment is not to be trusted (Hennig 2007)",
            pairs=words.number(pairs),
            limit=limit,
        ),
    }


def _beside_cloud(surer: int, count: int) -> str:
    """Pieces of one cloud come back too, at many a number of segments: what .60 alone would call trusted."""
    if surer == count:
        return say("Every segment comes back more surely than pieces of one cloud")
    if not surer:
        return say("No segment comes back more surely than pieces of one cloud")
    return say("{n} of {all} segments come back more surely than pieces of one cloud", n=words.number(surer), all=words.number(count))


def reproduced_words(found: Mapping) -> str:
    """How often a cold start finds the partition that is kept. found: of `stability.reproduced`."""
    return say(
        "Of {starts} cold starts, {reproduced} end in the partition that is kept and {near} within 1% of its sum of squares; half of them "
        "agree with it at less than {median}.",
        starts=words.number(found["starts"]),
        reproduced=words.share(found["reproduced"], 0),
        near=words.share(found["near"], 0),
        median=words.number(found["median_agreement"], 2),
    )


def gap_table(gaps: pd.DataFrame) -> Table:
    """The gap statistic by number of segments, for the appendix. gaps: of `stability.gap`."""
    mark = gaps["chosen"].map({True: say("smallest that reaches the next"), False: ""})
    columns = [
        Column("k", say("Segments"), "count"),
        Column("gap", say("Gap"), "number", 3),
        Column("error", say("Standard error"), "number", 3),
        Column("chosen", say("Rule of the gap")),
    ]
    note = say(
        "How much closer together customers lie than if they filled the space evenly. It decides nothing here: one cloud passes it too."
    )
    return Table("gap", say("Gap statistic"), gaps.assign(chosen=mark), columns, note=note)


def gorge_panels(counts: np.ndarray, edges: np.ndarray, segments: Sequence[Mapping], *, min_cell: int) -> dict[str, tuple]:
    """label → (own customers, all others, edges); bars of too few customers are left out, and segments that may not be shown.

    counts   of `stability.gorge`, in the order of the segments
    """
    shown = np.where(counts >= min_cell, counts, 0)
    return {label(s): (*shown[i], edges) for i, s in enumerate(segments) if not withheld(s, min_cell)}


def gorge_words(counts: np.ndarray, edges: np.ndarray, *, customers: int) -> dict:
    own = counts[:, 0].sum(axis=0)
    sure = float(own[edges[:-1] >= 0.5 - 1e-9].sum() / max(own.sum(), 1))
    return {
        "name": "gorges",
        "title": say("{share} of customers are nearer in kind to their own centre than to all others", share=words.share(sure, 0)),
        "subtitle": say("Similarity to the segment’s centre, from 0 to 1; two heaps with a gorge between them mean a separate segment"),
        "alt": say("Similarity to the own centre is at least one half for {share} of customers.", share=words.share(sure, 0)),
        "source": say("Source: variables as signed, {n} customers; bars of too few customers are left out", n=words.number(customers)),
    }


def ribbons_frame(found: Mapping[int, Mapping], *, min_cell: int) -> pd.DataFrame:
    """k, before, segment, share, stability: what `charts.ribbons` draws; flows of too few customers are left out.

    found   of `stability.across`
    """
    rows = []
    for k, one in found.items():
        whole = one["came"].sum()
        for before, segment in zip(*np.nonzero(one["came"] >= max(min_cell, 1)), strict=True):
            share, steady = one["came"][before, segment] / whole, float(one["stability"][segment])
            rows.append({"k": int(k), "before": int(before), "segment": int(segment), "share": float(share), "stability": steady})
    return pd.DataFrame(rows, columns=["k", "before", "segment", "share", "stability"])


def ribbons_words(frame: pd.DataFrame, *, customers: int) -> dict:
    name = "ribbons"
    if frame.empty:
        return nothing(name, say("Where segments come from cannot be drawn: only one number of segments was tried."))
    each = frame.drop_duplicates(["k", "segment"])
    whole = int((each["stability"] >= 0.9).sum())
    return {
        "name": name,
        "title": say("{n} of {all} segments come nearly whole from one segment before", n=words.number(whole), all=words.number(len(each))),
        "subtitle": say(
            "Where customers go when one segment more is cut; in the boxes: stability across solutions, 1 = all from one segment"
        ),
        "alt": say(
            "Of {all} segments at all numbers, {n} keep customers of a single segment before, with a stability of at least {limit}.",
            all=words.number(len(each)),
            n=words.number(whole),
            limit=words.number(0.9, 1),
        ),
        "source": say("Source: the best of many starts at each number, {n} customers; thin flows are left out", n=words.number(customers)),
    }
