"""`make sign`: one command writes a signature into project.yml, every other byte kept; and step 6 that refuses what is not signed."""

import datetime
import os
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from helpers import ROOT, NinefoldError, __main__, run, validate, words
from helpers import project as projects
from helpers.validate import sign as signing
from helpers.validate.guard import difference_lines
from helpers.validate.lines import NoPlaceError
from helpers.validate.sign import sign, with_signature
from helpers.variables import catalogue

pytestmark = pytest.mark.usefixtures("in_english")

DAY = date(2024, 9, 28)
ONE = {"role": "Head of CRM", "signed_on": DAY, "sheet": "d393f8548a7a"}
TWO = {"role": "Contrôle de gestion", "signed_on": DAY, "sheet": "d393f8548a7a", "remark": "« d’accord » : à revoir"}
SHEET = {"window_days": 90, "thresholds": {"a": 0.2, "b": 2.0}, "variables": {"no": "12345678", "spend_per_30d": "1e234567"}}

SHOP = """\
# My shop, typed by hand
title: {en: "My shop", fr: "Ma boutique – l’été"}  # two languages
currency: EUR
as_of: 2024-10-01
objectives:
  main: {name: Revenue, kind: revenue, metric: revenue_per_customer}
scope:
  window_days: 90
  panel: [spend_per_order]  # what messages are about
collect:
  sources:
    lines:
      table: orders
      file: raw/lines.csv
      columns: {customer_id: client, order_id: receipt, ordered_at: date, amount: total}
variables:
  keep:
    spend_per_order: |
      la finance y tient

# ---- who signs ----
validate:
  required:  # both
    - &crm {en: "Head of CRM", fr: "Responsable CRM"}
    - Finance
  # decisions come last
  decisions: []

adopt:
  teams: {marketing: {owner: *crm}}
"""


# The text of project.yml


def lines_added(before: str, after: str) -> list[str]:
    """The lines that are new, when nothing else has changed and their order is kept."""
    old, added = before.splitlines(keepends=True), []
    for line in after.splitlines(keepends=True):
        if old and line == old[0]:
            old.pop(0)
        else:
            added.append(line)
    assert old == [], f"gone or changed: {old[:2]}"
    return added


def test_a_first_signature_goes_into_the_section_and_every_other_line_stays():
    added = lines_added(SHOP, with_signature(SHOP, signed=SHEET, signature=ONE))
    assert "".join(added) == (
        "  signed:\n"
        "    window_days: 90\n"
        "    thresholds:\n"
        "      a: 0.2\n"
        "      b: 2\n"
        "    variables:\n"
        '      "no": "12345678"\n'
        '      spend_per_30d: "1e234567"\n'
        "  signatures:\n"
        '    - {role: "Head of CRM", signed_on: 2024-09-28, sheet: "d393f8548a7a"}\n'
    )


def test_a_second_signature_is_one_line_beneath_the_first_with_french_prose_as_typed():
    once = with_signature(SHOP, signed=SHEET, signature=ONE)
    assert lines_added(once, with_signature(once, signature=TWO)) == [
        '    - {role: "Contrôle de gestion", signed_on: 2024-09-28, sheet: "d393f8548a7a", remark: "« d’accord » : à revoir"}\n'
    ]


