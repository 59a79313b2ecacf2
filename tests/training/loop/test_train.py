import csv
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from training.config import ConfigError
from training.loop import train as loop

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "balls.py"
_spec = importlib.util.spec_from_file_location("balls", PROGRAM)
balls = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(balls)
experiment = balls.experiment


@pytest.fixture(autouse=True)
def _balls(monkeypatch):
    monkeypatch.setattr(loop, "build_task", lambda *_: balls.BallTask())
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def silent(_line: str) -> None:
    pass


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def entries(folder: Path) -> list[dict[str, str]]:
    with (folder / "loss.csv").open() as file:
        return list(csv.DictReader(file))


def losses(folder: Path) -> list[tuple[str, str]]:
    return [(row["step"], row["loss"], row["validation"]) for row in entries(folder)]


def program(*arguments: object, processes: int = 1) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), str(PROGRAM), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_training_lowers_the_loss(tmp_path):
    loop.train(experiment(60), tmp_path, say=silent)

    found = [float(row["loss"]) for row in entries(tmp_path)]
    assert len(found) == 20
    assert np.mean(found[-3:]) < 0.5 * found[0]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("step", [3, 9])
def test_a_training_that_was_stopped_ends_as_one_that_was_not(tmp_path, step):
    whole = weights(loop.train(experiment(), tmp_path / "whole", say=silent))

    def stop(line: str) -> None:
        if f"step {step}/" in line:
            raise KilledError

    with pytest.raises(KilledError):
        loop.train(experiment(), tmp_path / "stopped", say=stop)
    resumed = weights(loop.train(experiment(), tmp_path / "stopped", say=silent))

    assert torch.equal(whole, resumed)


