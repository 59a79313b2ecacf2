"""Made-up results as the folders that ``negvol run`` writes."""

from __future__ import annotations

import json
from pathlib import Path

from negvol_cli.comparison.stored import StoredResult
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.mesh_files import JOINT_SPACE, write_world_ply
from negvol_cli.io.report_files import write_json


def write_result(result: StoredResult, folder: Path) -> Path:
    """Write what ``read_result`` reads into ``folder``, and return it."""
    meshes = folder / "meshes"
    meshes.mkdir(parents=True)
    for side, joint in result.joints.items():
        write_world_ply(
            joint.condyle,
            meshes / f"{side}_condyle.ply",
            colour="#E69F00",
            scalars={JOINT_SPACE: joint.joint_space_mm},
            unknown="no bone is met",
        )
        write_world_ply(joint.temporal_bone, meshes / f"{side}_temporal_bone.ply", colour="#56B4E9")
    write_json(result.report, folder / "report.json")
    files = [path for path in folder.rglob("*") if path.is_file()]
    record = {
        "input_sha256": result.input_sha256,
        "files": {path.relative_to(folder).as_posix(): digest_of([path]) for path in files},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder
