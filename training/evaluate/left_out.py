"""The recipe with one thing left out, thing by thing: the rows of the ablation table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from training.config import Experiment

Change = Callable[[Experiment], Experiment]


def _keys(**tables: dict[str, Any]) -> Change:
    return lambda experiment: experiment.changed(**tables)


def _steps(*steps: str) -> Change:
    """Without some steps of every look."""
    return lambda experiment: experiment.changed(
        augment={
            "looks": tuple(
                {**look.model_dump(), **{f"{step}_share": 0.0 for step in steps}}
                for look in experiment.augment.looks
            )
        }
    )


def _look(number: int) -> Change:
    """Without one look; its share goes to the first."""

    def change(experiment: Experiment) -> Experiment:
        looks = [look.model_dump() for look in experiment.augment.looks]
        looks[0]["share"] += looks[number]["share"]
        del looks[number]
        return experiment.changed(augment={"looks": tuple(looks)})

    return change


LEFT_OUT: Final[Mapping[str, tuple[str, Change]]] = {
    "whole": ("nothing", lambda experiment: experiment),
    "again": ("nothing, another seed", _keys(train={"seed": 2})),
    "no-phantoms": ("phantoms", _keys(data={"phantoms": 0, "phantom_share": 0.0})),
    "no-paint": (
        "painted label maps, joints opened and closed",
        _keys(
            data={
                "label_maps": False,
                "label_map_share": 0.0,
                "rendered_share": 0.0,
                "opened_share": 0.0,
            }
        ),
    ),
    "no-looks": ("every look: images as they were scanned", _keys(augment={"looks": ()})),
    "no-cone-beam": ("the cone-beam machine's look", _look(1)),
    "no-grey-look": ("the look whose intensities mean nothing", _look(2)),
    "no-grey-maps": ("monotone grey maps in every look", _steps("intensity_map")),
    "no-blur": ("blur, coarse voxels and thick slices", _steps("blur", "coarse")),
    "no-noise": ("noise", _steps("noise")),
    "no-fields": ("cupping and shading", _steps("cupping", "shading")),
    "no-calibration": ("gain and offset", _steps("calibration")),
    "no-cuts": ("cut fields of view", _steps("cut")),
    "no-streaks": ("streaks", _steps("streak")),
    "no-turns": (
        "rotation, scale and stretch",
        _keys(augment={"rotation_deg": 0.0, "scale": 0.0, "stretch": 0.0}),
    ),
    "no-bending": ("both elastic fields", _keys(augment={"elastic_mm": 0.0, "ripple_mm": 0.0})),
    "no-gap-weight": ("the weight of the gap", _keys(train={"gap_weight": 1.0})),
    "no-average": ("the moving average of the weights", _keys(train={"average": 0.0})),
}
"""What each row leaves out, and how. Another seed shows by how much rows differ by chance."""
