import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.structures import Label
from tests.training.made_datasets import write_dataset
from training.config import ConfigError, DataConfig
from training.data import pack, sources
from training.data.dataset_toml import read_dataset
from training.data.joints import load_joints
from training.data.negative_volume import with_negative_volume
from training.data.pack import read_pack, write_pack
from training.data.pack_file import folds_in_pack, heads_in_pack
from training.data.sources import folds_of_data, heads_of_data, made_joints, real_joints


@pytest.fixture(scope="module")
def joints(tmp_path_factory):
    """Both joints of two made heads."""
    folder = tmp_path_factory.mktemp("dataset")
    return load_joints(read_dataset(write_dataset(folder, ("a", "b"))))


def test_packed_joints_come_back_as_they_were(joints, tmp_path):
    path = tmp_path / "joints.npz"

    size = write_pack(joints, path, folds=[("a",), ("b",)])

    assert size == path.stat().st_size
    for packed, joint in zip(read_pack(path), joints, strict=True):
        assert (packed.head, packed.side, packed.centre_mm) == (
            joint.head,
            joint.side,
            joint.centre_mm,
        )
        assert packed.annotated_mm == joint.annotated_mm == 25.0
        for ours, theirs in ((packed.ct, joint.ct), (packed.labels, joint.labels)):
            assert ours.grid == theirs.grid
            assert (ours.values_zyx == theirs.values_zyx).all()
    assert heads_in_pack(path, "joints") == ["a", "b"]
    assert folds_in_pack(path, "joints") == (("a",), ("b",))


def test_shares_of_voxels_are_packed_in_steps(joints, tmp_path):
    labels = joints[0].labels.values_zyx
    share = ((np.arange(labels.size) * 7) % 256).astype(np.uint8).reshape(labels.shape)

    write_pack([replace(joints[0], shares={Label.CONDYLE: share})], tmp_path / "joints.npz")

    (packed,) = read_pack(tmp_path / "joints.npz")
    assert np.abs(packed.share(Label.CONDYLE).astype(int) - share).max() == 8
    assert ((packed.share(Label.CONDYLE) > 127) == (share > 127)).all()
    bone = packed.share(Label.TEMPORAL_BONE)
    assert ((bone == 255) == (labels == Label.TEMPORAL_BONE)).all()
    assert set(np.unique(bone)) <= {0, 255}


def test_negative_volumes_are_packed_beside_the_labels(joints, tmp_path):
    path = tmp_path / "joints.npz"
    measured = [with_negative_volume(joint) for joint in joints[:1]]

    write_pack(joints[:1], path, measured)

    (packed,) = read_pack(path, volumes=True)
    assert (packed.labels.values_zyx == measured[0].labels.values_zyx).all()
    assert packed.labels.grid == measured[0].labels.grid
    assert (read_pack(path)[0].labels.values_zyx == joints[0].labels.values_zyx).all()


def test_fine_scans_are_rounded_and_others_are_not(joints, tmp_path, monkeypatch):
    write_pack(joints[:1], tmp_path / "coarse.npz")
    monkeypatch.setattr(pack, "LARGE_VOXELS", 1000)
    write_pack(joints[:1], tmp_path / "fine.npz")

    coarse, fine = (read_pack(tmp_path / f"{n}.npz")[0].ct.values_zyx for n in ("coarse", "fine"))
    assert (coarse == joints[0].ct.values_zyx).all()
    assert np.abs(fine - coarse).max() == 2
    assert (fine % 4 == 0).all()


def test_a_pack_without_volumes_cannot_be_trained_on_them(joints, tmp_path):
    write_pack(joints[:1], tmp_path / "joints.npz")

    with pytest.raises(ConfigError, match="packed without NV: pack it again"):
        read_pack(tmp_path / "joints.npz", volumes=True)


@pytest.mark.parametrize("content", [None, b"", b"not a zip"])
def test_what_is_no_pack_is_refused(tmp_path, content):
    path = tmp_path / "joints.npz"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"joints.npz cannot be read as packed joints"):
        read_pack(path)


def test_a_pack_of_another_schema_is_refused(tmp_path):
    np.savez(tmp_path / "new.npz", about=np.array(json.dumps({"schema": 9})))

    with pytest.raises(ConfigError, match="packed as schema 9, not 2"):
        read_pack(tmp_path / "new.npz")


def data_of(path: Path, **keys) -> DataConfig:
    return DataConfig(
        object="joints",
        pack=str(path),
        spacing_mm=1.0,
        size=16,
        patch=16,
        window_hu=(0, 1),
        **keys,
    )


def test_anatomies_without_a_scan_are_packed_beside_the_joints(joints, tmp_path):
    path = tmp_path / "joints.npz"
    skull = replace(joints[0], head="skull", ct=None)
    write_pack([*joints, skull], path, edges="refined")

    _, (packed,) = made_joints(data_of(path, label_maps=True), seed=1)

    assert packed.head == "skull"
    assert packed.ct is None
    assert (packed.labels.values_zyx == skull.labels.values_zyx).all()
    assert heads_in_pack(path, "joints") == ["a", "b"]
    assert len(real_joints(data_of(path))) == len(joints)


def test_label_maps_that_were_not_packed_are_said(joints, tmp_path):
    write_pack(joints[:1], tmp_path / "joints.npz")

    with pytest.raises(ConfigError, match="packed without any: pack it again with --label-maps"):
        made_joints(data_of(tmp_path / "joints.npz", label_maps=True), seed=1)


def test_packed_edges_are_not_found_again_and_cannot_be_undone(joints, tmp_path, monkeypatch):
    path = tmp_path / "joints.npz"
    write_pack(joints[:1], path, edges="refined")
    monkeypatch.setattr(sources, "with_refined_edges", lambda *_: pytest.fail("found again"))

    (joint,) = real_joints(data_of(path))

    assert (joint.labels.values_zyx == joints[0].labels.values_zyx).all()
    with pytest.raises(ConfigError, match="pack it again with --edges drawn"):
        real_joints(data_of(path, edges="drawn"))


def test_an_experiment_takes_its_heads_folds_and_joints_from_its_pack(joints, tmp_path):
    path = tmp_path / "joints.npz"
    write_pack(joints, path, folds=[("b",)], edges="refined")
    data = data_of(path)

    assert heads_of_data(data) == ["a", "b"]
    assert folds_of_data(data) == (("b",),)
    assert [joint.head for joint in real_joints(data)] == ["a", "a", "b", "b"]


def test_the_projects_joints_fit_a_pack_of_60_mb(shared_data: Path, tmp_path):
    from training.data.dataset import folder_dataset

    joints = load_joints(folder_dataset(shared_data))

    assert len(joints) == 14
    assert write_pack(joints, tmp_path / "joints.npz") < 60_000_000
