"""What the page of step 8 says of the files: which lists there are, what they hold of a person, for which tools. No count, no person."""

import pandas as pd

from helpers import words
from helpers.build.portraits import segment_name
from helpers.project import Project
from helpers.tables import Column, Table
from helpers.target.addresses import needs_of
from helpers.target.following import SURE
from helpers.target.guards import offer_of, order_of
from helpers.target.uploads import UPLOADS
from helpers.words import mark, say

HOLDS = {
    "email": mark("names, e-mail address"),
    "mobile": mark("names, mobile telephone"),
    "phone": mark("names, telephone"),
    "postal": mark("names, street, postcode, city"),
    "none": mark("customer number alone"),
}
TOOLS = {
    "brevo": "Brevo",
    "mailchimp": "Mailchimp",
    "hubspot": "HubSpot",
    "google_customer_match": "Google Customer Match",
    "meta_custom_audience": "Meta",
}
"""Names of products, the same in every language."""


def files_table(plan: dict, project: Project) -> Table:
    """The list of each channel in use: for whom, what it holds of a person, and the tools for which a file to upload is written.

    plan   as step 8 hands it over
    """
    rows = [_row(channel, plan, project) for channel in project.target.channels if _keys(channel, project)]
    columns = [
        Column("channel", say("List")),
        Column("who", say("For")),
        Column("holds", say("Holds of a person")),
        Column("tools", say("Files to upload")),
    ]
    note = say(
        "Each list is written as a spreadsheet, as CSV, as CSV for French Excel and as Parquet, with offer, group, version and why this "
        "person; those of the control group are on none."
    )
    if plan["status"] == "DRAFT":
        note = say("{note} As long as this is a draft, lists hold no address and nothing to upload is written.", note=note)
    return Table("files", say("Lists that “make lists” writes"), pd.DataFrame(rows, columns=[c.name for c in columns]), columns, note=note)


def files_words(plan: dict, project: Project) -> str:
    """How today's lists are made, where they lie, and that following a customer takes a sure label."""
    command = f"make lists PROJECT={project.name} AS_OF=YYYY-MM-DD"
    return say(
        "To refresh the lists without the notebooks: {command}. They go to {folder}, which is private, with who came and who left since "
        "the last ones. A customer changes list when the new segment is sure ({sure} or more) or comes back a second time; nobody changes "
        "group within the campaign {campaign}.",
        command=command,
        folder=f"data/{project.name}/lists",
        sure=words.share(SURE, 0),
        campaign=plan["campaign"],
    )


def _keys(channel: str, project: Project) -> list[str]:
    """The offers that go by this channel."""
    return [key for key in order_of(project) if offer_of(project, key).channel == channel]


def _row(channel: str, plan: dict, project: Project) -> dict:
    names = {s["id"]: segment_name(s) for s in plan["segments"]}
    rules = {rule.name: words.text(rule.title) or rule.name for rule in project.build.rules}
    need = needs_of(project, channel)
    holds = HOLDS[need]
    tools = [TOOLS[name] for name in project.target.uploads if need in UPLOADS[name].needs]
    return {
        "channel": words.text(project.target.channels[channel].name),
        "who": words.join(
            names.get(key) or rules.get(key, key) for key in _keys(channel, project) if key in names or key in project.target.also
        ),
        "holds": say(holds),
        "tools": words.join(tools) if tools else None,
    }
