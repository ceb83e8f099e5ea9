"""Files as the usual tools take them up: one row of a list in, one row of the tool's file out. data/README.md shows a sample of each.

Sources, as their makers publish them: Brevo, help.brevo.com, article 208729849; Mailchimp, mailchimp.com/help/format-guidelines-for-your-
import-file; HubSpot, knowledge.hubspot.com, “Set up your import file”; Google, support.google.com/google-ads/answer/7659867; Meta,
facebook.com/business/help/2082575038703844.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

COUNTRIES = {
    "Europe/Paris": "FR",
    "Europe/Brussels": "BE",
    "Europe/Luxembourg": "LU",
    "Europe/Zurich": "CH",
    "Europe/Madrid": "ES",
    "Europe/Rome": "IT",
    "Europe/Berlin": "DE",
    "Europe/London": "GB",
    "America/New_York": "US",
}
"""The country of addresses that name none: that of the project's time zone, an assumption that the manifest states."""
DOTLESS = ("gmail.com", "googlemail.com")
"""Hosts at which Google reads an address with dots before the @ as the same without."""
ADDRESSES = {"email": "email", "mobile": "mobile", "phone": "phone"}
"""What a channel needs → the column of a list without which a row is in no upload."""


@dataclass(frozen=True)
class Upload:
    """One tool's file.

    needs      the kinds of channel for which it is written (result of addresses.needs_of)
    row        from a row of a list, with `country` and `need` (of its channel), to the values of `columns`
    hashed     it goes to an advertiser: written in clear nowhere, and only for those who agreed to that
    """

    columns: tuple[str, ...]
    separator: str
    needs: tuple[str, ...]
    row: Callable[[dict], tuple[str, ...]]
    hashed: bool = False


def email_plain(text: str | None) -> str:
    """Lower case, without any spaces."""
    return re.sub(r"\s+", "", text or "").lower()


def google_email(text: str | None) -> str:
    """As `email_plain`; of a Gmail address also without the dots before the @."""
    name, _, host = email_plain(text).partition("@")
    return f"{name.replace('.', '')}@{host}" if host in DOTLESS else email_plain(text)


def international(phone: str | None) -> str:
    """+33612345678 (E.164), "" for a telephone whose country nobody can tell."""
    plain = re.sub(r"[^0-9+]", "", phone or "")
    plain = re.sub(r"^00", "+", plain)
    return plain if re.fullmatch(r"\+[1-9][0-9]{6,14}", plain) else ""


def dialled(phone: str | None) -> str:
    """As one dials it in France: 0612345678, 0044… for other countries; as it stands where the country is unknown.

    Without the plus sign, no spreadsheet takes it for a formula.
    """
    known = international(phone)
    if not known:
        return phone or ""
    return f"0{known[3:]}" if known.startswith("+33") else f"00{known[1:]}"


def google_name(text: str | None) -> str:
    """Lower case, without spaces; accents stay."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text or "")).lower()


def meta_name(text: str | None) -> str:
    """Lower case, without spaces, punctuation and figures; accents stay."""
    return "".join(sign for sign in google_name(text) if sign.isalpha())


def sha256(text: str) -> str:
    """SHA-256 in lower-case hexadecimal of the text in UTF-8; nothing stays nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def brevo(row: dict) -> tuple[str, ...]:
    """EMAIL or SMS (country code first, no plus), names, the customer's id and what the message is chosen by.

    Only the address of the row's own channel (`need`) is in it: who said yes to mails has not said yes to text messages.
    """
    mail = _of(row, "email_plain") if row.get("need") != "mobile" else ""
    phone = international(row.get("mobile_plain")).removeprefix("+") if row.get("need") == "mobile" else ""
    return (mail, phone, *_said(row, "first_name", "last_name", "customer_id", "tag", "offer", "version"))


def mailchimp(row: dict) -> tuple[str, ...]:
    """E-mail address, names and tags; tags are parted by a comma."""
    tags = ", ".join(each for each in _said(row, "tag", "campaign", "version") if each)
    return (_of(row, "email_plain"), *_said(row, "first_name", "last_name"), tags)


def hubspot(row: dict) -> tuple[str, ...]:
    """E-mail address (by which HubSpot knows a contact again), names and properties of one's own."""
    return (_of(row, "email_plain"), *_said(row, "first_name", "last_name", "customer_id", "tag", "campaign", "offer", "version"))


def google(row: dict) -> tuple[str, ...]:
    """SHA-256 of address, telephone and names; country and postcode in clear, as Google asks, and only together with both names."""
    first, last, postcode = google_name(row.get("first_name")), google_name(row.get("last_name")), _of(row, "postcode").strip()
    phone = international(row.get("mobile_plain") or row.get("phone_plain"))
    home = (
        (sha256(first), sha256(last), row.get("country") or "", postcode)
        if first and last and postcode and row.get("country")
        else [""] * 4
    )
    return (sha256(google_email(row.get("email_plain"))), sha256(phone), *home)


def meta(row: dict) -> tuple[str, ...]:
    """SHA-256 of everything: address, telephone (figures alone, country code first), names, city, postcode, country."""
    phone = international(row.get("mobile_plain") or row.get("phone_plain")).removeprefix("+")
    plain = (
        email_plain(row.get("email_plain")),
        phone,
        meta_name(row.get("first_name")),
        meta_name(row.get("last_name")),
        meta_name(row.get("city")),
        re.sub(r"[\s-]+", "", _of(row, "postcode")).lower(),
        (row.get("country") or "").lower(),
    )
    return tuple(sha256(each) for each in plain)


def _of(row: dict, column: str) -> str:
    return row.get(column) or ""


def _said(row: dict, *columns: str) -> tuple[str, ...]:
    return tuple(_of(row, column) for column in columns)


UPLOADS = {
    "brevo": Upload(("EMAIL", "SMS", "FIRSTNAME", "LASTNAME", "EXT_ID", "SEGMENT", "OFFER", "VERSION"), ";", ("email", "mobile"), brevo),
    "mailchimp": Upload(("Email Address", "First Name", "Last Name", "Tags"), ",", ("email",), mailchimp),
    "hubspot": Upload(
        ("Email", "First Name", "Last Name", "Customer number", "Segment", "Campaign", "Offer", "Version"), ",", ("email",), hubspot
    ),
    "google_customer_match": Upload(
        ("Email", "Phone", "First Name", "Last Name", "Country", "Zip"), ",", ("email", "mobile", "phone"), google, hashed=True
    ),
    "meta_custom_audience": Upload(
        ("email", "phone", "fn", "ln", "ct", "zip", "country"), ",", ("email", "mobile", "phone"), meta, hashed=True
    ),
}
"""By the name that stands in the file's name. Mailchimp and HubSpot know a contact by the e-mail address: theirs are for e-mail alone."""
