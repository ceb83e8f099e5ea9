"""The section of project.yml for step 8: offers, who may be contacted how often, budget, and the test that will tell what worked."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from helpers.project.building import SegmentId
from helpers.project.fields import Decision, Prose, Section, Share

Part = Annotated[float, Field(gt=0, lt=1)]
OFFERS = ("welcome", "cross_sell", "care", "reactivation", "upgrade", "other")


class Channel(Section):
    name: Prose
    cost: float = Field(ge=0, description="Cost of one contact, project's currency: an assumption unless `source` says otherwise.")
    source: Prose = ""
    needs: Literal["email", "mobile", "phone", "postal", "none"] | None = Field(
        None, description="The address that it takes; empty: told by the channel's key, such as email, sms, phone or mail."
    )


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
    kind: Literal[*OFFERS] = Field("other", description="A welcome offer never goes to regular or loyal customers.")
    moment: Prose = Field("", description="When it is sent, such as Thursday 18:00.")


class Cap(Section):
    """How often one person may be contacted, over all campaigns and channels."""

    at_most: int = Field(4, ge=0, description="Contacts.")
    within_days: int = Field(30, ge=1, description="Days before as_of.")


class Version(Section):
    """One of several messages that a campaign compares."""

    share: Part = Field(description="Share of those contacted, between 0 and 1; the shares of all versions make 1.")
    message: Prose = ""


class Judged(Section):
    """What people give a segment, 0 to 10, for something that no data tell."""

    name: Prose
    scores: dict[SegmentId, Annotated[float, Field(ge=0, le=10)]]


class Target(Section):
    campaign: str = Field("next", pattern="^[a-z0-9_-]+$", description="Identifies the campaign; another name draws another control group.")
    margin_rate: Part | None = Field(
        None,
        description="Margin, as a share of revenue between 0 and 1: for 40% write 0.40. An assumption unless margin_source says otherwise.",
    )
    margin_rates: dict[str, Part] = Field({}, description="Margin by category of orders, where it differs; margin_rate holds for the rest.")
    margin_source: Prose = ""
    channels: dict[str, Channel] = {}
    offers: dict[SegmentId, Offer] = {}
    without: dict[SegmentId, Prose] = Field({}, description="Segments that get no offer on purpose: why.")
    also: dict[str, Offer] = Field(
        {}, description="Offers to those whom a rule of build.rules names, whatever their segment; who fits several gets the first."
    )
    priority: list[str] = Field(
        [], description="Keys of `also` and `offers`, first come first: one message a person. Empty: `also` as typed, then the segments."
    )
    control_share: Part = Field(
        0.2,
        description="Share of each segment that is not contacted, above 0 and below 1: for 20% write 0.20. Without both groups nothing is "
        "learnt.",
    )
    universal_control: Share = Field(0.02, lt=1, description="Share of all customers left out of every campaign: for 2% write 0.02.")
    versions: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Version] = Field(
        {}, description="Messages compared within the campaign, two or more; empty: one message."
    )
    widen: dict[str, Annotated[int, Field(ge=1)]] = Field(
        {}, description="Group to widen (a segment, a rule of build.rules, or high_value): how many similar customers to list."
    )
    cap: Cap = Cap()
    uploads: list[Literal["brevo", "mailchimp", "hubspot", "google_customer_match", "meta_custom_audience"]] = Field(
        ["brevo", "mailchimp", "hubspot"],
        description="Tools for which files are written; name an advertiser (google_…, meta_…) only if consents cover handing it addresses.",
    )
    suppressed: str = Field("", description="File of those who are never contacted, such as raw/suppressed.csv: one column, an id a line.")
    budget: float | None = Field(None, gt=0, description="Money that the campaign may cost, project's currency; empty: no limit.")
    judged: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Judged] = Field(
        {}, description="Ability to serve each segment as people judge it; scope.attractiveness gives the weights."
    )
    decisions: list[Decision] = []

    @model_validator(mode="after")
    def _versions_make_a_whole(self):
        if self.versions and (len(self.versions) < 2 or abs(sum(v.share for v in self.versions.values()) - 1) > 1e-6):
            raise ValueError("versions must be two or more whose shares make 1, such as a: {share: 0.5} and b: {share: 0.5}")
        return self
