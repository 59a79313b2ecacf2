"""Whole heads in one file, for the localiser."""

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from tests.training.made_datasets import write_dataset
from training.config import ConfigError, DataConfig
from training.data import heads as heads_module
from training.data.dataset_toml import read_dataset
from training.data.head_pack import read_head_pack, write_head_pack
from training.data.heads import HeadSample, load_heads, phantom_heads
from training.data.joints import load_joints
from training.data.pack import read_pack, write_pack
from training.data.sources import folds_of_data, heads_of_data, prepare, real_heads


def made(head: str, scan: str) -> HeadSample:
    grid = Grid((6, 5, 4), (4.0,) * 3, (1.5, -2.5, 3.0))
    hu = np.random.default_rng(1).normal(0, 500, grid.shape_zyx).astype(np.float32)
    return HeadSample(head, Volume(hu, grid), np.array([[1.0, 2, 3], [9.0, 2, 3]]), scan)


def data(path: object, **more: object) -> DataConfig:
    given = {"spacing_mm": 4.0, "size": 16, "patch": 16, "window_hu": (-1000.0, 1500.0)}
    return DataConfig(**{"object": "heads", "pack": str(path), **given, **more})


def test_packed_heads_come_back_as_they_were_but_for_4_hu(tmp_path):
    path, heads = tmp_path / "heads.npz", [made("p", "p1"), made("p", "p2"), made("q", "q")]

    size = write_head_pack(heads, path, folds=[("p",), ("q",)])

    assert size == path.stat().st_size
    for packed, head in zip(read_head_pack(path), heads, strict=True):
        assert (packed.head, packed.scan) == (head.head, head.scan)
        assert packed.volume.grid == head.volume.grid
        assert (packed.centres_mm == head.centres_mm).all()
        assert packed.hu.dtype == np.int16
        assert np.abs(packed.hu - head.hu).max() <= 4
    assert [head.scan for head in real_heads(data(path))] == ["p1", "p2", "q"]
    assert heads_of_data(data(path)) == ["p", "q"]
    assert folds_of_data(data(path)) == (("p",), ("q",))


def test_the_heads_of_a_dataset_are_packed_at_4_mm(tmp_path):
    (head,) = load_heads(read_dataset(write_dataset(tmp_path, ("a",))))

    write_head_pack([head], tmp_path / "heads.npz")

    (packed,) = read_head_pack(tmp_path / "heads.npz")
    assert packed.volume.grid.spacing_mm_xyz == (4.0, 4.0, 4.0)
    assert packed.head == "a"


def test_a_pack_of_the_other_kind_is_named_with_the_command_for_the_right_one(tmp_path):
    joints = load_joints(read_dataset(write_dataset(tmp_path / "data", ("a",))))
    write_pack(joints, tmp_path / "joints.npz")
    write_head_pack([made("p", "p")], tmp_path / "heads.npz")

    for ask in (real_heads, heads_of_data, folds_of_data):
        with pytest.raises(ConfigError, match=r"joints, not heads: .* `.* pack --heads`"):
            ask(data(tmp_path / "joints.npz"))
    with pytest.raises(ConfigError, match=r"heads, not joints: .* `python -m training pack`"):
        read_pack(tmp_path / "heads.npz")


@pytest.mark.parametrize("content", [None, b"", b"not a zip"])
def test_what_is_no_pack_is_refused(tmp_path, content):
    path = tmp_path / "heads.npz"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"heads.npz cannot be read as packed heads"):
        read_head_pack(path)


def test_phantoms_are_made_once_and_read_again_the_same(tmp_path, monkeypatch):
    prepare(data("", pack="", phantoms=1), 3, tmp_path)
    (first,) = phantom_heads(1, 3, tmp_path)
    monkeypatch.setattr(heads_module, "_scanned", lambda *_: pytest.fail("made again"))

    (again,) = phantom_heads(1, 3, tmp_path)

    assert len(list(tmp_path.iterdir())) == 1
    assert (again.hu == first.hu).all()
    assert again.volume.grid == first.volume.grid
    assert (again.centres_mm == first.centres_mm).all()
