"""A persona's picture: a bust without a face, drawn from what is true of most of its members. SVG text, for the page itself."""

from html import escape

HAIR = {0: "#4A3B32", 1: "#6B5344", 2: "#B9BCC2", None: "#8A8F98"}
"""Hair by generation; the third is grey, as is none."""
SKIN = "#E6D3C3"
DEVICES = ("mobile", "tablet", "desktop")


def avatar(drawn: dict, colour: str, title: str) -> str:
    """The picture as SVG.

    drawn    avatar of personas.json: generation (0, 1, 2 or None), gender (woman, man, anyone), device, channel, time (evening, morning,
             weekend or None), children, firm
    colour   of the segment, as #RRGGBB;  title: what it shows, for those who do not see it
    """
    parts = [
        f'<svg class="avatar" viewBox="0 0 120 120" role="img" aria-label="{escape(title, quote=True)}">',
        f'<circle cx="60" cy="60" r="58" fill="{colour}" fill-opacity="0.14"/>',
        _sky(drawn.get("time"), colour),
        _bust(drawn, colour),
        '<rect x="78" y="78" width="40" height="40" rx="9" fill="#fff"/>' if _badge(drawn, colour) else "",
        _badge(drawn, colour),
        _child(colour) if drawn.get("children") else "",
        "</svg>",
    ]
    return "".join(parts)


def _bust(drawn: dict, colour: str) -> str:
    """Shoulders, neck, head and hair; nothing in the place of a face."""
    hair = HAIR[drawn.get("generation")]
    shoulders = f'<path d="M22 112 C22 88 40 80 60 80 C80 80 98 88 98 112 A58 58 0 0 1 22 112 Z" fill="{colour}"/>'
    collar = '<path d="M52 80 L60 94 L68 80 Z" fill="#fff"/><path d="M58 90 L62 90 L64 108 L60 112 L56 108 Z" fill="#333"/>'
    neck = f'<rect x="52" y="66" width="16" height="18" rx="7" fill="{SKIN}"/>'
    head = f'<ellipse cx="60" cy="50" rx="18" ry="21" fill="{SKIN}"/>'
    behind = ""
    if drawn.get("gender") == "woman":
        bun = f'<circle cx="60" cy="22" r="8" fill="{hair}"/>' if drawn.get("generation") == 2 else ""
        long = f'<path d="M38 50 C36 24 84 24 82 50 L83 74 C76 80 44 80 37 74 Z" fill="{hair}"/>'
        behind = bun or long
        top = f'<path d="M41 48 C40 24 80 24 79 48 C72 40 66 36 58 36 C50 37 45 41 41 48 Z" fill="{hair}"/>'
    elif drawn.get("gender") == "man":
        top = f'<path d="M41 46 C40 26 80 25 79 46 C75 38 68 35 60 35 C52 35 45 38 41 46 Z" fill="{hair}"/>'
    else:
        top = f'<path d="M40 52 C38 24 82 24 80 52 C77 42 70 36 60 37 C50 36 43 42 40 52 Z" fill="{hair}"/>'
    return behind + shoulders + neck + head + top + (collar if drawn.get("firm") else "")


def _sky(time: str | None, colour: str) -> str:
    """A moon, a rising sun or a leaf of the calendar, at the top left."""
    if time == "evening":
        return f'<path d="M30 20 A11 11 0 1 0 38 36 A9 9 0 1 1 30 20 Z" fill="{colour}"/>'
    if time == "morning":
        rays = "".join(f'<path d="M26 {34 - 14} v-5" transform="rotate({turn} 26 34)"/>' for turn in (-60, -30, 0, 30, 60))
        half = f'<path d="M16 34 A10 10 0 0 1 36 34 Z" fill="{colour}"/>'
        return f'{half}<g stroke="{colour}" stroke-width="2.4" stroke-linecap="round">{rays}<path d="M12 38 h28"/></g>'
    if time == "weekend":
        leaf = f'<rect x="15" y="20" width="22" height="20" rx="3" fill="#fff" stroke="{colour}" stroke-width="2.2"/>'
        return f'{leaf}<path d="M15 26 h22" stroke="{colour}" stroke-width="4"/><path d="M26 31 h8 v6 h-8 z" fill="{colour}"/>'
    return ""


def _badge(drawn: dict, colour: str) -> str:
    """What they order or read with: a shop or a telephone when most orders come that way, else their device."""
    stroke = f'fill="none" stroke="{colour}" stroke-width="2.6" stroke-linejoin="round" stroke-linecap="round"'
    channel, device = drawn.get("channel"), drawn.get("device")
    if channel in ("shop", "store"):
        walls, door = '<path d="M84 94 v16 h28 v-16"/>', '<path d="M94 110 v-9 h8 v9"/>'
        return f'<g {stroke}>{walls}<path d="M82 94 l4 -9 h24 l4 9 z" fill="{colour}"/>{door}</g>'
    if channel == "phone":
        return f'<g {stroke}><path d="M86 86 c-2 10 10 24 22 23 l3 -6 l-7 -4 l-4 3 c-4 -2 -7 -6 -8 -10 l3 -4 l-3 -6 z"/></g>'
    if device == "mobile" or (device not in DEVICES and channel == "app"):
        return f'<g {stroke}><rect x="89" y="83" width="18" height="30" rx="3.5"/><path d="M96 108 h4"/></g>'
    if device == "tablet":
        return f'<g {stroke}><rect x="85" y="83" width="26" height="30" rx="3.5"/><path d="M96 108 h4"/></g>'
    if device == "desktop" or channel == "web":
        return f'<g {stroke}><rect x="83" y="85" width="30" height="19" rx="2.5"/><path d="M98 104 v6 M90 111 h16"/></g>'
    return ""


def _child(colour: str) -> str:
    """A smaller bust beside the first."""
    body = f'<path d="M6 112 C6 98 14 94 22 94 C30 94 38 98 38 112 Z" fill="{colour}" stroke="#fff" stroke-width="2"/>'
    return f'{body}<circle cx="22" cy="84" r="9.5" fill="{SKIN}" stroke="#fff" stroke-width="2"/>'
