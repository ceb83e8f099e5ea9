"""Words and numbers: both languages, the catalogue, and the markdown of notebooks."""

import ast
import json
import string
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import ROOT, NinefoldError, words
from helpers.words import say, say_n

N = "\u202f"  # narrow no-break space


@pytest.fixture(autouse=True)
def in_english():
    before = words.language(), words.currency()
    words.use("en", "EUR")
    yield
    words.use(*before)


@pytest.fixture
def french(tmp_path, monkeypatch):
    """A small catalogue instead of the project's."""
    path = tmp_path / "fr" / "LC_MESSAGES" / "helpers.po"
    path.parent.mkdir(parents=True)
    path.write_text(CATALOGUE, encoding="utf-8")
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    forget()
    words.use("fr")
    yield path
    forget()


def forget():
    words.catalogue.cache_clear()
    words._translations.cache_clear()


CATALOGUE = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

msgid "{n} bought in {month}"
msgstr "{n} ont acheté en {month}"

msgid "Note: done?"
msgstr "Note : fait ?"

msgid "{n} household"
msgid_plural "{n} households"
msgstr[0] "{n} ménage"
msgstr[1] "{n} ménages"

#, fuzzy
msgid "Unsure"
msgstr "Incertain"

msgid "Not yet"
msgstr ""

msgid "How we **count**"
msgstr "Comment nous **comptons**"

msgid "one first line that goes on"
msgstr "une première ligne qui continue"

