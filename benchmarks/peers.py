"""Who takes part in the store's benchmark, ours and others: each phase as a person would type it in a shell.

A script finds the folder to be versioned in $TREE, which is also where it runs, its own store in $REPO,
a name that does not exist yet in $FRESH, the name of the version to make in $LABEL, the tree before any
edit in $SOURCE, a place for anything else in $SIDE, and this Python in $PYTHON.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """What is measured, in order; `edit` is the snapshot of the edited tree, the next three bring v1 back."""

    FIRST = "first"
    UNCHANGED = "unchanged"
    EDIT = "edit"
    VERIFY = "verify"
    CHECKOUT = "checkout"
    IN_PLACE = "in place"
    COLLECT = "collect"


LABELS = {Phase.FIRST: "v1", Phase.UNCHANGED: "again", Phase.EDIT: "v2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A tool and its commands; a phase that it lacks is not measured.

    `setups` run before their phase, untimed. `stores` are what counts as stored. What comes back is the
    tree, byte by byte, or if `restores_checkouts` a checkout of ours, whose labels are JSON. In place it
    comes over $TREE as it stands after the edit, or if `is_checkout_reused` over $FRESH, in which a
    setup has put the second version.
    """

    name: str
    phases: Mapping[Phase, str]
    programs: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    prepare: str = ""
    setups: Mapping[Phase, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[str, ...] = ("$REPO",)
    restores_checkouts: bool = False
    takes_images: bool = True
    takes_checkpoints: bool = True
    is_checkout_reused: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether its scripts call the commands of this build."""
        return self.name.startswith("mlwf")

    @property
    def is_installed(self) -> bool:
        """Whether all that it needs can be found."""
        return all(map(shutil.which, self.programs)) and all(map(importlib.util.find_spec, self.modules))


def list_peers() -> tuple[Peer, ...]:
    """Return all of them, installed or not: ours first, then plain copies, then tools with versions."""
    return (*_OURS, _CP, _CP_SYNCED, _TAR, _RSYNC, _RESTIC, _BORG, _CASYNC, _GIT, _GIT_LFS, _DVC, _OXEN)


def find_missing_commands(script: str, known: Collection[str]) -> set[str]:
    """Return the commands of ours that a script calls and that are not among `known`."""
    return set(re.findall(r"\$MLWF --json (\w+)", script)) - set(known)


def list_own_commands() -> set[str]:
    """Return the commands that this build has."""
    done = subprocess.run(
        [sys.executable, "-m", "mlwf_tui", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    listed = done.stdout.partition("Commands:")[2]
    return set(re.findall(r"^  (\w+)  ", listed, re.MULTILINE))


def _snapshots(script: str) -> dict[Phase, str]:
    return dict.fromkeys(LABELS, script)


# --- ours ----------------------------------------------------------------------------------------

_OUR_COMMANDS = {
    Phase.FIRST: '$MLWF --json import "$TREE" items -m v1',
    Phase.VERIFY: "$MLWF --json verify",
    Phase.CHECKOUT: '$MLWF --json checkout items@1 "$FRESH"',
    Phase.COLLECT: "$MLWF --json collect --apply --grace 0",
}
_DELETE_FIRST = {Phase.COLLECT: "$MLWF --json delete items@1 --force"}

_OURS = (
    Peer(  # the source stays YOLO and is imported again; an import leaves what is gone from it
        name="mlwf import",
        phases={
            **_OUR_COMMANDS,
            Phase.UNCHANGED: '$MLWF --json import "$TREE" items',
            Phase.EDIT: '$MLWF --json import "$TREE" items -m v2',
            Phase.IN_PLACE: '$MLWF --json checkout items@1 "$FRESH"',
        },
        setups={Phase.IN_PLACE: '$MLWF --json checkout items@2 "$FRESH"', **_DELETE_FIRST},
        restores_checkouts=True,
        takes_checkpoints=False,
        is_checkout_reused=True,
    ),
    Peer(  # the same, named by a command of its own
        name="mlwf import + commit",
        phases={
            Phase.FIRST: '$MLWF --json import "$TREE" items; $MLWF --json commit items -m v1',
            Phase.EDIT: '$MLWF --json import "$TREE" items; $MLWF --json commit items -m v2',
        },
        takes_checkpoints=False,
    ),
    Peer(  # after the import one works in a checkout
        name="mlwf sync",
        phases={
            **_OUR_COMMANDS,
            Phase.UNCHANGED: '$MLWF --json sync "$TREE"',
            Phase.EDIT: '$MLWF --json sync "$TREE" -m v2',
            Phase.IN_PLACE: '$MLWF --json checkout items@1 "$TREE"',
        },
        setups={
            Phase.UNCHANGED: 'rm -rf "$TREE"/*; $MLWF --json checkout items@1 "$TREE"',
            **_DELETE_FIRST,
        },
        restores_checkouts=True,
        takes_checkpoints=False,
    ),
    Peer(  # checkpoints have no command of their own: they come with models
        name="mlwf store",
        phases={
            **_snapshots('$PYTHON -m benchmarks.blobs put "$REPO" "$LABEL" "$TREE"'),
            Phase.VERIFY: '$PYTHON -m benchmarks.blobs verify "$REPO"',
            Phase.CHECKOUT: '$PYTHON -m benchmarks.blobs get "$REPO" v1 "$FRESH"',
            Phase.IN_PLACE: '$PYTHON -m benchmarks.blobs get "$REPO" v1 "$TREE"',
        },
        takes_images=False,
    ),
)

# --- copies --------------------------------------------------------------------------------------

_COPY = 'cp -a "$TREE" "$REPO/$LABEL"'
_CP = Peer(
    name="cp -a",
    programs=("cp",),
    phases={
        Phase.FIRST: _COPY,
        Phase.EDIT: _COPY,
        Phase.CHECKOUT: 'cp -a "$REPO/v1" "$FRESH"',
        Phase.COLLECT: 'rm -rf "$REPO/v1"',
    },
)

_SYNCED = ' && sync -f "$REPO"'
_CP_SYNCED = Peer(  # a plain copy lies in memory as its command ends; this one is as safe as a version
    name="cp -a, synced",
    programs=("cp", "sync"),
    phases={Phase.FIRST: _COPY + _SYNCED, Phase.EDIT: _COPY + _SYNCED},
)

_PACK = 'tar -c . | zstd -q -3 -T0 -o "$REPO/$LABEL.tar.zst"'
_TAR = Peer(
    name="tar + zstd",
    programs=("tar", "zstd"),
    phases={
        Phase.FIRST: _PACK,
        Phase.EDIT: _PACK,
        Phase.VERIFY: 'zstd -q -t "$REPO"/*',
        Phase.CHECKOUT: 'mkdir "$FRESH"; zstd -q -d -c "$REPO/v1.tar.zst" | tar -x -C "$FRESH"',
        Phase.COLLECT: 'rm "$REPO/v1.tar.zst"',
    },
)

_RSYNC = Peer(
    name="rsync",
    programs=("rsync",),
    phases={
        Phase.FIRST: 'rsync -a ./ "$REPO/v1/"',
        Phase.UNCHANGED: 'rsync -a --link-dest="$REPO/v1" ./ "$REPO/again/"',
        Phase.EDIT: 'rsync -a --link-dest="$REPO/again" ./ "$REPO/v2/"',
        Phase.CHECKOUT: 'rsync -a "$REPO/v1/" "$FRESH/"',
        Phase.IN_PLACE: 'rsync -a --delete "$REPO/v1/" ./',
        Phase.COLLECT: 'rm -rf "$REPO/v1" "$REPO/again"',
    },
)

# --- tools with versions -------------------------------------------------------------------------

_RESTIC = Peer(
    name="restic",
    programs=("restic",),
    environment={"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": "$REPO", "RESTIC_CACHE_DIR": "$SIDE"},
    prepare="restic init",
    phases={
        **_snapshots('restic backup -q --tag "$LABEL" .'),
        Phase.VERIFY: "restic check -q --read-data",
        Phase.CHECKOUT: 'restic restore -q latest --tag v1 --target "$FRESH"',
        Phase.IN_PLACE: "restic restore -q latest --tag v1 --target .",
        Phase.COLLECT: "restic forget -q --prune --group-by host --keep-tag v2",
    },
)

_BORG = Peer(
    name="borg",
    programs=("borg",),
    environment={
        "BORG_REPO": "$REPO/borg",
        "BORG_BASE_DIR": "$SIDE",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    },
    prepare="borg init -e none",
    phases={
        **_snapshots('borg create -C zstd,3 "::$LABEL" .'),
        Phase.VERIFY: "borg check --verify-data",
        Phase.CHECKOUT: 'mkdir "$FRESH"; cd "$FRESH"; borg extract ::v1',
        Phase.IN_PLACE: "borg extract ::v1",
        Phase.COLLECT: "borg delete ::v1 again; borg compact",
    },
)

_CASYNC = Peer(
    name="casync",
    programs=("casync",),
    phases={
        **_snapshots('casync make --store="$REPO/chunks.castr" "$REPO/$LABEL.caidx" . >"$SIDE/id"'),
        Phase.CHECKOUT: 'casync extract --store="$REPO/chunks.castr" "$REPO/v1.caidx" "$FRESH"',
        Phase.IN_PLACE: 'casync extract --store="$REPO/chunks.castr" "$REPO/v1.caidx" .',
        Phase.COLLECT: 'rm "$REPO/v1.caidx" "$REPO/again.caidx";'
        ' casync gc --store="$REPO/chunks.castr" "$REPO/v2.caidx"',
    },
)

_GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "$SIDE/gitconfig",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
}
_GIT_COMMIT = 'git add -A; git commit -q -m "$LABEL"; git tag "$LABEL"'
_GIT_PHASES = {
    Phase.FIRST: _GIT_COMMIT,
    Phase.UNCHANGED: "git add -A; git status --porcelain",
    Phase.EDIT: _GIT_COMMIT,
    Phase.VERIFY: "git fsck --full",
    Phase.CHECKOUT: 'git worktree add -q --detach "$FRESH" v1',
    Phase.IN_PLACE: "git checkout -q v1",
    Phase.COLLECT: "git gc -q --prune=now",
}
# A commit without its parent takes v2's place, and nothing else names v1: no tag, index or worktree.
_GIT_DROP_FIRST = (
    "git worktree prune; git reset -q $(git commit-tree -m v2 'v2^{tree}');"
    " git branch -q -D main; git tag -d v1 v2; git reflog expire --expire=now --all"
)

_GIT = Peer(
    name="git",
    programs=("git",),
    environment=_GIT_ENVIRONMENT,
    prepare="git init -q -b main .; git config gc.auto 0",
    phases=_GIT_PHASES,
    setups={Phase.COLLECT: _GIT_DROP_FIRST},
    stores=("$TREE/.git",),
)

_GIT_LFS = Peer(
    name="git-lfs",
    programs=("git", "git-lfs"),
    environment=_GIT_ENVIRONMENT,
    prepare="git init -q -b main .; git config gc.auto 0; git lfs install --local;"
    " git lfs track '*.jpg' '*.png' '*.safetensors' '*.bin'",
    phases={
        **_GIT_PHASES,
        Phase.VERIFY: "git lfs fsck; git fsck --full",
        Phase.COLLECT: "git gc -q --prune=now; git lfs prune",
    },
    setups={Phase.COLLECT: _GIT_DROP_FIRST},
    stores=("$TREE/.git",),
)

_DVC = Peer(
    name="dvc",
    programs=("git", "dvc"),
    environment={**_GIT_ENVIRONMENT, "DVC_SITE_CACHE_DIR": "$SIDE/site", "DVC_NO_ANALYTICS": "1"},
    prepare="git init -q -b main .; dvc init -q",
    phases={
        **_snapshots(
            "dvc add -q $(ls | grep -v '[.]dvc$'); git add -A;"
            ' git commit -q --allow-empty -m "$LABEL"; git tag "$LABEL"'
        ),
        Phase.CHECKOUT: 'git clone -q . "$FRESH"; cd "$FRESH"; git checkout -q v1;'
        ' dvc config -q --local cache.dir "$TREE/.dvc/cache"; dvc checkout -q',
        Phase.IN_PLACE: "git checkout -q v1; dvc checkout -q --force",
        Phase.COLLECT: "dvc gc -q -w -f",
    },
    setups={Phase.COLLECT: "git checkout -q v2"},
    stores=("$TREE/.git", "$TREE/.dvc", "$SIDE/site"),
)

_OXEN_SNAPSHOT = """$PYTHON -c '
import sys
from oxen import Repo
repo = Repo(".")
repo.add(".")
repo.commit(sys.argv[1])
' "$LABEL" """
_OXEN = Peer(  # its Python interface fills no empty folder without a server
    name="oxen",
    modules=("oxen",),
    environment={"OXEN_CONFIG_DIR": "$SIDE"},
    prepare="""$PYTHON -c '
import oxen
oxen.user.config_user("bench", "bench@localhost")
oxen.Repo(".").init()
'""",
    phases={
        Phase.FIRST: _OXEN_SNAPSHOT,
        Phase.UNCHANGED: """$PYTHON -c 'from oxen import Repo; Repo(".").status()'""",
        Phase.EDIT: _OXEN_SNAPSHOT,
        Phase.IN_PLACE: """$PYTHON -c 'from oxen import Repo; Repo(".").checkout("main")'""",
    },
    # Version 1 stays on main, which Oxen makes; the edit gets a branch of its own.
    setups={Phase.EDIT: """$PYTHON -c 'from oxen import Repo; Repo(".").checkout("v2", create=True)'"""},
    stores=("$TREE/.oxen",),
)
