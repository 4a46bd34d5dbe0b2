"""Identifiers and digests, and how a new one is drawn; nothing that knows what they identify."""

from __future__ import annotations

import os
import re
from typing import NewType

Digest = NewType("Digest", str)
"""BLAKE3-256 of the raw bytes, 64 lower-case hexadecimal digits."""

ProjectId = NewType("ProjectId", str)
StateId = NewType("StateId", str)
VersionId = NewType("VersionId", str)
RunId = NewType("RunId", str)
JobId = NewType("JobId", str)
ModelId = NewType("ModelId", str)
ReportId = NewType("ReportId", str)
FolderId = NewType("FolderId", str)
RecipeId = NewType("RecipeId", str)
IntermediateId = NewType("IntermediateId", str)
ArtifactId = NewType("ArtifactId", str)


def new_id() -> str:
    """Return 12 random hexadecimal digits: short to read, and any unique prefix names the thing."""
    return os.urandom(6).hex()


def is_id(text: str) -> bool:
    """Whether a text has the form of an id, all of it."""
    return re.fullmatch("[0-9a-f]{12}", text) is not None