class Ticking:
    """A clock on which every look takes a second."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        self.time += 1.0
        return self.time


def test_a_training_by_minutes_ends_by_the_clock_and_its_rate_with_it(tmp_path):
    loop.train(experiment(9999, minutes=0.25), tmp_path, say=silent, now=Ticking())

    rows = entries(tmp_path)
    assert 10 <= int(rows[-1]["step"]) <= 15  # a second a step
    assert float(rows[-1]["share"]) == 1.0
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates[-1] < 0.1 * max(rates)


def test_a_limit_by_the_clock_ends_the_steps_and_does_not_count_the_reading(tmp_path, monkeypatch):
    now = Ticking()
    reading = loop.build_task

    def slowly(*given):
        now.time += 1000.0
        return reading(*given)

    monkeypatch.setattr(loop, "build_task", slowly)
    loop.train(experiment(9999, within_minutes=0.25), tmp_path, say=silent, now=now)

    rows = entries(tmp_path)
    assert 10 <= int(rows[-1]["step"]) <= 15  # a second a step
    assert float(rows[0]["share"]) < 0.5
    assert float(rows[-1]["share"]) == 1.0


def test_too_little_time_for_a_single_step_is_said_and_nothing_is_written(tmp_path):
    with pytest.raises(ConfigError, match=r"0.01 minutes were over before the first step"):
        loop.train(experiment(minutes=0.01), tmp_path, say=silent, now=Ticking())

    assert not (tmp_path / "weights.pt").exists()


def test_the_time_before_an_interruption_counts(tmp_path):
    def stop(line: str) -> None:
        if " step 6 " in line:
            raise KilledError

    by_minutes = experiment(9999, minutes=0.25)
    with pytest.raises(KilledError):
        loop.train(by_minutes, tmp_path / "stopped", say=stop, now=Ticking())
    loop.train(by_minutes, tmp_path / "stopped", say=silent, now=Ticking())
    loop.train(by_minutes, tmp_path / "whole", say=silent, now=Ticking())

    stopped, whole = (int(entries(tmp_path / n)[-1]["step"]) for n in ("stopped", "whole"))
    assert abs(stopped - whole) <= 3


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    loop.train(experiment(3), tmp_path, say=silent)
    other = experiment(6).changed(network={"channels": (4, 8, 8)})

    with pytest.raises(ConfigError, match=r"checkpoint.pt is not a checkpoint of this experiment"):
        loop.train(other, tmp_path, say=silent)


def test_the_final_network_starts_from_given_weights_and_a_fold_from_nothing(tmp_path):
    given = loop.train(experiment(), tmp_path / "given", say=silent)
    still = experiment(1, learning_rate=1e-12, start_from=str(tmp_path / "given" / loop.WEIGHTS))

    final = weights(loop.train(still, tmp_path / "final", say=silent))
    fold = weights(loop.train(still, tmp_path / "fold0", ("a",), silent))

    assert torch.allclose(final, weights(given), atol=1e-6)
    assert not torch.allclose(fold, weights(given), atol=1e-2)


def test_a_fold_goes_on_from_weights_of_its_own(tmp_path):
    given = loop.train(experiment(), tmp_path / "given" / "fold0", ("a",), silent)
    still = experiment(
        1, learning_rate=1e-12, start_from=str(tmp_path / "given" / "{fold}" / loop.WEIGHTS)
    )

    fold = weights(loop.train(still, tmp_path / "further" / "fold0", ("a",), silent))

    assert torch.allclose(fold, weights(given), atol=1e-6)
    with pytest.raises(ConfigError, match=r"final.weights.pt holds no weights of this network"):
        loop.train(still, tmp_path / "further" / "final", say=silent)


@pytest.mark.parametrize("content", [None, b"no weights", "another network"])
def test_weights_of_no_such_network_are_refused(tmp_path, content):
    path = tmp_path / "start.pt"
    if content == "another network":
        torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    elif content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"start.pt holds no weights of this network"):
        loop.train(experiment(1, start_from=str(path)), tmp_path / "final", say=silent)


def test_a_training_killed_amid_a_step_ends_as_one_that_was_not(tmp_path):
    whole = weights(loop.train(experiment(), tmp_path / "whole", say=silent))

    killed = program(tmp_path / "killed", "--kill-in-step", 8)
    after_the_kill = entries(tmp_path / "killed")
    resumed = weights(loop.train(experiment(), tmp_path / "killed", say=silent))

    assert killed.returncode == -signal.SIGKILL
    assert [row["step"] for row in after_the_kill] == ["3", "6"]
    assert torch.equal(whole, resumed)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def test_two_processes_have_the_losses_of_one_with_the_same_batch(tmp_path):
    loop.train(experiment(batch=2), tmp_path / "one", say=silent)

    finished = program(tmp_path / "two", "--batch", 2, processes=2)

    assert finished.returncode == 0, finished.stderr
    one, two = ([float(row["loss"]) for row in entries(tmp_path / name)] for name in ("one", "two"))
    assert len(two) == 4
    assert two == pytest.approx(one, rel=1e-3)


def test_a_batch_taken_in_portions_has_the_loss_of_the_whole(tmp_path):
    exact = {"mixed_precision": False, "batch": 4}
    whole = loop.train(experiment(6, **exact), tmp_path / "whole", say=silent)
    portions = loop.train(experiment(6, accumulate=2, **exact), tmp_path / "parts", say=silent)

    assert torch.allclose(weights(whole), weights(portions), atol=1e-4)


def test_training_stops_when_the_validation_heads_gain_no_more_and_keeps_the_best(tmp_path):
    strict = experiment(12, patience=2, delta=10.0)

    best = loop.train(strict, tmp_path / "stopped", say=silent)
    sooner = loop.train(experiment(12, patience=1, delta=10.0), tmp_path / "sooner", say=silent)

    steps = [int(row["step"]) for row in entries(tmp_path / "stopped")]
    assert steps[-1] == 6  # looks after steps 2, 4 and 6: the first is the best, then two in vain
    assert int(entries(tmp_path / "sooner")[-1]["step"]) == 4
    assert torch.equal(weights(best), weights(sooner))


def test_a_loss_that_is_no_number_ends_the_training_with_advice(tmp_path, monkeypatch):
    class Broken(balls.BallTask):  # type: ignore[name-defined]
        def draw(self, draws):
            image, ball, weight = super().draw(draws)
            return image * float("nan"), ball, weight

    monkeypatch.setattr(loop, "build_task", lambda *_: Broken())

    with pytest.raises(ConfigError, match=r"step 1 is not a number; lower train.learning_rate"):
        loop.train(experiment(), tmp_path, say=silent)


def test_a_batch_that_cannot_be_dealt_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "joined_processes", lambda: _three())

    with pytest.raises(ConfigError, match=r"train.batch must be divisible by .* 3, got 4"):
        loop.train(experiment(batch=4), tmp_path, say=silent)


def _three():
    from contextlib import nullcontext

    from training.loop.processes import Processes

    return nullcontext(Processes(0, 3, torch.device("cpu")))


def test_the_curves_are_there_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    loop.train(experiment(6), tmp_path, say=silent)

    curves = EventAccumulator(str(tmp_path / "tensorboard"))
    curves.Reload()
    assert [event.step for event in curves.Scalars("loss")] == [3, 6]
    written = [float(row["loss"]) for row in entries(tmp_path)]
    assert [event.value for event in curves.Scalars("loss")] == pytest.approx(written, rel=1e-4)


def test_the_line_tells_the_pace_the_time_left_and_the_share_of_drawing(tmp_path):
    lines = []
    loop.train(experiment(6), tmp_path, say=lines.append)

    assert len(lines) == 2
    assert lines[0].startswith("balls step 3/6 loss ")
    assert " frames/s, drawing " in lines[0]
    assert lines[1].endswith("0 s left")
