"""What a training notes beside its parameters: the code around it, and what exactly its splits held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.run import CODE_PATCH
from mlwf_tui.store.digests import compute_digest
from mlwf_tui.store.manifests import iter_items
from mlwf_tui.workflow.running.surroundings import describe_code, read_code_changes
from mlwf_tui.workspace import Workspace

MAX_PATCH_BYTES = 1 << 20
SPLIT_PREFIX = "split "


def keep_code(workspace: Workspace, folder: Path) -> dict[str, str]:
    """Return the commit of the repository around a folder, with what its files differ by as a blob.

    The store must be held until the catalog has named the blob. Empty where there is no repository.
    """
    code = describe_code(folder)
    if code.get("code") in (None, "as committed"):
        return code
    patch = read_code_changes(folder, max_bytes=MAX_PATCH_BYTES)
    if patch is None:
        return {**code, CODE_PATCH: f"not kept: longer than {MAX_PATCH_BYTES >> 20} MB"}
    with workspace.store.writer() as writer:
        return {**code, CODE_PATCH: writer.put(patch)}


def copy_code(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the code that a run was asked for from, which its parts were too."""
    return {name: environment[name] for name in ("commit", "code", CODE_PATCH) if name in environment}


def digest_splits(workspace: Workspace, manifest: Digest) -> Mapping[str, str]:
    """Return for each split how many items it has, and the digest of their keys, images and annotations."""
    rows: dict[str, list[bytes]] = {}
    for item in iter_items(workspace.store, manifest):
        row = msgspec.msgpack.encode((item.key, item.blob, item.annotation))
        rows.setdefault(item.split.value, []).append(bytes.fromhex(compute_digest(row)))
    return {
        f"{SPLIT_PREFIX}{split}": f"{compute_digest(b''.join(digests))[:16]} ({len(digests):,} items)"
        for split, digests in sorted(rows.items())
    }