SECTIONS = {
    "no section at all, and no line end at the end": ("title: Été", 'title: Été\n\nvalidate:\n  signatures:\n    - {role: "Head of CRM"'),
    "a section that follows is not disturbed": ("variables: {}\nbuild: {}\n", "variables: {}\n\nvalidate:\n  signatures:\n    - {"),
    "nothing typed yet": ("validate:  # later\nbuild: {}\n", "validate:  # later\n  signatures:\n    - {role"),
    "null typed": ("validate: null # later\n", "validate:  # later\n  signatures:\n    - {role"),
    "an empty section in braces": ("validate: {}\n", 'validate: {signatures: [{role: "Head of CRM"'),
    "a section in braces": ("validate: {required: [Finance]}\n", "validate: {required: [Finance], signatures: [{role"),
    "braces over several lines": (
        "validate: {\n  required: [Finance], # both\n}\n",
        "validate: {\n  required: [Finance], signatures: [{role",
    ),
    "an empty list": ("validate:\n  signatures: []  # none\n", "validate:\n  signatures: [{role"),
    "a list not filled": ("validate:\n  signatures:  # none\n\nbuild: {}\n", "validate:\n  signatures:  # none\n    - {role"),
    "a list in brackets": (
        "validate:\n  signatures: [{role: Finance, sheet: a}, ] # so far\n",
        "validate:\n  signatures: [{role: Finance, sheet: a}, {role",
    ),
    "dashes at the key's own column": (
        "validate:\n  signatures:\n  -   role: Finance # who\n      sheet: a # which\nbuild: {}\n",
        "validate:\n  signatures:\n  -   role: Finance # who\n      sheet: a # which\n  - {role",
    ),
    "a folded text last": (
        "validate:\n  signatures:\n  - remark: >-\n      read\n      well\n\n# next\nbuild: {}\n",
        "validate:\n  signatures:\n  - remark: >-\n      read\n      well\n\n  - {role",
    ),
    "an alias last": (
        "a: &crm CRM\nvalidate:\n  signatures:\n    - role: *crm # who\nbuild: {}\n",
        "a: &crm CRM\nvalidate:\n  signatures:\n    - role: *crm # who\n    - {role",
    ),
    "all in braces, as JSON": (
        '{"title": "Shop", "validate": {"required": ["Finance"]}}',
        '{"title": "Shop", "validate": {"required": ["Finance"], sig',
    ),
    "indented by four": ("validate:\n    required: [Finance]\n", "validate:\n    required: [Finance]\n    signatures:\n      - {role"),
    "a mark at the start of the file": ("\ufefftitle: Shop\n", "\ufefftitle: Shop\n\nvalidate:\n  signatures:\n    - {"),
    "a document that says so": ("---\ntitle: Shop\n...\n", "---\ntitle: Shop\n\nvalidate:\n  signatures:\n    - {"),
}


@pytest.mark.parametrize("case", SECTIONS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_however_the_section_is_written_a_signature_finds_its_place(case, line_end):
    before, begins = (text.replace("\n", line_end) for text in SECTIONS[case])
    if "\n" not in before:  # no line ends: those put in are the simple ones
        begins = begins.replace("\r\n", "\n")
    after = with_signature(before, signature=ONE)
    assert after.startswith(begins)
    at = next(i for i in range(len(before) + 1) if before[:i] != after[:i]) - 1 if not after.startswith(before) else len(before)
    assert after.endswith(before[at:]) or "null" in before  # one piece put in, nothing else touched
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in before else 0)
    assert yaml.safe_load(after)["validate"]["signatures"][-1] == ONE


def test_another_sheet_takes_the_place_of_the_one_signed_before_and_nothing_else_moves():
    before = SHOP.replace(
        "  # decisions come last\n",
        "  signed:  # in March\n    window_days: 60\n    thresholds: {a: 0.1}\n    variables:\n      x: 'aa' # x\n"
        "  # decisions come last\n",
    )
    after = with_signature(before, signed=SHEET)
    assert after == before.replace(
        "    window_days: 60\n    thresholds: {a: 0.1}\n    variables:\n      x: 'aa' # x\n",
        "    window_days: 90\n    thresholds:\n      a: 0.2\n      b: 2\n    variables:\n"
        '      "no": "12345678"\n      spend_per_30d: "1e234567" # x\n',
    )
    in_braces = "validate: {signed: {window_days: 60, thresholds: {}, variables: {x: aa}}, required: [A]}\n"
    assert with_signature(in_braces, signed=SHEET) == (
        'validate: {signed: {window_days: 90, thresholds: {a: 0.2, b: 2}, variables: {"no": "12345678", spend_per_30d: "1e234567"}}, '
        "required: [A]}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "base: &v {required: [Finance]}\nvalidate: *v\n",
        "base: &v {signatures: [{role: a}]}\nvalidate:\n  <<: *v\n  required: []\n",  # a new list would hide the one that is merged
        "validate:\n  signatures: &s\n  - {role: a}\n  again: *s\n",  # the alias would get the signature too
        "validate: [Finance]\n",
        "validate:\n  signatures: none\n",
        "variables: |\n  x",  # a text that ends with the file: a line beneath it would change it
        "- a\n",
    ],
)
def test_a_text_into_which_nothing_can_be_put_safely_is_refused(text):
    with pytest.raises((NoPlaceError, yaml.YAMLError, TypeError, AttributeError)):
        with_signature(text, signature=ONE)


# The command, on a project that has been run


