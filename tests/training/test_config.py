from pathlib import Path

import pytest

from training.config import ConfigError, load_experiment
from training.evaluate.cells import TableRun, load_cells

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_config_in_the_repository_can_be_read(config):
    experiment = load_experiment(config)

    assert experiment.name == config.stem


def test_no_head_of_the_segmenter_is_held_out_twice():
    folds = load_experiment(CONFIGS / "segmenter.toml").folds.held_out

    heads = [head for fold in folds for head in fold]
    assert len(heads) == len(set(heads)) == 7


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("steps =", "stepps =", "unknown key train.stepps; allowed are loss, dice_weight"),
        ("spacing_mm = 0.5\n", "", "missing key data.spacing_mm"),
        ("size = 128", 'size = "128"', "data.size must be of type int, got '128'"),
        (
            'object = "joints"',
            'object = "knees"',
            "must be 'joints', 'mc', 'tb', 'nv' or 'heads', got",
        ),
        ("size = 128", "size = [128, 128]", "data.size must hold 3 values"),
        ('kind = "', 'kind = "x-', "network.kind must be 'light-unet', .* got 'x-"),
        ("seed = 1", 'loss = "hinge"', "train.loss must be 'ce', 'dice', .* got 'hinge'"),
        (
            "batch = 4",
            "batch = 4\naccumulate = 3",
            "train.accumulate must divide train.batch, 4, got",
        ),
        ("seed = 1", "foreground_weight = [2.0]", "train.foreground_weight must hold 2 values"),
        ("seed = 1", "patience = 3", "train.patience and train.validate_every must both"),
        ("seed = 1", 'schedule = "step"', "train.schedule_steps must be 1 or more, got 0"),
        ("[folds]", "[folds]\ncount = 3", "folds.count must be 0 beside folds.held_out, got 3"),
        ('"cthead", "vis', '"fullhead", "vis', "must name a head once, got 'fullhead' again"),
        (
            "[augment]",
            '[augment]\nflips = ["w"]',
            "augment.flips[0] must be 'x', 'y' or 'z', got 'w'",
        ),
        ("size = 128", "size = 4", "data.size must be 8 or more, got 4"),
        ("stretch = 0.06", "stretch = -1", "augment.stretch must be 0 or more, got -1"),
        (
            "mottle_hu",
            "motle_hu",
            "unknown key augment.looks[1].motle_hu; allowed are name, share, coarse_share",
        ),
        ("share = 0.45", "share = 4", "augment.looks[0].share must be 1 or less, got 4"),
        ("share = 0.45", "share = 0.9", "the shares of augment.looks must not exceed 1, got 1.45"),
        ("share = 0.45\n", "", "missing key augment.looks[0].share"),
        ("padding_hu = [-1000.0, 0.0", 'padding_hu = ["a", 0.0', "padding_hu[0] must be of type"),
        (
            "rendered_share = 0.08",
            "rendered_share = true",
            "data.rendered_share must be of type float",
        ),
        ("[data]", '[data]\npack = "a"\ndataset = "b"', "data.pack and data.dataset must not both"),
        (
            'object = "joints"',
            'object = "mc"',
            "data.label_map_share and data.rendered_share must be 0 where data.object is",
        ),
        ("[-600.0, 1800.0]", "[1800.0, -600.0]", "data.window_hu must rise"),
        ("[-600.0, 1800.0]", "[-600.0]", "data.window_hu must hold 2 values"),
        ("[network]", "[network", "is not TOML"),
    ],
)
def test_a_mistake_in_a_config_is_named(tmp_path, old, new, sentence):
    text = (CONFIGS / "segmenter.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ConfigError, match=sentence.replace("[", r"\[").replace("]", r"\]")):
        load_experiment(path)


def test_a_gap_needs_both_bones(tmp_path):
    path = tmp_path / "condyle.toml"
    path.write_text(
        f'base = "{CONFIGS / "segmenter.toml"}"\n[data]\nobject = "mc"\n'
        "label_map_share = 0.0\nrendered_share = 0.0\n",
        encoding="utf-8",
    )

    with pytest.raises(ConfigError, match=r"train.gap_weight must be 1 where data.object is not"):
        load_experiment(path)


def test_tables_are_laid_over_those_of_the_base_key_by_key(tmp_path):
    (tmp_path / "base.toml").write_text(
        '[data]\nobject = "mc"\nspacing_mm = 0.4\nsize = 64\npatch = [32, 48, 64]\n'
        "window_hu = [-600, 1800]\n[train]\nsteps = 9\nbatch = 2\n"
    )
    (tmp_path / "mine.toml").write_text('base = "base.toml"\nname = "mine"\n[train]\nsteps = 3\n')
    (tmp_path / "over.toml").write_text("[data]\nspacing_mm = 0.8\n")

    mine = load_experiment(tmp_path / "mine.toml", tmp_path / "over.toml")

    assert (mine.train.steps, mine.train.batch) == (3, 2)
    assert (mine.data.spacing_mm, mine.data.object) == (0.8, "mc")
    assert mine.data.size_zyx == (64, 64, 64)
    assert mine.data.patch_zyx == (32, 48, 64)


def test_a_config_that_is_its_own_base_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text('base = "b.toml"')
    (tmp_path / "b.toml").write_text('base = "a.toml"')

    with pytest.raises(ConfigError, match="is laid over itself"):
        load_experiment(tmp_path / "a.toml")


def test_the_table_has_the_papers_frame_protocol_and_a_config_for_every_cell():
    cells = load_cells(TableRun())

    assert len(cells) == 15
    for (row, name), cell in cells.items():
        assert cell.data.object == name
        assert cell.network.kind == row.removesuffix("-ce").removesuffix("-dice")
        assert cell.data.size_zyx == (70, 150, 120)
        assert cell.data.spacing_mm == 0.4
        assert cell.train.optimiser == "adam"
        assert cell.augment.rotation_deg == 15
        assert cell.folds.count == 5
    losses = [cells[row, "tb"].train.loss for row in ("v-net-ce", "v-net-dice", "v-net-dice-ce")]
    assert losses == ["ce", "dice", "dice+ce"]
