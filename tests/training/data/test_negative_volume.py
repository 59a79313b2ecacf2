import numpy as np
import pytest

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.structures import Label, Side
from training.config import ConfigError
from training.data import negative_volume as measured
from training.data.joints import JointSample
from training.data.negative_volume import with_negative_volume

FRAME = JointFrame(Side.LEFT, (10.0, 20.0, 30.0), 0.5, 144)
BALL_MM, HEIGHT_MM, CLIP_MM = 6.0, 9.0, 15.0


def sample(*, condyle: bool = True, roof: bool = True) -> JointSample:
    """A ball about the frame's centre under a flat roof ``HEIGHT_MM`` above it."""
    z, y, x = (np.indices((144,) * 3) - 71.5) * FRAME.spacing_mm
    labels = np.zeros((144,) * 3, np.uint8)
    labels[(z >= HEIGHT_MM) & (z <= HEIGHT_MM + 4) & roof] = Label.TEMPORAL_BONE
    labels[(np.sqrt(x**2 + y**2 + z**2) <= BALL_MM) & condyle] = Label.CONDYLE
    return JointSample("made", FRAME.side, FRAME.centre_mm_xyz, None, Volume(labels, FRAME.grid))


def nv_of(joint: JointSample) -> np.ndarray:
    """NV (z, y, x) over 64 mm about the centre."""
    return joint.labels.values_zyx == Label.NEGATIVE_VOLUME


@pytest.fixture(scope="module")
def open_joint():
    return nv_of(with_negative_volume(sample(roof=False)))


def test_a_ball_without_a_roof_has_the_clip_for_its_negative_volume(open_joint):
    clip = 4 / 3 * np.pi * CLIP_MM**3
    ball = 4 / 3 * np.pi * BALL_MM**3

    assert open_joint.sum() * 0.5**3 == pytest.approx(clip - ball, rel=0.03)


def test_a_flat_roof_cuts_off_the_cap_above_it(open_joint):
    closed = nv_of(with_negative_volume(sample()))
    height = CLIP_MM - HEIGHT_MM
    cap = np.pi * height**2 * (CLIP_MM - height / 3)

    assert (open_joint.sum() - closed.sum()) * 0.5**3 == pytest.approx(cap, rel=0.15)
    assert not closed[int(63.5 + (HEIGHT_MM + 2) / 0.5) :].any()


def test_what_was_measured_once_is_read_again_for_the_same_labels_only(tmp_path, monkeypatch):
    first = nv_of(with_negative_volume(sample(), tmp_path))
    monkeypatch.setattr(measured, "_measure", lambda *_: pytest.fail("measured again"))

    assert np.array_equal(nv_of(with_negative_volume(sample(), tmp_path)), first)
    with pytest.raises(pytest.fail.Exception):
        with_negative_volume(sample(roof=False), tmp_path)


def test_labels_without_a_condyle_are_named():
    with pytest.raises(ConfigError, match="'nv' cannot be measured in made, left"):
        with_negative_volume(sample(condyle=False))
