"""Words and numbers in the reader's language: English is the source, French comes from one gettext catalogue.

Every generated sentence goes through `say`, every number through `number`, `share`, `money`, `day` …; markdown typed in
a notebook is translated paragraph by paragraph by `translate_markdown`. The catalogue is a text file that translators
edit, `locale/fr/LC_MESSAGES/helpers.po`; `update()` brings it up to date, `missing("fr")` lists what is not translated.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel import Locale, dates, lists, numbers
from babel.messages.catalog import Catalog
from babel.messages.extract import extract as babel_extract
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from helpers import ROOT, NinefoldError

LANGUAGES = ("en", "fr")
NONE = "–"
MINUS = "−"
THIN = "\u202f"
"""Narrow no-break space: French sets it between thousands, before % and before the currency sign."""

KEYWORDS = {"say": None, "say_n": (1, 2), "mark": None}
LOCALE = Path(__file__).resolve().parent / "locale"
PLACES = (
    (Path(__file__).resolve().parent, "*.py"),
    (ROOT / "notebooks", "*.ipynb"),
    (ROOT / "reports" / "template", "*.j2"),
)
# English numbers as in $1,234.56; dates and lists as the prose is spelt: 1 October 2017; a, b and c.
_LOCALES = {"en": Locale("en"), "fr": Locale("fr")}
_PROSE_LOCALES = {"en": Locale("en", "GB"), "fr": Locale("fr")}
_now = {"language": "en", "currency": "EUR"}


def use(language: str, currency: str | None = None) -> None:
    """Set the language of everything said from here on, and the currency of `money` (unchanged when None)."""
    if language not in LANGUAGES:
        raise NinefoldError(f"language is {language!r}: choose one of {', '.join(LANGUAGES)}.")
    if currency is not None and not numbers.is_currency(currency):
        raise NinefoldError(f"currency is {currency!r}: give its three-letter code (ISO 4217), as in EUR or USD.")
    _now["language"] = language
    _now["currency"] = currency or _now["currency"]


def language() -> str:
    """The language in use, "en" or "fr"."""
    return _now["language"]


def currency() -> str:
    """The currency in use, as its ISO 4217 code."""
    return _now["currency"]


def currency_sign() -> str:
    """The sign of the currency in use, for a heading: "€", "$" ("$US" in French)."""
    return numbers.get_currency_symbol(currency(), locale=_LOCALES[language()])


# Sentences


def mark(message: str) -> str:
    """The message itself: marks a literal for translators where it is declared; `say(variable)` translates it later."""
    return message


def say(message: str, /, **values: Any) -> str:
    """The message in the reader's language, with `{name}` replaced by its value.

    The first argument is a literal (or was one, under `mark`), so that translators find it. Values are inserted as they
    are: write numbers first with `number`, `share`, `money` … A value is never translated, and braces in it are safe.
    """
    return _typeset(_translations(language()).gettext(message) if message else "", language()).format(**values)


def say_n(singular: str, plural: str, n: int, /, **values: Any) -> str:
    """Like `say`, in the singular or the plural as n demands; `{n}` is n written as a number unless given."""
    chosen = _translations(language()).ngettext(singular, plural, n)
    return _typeset(chosen, language()).format(**({"n": number(n)} | values))


def text(value: str | Mapping[str, str] | None) -> str:
    """Prose of project.yml: as typed, or of `{en: …, fr: …}` the language in use, else English, else what there is."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in (language(), "en", *value) if value.get(key)), "")
    return _typeset(value or "", language())


def _typeset(sentence: str, language: str) -> str:
    """French sets a space before : ; ? ! % » and after «: typed plain by translators, made narrow and no-break here."""
    if language != "fr":
        return sentence
    return re.sub(r" (?=[:;?!%»](?:$|[\s)\]*_»”.,]))|(?<=«) ", THIN, sentence)


# Numbers


def number(x: Any, digits: int = 0) -> str:
    """1234.5 → "1,234.5" or "1 234,5", with exactly `digits` decimals; "–" when there is none."""
    return _written(x, "#,##0", digits, "")


def share(x: Any, digits: int = 1) -> str:
    """A share 0–1 as a percentage: 0.123 → "12.3%" or "12,3 %"."""
    return _written(x, "#,##0", digits, _percent())


def percent_change(x: Any, digits: int = 1) -> str:
    """A relative change with its sign: 0.032 → "+3.2%", -0.032 → "−3.2%"; no sign on a change that rounds to 0."""
    written = share(x, digits)
    return f"+{written}" if re.search("[1-9]", written) and not written.startswith(MINUS) else written


def signed(x: Any, digits: int = 0) -> str:
    """A number with its sign: 12 → "+12", -3 → "−3"; no sign on one that rounds to 0."""
    written = number(x, digits)
    return f"+{written}" if re.search("[1-9]", written) and not written.startswith(MINUS) else written