class Shop:
    """A project in a home of its own, and runs of its steps 4 and 5 written by hand."""

    def __init__(self, home: Path, text: str = SHOP):
        self.folder = home / "data" / "shop"
        self.folder.mkdir(parents=True)
        self.file = self.folder / "project.yml"
        self.type(text)
        self.made, names = 0, [variable.name for variable in catalogue(self.plan)]
        self.passports = {name: passport("proposed" if name in NAMES else "useless") for name in names}

    @property
    def text(self) -> str:
        return self.file.read_bytes().decode("utf-8")

    @property
    def plan(self):
        return projects.load("shop")

    def type(self, text: str) -> None:
        self.file.write_bytes(text.encode("utf-8"))

    def change(self, old: str, new: str) -> None:
        assert self.text.count(old) == 1
        self.type(self.text.replace(old, new))

    def run(self, place: str = "runs/2024-10-01/0001", **passports) -> dict:
        """Steps 4 and 5 as they hand over now; the newest of all that were made."""
        base, self.made = self.folder / place, self.made + 1
        for step in ("variables", "validate"):
            shutil.rmtree(base / run.folder(step), ignore_errors=True)
            (base / run.folder(step)).mkdir(parents=True)
        found = validate.validation(self.passports | passports, self.plan)
        run.write_json(base / "04_variables" / "passports.json", self.passports | passports)
        run.write_json(base / "05_validate" / "validation.json", found)
        record = base / "05_validate" / "step.json"
        run.write_json(record, {"project_yml": run.digest(self.file)})
        os.utime(record, (self.made, self.made))
        return found

    def status(self) -> str:
        return validate.validation(self.passports, self.plan)["status"]


def passport(role="proposed") -> dict:
    return {"role": role, "missing_share": 0.0, "stands_for": "", "table": "orders", "contribution": None}


NAMES = ["recency_days", "orders_per_30d", "spend_per_30d", "spend_per_order"]


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.setenv("NINEFOLD_HOME", str(tmp_path))
    found = Shop(tmp_path)
    found.run()
    return found


def test_from_nothing_to_complete_in_two_commands_with_every_other_byte_kept(shop):
    first = sign("shop", "Responsable CRM", on=DAY)  # in either language, whoever types the command
    number = shop.run()["number"]
    assert first[0] == f"Sheet {number} (4 variables), as shown by run 0001 as of 2024-10-01."
    assert first[1:] == [
        "Signed for Head of CRM on 2024-09-28; written to data/shop/project.yml.",
        "Still to sign:",
        '  make sign PROJECT=shop ROLE="Finance"',
    ]
    assert shop.status() == "missing"
    second = sign("shop", "finance ", on="2024-10-05", remark="à revoir en mars")
    assert second[-2:] == ["All who have to sign have signed.", "Next: make report PROJECT=shop"]
    added = "".join(lines_added(SHOP, shop.text))
    assert added.startswith(
        "  signed:\n    window_days: 90\n    horizon_days: 90\n    segments_wanted: 5\n    thresholds:\n      measurable"
    )
    assert added.endswith(
        f'    - {{role: "Head of CRM", signed_on: 2024-09-28, sheet: "{number}"}}\n'
        f'    - {{role: "Finance", signed_on: 2024-10-05, sheet: "{number}", remark: "à revoir en mars"}}\n'
    )
    assert shop.status() == "signed" and not list(shop.folder.glob("*.part"))


def test_who_signs_is_warned_of_figures_that_are_not_the_controllers(shop):
    apart = {"month": "2024-06-01", "measure": "revenue", "ours": 103.0, "theirs": 100.0, "difference": 0.03}
    for draft, warned in ((False, []), (True, [shop_warning()])):
        (shop.folder / "runs/2024-10-01/0001/03_collect").mkdir(exist_ok=True)
        run.write_json(shop.folder / "runs/2024-10-01/0001/03_collect/quality.json", {"draft": draft, "control": [apart]})
        assert [line for line in sign("shop", "Finance", on=DAY) if line.startswith("Warning")] == warned


def shop_warning() -> str:
    return "Warning: all of its figures are a draft. Revenue: +3.0% from the controller’s figure in June 2024, more than 1%."


