from pathlib import Path

import pytest

from training.config import ConfigError, load_experiment

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
        ("steps =", "stepps =", "unknown key train.stepps; allowed are loss, seed, steps"),
        ("spacing_mm = 0.5\n", "", "missing key data.spacing_mm"),
        ("size = 128", 'size = "128"', "data.size must be of type int, got '128'"),
        ('object = "joints"', 'object = "knees"', "data.object must be 'joints' or 'heads'"),
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

    with pytest.raises(ConfigError, match=sentence.replace("[", r"\[")):
        load_experiment(path)
