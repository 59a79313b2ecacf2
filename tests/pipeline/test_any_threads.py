"""The same result, file by file, however many threads work on it."""

import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan


def test_every_file_of_a_result_is_the_same_for_one_thread_and_for_four(models, ct, tmp_path):
    scan = tmp_path / "scan.nii.gz"
    sitk.WriteImage(to_sitk(ct), str(scan))

    for threads in (1, 4):
        settings = Settings(device=Device.CPU, threads=threads)
        measure_scan(scan, tmp_path / str(threads), settings, models=models)

    one, four = (tmp_path / threads / "scan" for threads in "14")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) > 10
    for file in files:
        if file.name != "run.json":  # says how long each step took
            assert (one / file).read_bytes() == (four / file).read_bytes(), file