def test_without_a_day_today_is_put(shop, monkeypatch):
    class Today(datetime.date):
        @classmethod
        def today(cls):
            return cls(2024, 10, 7)

    monkeypatch.setattr(signing, "date", Today)
    assert sign("shop", "Finance")[1].startswith("Signed for Finance on 2024-10-07")
    assert "signed_on: 2024-10-07" in shop.text
    before = shop.text
    with pytest.raises(NinefoldError, match="--on: 2024-10-08 is a day to come"):
        sign("shop", "Head of CRM", on="2024-10-08")
    assert shop.text == before


def test_who_has_signed_signs_once(shop):
    sign("shop", "Finance", on=DAY)
    before = shop.text
    assert sign("shop", "Finance")[1] == "Finance has signed it already, on 2024-09-28: nothing is changed."
    assert shop.text == before


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("Finances", r"--role: 'Finances' is not in validate.required of data/shop/project.yml. Did you mean Finance\?"),
        ("Board", "Required: Head of CRM, Finance. Sign for one of them, or add the role there."),
        (" ", "--role is empty"),
    ],
)
def test_a_role_that_nobody_asked_for_is_told_which_are(shop, role, message):
    with pytest.raises(NinefoldError, match=message):
        sign("shop", role)
    assert shop.text == SHOP


@pytest.mark.parametrize("day", ["28.9.2024", "2024-02-30"])
def test_a_day_that_is_none_is_refused(shop, day):
    with pytest.raises(NinefoldError, match="--on: .* is not a day. Write it as YYYY-MM-DD"):
        sign("shop", "Finance", on=day)


@pytest.mark.parametrize("section", ["", "validate:\n  required: []\n", "validate: {required: []}\n"])
def test_where_nobody_is_named_who_signs_first_is_named_and_told_so(shop, section):
    head, tail = SHOP[: SHOP.index("validate:")], "adopt: {teams: {}}\n"
    shop.type(before := head + section + tail)
    shop.run()
    told = sign("shop", "Chef de produit", on=DAY)
    assert "Nobody was named to sign: Chef de produit now is, in validate.required. Add there who else has to sign." in told
    assert shop.status() == "signed" and shop.plan.validate_.required == ["Chef de produit"]
    if section:
        assert shop.text.startswith(head)
    else:
        assert lines_added(before, shop.text)[:2] == ["\n", "validate:\n"]
    assert shop.text.endswith(tail)
    with pytest.raises(NinefoldError, match="'Finance' is not in validate.required.*Required: Chef de produit"):
        sign("shop", "Finance")


def test_nothing_can_be_signed_before_a_sheet_has_been_shown(shop):
    shutil.rmtree(shop.folder / "runs")
    with pytest.raises(NinefoldError, match="There is no sheet of shop as of 2024-10-01 to sign yet. Run `make report PROJECT=shop`"):
        sign("shop", "Finance")


def test_the_sheet_made_last_is_signed_and_what_shows_it_is_said(shop):
    assert "run 0001 as of 2024-10-01" in sign("shop", "Finance", on=DAY)[0]
    shop.run("runs/2024-10-01/0002")  # no run.json: step 6 may have refused it
    assert "run 0002 as of 2024-10-01" in sign("shop", "Finance")[0]
    shop.run("draft/2024-10-01")
    assert "the draft as of 2024-10-01" in sign("shop", "Finance")[0]
    shop.run("runs/2024-07-01/0001")  # of another day
    assert "the draft as of 2024-10-01" in sign("shop", "Finance")[0]


def test_a_step_of_the_draft_that_is_linked_from_a_run_is_that_runs_own(shop):
    draft = shop.folder / "draft" / "2024-10-01"
    draft.mkdir(parents=True)
    for step in ("04_variables", "05_validate"):
        (draft / step).symlink_to(f"../../runs/2024-10-01/0001/{step}")
    assert "run 0001" in sign("shop", "Finance", on=DAY)[0]


# When the sheet has changed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("window_days: 90", "window_days: 80", "- Window in which behaviour is measured, days: 90 → 80"),
        ("currency: EUR", "currency: USD", "- Definition of Spend per order: "),
        ("  keep:\n", "  leave_out: {recency_days: too odd}\n  keep:\n", "- Days since last purchase: left out (variables.leave_out)"),
        ("scope:\n", "scope:\n  criteria: {interesting_kappa: 0.2}\n", "- customers who stay, beyond chance (kappa): 0.30 → 0.20"),
        ("  panel:", "  segments_wanted: 4\n  panel:", "- Number of segments: 5 → 4"),
    ],
)
def test_what_would_be_signed_must_be_what_was_read(shop, old, new, told):
    shop.change(old, new)
    before = shop.text
    with pytest.raises(NinefoldError) as error:
        sign("shop", "Finance")
    assert "data/shop/project.yml has changed since run 0001 as of 2024-10-01, and its sheet with it" in str(error.value)
    assert told in str(error.value) and "Run `make report PROJECT=shop`" in str(error.value)
    assert shop.text == before


