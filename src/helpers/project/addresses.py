"""Addresses of servers in project.yml: what must not stand in them, and how a message shows one."""

import re
from urllib.parse import unquote

SECRET = re.compile(r"passw|pwd=|token=|secret|access_?key", re.IGNORECASE)
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://")


def holds_password(address: str) -> bool:
    """Whether an address holds a password, before its host or in its query, however it is written there."""
    scheme = ADDRESS.match(address)
    if not scheme:
        return False
    plain = unquote(address[scheme.end() :])
    place, _, query = plain.partition("?")
    host = address[scheme.end() :].partition("/")[0]
    user = host.rpartition("@")[0] or place.rpartition("@")[0]
    return ":" in user or bool(SECRET.search(query))


def without_user(address: str) -> str:
    """An address as a message shows it: without the user, or whatever else stands before its host."""
    scheme = ADDRESS.match(address)
    if not scheme:
        return address
    rest, mark, query = address[scheme.end() :].partition("?")
    return scheme[0] + rest.rpartition("@")[2] + mark + query
