"""Leases of GPUs and CPU slots, and the lock of a run: file locks that the kernel drops with their holders.

Slots belong to a home. GPUs belong to the machine: their locks lie in one folder for all homes and users,
who may be strangers to each other, so that nothing in it is trusted but the lock itself.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mlwf_tui.entities.ids import RunId
from mlwf_tui.entities.machine import Gpu
from mlwf_tui.entities.queue import Wants
from mlwf_tui.workspace import Workspace

MACHINE_FOLDERS = (Path("/run/lock"), Path("/dev/shm"))
FOREIGN_BYTES = 512 << 20  # a desktop takes less than this of a GPU, a training more
NOTE_BYTES = 4096
LEASED_GPUS = "MLWF_GPUS"  # in the environment of a job that has leased some: their indices


class _Note(msgspec.Struct, frozen=True):
    """What a holder says of itself in its lease's file."""

    run: str = ""
    user: str = ""
    home: str = ""


@dataclass(slots=True)
class Held:
    """Locks that this process holds: of one run and of what it leases."""

    run_lock: int
    leases: dict[str, int] = field(default_factory=dict)  # descriptor by name, as "slot 0" or "GPU 1"

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.run_lock, *self.leases.values())

    @property
    def gpu_indices(self) -> tuple[int, ...]:
        return tuple(int(name.removeprefix("GPU ")) for name in self.leases if name.startswith("GPU "))

    def let_go(self) -> None:
        """Close this process's descriptors; who has inherited them holds on."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Refusal:
    """For what a run would have to wait, in words."""

    reason: str
    is_hopeless: bool = False  # this machine, as it is set up, does not have so much


@contextmanager
def hold_run(workspace: Workspace, run_id: RunId) -> Iterator[int | None]:
    """Hold a run's lock for the time of the body; None where one of its processes lives.

    Raises:
        OSError: the run's folder cannot be written.
    """
    descriptor = try_run(workspace, run_id)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def try_run(workspace: Workspace, run_id: RunId) -> int | None:
    """Take a run's lock if nobody holds it, and return its descriptor.

    Raises:
        OSError: the run's folder cannot be written.
    """
    folder = workspace.run_folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    return _try_lock(folder / "lock", mode=0o600)


def take(
    workspace: Workspace, run_id: RunId, run_lock: int, wants: Wants, gpus: Sequence[Gpu]
) -> Held | Refusal:
    """Take all that a run wants, or nothing and say what is missing.

    Raises:
        OSError: a lease's file cannot be opened.
    """
    held = Held(run_lock)
    try:
        refusal = _take_gpus(workspace, held, wants, gpus) or _take_slots(workspace, held, wants)
        if refusal is None:
            for descriptor in held.leases.values():
                _write_note(descriptor, workspace, run_id)
            return held
    except BaseException:
        drop(held)
        raise
    drop(held)
    return refusal


def drop(held: Held) -> None:
    """Let go of what was leased, not of the run's lock."""
    for descriptor in held.leases.values():
        os.close(descriptor)


def is_slot(name: str) -> bool:
    """Whether a lease is one of a CPU slot, and none of a GPU."""
    return name.startswith("slot ")


def find_slot(workspace: Workspace, name: str) -> Path:
    """Return the file of a slot by the name of its lease, as "slot 0"."""
    return workspace.home / "leases" / name.replace(" ", "-")


def _take_slots(workspace: Workspace, held: Held, wants: Wants) -> Refusal | None:
    """Take slots; a job with GPUs needs none, as a GPU is the rarer thing."""
    if wants.gpu_count or not wants.slots:
        return None
    (workspace.home / "leases").mkdir(mode=0o700, exist_ok=True)
    count, missing = workspace.settings.slots, wants.slots
    for index in range(count):
        if not missing:
            break
        name = f"slot {index}"
        descriptor = _try_lock(find_slot(workspace, name), mode=0o600)
        if descriptor is not None:
            held.leases[name] = descriptor
            missing -= 1
    if not missing:
        return None
    if wants.slots > count:
        reason = f"{wants.slots} CPU slots, of which there are only {count} (settings.toml: slots)"
        return Refusal(reason, is_hopeless=True)
    wanted = "a CPU slot" if wants.slots == 1 else f"{wants.slots} CPU slots"
    taken = count - (wants.slots - missing)
    return Refusal(f"{wanted}: {taken} of {count} {'is' if taken == 1 else 'are'} taken")


