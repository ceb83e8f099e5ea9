"""Step 5: the variables on one sheet in business words, and who has signed it."""

from helpers.validate.leaving_out import without
from helpers.validate.sheet import PARTS, content, definition_hash, differences, number, signed_content, to_build_by
from helpers.validate.signing import check, outlook, signatures, status, unsigned, validation

__all__ = [
    "PARTS",
    "check",
    "content",
    "definition_hash",
    "differences",
    "number",
    "outlook",
    "signatures",
    "signed_content",
    "status",
    "to_build_by",
    "unsigned",
    "validation",
    "without",
]
