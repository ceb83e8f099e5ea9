"""Notices by e-mail, chat or webhook: to addresses that stand outside project.yml, for they hold passwords.

Apprise sends them; its form of address is `mailtos://user:password@host`, `json://host/path`, `slack://…` and some hundred more.
"""

import os
import re
from pathlib import Path

VARIABLE, FILE = "NINEFOLD_NOTICES", "notices.txt"


def addresses(project: Path) -> list[tuple[str, str]]:
    """Where notices go: (how a message names the address without its password, the address); each one once.

    project   the project's folder: its notices.txt has an address a line, # begins a remark; NINEFOLD_NOTICES parts them by blanks
    """
    given = os.environ.get(VARIABLE, "").split()
    file = project / FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    typed = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    named = [(f"{VARIABLE}, {n}", each) for n, each in enumerate(given, 1)]
    named += [(f"data/{project.name}/{FILE}, {n}", each) for n, each in enumerate(typed, 1)]
    return list({address: (place, address) for place, address in reversed(named)}.values())[::-1]


def send(title: str, body: str, project: Path) -> dict:
    """Send a notice to every address.

    Returns  sent (how many took it), failed (a sentence for each that did not); a notice that cannot be sent is no failure of the run
    """
    found: dict = {"sent": 0, "failed": []}
    try:
        known = addresses(project)
    except (OSError, UnicodeDecodeError) as error:
        return found | {"failed": [f"Notice not sent: data/{project.name}/{FILE} cannot be read ({type(error).__name__})."]}
    for place, address in known:
        why = _one(title, body, address)
        if why:
            found["failed"].append(f"Notice not sent to the address {place} ({kind(address)}): {why}")
        else:
            found["sent"] += 1
    return found


def kind(address: str) -> str:
    """The beginning of an address, which says what it is and holds no secret."""
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)", address)
    return scheme[0] if scheme else "?"


def _one(title: str, body: str, address: str) -> str:
    """Why an address took no notice; empty: it did."""
    import apprise  # late: a third of a second, and only where there is somebody to tell

    try:
        post = apprise.Apprise()
        if not post.add(address):
            return "Apprise does not know this form of address."
        return "" if post.notify(title=title, body=body) else "it did not take it."
    except Exception as error:  # whatever a service's plug-in raises: the run has ended, and what it found stands
        return f"{type(error).__name__}."
