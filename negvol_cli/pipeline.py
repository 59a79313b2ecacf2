"""The method, step by step: localise, segment, enhance, reconstruct, inflate, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from negvol_cli.errors import InputError, NoCondyleError
from negvol_cli.geometry.grid import Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to
from negvol_cli.io.ct_checks import is_coarse
from negvol_cli.io.image import Scan
from negvol_cli.io.label_map import LabelMap
from negvol_cli.report import JointReport, ScanReport, Status
from negvol_cli.run import Run
from negvol_cli.steps.air_cells import cell_flags
from negvol_cli.steps.calibrate_hu import Calibrated, in_hu
from negvol_cli.steps.enhance import enhance_fossa
from negvol_cli.steps.eyeballs import eyeball_flags
from negvol_cli.steps.images_of_labels import basis_of_labels, images_of_labels
from negvol_cli.steps.joint_basis import JointBasis, figures_of, geometry_of, report_of
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.joint_view import JointView, as_judged, view_of
from negvol_cli.steps.localise import FoundJoint, HeadOrientation, Localisation, Tiling, locate
from negvol_cli.steps.lost_slices import lost_slice_flags
from negvol_cli.steps.measure import measure_joint
from negvol_cli.steps.moved_head import moved_head_flags
from negvol_cli.steps.pinholes import without_pinholes
from negvol_cli.steps.recentre import is_well_centred, process_centre
from negvol_cli.steps.reconstruct import without_hollows
from negvol_cli.steps.refine_edges import RefinedJoint, refine_edges
from negvol_cli.steps.roof_gap import gap_flags, without_roof_gap
from negvol_cli.steps.scan_report import scan_report
from negvol_cli.steps.scanner import Scanner, WholeScanner, read_scanner_about, slab_flags
from negvol_cli.steps.segment import segment_joint
from negvol_cli.steps.self_check import judge, metal_flags, missing
from negvol_cli.steps.slices_about import slices_about
from negvol_cli.structures import Side
from negvol_cli.threads import at_once, both

LARGE_BYTES: Final = 256 << 20
"""Of a scan's voxels, 512 slices of 512 x 512; from here on the joints are measured one after the
other, since at once they take 160 MiB more at the peak (``tests/robustness/big_scan.py``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """A report together with what is needed to draw and to save it."""

    report: ScanReport
    scan: Scan
    views: Mapping[Side, JointView]


def measure_ct(scan: Scan, flags: tuple[str, ...], run: Run) -> Measurement:
    """Measure both joints of a head CT; ``flags`` are what is known against the scan.

    Raises InputError where no joint is in view, none could be measured, or the head was stored
    against its header, so that its sides cannot be told.
    """
    models = run.networks()
    run.progress("finding the joints", 0.1)
    with run.watch.step("calibrate"):
        seen = in_hu(scan.volume)
        scan, flags = replace(scan, volume=seen.volume), (*flags, *seen.flags)
    found = located(seen.volume, run)
    _refuse_what_cannot_be_measured(found, scan.name, flags)
    joints_mm = [joint.centre_mm_xyz for joint in (found.right, found.left) if joint]
    slices = slices_about(seen.volume, joints_mm)
    flags = (*flags, *lost_slice_flags(slices), *moved_head_flags(slices))
    run.progress("measuring the joints", 0.2)
    run.begins()
    measure = partial(_measure_side, found, seen.volume, seen.scanner, run)
    large = seen.volume.values_zyx.nbytes > LARGE_BYTES
    threads = 1 if large else run.settings.threads
    (joints, views), of_eyes = both(
        lambda: _of_sides({side: partial(measure, side) for side in Side}, threads),
        lambda: eyeball_flags(seen.volume, *joints_mm) if len(joints_mm) == 2 else (),
        threads,
    )
    report = _report(scan, joints, (*flags, *of_eyes), run)
    report = replace(report, bundle=models.bundle.stamp, provider=models.provider)
    _refuse_without_views(report, views, "scan")
    return _measurement(report, scan, views)


def located(ct: Volume, run: Run) -> Localisation:
    """Where the localiser finds both joints of a calibrated CT."""
    localiser = run.networks().localiser
    with run.watch.step("localise"):
        return locate(ct, localiser, Tiling.of(localiser.spec))


def measure_label_map(
    labels: LabelMap, run: Run, ct: Scan | None = None, flags: tuple[str, ...] = ()
) -> Measurement:
    """Apply steps D and E to an existing segmentation; no network is needed.

    With ``ct``, against which ``flags`` are known, field of view, checks and intervals are its; the
    edges are the labels' all the same.
    """
    run.progress("measuring the joints", 0.2)
    seen: Calibrated | None = None
    if ct is not None:
        with run.watch.step("calibrate"):
            seen = in_hu(ct.volume)
            ct, flags = replace(ct, volume=seen.volume), (*flags, *seen.flags)
    measure = partial(_measure_labels_of, labels, seen, run)
    joints, views = _of_sides({side: partial(measure, side) for side in Side}, run.settings.threads)
    scan = labels.scan if ct is None else replace(ct, name=labels.scan.name)
    report = _report(scan, joints, (*labels.scan.notes, *flags), run)
    _refuse_without_views(report, views, "label map")
    return _measurement(report, scan, views)


def _of_sides(
    measures: Mapping[Side, Callable[[], tuple[JointReport, JointView | None]]],
    threads: int | None,
) -> tuple[dict[Side, JointReport], dict[Side, JointView]]:
    """What both sides give, measured at once where there are cores for it."""
    found = at_once(measures, threads)
    views = {side: view for side, (_, view) in found.items() if view is not None}
    return {side: joint for side, (joint, _) in found.items()}, views


def _report(
    scan: Scan, joints: Mapping[Side, JointReport], flags: tuple[str, ...], run: Run
) -> ScanReport:
    report = scan_report(
        joints,
        name=scan.name,
        spacing_mm_xyz=scan.volume.grid.spacing_mm_xyz,
        clip=run.settings.clip,
        flags=flags,
    )
    backend = run.backend
    return replace(report, mesh_backend=backend.name + (f" ({backend.why})" if backend.why else ""))


def _measurement(report: ScanReport, scan: Scan, views: Mapping[Side, JointView]) -> Measurement:
    judged = {side: as_judged(view, report.joint(side)) for side, view in views.items()}
    return Measurement(report, scan, judged)


def _or_why_not(
    side: Side,
    measure: Callable[[], tuple[JointReport, JointView | None]],
    found: FoundJoint | None = None,
) -> tuple[JointReport, JointView | None]:
    """What ``measure`` gives; where it fails, why, so that the other joint is still measured.

    SciPy and the mesh libraries refuse shapes that no joint has, by errors without a common base.
    """
    try:
        return measure()
    except NoCondyleError as err:
        reason = str(err)
    except (ValueError, IndexError, ArithmeticError, RuntimeError) as err:
        reason = f"it could not be measured ({type(err).__name__}: {err})"
    return JointReport(
        side=side,
        status=Status.IMPLAUSIBLE,
        reason=" ".join(reason.split()),
        centre_mm_xyz=found.centre_mm_xyz if found else None,
        confidence=found.confidence if found else None,
    ), None


def _refuse_without_views(report: ScanReport, views: Mapping[Side, JointView], what: str) -> None:
    """Raise InputError where nothing could be measured."""
    if not views:
        why = "; ".join(f"{joint.side}: {joint.status_text}" for joint in report.joints)
        raise InputError(
            f"no joint of {report.scan} could be measured ({why}): give another {what}"
        )


def _measure_labels_of(
    labels: LabelMap, seen: Calibrated | None, run: Run, side: Side
) -> tuple[JointReport, JointView | None]:
    """One side of a label map, or that it has no label."""
    if side not in labels.sides:
        return JointReport(side=side, status=Status.NOT_FOUND, reason="no label"), None
    with run.watch.step("measure"):
        return _or_why_not(side, partial(_measured_labels, labels.joint(side), seen, run, side))


def _measured_labels(
    volume: Volume, seen: Calibrated | None, run: Run, side: Side
) -> tuple[JointReport, JointView | None]:
    if seen is not None:
        basis = basis_of_labels(volume, side, seen.volume, seen.scanner)
        if basis is None:
            outside = "it lies outside the scan"
            return JointReport(side=side, status=Status.CUT, reason=outside), None
        joint, geometry = figures_of(basis, run.settings, run.backend)
        return joint, view_of(basis, geometry)
    images = images_of_labels(volume, side)
    geometry = measure_joint(
        images.condyle_p,
        images.bone_p,
        images.frame,
        run.settings,
        run.backend,
        recorded_zyx=None,
        centre_mm=None,
    )
    return judge(geometry, None, None, run.settings), JointView(geometry, images.hu_zyx)


def _measure_side(
    located: Localisation, ct: Volume, scanner: WholeScanner, run: Run, side: Side
) -> tuple[JointReport, JointView | None]:
    """One joint of a CT that ``scanner`` took, or why it was not measured."""
    found = located[side]
    if found is None:
        return missing(side, located[side.other], ct), None
    return _or_why_not(side, partial(_measure_found, side, found, ct, scanner, run), found)


def _measure_found(
    side: Side, found: FoundJoint, ct: Volume, scanner: WholeScanner, run: Run
) -> tuple[JointReport, JointView]:
    network, found = segment_found(side, found, ct, run)
    return measure_segmented(network, found, ct, scanner, run)


def measure_segmented(
    network: JointImages, found: FoundJoint, ct: Volume, scanner: Scanner | WholeScanner, run: Run
) -> tuple[JointReport, JointView]:
    """One joint from what the networks gave: its edges, its figures and its checks.

    ``ct`` is the scan, or the part of it about the joint frame, that ``scanner`` took. Raises
    NoCondyleError where there is no condyle.
    """
    images, edges, bridged_mm2 = _with_edges(network, ct, scanner, run)
    images = images.in_steps()
    metal = metal_flags(images.hu_zyx, images.frame.spacing_mm)
    flags = (*cell_flags(network, images), *gap_flags(bridged_mm2), *metal)
    if edges is not None:
        flags = (*flags, *slab_flags(edges[1], ct.grid.spacing_mm_xyz))
    basis = JointBasis(
        network=network,
        measured=images,
        found=found,
        flags=flags,
        edges=edges,
        voxel_mm=max(ct.grid.spacing_mm_xyz),
    )
    with run.watch.step("measure"):
        geometry = geometry_of(basis, run.settings, run.backend)
        view = view_of(basis, geometry)
        checked = run.shows(view)
        report = report_of(basis, geometry, run.settings)
        checked()
        return report, view


def segment_found(
    side: Side, found: FoundJoint, ct: Volume, run: Run
) -> tuple[JointImages, FoundJoint]:
    """The joint segmented where it was found, and again about its condyle where that was off.

    And the joint as it was found, with the centre of the condylar head that was segmented first.
    """
    frame = JointFrame(side, found.centre_mm_xyz)
    segmenters = run.networks().segmenters
    with run.watch.step("segment"):
        images = segment_joint(ct, frame, segmenters)
    head_mm = None if is_coarse(ct) else process_centre(images.condyle_p, frame)
    if head_mm is None:
        return images, found
    found = replace(found, centre_mm_xyz=vector(frame.to_world(head_mm)))
    if is_well_centred(head_mm):
        return replace(images, head_mm=head_mm), found
    with run.watch.step("segment"):
        return segment_joint(ct, JointFrame(side, found.centre_mm_xyz), segmenters), found


def _with_edges(
    images: JointImages, ct: Volume, scanner: Scanner | WholeScanner, run: Run
) -> tuple[JointImages, tuple[RefinedJoint, Scanner] | None, float]:
    """The joint with its thin roof closed and its bones ended where the scan shows them to end.

    With it the edges, None where the joint lies outside the scan, and how much of the roof was
    bridged, mm².
    """
    spacing_mm = images.frame.spacing_mm
    if run.settings.enhance:
        with run.watch.step("enhance"):
            roofed = enhance_fossa(
                images.hu_zyx, images.bone_p, images.condyle_p, spacing_mm, images.head_mm
            )
            images = replace(images, bone_p=roofed)
    with run.watch.step("edges"):
        part = crop_to(ct, images.frame.grid)
        if part is None:
            return images, None, 0.0
        solid = without_hollows(images.condyle_p, spacing_mm)
        about = read_scanner_about(part, scanner)
        refined = refine_edges(replace(images, condyle_p=solid), part, about)
        ended, bridged_mm2 = refined.images, 0.0
        if run.settings.enhance:
            condyle_p, head_mm = ended.condyle_p, ended.head_mm
            roofed = without_pinholes(ended.bone_p, condyle_p, spacing_mm, head_mm)
            whole, bridged_mm2 = without_roof_gap(roofed, condyle_p, spacing_mm, head_mm)
            ended = replace(ended, bone_p=whole)
        return ended, (refined, about), bridged_mm2


def _refuse_what_cannot_be_measured(
    located: Localisation, name: str, flags: tuple[str, ...]
) -> None:
    if located.orientation is not HeadOrientation.UPRIGHT:
        raise InputError(
            f"the head in {name} lies {located.orientation} against its header, so left and right "
            "cannot be told: repair the orientation in the header, or export the scan again"
        )
    if located.more_heads:
        raise InputError(
            f"{name} shows the joints of more than one head, so whose are to be measured cannot be "
            "told: crop the scan to one head"
        )
    if located.right is None and located.left is None:
        raise InputError(
            f"no jaw joint was found in {name} (right: not found, left: not found): "
            "give a head CT that shows the ears, the head upright and tilted by no more than about "
            "25°" + "".join(f"; {flag}" for flag in flags)
        )