def money(x: Any, digits: int = 2) -> str:
    """An amount in the project's currency: 1234.56 → "$1,234.56" or "1 234,56 €"."""
    pattern = "¤#,##0{};-¤#,##0{}" if language() == "en" else "#,##0{}\u202f¤"
    if absent(x):
        return NONE
    with _half_up():
        decimals = _decimals(digits)
        return _tidy(
            numbers.format_currency(
                _decimal(x), currency(), pattern.format(decimals, decimals), _LOCALES[language()], currency_digits=False
            )
        )


def compact(x: Any, digits: int = 0, *, as_money: bool = False) -> str:
    """A large number in few characters, for axes: 8_300_000 → "8.3M" or "8,3 M" (digits = 1)."""
    if absent(x):
        return NONE
    with _half_up():
        options = {"locale": _LOCALES[language()], "fraction_digits": digits}
        if as_money:
            return _tidy(numbers.format_compact_currency(_decimal(x), currency(), **options))
        return _tidy(numbers.format_compact_decimal(_decimal(x), **options))


def day(value: Any) -> str:
    """A date in full: "1 October 2017", "1er octobre 2017"; accepts a date, a timestamp or an ISO text."""
    moment = as_date(value)
    if moment is None:
        return NONE
    written = dates.format_date(moment, "long", locale=_PROSE_LOCALES[language()])
    return written.replace("1", "1er", 1) if language() == "fr" and moment.day == 1 else written


def month(value: Any) -> str:
    """A month in full: "October 2017", "octobre 2017"."""
    return date_as(value, "yMMMM")


def date_as(value: Any, skeleton: str) -> str:
    """A date by one of Unicode's skeletons, for axes: "MMM" → "Oct", "oct."; "dMMM" → "1 Oct"; "y" → "2017"."""
    moment = as_date(value)
    if moment is None:
        return NONE
    return dates.format_skeleton(skeleton, moment, locale=_PROSE_LOCALES[language()])


def join(items: Iterable[str]) -> str:
    """["a", "b", "c"] → "a, b and c", "a, b et c"."""
    return lists.format_list([str(item) for item in items], locale=_PROSE_LOCALES[language()])


def absent(x: Any) -> bool:
    """Whether a value is missing: None, NaN, NaT, NA."""
    try:
        return x is None or bool(x != x)
    except TypeError:  # pandas.NA answers no question with yes or no
        return True


def as_date(value: Any) -> date | None:
    """The day of a date, a timestamp (Python, pandas, numpy) or an ISO text; None when there is none."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).date()
    if absent(value):
        return None
    if hasattr(value, "astype") and not isinstance(value, date):  # numpy.datetime64
        value = value.astype("datetime64[us]").item()
    return value.date() if isinstance(value, datetime) else value


def _decimal(x: Any) -> Decimal:
    return x if isinstance(x, Decimal) else Decimal(str(x))


def _half_up():
    # As people and spreadsheets round; 60 digits, so that a huge amount does not overflow.
    return localcontext(prec=60, rounding=ROUND_HALF_UP)


def _decimals(digits: int) -> str:
    return "." + "0" * digits if digits > 0 else ""


def _percent() -> str:
    return f"{THIN}%" if language() == "fr" else "%"


def _written(x: Any, pattern: str, digits: int, percent: str) -> str:
    if absent(x):
        return NONE
    with _half_up():
        return _tidy(numbers.format_decimal(_decimal(x), pattern + _decimals(digits) + percent, _LOCALES[language()]))


def _tidy(written: str) -> str:
    written = written.replace("\u00a0", THIN if language() == "fr" else " ").replace("-", MINUS)
    if written.startswith(MINUS) and not re.search("[1-9∞]", written):  # −0.04 at one digit is 0.0, not −0.0
        return written[1:]
    return written


# Catalogue


def catalogue_path(language: str = "fr") -> Path:
    """Where the translations of a language are kept."""
    return LOCALE / language / "LC_MESSAGES" / "helpers.po"


@lru_cache
def catalogue(language: str) -> Catalog:
    """The catalogue of a language as Babel reads it; empty for English and where there is no file."""
    path = catalogue_path(language)
    if language == "en" or not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@lru_cache
def _translations(language: str) -> NullTranslations:
    # gettext wants the compiled form: made in memory, so that no .mo can be out of step. Fuzzy messages are left out.
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def extract() -> Catalog:
    """Every message of the project: helpers, notebooks (typed paragraphs and code) and the report's template."""
    found = Catalog(project="Ninefold", fuzzy=False)
    methods = {"*.py": extract_python, "*.ipynb": _extract_notebook, "*.j2": _extract_template}
    for folder, pattern in PLACES:
        for path in sorted(p for p in folder.rglob(pattern) if ".ipynb_checkpoints" not in p.parts):
            with path.open("rb") as file:
                for line, message, comments, _ in babel_extract(methods[pattern], file, keywords=KEYWORDS):
                    place = (path.relative_to(folder.parent).as_posix(), line)
                    found.add(message, locations=[place], auto_comments=comments)
    return found


