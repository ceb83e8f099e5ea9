"""Who was erased, as salted hashes: enough to say that somebody is in the data again, and nothing that names anybody.

Ids have few forms: whoever holds the file and a list of all ids can try them. It therefore stays in the project's private folder.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import ibis.expr.types as ir

from helpers import NinefoldError, run
from helpers.erase.find import Person
from helpers.project import Project
from helpers.run.files import named

FORMAT = 1


def place(plan: Project) -> Path:
    """data/<project>/erased.json."""
    return plan.folder / "erased.json"


def read(plan: Project) -> dict:
    """salt, erased: [{certificate, ids: [hashes], emails: [hashes]}]; an empty list where nobody was erased.

    Raises NinefoldError for a file that cannot be read.
    """
    path = place(plan)
    if not path.is_file():
        return {"format": FORMAT, "salt": "", "erased": []}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found | {"erased": list(found["erased"]), "salt": str(found["salt"])}
    except (ValueError, KeyError, TypeError) as error:
        raise NinefoldError(f"{named(path)} cannot be read ({error}). Restore it: without it nobody sees who comes back.") from error


def hashed(salt: str, value: str) -> str:
    """HMAC-SHA-256 of a value with the project's salt."""
    return hmac.new(salt.encode(), value.encode(), hashlib.sha256).hexdigest()


def remember(plan: Project, person: Person, certificate: str) -> str:
    """Add a person to the list; the hash by which the certificate calls the person."""
    found = read(plan)
    salt = found["salt"] or secrets.token_hex(32)
    ids = sorted(hashed(salt, each) for each in person.ids)
    entry = {"certificate": certificate, "ids": ids, "emails": sorted(hashed(salt, each) for each in person.emails)}
    others = [each for each in found["erased"] if each["ids"] != ids]
    run.write_json(place(plan), {"format": FORMAT, "salt": salt, "erased": [*others, entry]})
    os.chmod(place(plan), 0o600)
    return hashed(salt, "\n".join(sorted(person.ids)))


def returned(project: Project, ids: Iterable[str] | ir.Table, emails: Iterable[str] = ()) -> int:
    """How many erased people are in the data again.

    ids      raw ids as identity has them (bare in the first numbering, else shop:S12), or a table with raw_id or customer_id
    emails   e-mail addresses as `addresses.email_plain` writes them
    """
    return len(set(came_back(project, ids, emails).values()))


def came_back(project: Project, ids: Iterable[str] | ir.Table, emails: Iterable[str] = ()) -> dict[str, int]:
    """The ids and addresses of erased people that are in the data again, each with the place of its person in `read`; private.

    ids, emails   as of `returned`
    """
    found = read(project)
    if not found["erased"]:
        return {}
    if isinstance(ids, ir.Table):
        column = "raw_id" if "raw_id" in ids.columns else "customer_id"
        ids = ids.select(column).distinct().execute()[column]
    owner = {sign: n for n, entry in enumerate(found["erased"]) for sign in (*entry["ids"], *entry.get("emails", ()))}
    signs = {str(each): hashed(found["salt"], str(each)) for each in (*ids, *emails) if each is not None}
    return {each: owner[sign] for each, sign in signs.items() if sign in owner}