def test_a_change_that_the_sheet_does_not_hold_is_no_reason_to_read_again(shop):
    shop.change("adopt:\n", "build: {starts: 200}\nadopt:\n")
    assert sign("shop", "Finance", on=DAY)[1].startswith("Signed for Finance")


def test_a_variable_to_be_kept_since_then_changes_the_sheet_although_its_passports_do_not_know(shop):
    shop.run(gap_days=passport("redundant"))
    shop.change("  keep:\n", "  keep:\n    gap_days: asked for\n")
    with pytest.raises(NinefoldError, match=r"- Days between purchases: to be kept \(variables.keep\)"):
        sign("shop", "Finance")


def test_a_new_sheet_replaces_the_old_and_says_whose_signatures_no_longer_count(shop):
    old = shop.run()["number"]
    sign("shop", "Head of CRM", on=DAY)
    sign("shop", "Finance", on=DAY)
    shop.change("  window_days: 90\n  panel", "  window_days: 80\n  panel")
    new = shop.run("runs/2024-10-01/0002")["number"]
    told = sign("shop", "Finance", on=DAY + timedelta(days=30))
    assert told[1:] == [
        "Signed for Finance on 2024-10-28; written to data/shop/project.yml.",
        f"It replaces sheet {old} as the one to be signed. What changed:",
        "- Window in which behaviour is measured, days: 90 → 80",
        "No longer counted, for that sheet: Head of CRM (2024-09-28), Finance (2024-09-28).",
        "Still to sign:",
        '  make sign PROJECT=shop ROLE="Head of CRM"',
    ]
    assert shop.text.count(f'sheet: "{old}"') == 2 and shop.text.count(f'sheet: "{new}"') == 1 and shop.text.count("signed:") == 1
    assert shop.plan.validate_.signed.window_days == 80
    sign("shop", "Head of CRM")
    assert shop.status() == "signed"
    shop.change("  window_days: 80\n  panel", "  window_days: 90\n  panel")  # and back again: both have signed that one
    shop.run("runs/2024-10-01/0003")
    told = sign("shop", "Finance")
    assert "Finance had signed this very sheet on 2024-09-28: it is the sheet to sign again." in told
    assert shop.status() == "signed" and shop.text.count("- {role") == 4


def test_a_text_that_cannot_be_edited_safely_is_left_as_it_is(shop):
    shop.change("validate:\n  required:", "validate: &v\n  signatures: &s []\n  required:")
    shop.change("adopt:\n  teams: {", "adopt:\n  decisions: *s\n  teams: {")
    shop.run()
    before = shop.text
    with pytest.raises(NinefoldError, match="data/shop/project.yml: its section validate.*Paste the lines .* nothing was changed"):
        sign("shop", "Finance")
    assert shop.text == before and not list(shop.folder.glob("*.part"))


def test_nobody_signs_while_a_run_is_under_way(shop):
    from filelock import FileLock

    with FileLock(shop.folder / ".lock"), pytest.raises(NinefoldError, match="A run of shop is under way"):
        sign("shop", "Finance")
    assert shop.text == SHOP


# Step 6 refuses


def refusal(shop: Shop) -> str:
    with pytest.raises(NinefoldError) as error:
        start_build(shop)
    return str(error.value)


def start_build(shop: Shop, base: str = "runs/2024-10-01/0001"):
    for step in run.STEPS[:3]:
        (shop.folder / base / run.folder(step)).mkdir(exist_ok=True)
    os.environ["NINEFOLD_RUN"] = str(shop.folder / base)
    try:
        return run.start("build", project="shop", as_of="", language="fr")
    finally:
        del os.environ["NINEFOLD_RUN"]


def test_by_default_step_six_builds_a_draft(shop):
    assert start_build(shop).name == "build"


