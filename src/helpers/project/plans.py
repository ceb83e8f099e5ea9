"""The sections of project.yml for steps 5 and 7 to 9: what people sign, plan and watch; step 6 has a file of its own."""

from typing import Annotated, Literal

from pydantic import Field

from helpers.project.building import Build, SegmentId
from helpers.project.fields import Day, Decision, Prose, Section, Share

__all__ = ["Adopt", "Build", "Reevaluate", "SegmentId", "Target", "Validate"]
Part = Annotated[float, Field(gt=0, lt=1)]


class Signed(Section):
    """The sheet as it was signed; the page of step 5 prints it ready to be copied here."""

    variables: dict[str, str] = Field(min_length=1, description="Variable: first figures of its definition's SHA-256.")
    segments_wanted: int
    window_days: int
    horizon_days: int
    thresholds: dict[str, float] = Field(description="The thresholds of the five criteria.")


class Signature(Section):
    role: Prose = Field(description="One of validate.required.")
    signed_on: Day
    sheet: str = Field(pattern="^[0-9a-f]{12}$", description="The sheet's number as the page of step 5 prints it.")
    remark: Prose = ""


class Validate(Section):
    required: list[Prose] = Field([], description="Roles that sign the sheet before anything is built.")
    signed: Signed | None = Field(None, description="The sheet as it was signed.")
    signatures: list[Signature] = []
    unsigned: Literal["draft", "refuse"] = Field(
        "draft", description="When the sheet is not signed: every page says DRAFT, or step 6 refuses to build."
    )
    decisions: list[Decision] = []


class Team(Section):
    owner: Prose = Field(description="The role that reads the sheet and answers for its use.")


class Action(Section):
    action: Prose = Field(description="What is done for the segment, in one sentence.")
    team: Literal["marketing", "sales", "product", "finance", "service"] = Field(description="The team that does it.")
    owner: Prose = Field(description="A role.")


class Adopt(Section):
    teams: dict[Literal["marketing", "sales", "product", "finance", "service"], Team] = {}
    actions: dict[SegmentId, Action] = {}
    decisions: list[Decision] = []


class Channel(Section):
    name: Prose
    cost: float = Field(ge=0, description="Cost of one contact, project's currency: an assumption unless `source` says otherwise.")
    source: Prose = ""


class Offer(Section):
    offer: Prose = Field(description="What is offered.")
    message: Prose = Field("", description="What is said.")
    channel: str = Field(description="A key of target.channels.")
    cost: float = Field(0.0, ge=0, description="Cost of one redeemed offer, project's currency.")
    anyway_share: Share | None = Field(
        None,
        description="Share expected to take the offer and come anyway, between 0 and 1: for 10% write 0.10. Used where no earlier answers "
        "are known.",
    )


class Target(Section):
    campaign: str = Field("next", pattern="^[a-z0-9_-]+$", description="Identifies the campaign; another name draws another control group.")
    margin_rate: Part | None = Field(
        None,
        description="Margin, as a share of revenue between 0 and 1: for 40% write 0.40. An assumption unless margin_source says otherwise.",
    )
    margin_source: Prose = ""
    channels: dict[str, Channel] = {}
    offers: dict[SegmentId, Offer] = {}
    control_share: Part = Field(
        0.2,
        description="Share of each segment that is not contacted, above 0 and below 1: for 20% write 0.20. Without both groups nothing is "
        "learnt.",
    )
    universal_control: Share = Field(0.02, lt=1, description="Share of all customers left out of every campaign: for 2% write 0.02.")
    decisions: list[Decision] = []


class Reevaluate(Section):
    every_days: int = Field(90, ge=7, description="Days until the segments are looked at again.")
    drift_look: float = Field(0.10, ge=0, description="Population stability index from which a variable is looked at.")
    drift_changed: float = Field(0.25, ge=0, description="Population stability index from which a variable has changed.")
    refit_agreement: Share = Field(0.60, description="Adjusted Rand index below which the refitted segments are others.")
    decisions: list[Decision] = []
