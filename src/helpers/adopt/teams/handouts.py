"""The five sheets for teams that open no notebook, one A4 each: what to do on Monday, three figures, table, decisions, answers."""

from datetime import date
from html import escape

import pandas as pd

from helpers import tables, words
from helpers.adopt.names import NAMES
from helpers.adopt.teams import answers, monday
from helpers.adopt.teams import foreseen as foreseen_page
from helpers.adopt.teams.finance import money_moves
from helpers.adopt.teams.sheets import owner, sheet
from helpers.build.ahead import Foreseen
from helpers.build.portraits import segment_name, short_name
from helpers.masking import withheld
from helpers.project import Project
from helpers.project.adopting import TEAMS
from helpers.tables import Column, Table
from helpers.words import mark, say

LEADS = {
    "marketing": mark("What to say to whom, through which channel, and when."),
    "sales": mark("When they come, how much they take, and whom to ask why they come less."),
    "product": mark("What to plan, develop and keep for whom."),
    "finance": mark("What each segment is worth, and which offer to set money aside for."),
    "service": mark("Where orders go wrong, and how they wish to be answered."),
}


def keep_all(
    step,
    profiles: dict,
    counted: dict,
    *,
    plan: dict | None = None,
    adoption: dict | None = None,
    goods: dict | None = None,
    foreseen: Foreseen | None = None,
) -> None:
    """Keep the sheet of every team as a hand-out of the step.

    profiles   as step 6 hands them over;  counted: result of `adopt.held`;  plan: what `target.outlook` gives
    adoption   result of `adopt.adoption`;  goods: result of `answers.carried`;  foreseen: result of `build.ahead.foresee`
    """
    known = {"plan": plan, "adoption": adoption, "goods": goods, "foreseen": foreseen}
    for team in TEAMS:
        kept = team_sheet(team, monday.told(profiles, counted, step.project), step.project, **known)
        step.keep_handout(kept["name"], kept["title"], kept["body"], lead=kept["lead"])


def team_sheet(
    team: str,
    profiles: dict,
    project: Project,
    *,
    plan: dict | None = None,
    adoption: dict | None = None,
    goods: dict | None = None,
    foreseen: Foreseen | None = None,
) -> dict:
    """One team's sheet: name, title, lead and body (HTML) for step.keep_handout.

    profiles   result of `monday.told`;  foreseen: result of `build.ahead.foresee`
    Raises     NinefoldError for a team that has no sheet
    """
    table, ahead = sheet(team, profiles, project, plan=plan, on_paper=True), foreseen or Foreseen()
    parts = [
        _monday(team, profiles, project, plan),
        _figures(answers.figures(team, profiles, project, plan=plan, goods=goods)),
        tables.as_html(table),
        _actions(team, profiles, project),
        _answers(profiles, project, answers.answers(team, profiles, project, plan=plan, goods=goods), team, ahead),
        _foot(team, project, adoption, ahead),
    ]
    role, lead = owner(team, project), LEADS[team]
    told = say("{lead} For {role}.", lead=say(lead), role=role) if role else say("{lead} Nobody answers for it yet.", lead=say(lead))
    return {
        "name": f"sheet-{team}",
        "title": say("{team}: what to do differently on Monday", team=say(NAMES[team]).capitalize()),
        "lead": told,
        "body": f'<div class="sheet">\n{"".join(parts)}</div>\n',
    }


# What to do


def _monday(team: str, profiles: dict, project: Project, plan: dict | None) -> str:
    lines, again = [], monday.bought_again(profiles, project)
    later = again[0] if again else None
    for segment in profiles["segments"]:
        if not segment["n"] or withheld(segment, project.min_cell):
            continue
        told = money_moves(segment, plan, project) if team == "finance" else monday.moves(team, segment, project, later=later)
        sentence = _sentence(told) if told else say("Nothing here sets them apart: as for everyone.")
        style = f' style="--segment: {segment["colour"]}"'
        lines.append(f"<li{style}><b>{escape(segment_name(segment))}</b> {escape(sentence)}</li>\n")
    if not lines:
        nobody = say("No segment is large enough to be told of.")
        return f'<p class="finding">{escape(nobody)}</p>\n'
    return f'<ul class="monday">\n{"".join(lines)}</ul>\n'


