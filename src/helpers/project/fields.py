"""What fields of project.yml are made of: prose in two languages, days, shares, and a decision with its reasons."""

import difflib
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _prose(value: Any) -> Any:
    several = isinstance(value, dict) and value and set(value) <= {"en", "fr"} and all(isinstance(text, str) for text in value.values())
    if not (several or isinstance(value, str)):
        raise ValueError("expected a text, or {en: a text, fr: a text}")
    return value


def _a_date(value: Any) -> Any:
    # Neither 20171001 nor 2017.5 is a date, although pydantic would count them as seconds since 1970.
    try:
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        value = None
    if not isinstance(value, date):
        raise ValueError("not a date; write it as YYYY-MM-DD")
    return value


def _one_or_more(value: Any) -> Any:
    if not (isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(name, str) for name in value))):
        raise ValueError("expected the name of a column, or a list of names")
    return value


Prose = Annotated[str | dict[Literal["en", "fr"], str], BeforeValidator(_prose)]
Columns = Annotated[str | list[str], BeforeValidator(_one_or_more)]
Day = Annotated[date, BeforeValidator(_a_date)]
Moment = Annotated[date | datetime, BeforeValidator(_a_date)]
Share = Annotated[float, Field(ge=0, le=1)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        raise ValueError("not a time zone of the IANA list" + (f"; did you mean {near[0]}?" if near else ""))
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class Section(BaseModel):
    """A part of project.yml; a field that it does not know is an error, so that a misspelt one cannot pass unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Decision(Section):
    decision: Prose = Field(description="What people decided, in one sentence.")
    because: Prose = Field(description="Why.")
    turned_down: Prose = Field("", description="The alternative that was refused.")
    would_change: Prose = Field("", description="What would change our mind.")
    decided_on: Day = Field(description="The day, YYYY-MM-DD.")
    decided_by: Prose = Field(description="A role, not a person.")
