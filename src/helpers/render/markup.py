"""HTML of the pages: written from markdown, and inspected before it is published."""

import html
import re
import unicodedata
from html.parser import HTMLParser

NO_ALT = (
    "a picture without a text alternative. Draw it with helpers.charts, or display it with "
    'metadata={"image/png": {"alt": "what it shows, in a sentence"}}.'
)
_FORBIDDEN = ("script", "iframe", "object", "embed", "base", "form")
_ADDRESSES = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")
_ELSEWHERE = re.compile(r"(?i)^\s*((https?|ftp|file):|//|javascript:).{0,80}")
_ELSEWHERE_IN_STYLE = re.compile(r"(?i)url\(\s*[\"']?(?!data:|#)[^)]{0,80}|@import[^;]{0,80}")


class Prose:
    """Markdown → HTML: headings with ids, tables that scroll, no mathematics (two $ in a paragraph are two prices).

    taken   ids that headings must not get
    pages   slugs of the steps that have a page
    """

    def __init__(self, *, taken: set[str] = frozenset(), pages: set[str] = frozenset()):
        import mistune

        self.contents: list[tuple[str, str]] = []
        self._taken, self._pages = set(taken), pages
        renderer = mistune.HTMLRenderer(escape=False)
        renderer.heading, renderer.paragraph = self._heading, self._paragraph
        self._markdown = mistune.create_markdown(renderer=renderer, plugins=["table", "strikethrough"])

    def render(self, source: str) -> str:
        """The HTML of a cell; its second-level headings are added to `contents`, as (anchor, text)."""
        made = re.sub(r"<th(?=[ >])", '<th scope="col"', self._markdown(source))
        made = made.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
        return local_links(made, self._pages)

    def _paragraph(self, text: str) -> str:
        parts = re.split(r"\s+·\s+", text)  # *Takes* … · *Gives* … · *Decides* … · *Signed by* …
        if len(parts) > 2 and all(part.startswith("<em>") for part in parts):
            return '<ul class="facts">\n' + "".join(f"<li>{part}</li>\n" for part in parts) + "</ul>\n"
        return f"<p>{text}</p>\n"

    def _heading(self, text: str, level: int, **_) -> str:
        if level == 1:
            return ""  # the page has said it already, above its summary
        plain = html.unescape(re.sub(r"<[^>]+>", "", text))
        anchor = self._anchor(plain)
        if level == 2:
            self.contents.append((anchor, plain))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def _anchor(self, text: str) -> str:
        in_ascii = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", in_ascii).strip("-") or "section"
        number, anchor = 1, stem
        while anchor in self._taken:
            number += 1
            anchor = f"{stem}-{number}"
        self._taken.add(anchor)
        return anchor


def local_links(markup: str, pages: set[str]) -> str:
    """Links to a notebook lead to its page, if it has one; links to another server become the text they stood on."""

    def follow(found: re.Match) -> str:
        address, text = html.unescape(found[2]), found[3]
        notebook = re.fullmatch(r"(?:\./)?(\d\d_\w+)\.ipynb(#.*)?", address)
        if notebook and notebook[1] in pages:
            return f'<a href="{notebook[1]}.html">{text}</a>'
        if notebook or re.match(r"(?i)\s*(https?:)?//", address):
            return f'<span class="elsewhere">{text}</span>'
        return found[0]

    return re.sub(r"(?is)<a\b[^>]*?\bhref=([\"'])(.*?)\1[^>]*>(.*?)</a>", follow, markup)


class Inspector(HTMLParser):
    """Reads a page, or a part of one, and notes

    faults    scripts, frames, handlers, addresses of other servers, pictures from a file or without a text alternative
    ids       all ids; `twice` those that occur again; `targets` where links within the page lead
    """

    def __init__(self, page: str):
        super().__init__()
        self.faults: list[str] = []
        self.ids: set[str] = set()
        self.twice: set[str] = set()
        self.targets: set[str] = set()
        self._in_style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if tag in _FORBIDDEN:
            self.faults.append(f"a <{tag}>; pages are read without scripts and without a network")
        if tag == "img":
            self._picture(given)
        self.faults += [f"the handler {name}; pages have no scripts" for name in given if name.startswith("on")]
        for name in _ADDRESSES:
            self._address(_ELSEWHERE.search(given.get(name, "")))
        self._address(_ELSEWHERE_IN_STYLE.search(given.get("style", "")))
        if len(given.get("href", "")) > 1 and given["href"].startswith("#"):
            self.targets.add(given["href"][1:])
        if "id" in given:
            self.twice |= {given["id"]} & self.ids
            self.ids.add(given["id"])

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if self._in_style:
            self._address(_ELSEWHERE_IN_STYLE.search(data))

    def _picture(self, given: dict[str, str]) -> None:
        source = given.get("src", "")
        if not given.get("alt", "").strip():
            self.faults.append(NO_ALT)
        if not source.startswith(("data:image/", "charts/")):
            self.faults.append(f"the picture {source[:80]!r}, which does not travel with the page; draw it in the notebook")

    def _address(self, found: re.Match | None) -> None:
        if found:
            self.faults.append(f"the address {found[0]!r}; pages are read without a network")
