"""What the lines of both bones of a joint tell together: the level of cortex, and the kernel."""

from __future__ import annotations

import numpy as np

from negvol_cli.steps.bone_lines import BoneLines, Cortex
from negvol_cli.steps.edge_usual import (
    CORTEX_SPREAD,
    CORTEX_STEP_HU,
    FAR_BETTER,
    MOST_STEPS,
    USUAL,
    Kernel,
    better_by,
    joint_level,
    narrower,
    sharpening,
    steps_to_least,
)
from negvol_cli.steps.scanner import Scanner


def shared_cortex(bone: BoneLines, condyle: BoneLines, scanner: Scanner) -> Cortex:
    """The level of thick cortex, one for both bones, which then know what is usual.

    The lines are asked once for it: with the level that they tell, thick cortex would seem thinner,
    and others would be chosen.
    """
    level = _told_cortex(bone, condyle, scanner)
    for one in (bone, condyle):
        one.learn(level.hu)
    return level


def _told_cortex(bone: BoneLines, condyle: BoneLines, scanner: Scanner) -> Cortex:
    """The level of thick cortex that the lines of both bones tell."""
    step = CORTEX_STEP_HU * scanner.gain
    expected = scanner.tissue_hu + step
    for one in (bone, condyle):
        one.forget_thickness()
    told = [one.look(expected) for one in (bone, condyle)]
    dimmer = expected - CORTEX_SPREAD * step
    return Cortex(joint_level(told, expected), joint_level(told, dimmer))


def told_kernel(bone: BoneLines, condyle: BoneLines, cortex: Cortex, scanner: Scanner) -> Kernel:
    """The kernel that lines of the condyle tell, which both bones then expect.

    The usual one, unless they are far better explained by another. About the condyle there is no
    air, whose rings are cut off at the least HU that a scan stores.
    """
    kernel = USUAL
    usual = condyle.costs(cortex.hu, kernel)
    for kind in (narrower, sharpening):
        if better_by(usual, condyle.costs(cortex.hu, kind(1))) < FAR_BETTER:
            continue
        condyle.dims_to_top()
        costs = []
        for steps in range(MOST_STEPS + 1):
            for one in (bone, condyle):
                one.seen_through(kind(steps))
            costs.append(condyle.costs(_told_cortex(bone, condyle, scanner).hu, kind(steps)))
        kernel = kind(steps_to_least(np.array(costs)))
        break
    for one in (bone, condyle):
        one.seen_through(kernel)
    return kernel
