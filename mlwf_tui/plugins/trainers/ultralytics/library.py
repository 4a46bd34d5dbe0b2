"""The library made quiet: offline, without integrations or downloads, on one device, from our weights."""

from __future__ import annotations

import errno
import importlib.util
import os
import pickle
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlwf_tui.entities.model import TASKS
from mlwf_tui.errors import InvalidInput, InvalidParameter, PluginError, StorageFailed, Untrusted
from mlwf_tui.plugins.trainers.threads import count_threads, settle_threads
from mlwf_tui.plugins.trainers.weights_guard import check_weights

_INTEGRATIONS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb", "vscode_msg")
_FONTS = ("Arial.ttf", "Arial.Unicode.ttf")
_PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "cv2", "PIL", "albumentations")
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_LIBRARY_ERRORS = (
    RuntimeError, ValueError, TypeError, LookupError, AttributeError, OSError, ImportError, AssertionError,
    SyntaxError, EOFError, pickle.PickleError, MemoryError,
)  # fmt: skip


def prepare_library(folder: Path) -> None:
    """Import the library so that it looks up no host and writes its own settings below `folder` only.

    The variables are read at the first import in a process; a second call finds it quiet already.
    """
    config = folder / "ultralytics"
    config.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        YOLO_OFFLINE="true",
        YOLO_AUTOINSTALL="false",
        ULTRALYTICS_SAFE_LOAD="true",  # torch's weights-only mode, and no eval of what weights say
        YOLO_CONFIG_DIR=str(config),
        NO_ALBUMENTATIONS_UPDATE="1",
    )
    os.environ.setdefault("MPLCONFIGDIR", str(config))
    settle_threads()
    os.environ.pop("ULTRALYTICS_API_KEY", None)  # with it the library reports runs to its makers' platform
    import ultralytics.utils as library
    import ultralytics.utils.checks as checks
    import ultralytics.utils.tqdm as bars

    library.SETTINGS.update(dict.fromkeys(_INTEGRATIONS, False))
    library.colorstr.__code__ = _drop_colors.__code__  # by its code, since others have bound it already
    checks.check_font = _find_font  # its own imports matplotlib, which lists all fonts of the machine
    bars.is_noninteractive_console = lambda: True  # one line where a progress bar ends: this is a log
    _place_fonts(library.USER_CONFIG_DIR)


def use_all_threads(_: object) -> None:
    """A callback: undo what the library's choice of a device does, which leaves one core idle."""
    import torch

    torch.set_num_threads(count_threads())


def choose_device(asked: str) -> str:
    """Return the library's name of a device: cpu, mps, the number of a GPU, or of several as `0,1`.

    Raises:
        InvalidParameter: a GPU where there is none.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "0" if count else "cpu"
    numbers = [word.strip().removeprefix("cuda:") for word in asked.split(",")]
    if asked in ("cpu", "mps") or set(numbers) == {"cpu"}:
        return numbers[0]
    if len(set(numbers)) == len(numbers) and all(n.isdecimal() and int(n) < count for n in numbers):
        return ",".join(numbers)
    raise InvalidParameter(
        f"The device {asked!r} cannot be used: this machine has {count} GPUs.",
        hint="Give device=cpu" + (f" or numbers from 0 to {count - 1}." if count else "."),
    )


def is_gpu(device: str) -> bool:
    """Whether what `choose_device` has returned is a GPU, or several."""
    return device[:1].isdecimal()


def load_weights(path: Path, *, task: str = "", is_trusted: bool = False) -> Any:
    """Return the model of a weight file, after `prepare_library`; where a task is given, made for that.

    It is read in torch's weights-only mode; in full only where it names more and `is_trusted`.

    Raises:
        InvalidInput: the file is missing, unreadable, or of another task.
        Untrusted: opening it may run code, and nobody vouches for it.
    """
    from ultralytics import YOLO

    if not path.is_file():  # else the library would search for it on the network
        raise InvalidInput(f"The weights {path} do not exist.", hint="Train the model again.")
    if path.suffix != ".pt":
        raise InvalidInput(f"The weights {path.name} are not a .pt file.", hint="Give a PyTorch checkpoint.")
    with _choose_mode(path, is_trusted=is_trusted), report_failure("read the weights"):
        model = YOLO(str(path))
    if model.task not in TASKS or model.task != (task or model.task):
        raise InvalidInput(
            f"The model {path.name} is made to {model.task}, not to {task or 'do what can be trained here'}.",
            hint=f"Choose a model for {task or ', '.join(TASKS)}.",
        )
    return model


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Return all that a checkpoint of ours holds, in torch's weights-only mode, after `prepare_library`.

    Raises:
        InvalidInput: it is no checkpoint.
        Untrusted: it names more than weights need, as none of ours does.
    """
    from ultralytics.nn.tasks import torch_safe_load

    check_weights(path)
    with report_failure("read the checkpoint"):
        saved: Mapping[str, Any] = torch_safe_load(str(path), safe_only=True)[0]
    return saved


