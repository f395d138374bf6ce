"""`make seeds`: what samples move and what seeds move are told apart."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.clones import run, succeed
from tools.compare import seed_spread
from tools.seeds import spread


def tables(seeds: float, samples: float, count: int, metrics: int) -> dict[int, pd.DataFrame]:
    """Runs whose figures have a standard deviation of the one kind and of the other, and intervals of the latter."""
    rng = np.random.default_rng(0)
    names = [f"family.{number}" for number in range(metrics)]
    found = {}
    for seed in range(count):
        value = 0.5 + rng.normal(0, seeds, metrics) + rng.normal(0, samples, metrics)
        found[seed] = pd.DataFrame(
            {"value": value, "low": value - 1.96 * samples, "high": value + 1.96 * samples}, names
        )
    return found


@pytest.mark.parametrize(("seeds", "samples"), [(0.03, 0.01), (0.0, 0.02), (0.02, 0.02)])
def test_both_sources_are_found_again(seeds: float, samples: float) -> None:
    table = spread(tables(seeds, samples, count=400, metrics=3))
    assert table["samples_sd"].to_numpy() == pytest.approx(samples)
    assert table["seeds_sd"].to_numpy() == pytest.approx(seeds, abs=0.006)
    assert table["between_sd"].to_numpy() == pytest.approx(np.hypot(seeds, samples), rel=0.15)


def test_a_comparison_is_told_the_spread_and_of_how_many_runs_it_is() -> None:
    table = spread(tables(0.03, 0.01, count=3, metrics=4))
    told = seed_spread(table)
    assert {name: one.sd for name, one in told.items()} == dict(zip(table["metric"], table["between_sd"], strict=True))
    assert {one.freedom for one in told.values()} == {2}


def test_a_metric_that_a_run_lacks_is_left_out() -> None:
    some = tables(0.03, 0.01, count=3, metrics=4)
    some[1] = some[1].drop(index="family.2")
    assert spread(some)["metric"].tolist() == ["family.0", "family.1", "family.3"]


@pytest.mark.slow
def test_one_seed_is_refused_and_three_are_told(mine: Path) -> None:
    succeed(mine, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--all", "-m", "Built")
    done = run(mine, "python", "-m", "tools.seeds")
    assert done.returncode == 2 and done.stderr == "seeds: expected runs with 3 seeds or more, got [7]; make seeds\n"
    for seed in ("8", "9"):
        succeed(mine, "dvc", "exp", "run", "--temp", "-S", f"run.seed={seed}")
    succeed(mine, "python", "-m", "tools.seeds")
    table = pd.read_csv(mine / "metrics/seeds.csv")
    assert {"seed 7", "seed 8", "seed 9"} <= set(table) and table["metric"].str.startswith("coherence.").any()
    joint = table.set_index("metric").loc["coherence.joint"]
    assert joint["mean"] == pytest.approx(joint[["seed 7", "seed 8", "seed 9"]].mean(), abs=1e-5)
    assert joint["machine"]
    told = succeed(mine, "python", "-m", "tools.compare", "HEAD")
    assert "exceed the noise of samples, and of seeds in the main job" in told
