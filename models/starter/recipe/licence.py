"""The licence of a source tree, read from its licence files: permissive ones by name, everything else as None."""
import re

LICENCE_FILE = re.compile(r"(^|/)(LICEN[CS]E|COPYING)([._-][\w.-]*)?$", re.I)

# A file's own header may name another licence than its repository.
FOREIGN_HEADER = re.compile(
    r"GNU (Lesser |Affero )?General Public|\bGPLv?[23]\b|Mozilla Public License|Creative Commons"
    r"|All rights reserved\.? *(Proprietary|Confidential)"
    r"|SPDX-License-Identifier: *(?!MIT|Apache|BSD|ISC|0BSD)",
    re.I,
)

_RESTRICTED = re.compile(r"GNU (Lesser |Affero )?General Public License|Mozilla Public License|Business Source|Elastic License|SSPL")
_NO_ENDORSEMENT = re.compile(r"Neither the name|names? of .{0,80}contributors may")


def classify(text: str) -> str | None:
    """SPDX name of the permissive licence that `text` is, or None."""
    text = re.sub(r"\s+", " ", text)
    apache = "Apache License" in text[:600] and "Version 2.0" in text[:800]
    if _RESTRICTED.search(text) and not apache:
        return None
    if apache:
        return "Apache-2.0"
    if "Permission is hereby granted, free of charge" in text:
        return "MIT"
    if "Redistribution and use in source and binary forms" in text:
        return "BSD-3-Clause" if _NO_ENDORSEMENT.search(text) else "BSD-2-Clause"
    if re.search(r"Permission to use, copy, modify, and(/or)? distribute", text):
        return "ISC"
    return None
