"""What a class's folder is called where classes are folders: its name, or what a file system takes of it."""

from __future__ import annotations

import hashlib

from mlwf_tui.entities.item import MAX_NAME_BYTES


def name_class_folder(class_name: str) -> str:
    """Return the name of a class where it can be a folder's; else its beginning with a digest."""
    plain = class_name.replace("/", "_").replace("\\", "_")
    is_good = plain == class_name and plain not in (".", "..") and len(plain.encode()) <= MAX_NAME_BYTES
    if is_good:
        return plain
    digest = hashlib.sha256(class_name.encode()).hexdigest()[:12]
    return f"{plain.encode()[:200].decode(errors='ignore')}_{digest}"
