"""The sections of project.yml for steps 5 and 9: what people sign and watch; steps 6, 7 and 8 have files of their own."""

from typing import Literal

from pydantic import Field

from helpers.project.adopting import Adopt
from helpers.project.building import Build, SegmentId
from helpers.project.fields import Day, Decision, Prose, Section, Share
from helpers.project.targeting import Target

__all__ = ["Adopt", "Build", "Reevaluate", "SegmentId", "Target", "Validate"]


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


class Feedback(Section):
    """What a team says of the segments it works with."""

    team: Prose = Field(description="The team or role that says it.")
    said_on: Day
    segment: SegmentId | None = Field(None, description="Of one segment; empty: of all.")
    says: Literal["fits", "unclear", "does not fit", "not used"] = Field(description="What the team finds, in one of four words.")
    text: Prose = ""


class Reevaluate(Section):
    every_days: int = Field(90, ge=7, description="Days until the segments are looked at again.")
    drift_look: float = Field(0.10, ge=0, description="Population stability index from which a variable is looked at.")
    drift_changed: float = Field(0.25, ge=0, description="Population stability index from which a variable has changed.")
    refit_agreement: Share = Field(0.60, description="Adjusted Rand index below which the refitted segments are others.")
    missing_more: Share = Field(0.05, description="Rise of a variable's missing share from which it is looked at.")
    far_more: Share = Field(
        0.05, description="Share of customers far from every segment, less the usual one, from which a new one may form."
    )
    alarm_rows: Share = Field(
        0.50, description="More than this share of the rows known before must still be there; else an alarm, and no verdict."
    )
    stale_days: int = Field(21, ge=1, description="Days since the newest order from which the data are too old to judge: an alarm.")
    keep_runs: int | None = Field(
        12, ge=2, description="Newest runs that keep their tables of customers; those in force and published always do. null: all runs."
    )
    notices: Literal["never", "attention", "always"] = Field(
        "attention", description="When a notice is sent to the addresses in NINEFOLD_NOTICES or data/<project>/notices.txt."
    )
    feedback: list[Feedback] = Field([], description="What the teams say of the segments, dated.")
    decisions: list[Decision] = []
