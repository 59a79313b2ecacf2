"""Segmenters see the frame that their manifest says, whatever the frame that is measured in."""

from dataclasses import dataclass

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.steps.segment import segment_joint
from negvol_cli.structures import Side

BOTH = ("condyle", "temporal_bone")
FRAME = JointFrame(Side.LEFT, (1.0, 2.0, 3.0), 1.0, 24)
CT = Volume(np.full((60, 60, 60), 500.0, dtype=np.float32), Grid((60,) * 3, (1.0,) * 3, (-29,) * 3))


@dataclass(frozen=True)
class Spec:
    window_hu: tuple[float, float]
    channels: tuple[str, ...] = BOTH
    spacing_mm: float = FRAME.spacing_mm
    size_zyx: tuple[int, int, int] = (FRAME.size,) * 3


@dataclass(frozen=True)
class Constant:
    """A network that answers with what it was made with, and checks what it is asked."""

    spec: Spec
    answers: tuple[float, ...]
    asked: float = 0.0

    def __call__(self, image_zyx):
        assert image_zyx == pytest.approx(self.asked, abs=1e-5)
        return np.stack([np.full_like(image_zyx, a) for a in self.answers])


@dataclass(frozen=True)
class BrightIsCondyle:
    """A network that calls condyle what it sees above the middle of its window."""

    spec: Spec

    def __call__(self, image_zyx):
        assert image_zyx.shape == self.spec.size_zyx
        answers = {"condyle": 0.5 + image_zyx / 2, "temporal_bone": np.zeros_like(image_zyx)}
        return np.stack([answers[name] for name in self.spec.channels])


def ball_ct(radius_mm: float) -> Volume:
    """1000 HU within a ball about the frame's centre, 0 HU outside, falling over a millimetre."""
    grid = Grid((120,) * 3, (0.5,) * 3, (-29.0, -28.0, -27.0))
    points = grid.to_world(np.indices(grid.shape_zyx)[::-1].reshape(3, -1).T)
    away = np.linalg.norm(points - FRAME.centre_mm_xyz, axis=1).reshape(grid.shape_zyx)
    hu = 1000 * np.clip(0.5 + radius_mm - away, 0, 1)
    return Volume(hu.astype(np.float32), grid)


def radius_of(mask, frame):
    volume = np.count_nonzero(mask) * frame.spacing_mm**3
    return (volume * 3 / (4 * np.pi)) ** (1 / 3)


def test_the_window_of_the_manifest_is_mapped_to_minus_one_and_one():
    segment_joint(CT, FRAME, [Constant(Spec((0.0, 2000.0)), (0.9, 0.0), asked=-0.5)])


@pytest.mark.parametrize("channels", [BOTH, BOTH[::-1]])
def test_channels_go_by_their_names_not_their_order(channels):
    answers = tuple(0.9 if name == "condyle" else 0.05 for name in channels)
    found = segment_joint(CT, FRAME, [Constant(Spec((0.0, 1000.0), channels), answers)])

    assert found.condyle_p == pytest.approx(0.9)
    assert found.bone_p == pytest.approx(0.05)


def test_one_network_per_object_is_as_good_as_one_for_both():
    networks = [
        Constant(Spec((0.0, 1000.0), ("temporal_bone",)), (0.2,)),
        Constant(Spec((0.0, 1000.0), ("condyle",)), (0.7,)),
    ]
    found = segment_joint(CT, FRAME, networks)

    assert found.condyle_p == pytest.approx(0.7)
    assert found.bone_p == pytest.approx(0.2)


@pytest.mark.parametrize(("condyle_p", "bone_p"), [(0.9, 0.8), (0.6, 0.95), (0.7, 0.7)])
def test_no_voxel_is_two_bones(condyle_p, bone_p):
    found = segment_joint(CT, FRAME, [Constant(Spec((0.0, 1000.0)), (condyle_p, bone_p))])
    condyle, bone = found.condyle_p, found.bone_p

    assert not ((condyle > 0.5) & (bone > 0.5)).any()
    assert ((condyle > 0.5) | (bone > 0.5)).all()


@pytest.mark.parametrize(("spacing_mm", "size"), [(1.0, 24), (0.8, 40), (0.5, 64), (1.6, 20)])
@pytest.mark.parametrize("side", Side)
def test_a_bone_has_its_size_whatever_spacing_the_network_sees(side, spacing_mm, size):
    spec = Spec((0.0, 1000.0), spacing_mm=spacing_mm, size_zyx=(size,) * 3)
    frame = JointFrame(side, FRAME.centre_mm_xyz, FRAME.spacing_mm, FRAME.size)
    found = segment_joint(ball_ct(8.0), frame, [BrightIsCondyle(spec)])

    assert radius_of(found.condyle_p >= 0.5, frame) == pytest.approx(8.0, abs=0.15)


def test_two_networks_of_different_spacing_work_together():
    fine = BrightIsCondyle(Spec((0.0, 625.0), ("condyle",), 0.5, (56,) * 3))
    rough = Constant(Spec((-500.0, 500.0), ("temporal_bone",), 1.5, (18,) * 3), (0.1,), asked=1.0)
    found = segment_joint(Volume(CT.values_zyx, CT.grid), FRAME, [fine, rough])

    assert found.condyle_p == pytest.approx(0.8)
    assert found.bone_p == pytest.approx(0.1)


def test_what_a_network_did_not_see_counts_as_not_recorded():
    small = Constant(Spec((0.0, 1000.0), spacing_mm=1.0, size_zyx=(12,) * 3), (0.9, 0.0))
    mottled = CT.values_zyx + np.random.default_rng(0).normal(0, 1e-4, CT.values_zyx.shape)
    found = segment_joint(Volume(mottled, CT.grid), FRAME, [small])

    assert found.recorded_zyx[12, 12, 12]
    assert np.count_nonzero(found.recorded_zyx) == 12**3
