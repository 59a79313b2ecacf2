from __future__ import annotations

from pathlib import Path

from negvol_cli.io.label_map import name_of_labels


def test_the_labels_of_a_result_are_called_after_their_scan(tmp_path: Path):
    result = tmp_path / "head2"
    result.mkdir()
    assert name_of_labels(result / "labels.nii.gz") == "labels"

    (result / "run.json").write_text("{}")

    assert name_of_labels(result / "labels.nii.gz") == "head2-labels"
    assert name_of_labels(result / "mine.nii.gz") == "mine"


def test_labels_in_the_present_folder_find_its_name(tmp_path: Path, monkeypatch):
    (tmp_path / "head3").mkdir()
    (tmp_path / "head3" / "run.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "head3")

    assert name_of_labels(Path("labels.nii.gz")) == "head3-labels"