@contextmanager
def _choose_mode(path: Path, *, is_trusted: bool) -> Iterator[None]:
    """Let the library open weights in full while the block lasts, where they need it and are trusted."""
    from ultralytics.nn import tasks

    try:
        check_weights(path)
    except Untrusted:
        if not is_trusted:
            raise
        tasks.SAFE_LOAD = False
    try:
        yield
    finally:
        tasks.SAFE_LOAD = True


def describe_environment(device: str) -> dict[str, str]:
    """Return the versions and the hardware that a run depends on."""
    import torch

    on_gpu = is_gpu(device)
    return {
        "python": platform.python_version(),
        **{name: version for name in _PACKAGES if (version := _find_version(name))},
        "device": torch.cuda.get_device_name(int(device.split(",")[0])) if on_gpu else device,
        "processes": os.environ.get("WORLD_SIZE", "1"),
        "cuda": str(torch.version.cuda) if on_gpu else "",
        "driver": _read_driver() if on_gpu else "",
        "threads": str(count_threads()),
    }


@contextmanager
def report_failure(what: str) -> Iterator[None]:
    """Turn what the library raises into one sentence; what it printed stands in the log."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise _explain(what, error) from error
        raise StorageFailed(
            f"The disk refused what the training had to write: {error.strerror}.",
            hint="Free some space; mlwf resume then goes on from the checkpoint before.",
        ) from error
    except _LIBRARY_ERRORS as error:
        raise _explain(what, error) from error


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory, of the machine or of a GPU, was not enough."""
    words = ("out of memory", "can't allocate memory", "insufficient memory", "unable to allocate")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _explain(what: str, error: Exception) -> PluginError:
    reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    said = f"Ultralytics could not {what}: {reason.rstrip('.')}."
    return PluginError(said, hint="The run's log has the details.")


def _drop_colors(*words: str) -> str:
    """Stand in for the library's `colorstr`, whose last word is the text."""
    return str(words[-1])


def _find_font(font: str = "") -> Path:
    """Stand in for the library's `check_font`: the fonts are there."""
    from ultralytics.utils import USER_CONFIG_DIR

    path: Path = USER_CONFIG_DIR / Path(font).name
    return path


def _read_driver() -> str:
    """Return the version of the kernel's NVIDIA module, or nothing."""
    try:
        words = Path("/proc/driver/nvidia/version").read_text("utf-8").split()
    except OSError:
        return ""
    return next((word for word in words if word[:1].isdecimal() and "." in word), "")


def _find_version(name: str) -> str:
    """Return the version of a package that is imported already, or nothing."""
    return str(getattr(sys.modules.get(name), "__version__", ""))


def _place_fonts(folder: Path) -> None:
    """Put a font where the library looks before it asks the network for one."""
    found = importlib.util.find_spec("matplotlib")  # the library needs it; its import takes 0.2 s
    assert found is not None and found.origin is not None, "ultralytics is installed with it"
    source = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in _FONTS:
        if not (folder / name).exists():
            shutil.copyfile(source, folder / name)