msgid "Name"
msgstr "Nom"
"""


# Numbers


def test_numbers_are_grouped_as_each_language_does():
    assert words.number(1234567.891, 2) == "1,234,567.89"
    words.use("fr")
    assert words.number(1234567.891, 2) == f"1{N}234{N}567,89"


def test_shares_carry_their_percent_sign():
    assert words.share(0.123) == "12.3%"
    words.use("fr")
    assert words.share(0.123) == f"12,3{N}%"


def test_money_is_written_in_the_currency_in_use():
    words.use("en", "USD")
    assert [words.money(1234.56), words.money(-1234.56), words.money(1234.56, 0)] == [
        "$1,234.56",
        "−$1,234.56",
        "$1,235",
    ]
    words.use("fr", "EUR")
    assert [words.money(1234.56), words.money(-1234.56)] == [f"1{N}234,56{N}€", f"−1{N}234,56{N}€"]


def test_a_change_has_its_sign_and_none_when_it_rounds_to_nothing():
    changes = [0.032, -0.032, 0, 0.0004, -0.0004, None]
    assert [words.percent_change(x) for x in changes] == ["+3.2%", "−3.2%", "0.0%", "0.0%", "0.0%", "–"]


def test_halves_are_rounded_away_from_zero_as_spreadsheets_do():
    assert [words.number(x, 0) for x in (0.5, 1.5, 2.5, -2.5)] == ["1", "2", "3", "−3"]
    assert words.number(2.675, 2) == "2.68"


def test_what_rounds_to_zero_has_no_minus_sign():
    assert [words.number(-0.04, 1), words.share(-0.0001), words.money(-0.001)] == ["0.0", "0.0%", "€0.00"]


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_missing_value_is_a_dash_everywhere(missing):
    writers = (words.number, words.share, words.money, words.percent_change, words.compact, words.day, words.month)
    assert {write(missing) for write in writers} == {"–"}


def test_numbers_of_every_library_are_written_alike():
    values = [1234, 1234.0, Decimal("1234"), np.int64(1234), np.float64(1234), np.float32(1234)]
    assert {words.number(x, 1) for x in values} == {"1,234.0"}


def test_huge_numbers_do_not_overflow():
    assert words.number(1e21) == "1,000,000,000,000,000,000,000"
    assert words.compact(8_300_000, 1) == "8.3M"
    words.use("fr")
    assert words.compact(8_300_000, 1, as_money=True) == f"8,3{N}M{N}€"


def test_french_has_no_ordinary_or_wide_no_break_space_in_any_number():
    words.use("fr", "USD")
    texts = [words.number(1e6), words.share(12.34), words.money(1e6), words.percent_change(99), words.compact(2e9, 1)]
    assert [space for text in texts for space in (" ", "\u00a0") if space in text] == []


# Dates and lists


def test_dates_are_written_in_full_from_any_type():
    values = ["2017-10-01", date(2017, 10, 1), datetime(2017, 10, 1, 23), pd.Timestamp("2017-10-01")]
    values.append(np.datetime64("2017-10-01"))
    assert {words.day(value) for value in values} == {"1 October 2017"}
    words.use("fr")
    assert [words.day("2017-10-01"), words.day("2017-10-11"), words.day("2017-01-31")] == [
        "1er octobre 2017",
        "11 octobre 2017",
        "31 janvier 2017",
    ]


def test_months_and_short_dates_follow_the_language():
    assert (words.month("2017-10-01"), words.date_as("2017-10-01", "dMMM")) == ("October 2017", "1 Oct")
    words.use("fr")
    assert (words.month("2017-02-01"), words.date_as("2017-02-01", "MMM")) == ("février 2017", "févr.")


def test_lists_end_with_and_without_a_comma():
    assert [words.join([]), words.join(["a"]), words.join("ab"), words.join("abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    words.use("fr")
    assert words.join("abc") == "a, b et c"


# Sentences


def test_a_sentence_is_translated_and_its_values_are_not(french):
    assert say("{n} bought in {month}", n="Name", month="mai") == "Name ont acheté en mai"


def test_braces_in_a_value_are_left_alone(french):
    assert say("{n} bought in {month}", n="{month}", month="{0}") == "{month} ont acheté en {0}"


def test_an_unknown_an_untranslated_and_a_fuzzy_message_are_shown_in_english(french):
    assert [say("Unheard of"), say("Not yet"), say("Unsure"), say("")] == ["Unheard of", "Not yet", "Unsure", ""]


def test_a_value_may_be_called_message_or_n():
    assert say("{message} {n}", message="a", n="b") == "a b"


def test_zero_is_plural_in_english_and_singular_in_french(french):
    assert [say_n("{n} household", "{n} households", n) for n in (0, 1, 1200)] == [
        "0 ménage",
        "1 ménage",
        f"1{N}200 ménages",
    ]
    words.use("en")
    assert [say_n("{n} household", "{n} households", n) for n in (0, 1, 1200)] == [
        "0 households",
        "1 household",
        "1,200 households",
    ]


def test_french_punctuation_gets_its_narrow_space(french):
    assert say("Note: done?") == f"Note{N}: fait{N}?"
    assert words.text({"fr": "dit « oui » à 5 % ; `a != b`"}) == f"dit «{N}oui{N}» à 5{N}%{N}; `a != b`"


def test_prose_of_project_yml_is_shown_in_the_language_asked_or_as_typed():
    both, other = {"en": "hens", "fr": "poules"}, {"fr": "coqs"}
    assert [words.text(x) for x in ("typed", both, other, None, "")] == ["typed", "hens", "coqs", "", ""]
    words.use("fr")
    assert [words.text(x) for x in (both, {"en": "hens", "fr": ""})] == ["poules", "hens"]


def test_an_unknown_language_or_currency_is_refused_with_the_remedy():
    with pytest.raises(NinefoldError, match="language is 'de': choose one of en, fr"):
        words.use("de")
    with pytest.raises(NinefoldError, match="currency is 'euro'.*EUR"):
        words.use("en", "euro")
    assert (words.language(), words.currency()) == ("en", "EUR")


# Markdown


MARKDOWN = """\
# How we **count**

one first line
that goes on

- Name
- [ ] Name
  1. Name

| Name | 12 |
|------|---:|
| a \\| b | `Name` |

> one first line
> that goes on

```python
Name
```

    Name

---
<div>
Unheard of"""


def test_markdown_is_translated_paragraph_by_paragraph_and_code_is_not(french):
    assert (
        words.translate_markdown(MARKDOWN, "fr")
        == """\
# Comment nous **comptons**

une première ligne qui continue

- Nom
- [ ] Nom
  1. Nom

| Nom | 12 |
|------|---:|
| a \\| b | `Name` |

> une première ligne qui continue

```python
Name
```

    Name

