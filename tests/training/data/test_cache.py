import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from training.data.cache import cached, digest


def made(value: float = 1.0) -> np.ndarray:
    return np.full((3, 4), value, dtype=np.float16)


def never() -> np.ndarray:
    raise AssertionError("made again")


def slowly_made() -> np.ndarray:
    return np.arange(4_000_000, dtype=np.float32)


def ask(folder: str) -> float:
    return float(cached(Path(folder), "many", slowly_made).sum(dtype=np.float64))


def test_an_array_is_made_once_and_read_again_as_it_was(tmp_path):
    first = cached(tmp_path / "kept", "a", made)
    again = cached(tmp_path / "kept", "a", never)

    assert (first == made()).all()
    assert (again == made()).all()
    assert again.dtype == np.float16
    assert isinstance(again, np.memmap)
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["a.npy"]


def test_without_a_folder_it_is_just_made():
    assert (cached(None, "a", made) == made()).all()


def test_writing_into_it_does_not_change_what_is_kept(tmp_path):
    cached(tmp_path, "a", made)[:] = 7

    assert (cached(tmp_path, "a", never) == made()).all()


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"no array at all", None])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    cached(tmp_path, "a", made)
    path = tmp_path / "a.npy"
    path.write_bytes(path.read_bytes()[:-5] if damage is None else damage)

    assert (cached(tmp_path, "a", lambda: made(2.0)) == made(2.0)).all()
    assert (cached(tmp_path, "a", never) == made(2.0)).all()


def test_what_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(AssertionError):
        cached(tmp_path, "a", never)

    assert list(tmp_path.iterdir()) == []


def test_several_processes_at_once_all_get_the_whole_array(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sums = pool.map(ask, [str(tmp_path)] * 4)

    assert set(sums) == {float(np.arange(4_000_000, dtype=np.float64).sum())}
    assert [p.name for p in tmp_path.iterdir()] == ["many.npy"]


def test_a_name_depends_on_content_and_parameters_and_not_on_file_names(tmp_path):
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (digest([tmp_path / name], 0.5) for name in "abc")

    assert a == b
    assert a != c
    assert a != digest([tmp_path / "a"], 0.4)
    assert digest([tmp_path / "a", tmp_path / "c"]) != digest([tmp_path / "c", tmp_path / "a"])