def test_where_nothing_unsigned_is_built_step_six_names_who_is_missing_and_how_to_sign(shop):
    shop.change("validate:\n", "validate:\n  unsigned: refuse\n")
    number = shop.run()["number"]
    assert refusal(shop).splitlines() == [
        f'data/shop/project.yml: sheet {number} is not signed, and validate.unsigned is "refuse": nothing is built.',
        "No sheet of variables is signed yet; asked to sign: Head of CRM and Finance.",
        "Read the sheet (notebooks/05_validate.ipynb) with those who have to sign, then:",
        '  make sign PROJECT=shop ROLE="Head of CRM"',
        '  make sign PROJECT=shop ROLE="Finance"',
    ]
    sign("shop", "Head of CRM", on=DAY)
    sign("shop", "Finance", on=DAY)
    assert "Sheet " + number + " has been signed since step 5 was run" in refusal(shop)  # in JupyterLab; a report runs step 5 anew
    shop.run()
    assert start_build(shop).name == "build"


def test_a_definition_a_threshold_and_a_variable_that_changed_are_told_old_and_new(shop):
    shop.change("validate:\n", "validate:\n  unsigned: refuse\n")
    before = shop.run()
    for role in ("Head of CRM", "Finance"):
        sign("shop", role, on=DAY)
    shop.change("currency: EUR", "currency: USD")
    shop.change("  window_days: 90\n  panel", "  window_days: 90\n  criteria: {accessible_share: 0.4}\n  panel")
    shop.change("variables:\n  keep", "variables:\n  leave_out: {recency_days: nobody can act on it}\n  keep")
    after = shop.run()
    told = refusal(shop).splitlines()
    old, new = (found["sheet"]["variables"]["spend_per_order"] for found in (before, after))
    assert told[1:6] == [
        f"Changed since sheet {before['number']} was signed:",
        "- customers who may be reached by a channel they use: 50% → 40%",
        "- Days since last purchase: on the sheet → gone: nobody can act on it",
        f"- Definition of Spend per 30 days: {before['sheet']['variables']['spend_per_30d']} → "
        f"{after['sheet']['variables']['spend_per_30d']}: amount of all order lines net of refunds, per 30 days of exposure",
        f"- Definition of Spend per order: {old} → {new}: amount net of refunds, divided by orders",
    ]
    assert told[-1] == '  make sign PROJECT=shop ROLE="Finance"'
    assert words.language() == "fr"  # the pages' language is as before; messages of commands are English


def test_only_step_six_asks(shop):
    shop.change("validate:\n", "validate:\n  unsigned: refuse\n")
    shop.run()
    base = shop.folder / "runs" / "2024-10-01" / "0001"
    for step in run.STEPS:
        if step != "build":
            validate.guard.refuse_unsigned(step, base, shop.plan)
    with pytest.raises(NinefoldError, match="nothing is built"):
        validate.guard.refuse_unsigned("build", base, shop.plan)


def test_a_difference_without_an_old_value_is_told_with_a_dash(shop):
    now = validate.content(["recency_days"], shop.plan)
    found = validate.differences(now | {"thresholds": {}}, now, shop.plan)
    assert difference_lines(found, shop.passports, shop.plan)[0].endswith(": – → 20%")


# The command line


def test_the_command_says_what_it_did_and_what_is_next(shop, capsys, monkeypatch):
    monkeypatch.setattr(__main__.setup, "ensure", lambda: None)
    monkeypatch.setattr(__main__.setup, "is_inside", lambda environment: True)
    monkeypatch.setattr(__main__.setup, "variables", lambda environment: {})
    assert __main__.main(["sign", "--project", "shop", "--role", "Finance", "--on", "2024-09-28"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("Signed for Finance on 2024-09-28")
    assert __main__.main(["sign", "--project", "shop", "--role", "Board"]) == 1
    assert "is not in validate.required" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        __main__.main(["sign", "--project", "shop"])
    assert "--role" in capsys.readouterr().err


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
def test_make_hands_role_remark_and_day_on():
    command = ["make", "-n", "-o", ".venv/ninefold.stamp", "sign", "PROJECT=shop", "ROLE=Contrôle de gestion (exemple)", "ON=2024-09-28"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "CONDA_"))}
    done = subprocess.run(command, cwd=ROOT, env=environ | {"REMARK": "not from here"}, capture_output=True, encoding="utf-8", check=True)
    assert (
        done.stdout.split() == 'python3 -m helpers sign --project "shop" --role "Contrôle de gestion (exemple)" --on "2024-09-28"'.split()
    )
