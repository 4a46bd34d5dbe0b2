"""check: list what is wrong or suspicious in a project state; it only reads."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from mlwf_tui.checks.fixes import choose_kept, is_labelled_alike, is_leaking
from mlwf_tui.checks.gathering import MAX_PLACES, make_finding, sort_findings
from mlwf_tui.checks.tally import Tally
from mlwf_tui.entities.finding import CheckResult, Finding, FindingKind, FoundPlace
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item, Split
from mlwf_tui.media.duplicates import HASH_BYTES, Places, find_equal, find_similar
from mlwf_tui.media.fingerprints import FINGERPRINT_BYTES
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.store.manifests import iter_items, read_summary
from mlwf_tui.store.places import iter_items_at
from mlwf_tui.workflow.refs import resolve_manifest
from mlwf_tui.workflow.sights import FEW, FINGERPRINTS, TIFFS, UNREADABLE, make_sights, read_sights
from mlwf_tui.workspace import Workspace

QUICK_IMAGES: Final = 2_000  # that were never looked at; some seconds on one core

DIGEST_BYTES: Final = 32
_STEP: Final = 500
_TIFF_SUFFIXES: Final = (".tif", ".tiff")
_SPLITS: Final = tuple(Split)


def check(workspace: Workspace, ref: str, *, is_near: bool | None = None, observer: Observer) -> CheckResult:
    """Return what is wrong or suspicious in PROJECT@N, or the head of PROJECT.

    With `is_near` images that look alike are found, for which each must be decoded once; how it looks is
    kept in the home's cache. Without an answer (None) that is done where few are left to be decoded.

    Raises:
        NotFound: there is no such project or version.
        CorruptData: a part of the manifest is damaged.
        Cancelled: the observer asked for it.
    """
    project, manifest = resolve_manifest(workspace, ref)
    images, tally = _read_items(workspace, manifest, observer)
    findings = tally.list_findings()
    findings += _find_odd_shapes(workspace, manifest, tally)
    copies = images.find_copies()
    findings += _describe_copies(workspace, manifest, images, copies)
    looks = _find_looks(workspace, images, copies, is_near, observer)
    findings += _describe_looks(workspace, manifest, images, looks)
    return CheckResult(
        ref=ref,
        project=project.name,
        manifest=manifest,
        items=tally.item_count,
        objects=tally.object_count,
        findings=sort_findings(findings),
        images_not_compared=looks.undecoded + len(looks.lost),
        images_partly_compared=looks.cut_count,
    )


class _Images(msgspec.Struct):
    """Of every item, by its place: its blob's digest, and its split as a number."""

    digests: bytearray
    splits: array[int]
    tiffs: array[int]  # places of those that are called so

    def find_copies(self) -> list[Places]:
        """Return the places of each blob that several items have; 64 bits tell apart any that are here."""
        if not self.splits:
            return []
        words = np.frombuffer(self.digests, np.uint64)
        return find_equal(words[:: DIGEST_BYTES // 8].copy())

    def get_digest(self, place: int) -> Digest:
        return Digest(self.digests[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES].hex())

    def are_leaking(self, places: Places) -> bool:
        return is_leaking({_SPLITS[self.splits[place]] for place in places})


def _read_items(workspace: Workspace, manifest: Digest, observer: Observer) -> tuple[_Images, Tally]:
    summary = read_summary(workspace.store, manifest)
    images, tally = _Images(bytearray(), array("B"), array("L")), Tally(summary.schema)
    for place, item in enumerate(iter_items(workspace.store, manifest)):
        if place % _STEP == 0:
            observer.check_cancelled()
            observer.progress(place, summary.item_count, "looking at the annotations")
        images.digests += bytes.fromhex(item.blob)
        images.splits.append(_SPLITS.index(item.split))
        if item.name.lower().endswith(_TIFF_SUFFIXES):
            images.tiffs.append(place)
        tally.add(item)
    return images, tally


def _find_odd_shapes(workspace: Workspace, manifest: Digest, tally: Tally) -> list[Finding]:
    odd = tally.find_odd_shapes()
    if not odd:
        return []
    listed = sorted(odd)[:MAX_PLACES]
    items = iter_items_at(workspace.store, manifest, listed)
    places = [
        FoundPlace(item.key, tuple(odd[place]), _describe_shapes(item, odd[place]))
        for place, item in zip(listed, items, strict=True)
    ]
    return [make_finding(FindingKind.ODD_SHAPE, len(odd), places=places)]


def _describe_shapes(item: Item, numbers: Sequence[int]) -> str:
    parts = []
    for number in numbers[:3]:
        labelled = item.annotation.objects[number - 1]
        bounds = labelled.geometry.bounds
        parts.append(f"{labelled.class_name} {bounds.width_px:.0f}×{bounds.height_px:.0f}")
    return ", ".join(parts)


# --- copies ---------------------------------------------------------------------------------------


def _describe_copies(
    workspace: Workspace, manifest: Digest, images: _Images, copies: Sequence[Places]
) -> Iterator[Finding]:
    for kind, groups in _part_by_leak(images, copies, FindingKind.LEAK, FindingKind.DUPLICATE_IMAGE):
        places = [
            place
            for items in _iter_groups(workspace, manifest, groups)
            for place in _list_copies(items, choose_kept(items))
        ]
        yield make_finding(kind, sum(len(group) - 1 for group in groups), places=places)


def _list_copies(items: Sequence[Item], kept: Item) -> Iterator[FoundPlace]:
    for item in items:
        if item.key != kept.key:
            is_other = bool(item.annotation.objects) and not is_labelled_alike(item, kept)
            other = ", labelled otherwise" if is_other else ""
            note = f"{item.split}, same bytes as {kept.key} in {kept.split}{other}"
            yield FoundPlace(item.key, (), note)


def _part_by_leak(
    images: _Images, groups: Sequence[Places], leak: FindingKind, other: FindingKind
) -> Iterator[tuple[FindingKind, list[Places]]]:
    """Yield the groups that stand in several splits, and the others, each with its kind."""
    for kind, is_leak in ((leak, True), (other, False)):
        found = [group for group in groups if images.are_leaking(group) is is_leak]
        if found:
            yield kind, found


def _iter_groups(workspace: Workspace, manifest: Digest, groups: Sequence[Places]) -> Iterator[list[Item]]:
    """Yield the items of each group, until as many are read as a finding keeps places."""
    listed = 0
    shown = []
    for group in groups:
        if listed > MAX_PLACES:
            break
        shown.append(group)
        listed += len(group)
    wanted = sorted({place for group in shown for place in group})
    items = dict(zip(wanted, iter_items_at(workspace.store, manifest, wanted), strict=True))
    for group in shown:
        yield [items[place] for place in group]


# --- looks ----------------------------------------------------------------------------------------


class _Looks(msgspec.Struct):
    """Groups of places of images that look alike, places of those that cannot be decoded and of those
    that the store cannot give, of TIFFs that trainers cannot decode, how many were not looked at, and how
    many were not compared with all that may be alike."""

    groups: list[Places]
    unreadable: Places
    lost: Places
    wide: Places
    undecoded: int
    cut_count: int


def _find_looks(
    workspace: Workspace,
    images: _Images,
    copies: Sequence[Places],
    is_near: bool | None,
    observer: Observer,
) -> _Looks:
    repeated = {place for group in copies for place in group[1:]}
    places = [place for place in range(len(images.splits)) if place not in repeated]
    digests = [images.get_digest(place) for place in places]
    lost = _find_lost(workspace, digests)
    known = read_sights(workspace, [d for d in digests if d not in lost], sight=FINGERPRINTS)
    undecoded = [digest for digest in digests if digest not in known and digest not in lost]
    if is_near or (is_near is None and len(undecoded) <= QUICK_IMAGES):
        known |= make_sights(workspace, undecoded, observer, sight=FINGERPRINTS)
        lost |= {digest for digest in undecoded if digest not in known}
        undecoded = []
    tiffs = _look_at_tiffs(workspace, images, known, observer)
    observer.progress(len(places), len(places), "comparing how the images look")
    seen = [place for place, digest in zip(places, digests, strict=True) if known.get(digest, UNREADABLE)]
    prints = b"".join(made for digest in digests if (made := known.get(digest, UNREADABLE)))
    rows = np.frombuffer(prints, np.uint8).reshape(len(seen), FINGERPRINT_BYTES)
    hashes = np.ascontiguousarray(rows[:, :HASH_BYTES])
    similar = find_similar(hashes, rows[:, HASH_BYTES:], between=observer.check_cancelled)
    return _Looks(
        [[seen[number] for number in group] for group in similar.groups],
        [p for p, digest in zip(places, digests, strict=True) if known.get(digest) == UNREADABLE],
        [p for p in range(len(images.splits)) if images.get_digest(p) in lost] if lost else [],
        tiffs,
        len(undecoded),
        similar.cut_count,
    )


def _look_at_tiffs(
    workspace: Workspace, images: _Images, known: Mapping[Digest, bytes], observer: Observer
) -> Places:
    """Return the places of TIFFs that trainers cannot decode, of those that could be decoded here."""
    by_digest: dict[Digest, list[int]] = {}
    for place in images.tiffs:
        if known.get(digest := images.get_digest(place)):
            by_digest.setdefault(digest, []).append(place)
    kinds = read_sights(workspace, [*by_digest], sight=TIFFS) if by_digest else {}
    new = [digest for digest in by_digest if digest not in kinds]
    kinds |= make_sights(workspace, new, observer, sight=TIFFS) if new else {}
    return sorted(
        place for digest, places in by_digest.items() if kinds.get(digest) == FEW for place in places
    )


def _find_lost(workspace: Workspace, digests: Sequence[Digest]) -> set[Digest]:
    """Return the digests of the blobs that the store has not; their bytes are not read."""
    missing = workspace.store.find_missing([bytes.fromhex(digest) for digest in digests])
    return {Digest(digest.hex()) for digest in missing}


def _describe_looks(
    workspace: Workspace, manifest: Digest, images: _Images, looks: _Looks
) -> Iterator[Finding]:
    for kind, found in (
        (FindingKind.LOST_IMAGE, looks.lost),
        (FindingKind.UNREADABLE_IMAGE, looks.unreadable),
        (FindingKind.WIDE_TIFF, looks.wide),
    ):
        if found:
            items = iter_items_at(workspace.store, manifest, found[:MAX_PLACES])
            places = [FoundPlace(item.key, (), item.split.value) for item in items]
            yield make_finding(kind, len(found), places=places)
    for kind, groups in _part_by_leak(
        images, looks.groups, FindingKind.NEAR_LEAK, FindingKind.NEAR_DUPLICATE
    ):
        places = [
            FoundPlace(item.key, (), f"{item.split}, looks like {first.key} in {first.split}")
            for first, *others in _iter_groups(workspace, manifest, groups)
            for item in others
        ]
        yield make_finding(kind, sum(len(group) - 1 for group in groups), places=places)
