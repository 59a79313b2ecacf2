from pathlib import Path

import pytest
import torch

from export.bundle import write_bundle
from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.inference.session import open_session
from negvol_cli.settings import Device
from training.config import load_experiment
from training.loop.train import WEIGHTS
from training.networks import build_network

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"
SCORES = {
    "localiser": "head,side,right_mm,left_mm,confidence\na,x,2.0,4.0,0.9\nb,x,6.0,8.0,0.9\n",
    "segmenter": (
        "head,side,condyle_dice,condyle_hd95_mm,bone_dice,bone_hd95_mm\n"
        "a,right,0.9,1.0,0.8,2.0\na,left,0.7,2.0,0.6,4.0\n"
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Untrained networks of the configured kinds, small, where finished ones would lie."""
    tmp_path = tmp_path_factory.mktemp("trained")
    experiments = {}
    for role in SCORES:
        experiment = load_experiment(CONFIGS / f"{role}.toml")
        experiment = experiment.changed(network={"channels": (4, 8)}, data={"size": 16})
        folder = tmp_path / "runs" / experiment.name
        (folder / "final").mkdir(parents=True)
        network = build_network(experiment.network.kind, (4, 8), 2)
        torch.save(network.state_dict(), folder / "final" / WEIGHTS)
        (folder / "scores.csv").write_text(SCORES[role], encoding="utf-8")
        experiments[role] = experiment
    return experiments, tmp_path


@pytest.fixture(scope="module")
def written(trained) -> Path:
    """The bundle of ``trained``."""
    experiments, folder = trained
    write_bundle(experiments, folder / "runs", folder / "out", name="mine", version="1.2")
    return folder / "out"


def test_what_is_exported_is_a_bundle_that_runs_and_states_its_accuracy(trained, written):
    experiments, _ = trained

    bundle = load_bundle(written)

    assert bundle.title == "mine 1.2"
    assert bundle.localiser.channels == ("right", "left")
    (segmenter,) = bundle.segmenters
    assert segmenter.window_hu == experiments["segmenter"].data.window_hu
    for spec in (bundle.localiser, segmenter):
        open_session(bundle.read(spec), spec, Device.CPU).warm_up()
    stated = {(a.measure, a.of): a.value for a in bundle.manifest.accuracy}
    assert stated["median distance", "joint centre"] == 5.0
    assert stated["Dice", "condyle"] == pytest.approx(0.8)
    assert stated["HD95", "temporal_bone"] == pytest.approx(3.0)


def test_the_bundle_holds_a_card_with_data_folds_figures_and_limits(written):
    card = (written / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert card.startswith("# Model card of mine 1.2\n")
    assert (
        "| Visible Human male and female | public domain | National Library of Medicine |" in card
    )
    assert "  - cthead, visible-female" in card
    assert "| condyle_dice | 0.800 ± 0.141 | 0.700 | 0.900 | 0 |" in card
    assert "trained on every head" in card
    assert "Research use only" in card
    assert "Half precision" not in card


def test_a_bundle_in_half_precision_runs_and_says_so(trained):
    experiments, folder = trained
    write_bundle(
        experiments, folder / "runs", folder / "half", name="mine", version="1.2", half=True
    )

    bundle = load_bundle(folder / "half")

    for spec in (bundle.localiser, *bundle.segmenters):
        open_session(bundle.read(spec), spec, Device.CPU).warm_up()
    assert "Half precision" in (folder / "half" / "MODEL_CARD.md").read_text(encoding="utf-8")
