import numpy as np
import pytest

from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.structures import Side
from training.config import ConfigError
from training.data import negative_volume as measured
from training.data.joints import JointSample
from training.data.negative_volume import negative_volume

FRAME = JointFrame(Side.LEFT, (10.0, 20.0, 30.0), 1.0, 64)
BALL_MM, HEIGHT_MM, CLIP_MM = 6.0, 9.0, 15.0


def sample(*, condyle: bool = True, roof: bool = True) -> JointSample:
    """A ball about the frame's centre under a flat roof ``HEIGHT_MM`` above it."""
    z, y, x = (np.indices((64, 64, 64)) - 31.5) * FRAME.spacing_mm
    mc = (np.sqrt(x**2 + y**2 + z**2) <= BALL_MM) & condyle
    tb = (z >= HEIGHT_MM) & (z <= HEIGHT_MM + 4) & roof
    hu = np.where(mc | tb, 1.0, 0.0)
    return JointSample("made", FRAME, np.stack([hu, mc, tb, np.ones_like(hu)]).astype(np.float16))


@pytest.fixture(scope="module")
def open_joint():
    return negative_volume(sample(roof=False))


def test_a_ball_without_a_roof_has_the_clip_for_its_negative_volume(open_joint):
    clip = 4 / 3 * np.pi * CLIP_MM**3
    ball = 4 / 3 * np.pi * BALL_MM**3

    assert open_joint.sum() * FRAME.spacing_mm**3 == pytest.approx(clip - ball, rel=0.03)


def test_a_flat_roof_cuts_off_the_cap_above_it(open_joint):
    closed = negative_volume(sample())
    height = CLIP_MM - HEIGHT_MM
    cap = np.pi * height**2 * (CLIP_MM - height / 3)

    assert (open_joint.sum() - closed.sum()) * FRAME.spacing_mm**3 == pytest.approx(cap, rel=0.15)
    assert not closed[int(31.5 + HEIGHT_MM + 2) :].any()


def test_what_was_measured_once_is_read_again_for_the_same_labels_only(tmp_path, monkeypatch):
    first = negative_volume(sample(), tmp_path)
    monkeypatch.setattr(measured, "_measure", lambda *_: pytest.fail("measured again"))

    assert np.array_equal(negative_volume(sample(), tmp_path), first)
    with pytest.raises(pytest.fail.Exception):
        negative_volume(sample(roof=False), tmp_path)


def test_labels_without_a_condyle_are_named():
    with pytest.raises(ConfigError, match="'nv' cannot be measured in made, left"):
        negative_volume(sample(condyle=False))