def _take_gpus(workspace: Workspace, held: Held, wants: Wants, gpus: Sequence[Gpu]) -> Refusal | None:
    if not wants.gpu_count:
        return None
    by_index = {gpu.index: gpu for gpu in gpus}
    unknown = [index for index in wants.gpu_indices if index not in by_index]
    if unknown or not gpus:
        named = f"GPU {unknown[0]}" if unknown else "a GPU"
        return Refusal(f"{named}, which is not seen on this machine", is_hopeless=True)
    folder = find_gpu_folder(workspace)
    least_used = sorted(gpus, key=lambda gpu: (gpu.memory_used_bytes or 0, gpu.index))
    chosen = [by_index[index] for index in wants.gpu_indices] or least_used
    reasons: list[str] = []
    for gpu in chosen:
        if len(held.leases) == wants.gpu_count:
            break
        path = folder / f"gpu-{gpu.index}"
        descriptor = _try_lock(path, mode=0o666)
        stranger = describe_stranger(gpu) if descriptor is not None else ""
        if descriptor is None:
            reasons.append(f"GPU {gpu.index}, held by {_describe_holder(workspace, path)}")
        elif stranger:
            os.close(descriptor)
            reasons.append(f"GPU {gpu.index}, {stranger}")
        else:
            held.leases[f"GPU {gpu.index}"] = descriptor
    if len(held.leases) == wants.gpu_count:
        return None
    if wants.gpu_count > len(chosen):
        reason = f"{wants.gpu_count} GPUs, of which this machine has {len(chosen)}"
        return Refusal(reason, is_hopeless=True)
    wanted = f"{wants.gpu_count} GPUs, {len(held.leases)} free: " if wants.gpu_count > 1 else ""
    return Refusal(wanted + "; ".join(reasons))


def describe_stranger(gpu: Gpu) -> str:
    """Return who uses a GPU that nobody has leased, in words; "" where it is as good as free."""
    used = gpu.memory_used_bytes or 0
    if used < FOREIGN_BYTES:
        return ""
    of = max(gpu.processes, key=lambda process: process.memory_bytes or 0, default=None)
    gib = f"{used / (1 << 30):.1f} GiB"
    if of is None:
        return f"where somebody uses {gib}"
    return f"where {of.user or 'somebody'}'s {of.name or 'process'} ({of.pid}) uses {gib}"


def find_device(asked: str, environment: Mapping[str, str]) -> str:
    """Return the device for a job that was asked to use `asked`: of leased GPUs it sees no others.

    What was GPU 2 of the machine is number 0 to a job that has leased it.
    """
    is_number = asked.partition(",")[0].removeprefix("cuda:").isdecimal()
    return "auto" if is_number and environment.get(LEASED_GPUS) else asked


def find_devices(asked: str, environment: Mapping[str, str]) -> str:
    """Return the devices for a job that may use several: of two leased GPUs `0,1`, as it sees them."""
    count = len([word for word in environment.get(LEASED_GPUS, "").split(",") if word])
    if count < 2 or asked.partition(",")[0] in ("cpu", "mps"):
        return find_device(asked, environment)
    return ",".join(map(str, range(count)))


def find_gpu_folder(workspace: Workspace) -> Path:
    """Return the folder of the machine's GPU leases, made where it is missing.

    The same for all users, so the first folder that is there for everybody, not one that a person chose.

    Raises:
        OSError: it cannot be made.
    """
    if workspace.settings.gpu_leases:
        folder = Path(workspace.settings.gpu_leases)
    else:
        shared = (path for path in MACHINE_FOLDERS if _is_for_everybody(path))
        folder = next(shared, workspace.home) / "mlwf"
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)
    if folder.is_symlink() or not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder")
    return folder


def _is_for_everybody(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_mode & 0o1777 == 0o1777
    return False


def _try_lock(path: Path, *, mode: int) -> int | None:
    """Open and lock a file if nobody holds it.

    It is not opened with O_CREAT where it exists: the kernel refuses that for a file of another user in a
    folder for everybody (fs.protected_regular).
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            try:
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError:
                continue  # another process was faster
            os.fchmod(descriptor, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path} is no file")
            if _is_same(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # somebody has put another file in its place: the lock must be of that one


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write_note(descriptor: int, workspace: Workspace, run_id: RunId) -> None:
    note = _Note(run=run_id, user=workspace.settings.author, home=str(workspace.home))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(note), 0)


def _describe_holder(workspace: Workspace, path: Path) -> str:
    """Return what the holder of a lease says of itself; nobody vouches for it, so that it is cleaned.

    A stranger may have put anything there: what is no file is not waited for.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            note = msgspec.json.decode(os.read(descriptor, NOTE_BYTES), type=_Note)
        finally:
            os.close(descriptor)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return "another process"
    if note.home == str(workspace.home):
        return f"run {_clean(note.run)}"
    return f"run {_clean(note.run)} of {_clean(note.user)}"


def _clean(text: str) -> str:
    return "".join(character for character in text[:40] if character.isprintable()) or "?"