def _sentence(told: list[str]) -> str:
    """Several clauses as one sentence, a capital first."""
    joined = say("{first}.", first=say("; ").join(told))
    return joined[:1].upper() + joined[1:]


def _figures(figures: list[answers.Figure]) -> str:
    if not figures:
        nothing = say("These data measure nothing that this team would decide by.")
        return f'<p class="note">{escape(nothing)}</p>\n'
    items = "".join(
        f"<div><dt>{escape(label)}<br><small>{escape(note)}</small></dt><dd>{escape(value)}</dd></div>\n" for label, value, note in figures
    )
    return f'<dl class="figures">\n{items}</dl>\n'


# What is decided


def _actions(team: str, profiles: dict, project: Project) -> str:
    table = actions_table(team, profiles, project)
    if table.frame.empty:
        nothing = say("Nothing yet: choose one line above, a day and what will be counted, and have it typed into adopt.actions.")
        return f'<h2>{escape(table.caption)}</h2>\n<p class="note">{escape(nothing)}</p>\n'
    return tables.as_html(table)


def actions_table(team: str, profiles: dict, project: Project) -> Table:
    """What a team has decided to do, for which segment, who answers, by when, and what is counted; the earliest first."""
    rows = [
        {
            "name": short_name(segment),
            "action": words.text(typed.action),
            "owner": words.text(typed.owner),
            "by": _day(typed.by, profiles["as_of"]),
            "order": typed.by or date.max,
            "measure": words.text(typed.measure) or say("nothing typed"),
        }
        for segment in profiles["segments"]
        for typed in project.adopt.actions.get(segment["id"]) or []
        if typed.team == team
    ]
    rows.sort(key=lambda row: row["order"])
    columns = [
        Column("name", say("Segment")),
        Column("action", say("What is done")),
        Column("owner", say("Answers for it")),
        Column("by", say("By")),
        Column("measure", say("What is counted")),
    ]
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table(f"actions_{team}", say("What is decided"), frame, columns)


def _day(by: date | None, as_of: str) -> str:
    """The day by which something is done, and whether it has passed."""
    if by is None:
        return say("no day named")
    return say("{day}, passed", day=words.day(by)) if by.isoformat() < as_of[:10] else words.day(by)


# What is asked


def _answers(profiles: dict, project: Project, computed: list[tuple[str, str]], team: str, ahead: Foreseen) -> str:
    typed = project.adopt.teams[team].questions if team in project.adopt.teams else []
    asked = [(words.text(q.question), _answered(q)) for q in typed]
    asked += [*computed, *foreseen_page.answers(team, profiles, project, ahead)]
    items = "".join(f"<div><dt>{escape(question)}</dt><dd>{escape(answer)}</dd></div>\n" for question, answer in asked)
    heading = say("Asked and answered")
    return f'<h2>{escape(heading)}</h2>\n<dl class="answers">\n{items}</dl>\n'


def _answered(question) -> str:
    answer, by = words.text(question.answer), words.text(question.answered_by)
    if not answer:
        return say("Not answered yet.")
    if by and question.answered_on:
        return say("{answer} ({role}, {day})", answer=answer, role=by, day=words.day(question.answered_on))
    return say("{answer} ({role})", answer=answer, role=by) if by else answer


def _foot(team: str, project: Project, adoption: dict | None, ahead: Foreseen) -> str:
    told = [
        say(
            "Monday’s lines are suggested by what the segments did in the last {days} days; whether they work is known only after a test. "
            "Figures of a segment are means; no customer is the mean.",
            days=words.number(project.scope.window_days),
        )
    ]
    told += foreseen_page.lacking(team, ahead)
    used = next((each for each in (adoption or {}).get("teams", []) if each["team"] == team), None)
    if used:
        values = {"n": words.number(used["with_segments"]), "all": words.number(used["decided"]), "since": words.day(adoption["since"])}
        told.append(say("Decisions of this team since {since}: {all}, with segments {n}. Tell us the next one.", **values))
    contact = words.text(project.adopt.contact)
    told += [say("Questions are answered by: {role}.", role=contact)] if contact else []
    return f'<p class="note">{escape(" ".join(told))}</p>\n'