def update(language: str = "fr") -> Path:
    """Merge today's messages into the catalogue: translations stay, near misses become fuzzy, unused ones go."""
    path = catalogue_path(language)
    catalogue.cache_clear()
    known = catalogue(language)
    known.project, known.last_translator, known.language_team = "Ninefold", "Ninefold", language
    known.header_comment = f"# Ninefold in another language ({language}): read by helpers/words.py, which also brings it up to date."
    known.update(extract(), update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    write_po(written, known, width=120, ignore_obsolete=True, include_lineno=False, sort_by_file=True)
    path.write_bytes(written.getvalue())
    catalogue.cache_clear()
    _translations.cache_clear()
    return path


def missing(language: str) -> list[str]:
    """The messages of today that the language lacks: absent from its catalogue, untranslated or fuzzy."""
    if language == "en":
        return []
    known, lacking = catalogue(language), []
    for message in extract():
        if not message.id:
            continue
        translated = known.get(message.id)
        strings = [] if translated is None or translated.fuzzy else translated.string
        strings = [strings] if isinstance(strings, str) else list(strings)
        if not strings or not all(strings):
            lacking.append(message.id if isinstance(message.id, str) else message.id[0])
    return lacking


def _extract_notebook(file, keywords, comment_tags, options) -> Iterator[tuple]:
    """Babel extractor: one message per markdown paragraph, and what the code says; the line is the cell's number."""
    for position, cell in enumerate(json.load(file)["cells"], start=1):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield from ((position, None, part, []) for part, is_message in _paragraphs(source) if is_message)
        elif cell["cell_type"] == "code":
            code = re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE).encode()
            for _, function, message, comments in extract_python(io.BytesIO(code), keywords, comment_tags, options):
                yield position, function, message, comments


def _extract_template(file, keywords, comment_tags, options) -> Iterator[tuple]:
    from jinja2.ext import babel_extract as extract_jinja

    loud = {"silent": "false", "extensions": "jinja2.ext.loopcontrols,jinja2.ext.do"}
    return extract_jinja(file, list(keywords), comment_tags, loud)


# Markdown

_FENCE = re.compile(r"\s*(`{3,}|~{3,}|\$\$)")
# A tag alone on its line, a comment, the definition of a link, a rule across the page.
_VERBATIM = re.compile(r"\s*(</?\w[^>]*>\s*$|<!--|\[[^\]]+\]:\s|([-*_]\s*){3,}$)")
_OPENING = re.compile(r"(\s*(?:>\s?)*(?:\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?)?(?:#{1,6}\s+)?)")
_CELL_BORDER = re.compile(r"(\s*(?<!\\)\|\s*)")
_HARD_BREAK = re.compile(r"( {2,}|\\)$")


def translate_markdown(source: str, language: str) -> str:
    """The same markdown with every paragraph replaced by its translation; code, markers and layout stay as they are."""
    if language == "en":
        return source
    spoken = _translations(language).gettext
    parts = _paragraphs(source)
    return "".join(_typeset(spoken(part), language) if is_message else part for part, is_message in parts)


def _paragraphs(source: str) -> Iterator[tuple[str, bool]]:
    """Cut markdown into parts that together are the source (wrapped lines joined), and say which of them are messages.

    A message is the text of one heading, list item, table cell or paragraph, with inline markdown, without markers.
    """
    fence, opening, words, parts = "", "", [], []

    def close(ending: str) -> None:
        nonlocal opening, words
        if words:
            message = " ".join(words)
            parts.extend([(opening, False), (message, any(map(str.isalpha, message))), (ending, False)])
        opening, words = "", []

    def verbatim(line: str) -> None:
        close("\n")
        parts.append((line + "\n", False))

    for line in source.split("\n"):
        mark_here = _OPENING.match(line).group(1)
        starts_fence = _FENCE.match(line)
        indented_code = not words and line.startswith(("    ", "\t")) and not mark_here.strip()
        if fence:
            verbatim(line)
            fence = "" if line.strip().startswith(fence) else fence
        elif starts_fence:
            verbatim(line)
            marker = starts_fence.group(1)
            closed = marker == "$$" and line.strip().endswith("$$") and len(line.strip()) > 2
            fence = "" if closed else marker
        elif not line.strip(" >") or _VERBATIM.match(line) or indented_code:
            verbatim(line)
        elif line.lstrip().startswith("|"):
            close("\n")
            cells = _CELL_BORDER.split(line)
            parts.extend((cell, any(map(str.isalpha, cell))) for cell in cells if cell)
            parts.append(("\n", False))
        else:
            quote_goes_on = words and set(mark_here.strip()) == {">"} and set(opening.strip()) == {">"}
            if mark_here.strip() and not quote_goes_on:
                close("\n")
            if not words:
                opening = mark_here
            words.append(_HARD_BREAK.sub("", line[len(mark_here) :]).strip())
            broken = _HARD_BREAK.search(line)
            if broken or "#" in mark_here:
                close((broken.group(1) if broken else "") + "\n")
    close("\n")
    last, _ = parts[-1]  # every line got an end, the source's last line has none
    parts[-1] = (last.removesuffix("\n"), False)
    return iter([part for part in parts if part[0]])
