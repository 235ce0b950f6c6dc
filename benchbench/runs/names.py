"""What the folders of runs are called."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

SLUG_LENGTH = 60
"""Characters of a folder's name, not counting the hash."""


def run_hash(identity: dict[str, Any]) -> str:
    """Eight hex digits for the name of a run's folder."""
    content = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def slug(text: str) -> str:
    """A spec as a folder's name; a hash separates specs that shorten to the same text.

    Of a long one that holds paths, only the names of their files stand there.
    """
    short = text if len(text) <= SLUG_LENGTH else re.sub(r"(?<=:)[^,:\[\]]*/", "", text)
    plain = re.sub(r"[^A-Za-z0-9_.=-]+", "-", short).strip("-.")[:SLUG_LENGTH].rstrip("-.")
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:6]}"
