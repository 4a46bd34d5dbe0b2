"""Changes of pixels alone: each does what it says, and leaves objects where they are."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.protocols.operations import SourceItem
from tests.making import make_item
from tests.operating import Made, follow

COPIES = {"copies": 4, "keep_originals": False}
KINDS = (
    "rain", "snow", "fog", "shadow", "sun_flare", "spatter", "mud", "defocus", "motion_blur", "zoom_blur",
    "glass_blur", "gaussian_noise", "shot_noise", "impulse_noise", "brightness", "darkness", "contrast",
    "jpeg", "pixelate",
)  # fmt: skip


def make_photo(seed: int = 0) -> SourceItem:
    """Return a colourful picture with edges, a slope of light and a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:96, 0:128]
    red = 60 + x + random.integers(0, 9, x.shape)
    green = 200 - y + random.integers(0, 9, x.shape)
    blue = np.where((x // 16 + y // 16) % 2, 150, 60) + random.integers(0, 9, x.shape)
    file = BytesIO()
    Image.fromarray(np.stack((red, green, blue), axis=2).astype(np.uint8)).save(file, "png")
    source = make_item("a.png", [("cat", 10, 10, 60, 60)], width_px=128, height_px=96)
    return SourceItem(source.item, file.getvalue)


def decode(image: bytes | None) -> NDArray[np.float64]:
    assert image is not None
    return np.asarray(Image.open(BytesIO(image)).convert("RGB"), np.float64)  # (H, W, 3)


PHOTO = make_photo()
PIXELS = decode(PHOTO.read_image())


def apply(name: str, **params: Any) -> list[Made]:
    return follow(name, [PHOTO], **{**COPIES, **params})


def measure_detail(pixels: NDArray[np.float64]) -> float:
    """Return how much neighbours differ."""
    return float(np.abs(np.diff(pixels, axis=0)).mean() + np.abs(np.diff(pixels, axis=1)).mean())


@pytest.mark.parametrize("kind", ["gaussian", "median", "motion", "defocus"])
def test_blur_takes_detail_away(kind: str) -> None:
    for made in apply("blur", kind=kind, sigma_px=3):
        assert measure_detail(decode(made.image)) < 0.9 * measure_detail(PIXELS)
        assert decode(made.image).mean() == pytest.approx(PIXELS.mean(), abs=3)


@pytest.mark.parametrize("kind", ["gaussian", "shot", "salt", "speckle"])
def test_noise_adds_detail(kind: str) -> None:
    for made in apply("noise", kind=kind, strength=0.2):
        assert measure_detail(decode(made.image)) > 1.1 * measure_detail(PIXELS)


def test_gaussian_noise_has_the_strength_asked_for() -> None:
    deviations = [float((decode(made.image) - PIXELS).std()) / 255 for made in apply("noise", strength=0.1)]
    assert all(0.015 < deviation < 0.105 for deviation in deviations)


def test_compression_changes_little_and_more_at_low_quality() -> None:
    bad, good = (
        np.mean([np.abs(decode(made.image) - PIXELS).mean() for made in apply("compress", low=q, high=q)])
        for q in (5, 90)
    )
    assert good < bad < 40
    assert 0 < good < 4


def test_color_can_be_taken_away() -> None:
    for made in apply("color", gray=1):
        pixels = decode(made.image)
        assert np.ptp(pixels, axis=2).max() == 0


def test_a_grey_copy_weighs_green_most_as_the_eye_does() -> None:
    made = apply("color", gray=1, hue=0, saturation=0, copies=1)[0]
    expected = PIXELS @ (0.299, 0.587, 0.114)
    assert np.abs(decode(made.image)[:, :, 0] - expected).max() < 3


def test_saturation_moves_colours_and_not_their_light() -> None:
    made = apply("color", hue=0, saturation=1, copies=1)[0]
    grey = np.array((0.299, 0.587, 0.114))
    assert np.abs((decode(made.image) - PIXELS) @ grey).mean() < 5
    assert np.abs(decode(made.image) - PIXELS).mean() > 5


def test_brightness_and_gamma_go_either_way() -> None:
    means = [decode(made.image).mean() for made in apply("brightness", brightness=0.3, contrast=0, copies=8)]
    assert min(means) < PIXELS.mean() < max(means)
    results = apply("brightness", brightness=0, contrast=0, gamma=0.5, copies=8)
    means = [decode(made.image).mean() for made in results]
    assert min(means) < PIXELS.mean() - 3
    assert max(means) > PIXELS.mean() + 3


@pytest.mark.parametrize("kind", KINDS)
def test_corruption_grows_with_its_severity(kind: str) -> None:
    errors = []
    for severity in (1, 3, 5):
        results = apply("corrupt", kind=kind, severity=severity, copies=6)
        errors.append(np.mean([np.abs(decode(made.image) - PIXELS).mean() for made in results]))
    assert 0 < errors[0] < errors[2]
    assert errors[1] < errors[2] * 1.2


def test_severity_can_be_drawn_from_a_range() -> None:
    results = apply("corrupt", kind="darkness", severity=5, lowest=1, copies=12)
    means = sorted(float(decode(made.image).mean()) for made in results)
    assert means[-1] - means[0] > 40
    with pytest.raises(InvalidParameter, match="lowest=4 is above severity=2"):
        apply("corrupt", severity=2, lowest=4)


@pytest.mark.parametrize("name", ["blur", "noise", "compress", "brightness", "color", "corrupt"])
def test_objects_stay_where_they_are(name: str) -> None:
    assert all(made.item.annotation == PHOTO.item.annotation for made in apply(name))


# --- compose ---------------------------------------------------------------------------------------


def test_steps_happen_in_their_order() -> None:
    both = apply("compose", steps=("flip axis=horizontal", "crop place=fixed width_px=30 height_px=96"))[0]
    assert np.array_equal(decode(both.image), PIXELS[:, ::-1][:, :30])


def test_a_step_happens_as_often_as_its_probability() -> None:
    results = apply("compose", steps=("flip p=0.3",), at_least_one=False, copies=100)
    count = sum(np.array_equal(decode(made.image), PIXELS[:, ::-1]) for made in results)
    assert 15 <= count <= 45


def test_at_least_one_step_happens() -> None:
    results = apply("compose", steps=("flip p=0.01", "brightness p=0.01"), copies=20)
    assert all(made.image != PHOTO.read_image() for made in results)
    assert not any(np.array_equal(decode(made.image), PIXELS) for made in results)


def test_shuffled_steps_come_in_different_orders() -> None:
    steps = ("flip axis=horizontal", "crop place=fixed width_px=30 height_px=96")
    results = apply("compose", steps=steps, shuffle=True, copies=20)
    assert {decode(made.image).tobytes() for made in results} == {
        PIXELS[:, ::-1][:, :30].tobytes(), PIXELS[:, :30][:, ::-1].tobytes(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("filp", "no step 'filp'"),
        ("flip axes=vertical", "no parameter 'axes'"),
        ("flip p=2", "p is 2"),
        ("flip vertical", "is not key=value"),
        ("rotate degrees=400", "out of its range"),
        ("flip p=0", "every probability is 0"),
        ("crop place=fixed", "needs its size"),
        ("flip copies=3", "no parameter 'copies'"),
    ],
)
def test_a_step_that_cannot_be_read_is_refused(step: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        apply("compose", steps=(step,))


def test_no_step_at_all_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="no step"):
        apply("compose", steps=())
