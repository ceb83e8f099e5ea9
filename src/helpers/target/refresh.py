"""Contact lists of today by the segmentation that is published, without the notebooks: the command `lists`.

What was measured when the segments were built is measured again as of today; the segmentation document, frozen then, gives the labels.
Nothing is written but data/<project>/lists/<as_of>/NNNN/: the runs stay as they are.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir

from helpers import NinefoldError, build, collect, home, run, variables, words
from helpers import project as projects
from helpers.build import manual
from helpers.project import Project
from helpers.run import Step
from helpers.run.approval import approvals
from helpers.target import files, guards
from helpers.target.addresses import contact_points
from helpers.target.arms import ARMS, draw
from helpers.target.following import changed_arms, followed, listed, moves
from helpers.target.plan import reasons as of_step_8
from helpers.validate.signing import check as check_signatures
from helpers.validate.signing import validation
from helpers.variables import descriptors
from helpers.variables.catalogue import check_names

FORMAT = 1
TAKEN = ("validate", "build")
"""Steps of the run whose documents are used as they were handed over."""


def lists(project: str, *, as_of: str | None = None, language: str | None = None) -> tuple[Path, dict]:
    """Write today's lists; returns their folder and the manifest that lies in it.

    as_of      first instant not counted, YYYY-MM-DD; empty: the project's own
    Raises     NinefoldError where no complete run of this as_of or before is there, where arms would change within a campaign, and for
               whatever steps 3 and 4 refuse
    """
    from helpers.report import locked  # the project's lock, so that no run changes anything meanwhile

    project_ = projects.load(project)
    check_names(project_)
    check_signatures(project_)
    moment = projects.instant(as_of, project_)
    words.use(language or project_.language, currency=project_.currency)
    with locked(project_):
        base = newest(project_, moment)
        for left in [*project_.folder.glob(".lists-*"), *(project_.folder / "lists").glob("*/*.tmp")]:  # of interrupted runs
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".lists-", dir=project_.folder) as place:
            step = measured(Path(place), project_, moment, base)
            return write(step, base)


def newest(project: Project, as_of: datetime) -> Path:
    """The complete run of this as_of or before whose segmentation is in force, its documents as new as can be.

    It is the newest in which the segmentation approved last was applied unchanged, else the one in which it was built; where nobody
    approved any by then, the newest of all.
    Raises   NinefoldError where there is no such run
    """
    runs = [each for each in run.all_runs(project) if each.path.parent.name <= run.stamp(as_of)]
    if not runs:
        raise NinefoldError(
            f"There is no complete run of {project.name} as of {run.stamp(as_of)} or before: no segmentation is published that could be "
            f"applied. Run `make report PROJECT={project.name}` first."
        )
    typed = [each for each in approvals(project) if datetime.fromisoformat(each["as_of"]) <= as_of]
    if not typed:
        return runs[-1].path
    name = typed[-1]["run"]
    found = [each for each in runs if name in (each.name, each.record.get("approved"))]
    if not found:
        raise NinefoldError(
            f"The segmentation of {name} is approved (data/{project.name}/approved.json), but its run is no longer there "
            f"and none as of {run.stamp(as_of)} or before applies it. Run `make reevaluate PROJECT={project.name} AS_OF=…` first, or "
            "approve another run."
        )
    return found[-1].path


# Today's customers


def measured(place: Path, project: Project, as_of: datetime, base: Path) -> Step:
    """Steps 3 and 4 as far as lists need them, in a folder of their own; gives step 8 with them and the run's documents.

    place   an empty private folder;  base: the run whose segmentation is applied
    """
    for name in TAKEN:
        run.link(place / run.folder(name), base / run.folder(name))
    step = Step("collect", project, as_of, place, draft=True)
    matched = collect.identify(step)
    checked, _ = collect.unify(step, matched)
    people = step.give_table("customers", collect.one_row_each(checked.get("customers"), checked["orders"]), key=["customer_id"])
    _done(step)
    step = Step("variables", project, as_of, place, draft=True)
    checked = collect.checked(step)
    table, _ = variables.in_window(step.windows(checked["orders"])["published"], checked, project)
    table = step.give_table("variables", table, key=["customer_id"])
    people = step.take("collect", "customers").semi_join(table, "customer_id")
    if _needs_attributes(step, base, table.columns):
        described, _ = descriptors.describe(people, checked, project, as_of=as_of)
    else:
        described = people.select("customer_id")
    step.give_table("descriptors", described, key=["customer_id"])
    _done(step)
    return Step("target", project, as_of, place, draft=True)


def _done(step: Step) -> None:
    step.finding = "lists"
    step.hand_over()


def _needs_attributes(step: Step, base: Path, there: tuple[str, ...]) -> bool:
    """Whether the segmentation or a rule uses more than the measured variables; they take longest to work out."""
    document = _json(base / run.folder("build") / "segmentation.json")
    return bool(step.project.target.also) or any(v["name"] not in there for v in document["variables"])


def labelled(step: Step) -> ir.Table:
    """Everyone in scope today with the label of the published segmentation, people's own decisions included.

    Returns  customer_id, segment, confidence, reason
    """
    document = step.take("build", "segmentation")
    overrides = manual.read(step, [s["id"] for s in document["segments"]])
    decided = overrides.table() if overrides else None
    return build.apply(document, build.customers(step), as_of=step.as_of, overrides=decided, reason=True)


# The lists before


@dataclass(frozen=True)
class Last:
    """What the lists are compared with.

    as_of, source   of which day, "lists" or "run"
    members         customer_id, label, segment;  contacts: those drawn for the same campaign, or None
    """

    as_of: str
    source: str
    members: ir.Table
    contacts: ir.Table | None


def last(step: Step) -> Last | None:
    """The newest lists or run of an earlier as_of; None where there is neither.

    Lists of the same as_of are not looked at: made again, they come out the same.
    """
    now, folder = run.stamp(step.as_of), step.project.folder
    found = [(p.parent.parent.name, 1, p.parent.name, p.parent) for p in (folder / "lists").glob("*/*/manifest.json")]
    found += [(p.parent.parent.name, 0, p.parent.name, p.parent) for p in (folder / "runs").glob("*/*/run.json")]
    earlier = [each for each in found if each[0] < now]
    if not earlier:
        return None
    day, is_list, _, place = max(earlier)
    read = step.engine.con.read_parquet
    if is_list:
        members = read(str(place / "members.parquet"), table_name="last_members").select("customer_id", "label", "segment")
    else:
        published = read(str(place / run.folder("build") / "membership.parquet"), table_name="last_members")
        members = published.select("customer_id", label=published.segment, segment=published.segment)
    return Last(day, "lists" if is_list else "run", members, _contacts(step, before=now))


def _contacts(step: Step, *, before: str | None = None) -> ir.Table | None:
    """Whom the newest lists of the same campaign were drawn for; before: of an earlier as_of alone."""
    found = []
    for path in (step.project.folder / "lists").glob("*/*/manifest.json"):
        day = path.parent.parent.name
        if day <= run.stamp(step.as_of) and (before is None or day < before) and _json(path)["campaign"] == step.project.target.campaign:
            found.append((day, path.parent.name, path.parent))
    if not found:
        return None
    name = "last_contacts" if before else "newest_contacts"
    return step.engine.con.read_parquet(str(max(found)[2] / "contacts.parquet"), table_name=name)


# Written


def write(step: Step, base: Path) -> tuple[Path, dict]:
    """Labels, guards, arms and files of a step that `measured` gave; its folder and manifest."""
    half = files.new_folder(step.project, step.as_of)
    try:
        manifest = _fill(half, step, base)
        return files.publish(half), manifest
    except BaseException:  # nothing half made stays, whoever interrupts
        shutil.rmtree(half, ignore_errors=True)
        raise


def _fill(half: Path, step: Step, base: Path) -> dict:
    """Every file of the lists, in a folder that is not published yet; the manifest."""
    project, before = step.project, last(step)
    con, document = step.engine.con, step.take("build", "segmentation")
    ids = [s["id"] for s in document["segments"]]
    tables = [files.write_table(con, half, "members", followed(labelled(step), before and before.members, ids), ["customer_id"])]
    members = con.read_parquet(str(half / "members.parquet"), table_name="list_members")
    checked = collect.checked(step)
    facts = guards.gather(step, members.select("customer_id", "segment"), checked)
    reasons = reasons_now(step, base, facts, consents="consents" in checked)
    drawn = draw(members.select("customer_id", "segment"), project, status="DRAFT" if reasons else "READY", facts=facts)
    tables.append(files.write_table(con, half, "contacts", drawn, ["customer_id"]))
    drawn = con.read_parquet(str(half / "contacts.parquet"), table_name="list_contacts")
    refuse_other_arms(step, drawn)
    came, on_lists = moves(members, before and before.members), listed(drawn, before and before.contacts)
    tables.append(files.write_table(con, half, "moves", came, ["customer_id"]))
    tables.append(files.write_table(con, half, "entered_and_left", on_lists, ["channel", "customer_id"]))
    if before and before.contacts is not None:
        tables.append(files.write_changes(half, con.read_parquet(str(half / "entered_and_left.parquet")), project))
    identity = step.take("collect", "identity") if step.gives("collect", "identity") else None
    points = None if reasons else contact_points(step.engine.records(), identity)
    entered = on_lists.filter(on_lists.change == "entered") if before and before.contacts is not None else None
    rows = files.rows_of(drawn, members, points.cache() if points is not None else None, entered)
    worded = files.wording(project, step.take("build", "profiles"))
    written, left_out = files.write_lists(half, rows, worded, status="DRAFT" if reasons else "READY", as_of=step.as_of)
    manifest = _head(step, base, before, reasons) | {"files": [*tables, *written], "left_out": left_out}
    manifest |= _counts(members, drawn, came, on_lists)
    run.write_json(half / "manifest.json", manifest)
    return manifest


def reasons_now(step: Step, base: Path, facts, *, consents: bool) -> list[str]:
    """Why nothing is released today, as codes: what step 8 says of the run, what was signed held against project.yml as it stands now."""
    passports = _json(base / run.folder("variables") / "passports.json")
    shown, now = step.take("validate", "validation"), validation(passports, step.project)
    signed = now["status"] == "signed" and now["number"] == shown["number"]
    profiles, evidence = step.take("build", "profiles"), step.take("build", "evidence")
    status = {"status": "signed" if signed else "changed"}
    return of_step_8(step.project, status, profiles, evidence, consents=consents) + guards.lacking(facts, step.project)


def refuse_other_arms(step: Step, drawn: ir.Table) -> None:
    """Raise NinefoldError when somebody would change arm or version within a campaign: nothing could be learnt from it any more."""
    n = changed_arms(drawn, _contacts(step))
    if not n:
        return
    target = step.project.target
    raise NinefoldError(
        f"{step.project.file}: {n} customers on the lists of the campaign {target.campaign!r} (target.campaign) would change group or "
        f"version. control_share ({target.control_share}), universal_control ({target.universal_control}), versions or seed is not what it "
        "was when its first lists were made. Put it back, or give the campaign another name: then everybody is drawn anew."
    )


def _head(step: Step, base: Path, before: Last | None, reasons: list[str]) -> dict:
    """What the lists rest on; no clock, no path of this machine."""
    target = step.project.target
    document = base / run.folder("build") / "segmentation.json"
    return {
        "format": FORMAT,
        "project": step.project.name,
        "project_yml": step.project_yml,
        "as_of": step.as_of,
        "campaign": target.campaign,
        "status": "DRAFT" if reasons else "READY",
        "reasons": reasons,
        "run": {"as_of": base.parent.name, "id": base.name, "segmentation": run.digest(document)},
        "compared_with": {"as_of": before.as_of, "source": before.source} if before else None,
        "control_share": target.control_share,
        "universal_control": target.universal_control,
        "seed": step.project.seed,
        "country_assumed": files.COUNTRIES.get(step.project.time_zone),
    }


def _counts(members: ir.Table, drawn: ir.Table, came: ir.Table, on_lists: ir.Table) -> dict:
    """Customers by segment, arm by channel, moves by kind, entries and exits by channel."""
    arms = _by(drawn, "channel", "arm")
    return {
        "members": {segment: n for (segment,), n in _by(members, "segment").items()},
        "channels": {c: dict.fromkeys(ARMS, 0) | {a: n for (of, a), n in arms.items() if of == c} for c in sorted({c for c, _ in arms})},
        "moves": {move: n for (move,), n in _by(came, "move").items()},
        "lists": [{"channel": c, "change": change, "n": n} for (c, change), n in _by(on_lists, "channel", "change").items()],
    }


def _by(table: ir.Table, *names: str) -> Counter:
    frame = table.group_by(list(names)).agg(n=ibis._.count()).order_by(list(names)).execute()
    return Counter({tuple(row[:-1]): int(row[-1]) for row in frame.itertuples(index=False)})


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def told(place: Path, manifest: dict) -> list[str]:
    """What the command prints: where the lists lie, what is on them, who moved, and why they are a draft."""
    lines = [f"Lists of the campaign {manifest['campaign']}, {manifest['status']}: {os.path.relpath(place, home())}"]
    if manifest["reasons"]:
        lines.append(f"  a draft, without addresses and nothing to upload: {', '.join(manifest['reasons'])}")
    lines += [f"  {c}: {n[ARMS[0]]:,} to contact, {n[ARMS[1]] + n[ARMS[2]]:,} control" for c, n in manifest["channels"].items()]
    before = manifest["compared_with"]
    if before is None:
        return [*lines, "  no earlier run or lists to compare with"]
    kinds = {"moved": "moved", "waits": "wait for a second time", "arrived": "arrived", "departed": "departed"}
    lines.append(f"  since {before['as_of']}: " + ", ".join(f"{manifest['moves'].get(k, 0):,} {title}" for k, title in kinds.items()))
    return lines + [f"  {each['channel']}: {each['n']:,} {each['change']}" for each in manifest["lists"]]
