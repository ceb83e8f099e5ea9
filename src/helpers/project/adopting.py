"""The section of project.yml for step 7: personas, journeys, who does what with each segment, and whether it was done."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from helpers.project.building import SegmentId
from helpers.project.fields import Day, Decision, Prose, Section

TEAMS = ("marketing", "sales", "product", "finance", "service")
PERSONA_FIELDS = (
    *("first_name", "age", "area", "household", "career", "interests"),
    *("firm", "post", "missions", "goals"),
    *("arrival", "path", "content", "motivations", "brakes", "media", "pain_points", "quote"),
)
"""What a persona's card says, in the order of the card."""
SCENARIOS = ("welcome", "basket", "reactivation", "birthday", "entry")
"""What may set off a message to one customer at a moment of their own."""
TeamName = Literal[*TEAMS]


class Persona(Section):
    """A typical member of one or more segments; what nobody types is filled from the data, or stays empty."""

    segments: list[SegmentId] = Field(min_length=1, description="The segments that it stands for.")
    fields: dict[Literal[*PERSONA_FIELDS], Prose] = Field(
        {}, description="What people say of it instead of what the data say, or where the data say nothing; marked as edited on the card."
    )
    because: dict[Literal[*PERSONA_FIELDS], Prose] = Field({}, description="Field typed above: why it is thought so, and by whom.")


class Scenario(Section):
    """A message that an event of a customer's own sets off."""

    message: Prose = ""
    channel: str = Field("", description="A key of target.channels.")
    after_days: float | None = Field(None, ge=0, description="Days between the event and the message; empty: as the data suggest.")
    owner: Prose = Field("", description="A role.")


class Question(Section):
    question: Prose
    answer: Prose = ""
    answered_by: Prose = ""
    answered_on: Day | None = None


class Team(Section):
    owner: Prose = Field(description="The role that reads the sheet and answers for its use.")
    questions: list[Question] = Field([], description="What the team asked, and what it was told.")


class Action(Section):
    action: Prose = Field(description="What is done for the segment, in one sentence.")
    team: TeamName = Field(description="The team that does it.")
    owner: Prose = Field(description="A role.")
    by: Day | None = Field(None, description="The day by which it is done.")
    measure: Prose = Field("", description="What will be counted to know whether it worked.")


class Milestone(Section):
    """A step of the plan by which a team takes the segments into use."""

    what: Prose
    team: TeamName
    owner: Prose = Field(description="A role.")
    by: Day
    done_on: Day | None = None


class Use(Section):
    """A decision of a team, taken with the segments or without them."""

    team: TeamName
    decided_on: Day
    decision: Prose
    segments: list[SegmentId] = Field([], description="The segments it was taken with; none: they played no part.")
    campaign: str = Field("", description="The campaign that came of it, if one did.")
    result: Prose = Field("", description="What came of it; empty while nobody knows.")


def _listed(value):
    return [value] if isinstance(value, dict) else value


class Adopt(Section):
    personas: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Persona] = Field(
        {}, max_length=5, description="By a name of their own. Nothing typed: one a segment, the five most valuable ones."
    )
    scenarios: dict[Literal[*SCENARIOS], Scenario] = Field({}, description="What is planned for each kind of event.")
    teams: dict[TeamName, Team] = {}
    actions: dict[SegmentId, Annotated[list[Action], BeforeValidator(_listed), Field(min_length=1)]] = Field(
        {}, description="One action of each segment, or a list of them."
    )
    plan: list[Milestone] = Field([], description="How the teams take the segments into use.")
    log: list[Use] = Field([], description="What was decided since, with which segments, and what came of it.")
    contact: Prose = Field("", description="The role that answers questions about the segments.")
    decisions: list[Decision] = []

    def first_action(self, segment: str) -> Action | None:
        """The first thing that is done for a segment; None where nothing is typed."""
        return self.actions[segment][0] if segment in self.actions else None
