"""What can be set for the training of a classifier; neither torch nor torchvision is needed."""

from __future__ import annotations

from dataclasses import dataclass

from mlwf_tui.params import param


@dataclass(frozen=True, slots=True)
class ClassifierParams:
    """The defaults learn a small set in minutes on a CPU."""

    epochs: int = param(20, "times through the training images", low=1)
    batch: int = param(16, "images a step", low=1)
    imgsz: int = param(96, "side of the network's input in pixels", low=32, high=4096)
    optimizer: str = param("AdamW", "how weights follow gradients", choices=("AdamW", "SGD"))
    lr0: float = param(0.002, "learning rate after the warm-up; it falls along a cosine", low=1e-7, high=10)
    lrf: float = param(0.01, "share of lr0 that it has fallen to at the end", low=0, high=1)
    weight_decay: float = param(0.01, "how strongly weights are drawn to zero", low=0, high=1)
    warmup_epochs: float = param(1.0, "epochs in which the learning rate rises", low=0)
    label_smoothing: float = param(0.0, "share of the truth that is spread over all classes", low=0, high=0.9)
    scale: float = param(0.7, "smallest share of an image that is looked at in training", low=0.05, high=1)
    fliplr: float = param(0.5, "chance of a mirrored image; 0 where left is not right", low=0, high=1)
    patience: int = param(0, "stop after so many epochs without a better one; 0 never", low=0)
    keep_state: bool = param(True, "keep what `train --continue` goes on from: up to 12 bytes a parameter")
    pretrained: bool = param(False, "start from torchvision's weights, downloaded where they are missing")
    device: str = param("auto", "auto, cpu, mps, or the number of one GPU")
    workers: int | None = param(None, "processes that read images; none on a CPU", low=0, high=256)
