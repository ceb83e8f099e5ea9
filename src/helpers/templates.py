"""Pages from reports/template: the one way to fill a template, for the report and for what is drawn on demand, such as a customer's card.

A module of its own, so that whoever fills one template need not import the whole of render.
"""

from helpers import ROOT
from helpers.words import say

TEMPLATE = ROOT / "reports" / "template"


def filled(template: str, page: dict) -> str:
    """A template of reports/template with what it asks of `page`; what is missing there is an error, never a gap on the page."""
    import jinja2

    loader = jinja2.FileSystemLoader(TEMPLATE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals["say"] = say
    return environment.get_template(template).render(page=page)


def style() -> str:
    """The one style sheet of all pages."""
    return (TEMPLATE / "style.css").read_text(encoding="utf-8")