---
<div>
Unheard of"""
    )


def test_english_markdown_is_left_as_typed():
    assert words.translate_markdown(MARKDOWN, "en") == MARKDOWN


@pytest.mark.parametrize("source", ["", "\n", "a", "a\n", "\n\na  \nb\n", "- a\n  - b\n\n  c", "$$\nx\n$$", "> a\n>\n> b", "#"])
def test_markdown_without_wrapped_lines_or_translation_comes_back_unchanged(source, french):
    assert words.translate_markdown(source, "fr") == source


# The catalogue


@pytest.fixture
def two_places(tmp_path, monkeypatch):
    """A notebook, a helper and a template of a few lines instead of the project's."""
    cells = [
        {"cell_type": "markdown", "source": ["# How we **count**\n", "\n", "one first line\n", "that goes on"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", 'say("In a cell")']},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    helper = 'X = mark("Marked")\nwords.say("Said " "in two")\nsay_n("one", "many", 2)\nsay(X)\nsay("Unsure")\nprint("Printed")\n'
    (tmp_path / "b.py").write_text(helper, encoding="utf-8")
    (tmp_path / "c.j2").write_text('{{ say("In a template", n=1) }} bare', encoding="utf-8")
    monkeypatch.setattr(words, "PLACES", tuple((tmp_path, f"*.{ending}") for ending in ("py", "ipynb", "j2")))


def test_messages_are_found_in_helpers_notebooks_and_templates(two_places):
    assert [message.id for message in words.extract() if message.id] == [
        "Marked",
        "Said in two",
        ("one", "many"),
        "Unsure",
        "How we **count**",
        "one first line that goes on",
        "In a cell",
        "In a template",
    ]


def test_missing_names_what_is_absent_empty_or_fuzzy(two_places, french):
    assert words.missing("fr") == ["Marked", "Said in two", "one", "Unsure", "In a cell", "In a template"]
    assert words.missing("en") == []


def test_update_keeps_translations_adds_the_new_and_drops_the_unused(two_places, french):
    words.update()
    first = french.read_bytes()
    kept = {message.id: message.string for message in words.catalogue("fr") if message.id}
    assert kept["How we **count**"] == "Comment nous **comptons**"
    assert kept["In a cell"] == ""
    assert "Name" not in kept and len(kept) == 8
    words.update()
    assert french.read_bytes() == first


# The project's own messages


def fields(message: str) -> Counter:
    return Counter(name for _, name, _, _ in string.Formatter().parse(message) if name is not None)


def digits(message: str) -> set[str]:
    return set("".join(c if c.isdigit() else " " for c in message).split())


def translated():
    for message in words.catalogue("fr"):
        if message.id:
            ids = [message.id] if isinstance(message.id, str) else list(message.id)
            strings = [message.string] if isinstance(message.string, str) else list(message.string)
            yield from ((ids, text) for text in strings if text)


def test_every_message_is_translated_into_french_and_none_is_fuzzy():
    assert words.missing("fr") == []


def test_a_translation_has_the_placeholders_of_its_source():
    wrong = [(ids, text) for ids, text in translated() if set(fields(text)) not in [set(fields(i)) for i in ids]]
    assert wrong == []


def test_a_translation_holds_no_number_that_its_source_does_not():
    assert [(ids, text) for ids, text in translated() if digits(text) - digits(" ".join(ids))] == []


def sayings():
    """Every call of say, say_n and mark in the helpers and in the notebooks' code: place, function, arguments."""
    sources = [(path, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "src" / "helpers").rglob("*.py"))]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources += [(path, "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    for path, source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in ("say", "say_n", "mark"):
                    yield f"{Path(path).name}:{node.lineno}", called, node


def test_what_is_said_is_a_literal_that_translators_can_find():
    unfindable = (ast.JoinedStr, ast.BinOp)
    said = list(sayings())
    assert [place for place, _, node in said if isinstance(node.args[0], unfindable)] == []
    assert [p for p, called, node in said if called == "mark" and not isinstance(node.args[0], ast.Constant)] == []
    assert len(said) > 20


def test_what_is_extracted_is_what_is_said():
    found = {i for m in words.extract() for i in ([m.id] if isinstance(m.id, str) else m.id) if i}
    said = {a.value for _, called, n in sayings() for a in n.args[: 2 if called == "say_n" else 1] if isinstance(a, ast.Constant)} - {""}
    assert said - found == set()  # not in an f-string, where nothing is extracted
    in_code = {m.id for m in words.extract() if m.id and all(path.endswith(".py") for path, _ in m.locations) and isinstance(m.id, str)}
    assert in_code - said == set()  # not the key by which a marked message is looked up


def test_every_placeholder_of_a_literal_message_is_given_a_value():
    lacking = []
    for place, called, node in sayings():
        texts = [a.value for a in node.args[: 2 if called == "say_n" else 1] if isinstance(a, ast.Constant)]
        given = {keyword.arg for keyword in node.keywords} | ({"n"} if called == "say_n" else set())
        if called != "mark" and None not in given:  # None stands for **values
            lacking += [(place, name) for text in texts for name in fields(text) if name not in given]
    assert lacking == []
