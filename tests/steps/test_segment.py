from dataclasses import dataclass

import numpy as np
import pytest

from negvol_cli.steps.segment import segment_joint


@dataclass(frozen=True)
class Spec:
    window_hu: tuple[float, float]
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Constant:
    """A network that answers with what it was made with, and checks what it is asked."""

    spec: Spec
    answers: tuple[float, ...]
    asked: float = 0.0

    def __call__(self, image_zyx):
        assert image_zyx == pytest.approx(self.asked)
        return np.stack([np.full_like(image_zyx, a) for a in self.answers])


HU = np.full((2, 2, 2), 500.0, dtype=np.float32)
BOTH = ("condyle", "temporal_bone")


def test_the_window_of_the_manifest_is_mapped_to_minus_one_and_one():
    network = Constant(Spec((0.0, 2000.0), BOTH), (0.9, 0.0), asked=-0.5)

    segment_joint(HU, [network])


@pytest.mark.parametrize("channels", [BOTH, BOTH[::-1]])
def test_channels_go_by_their_names_not_their_order(channels):
    answers = tuple(0.9 if name == "condyle" else 0.05 for name in channels)
    condyle, bone = segment_joint(HU, [Constant(Spec((0.0, 1000.0), channels), answers)])

    assert condyle == pytest.approx(0.9)
    assert bone == pytest.approx(0.05)


def test_one_network_per_object_is_as_good_as_one_for_both():
    networks = [
        Constant(Spec((0.0, 1000.0), ("temporal_bone",)), (0.2,)),
        Constant(Spec((0.0, 1000.0), ("condyle",)), (0.7,)),
    ]
    condyle, bone = segment_joint(HU, networks)

    assert condyle == pytest.approx(0.7)
    assert bone == pytest.approx(0.2)


@pytest.mark.parametrize(("condyle_p", "bone_p"), [(0.9, 0.8), (0.6, 0.95), (0.7, 0.7)])
def test_no_voxel_is_two_bones(condyle_p, bone_p):
    network = Constant(Spec((0.0, 1000.0), BOTH), (condyle_p, bone_p))
    condyle, bone = segment_joint(HU, [network])

    assert not ((condyle > 0.5) & (bone > 0.5)).any()
    assert ((condyle > 0.5) | (bone > 0.5)).all()
