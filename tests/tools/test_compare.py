"""`make compare`: it calls what is noise noise, as often as it says, and finds what is not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluation.intervals import bootstrap_interval
from tests.clones import ROOT, run, succeed
from tests.toy import commit
from tools.compare import LEVEL, Measured, Seeds, Side, chance, compare, holm, table


@st.composite
def figures(draw: st.DrawFn) -> Measured:
    value = draw(st.floats(0, 1))
    down, up = draw(st.floats(1e-3, 0.5)), draw(st.floats(1e-3, 0.5))
    return Measured(value, value - down, value + up, draw(st.integers(1, 5000)))


def share(true: float, n: int, rng: np.random.Generator) -> Measured:
    """A measured share as `evaluate` measures it, bootstrap interval included."""
    outcomes = rng.random(n) < true
    return Measured(*bootstrap_interval([outcomes], rng), n)


@given(figures(), figures())
def test_the_order_of_the_sides_does_not_matter(one: Measured, other: Measured) -> None:
    assert chance(one, other) == chance(other, one)
    assert chance(one, one) == 1.0
    assert 0 <= chance(one, other) <= 1


@given(figures(), figures())
def test_a_wider_interval_never_makes_a_difference_surer(one: Measured, other: Measured) -> None:
    wider = Measured(one.value, one.low - 0.1, one.high + 0.1, one.n)
    assert chance(wider, other) >= chance(one, other)


@given(figures(), figures(), st.floats(0, 0.5), st.integers(1, 9))
def test_what_seeds_move_never_makes_a_difference_surer(one: Measured, other: Measured, sd: float, runs: int) -> None:
    seeds = Seeds(sd, runs)
    assert chance(replace(one, seeds=seeds), replace(other, seeds=seeds)) >= chance(one, other) - 1e-12


@pytest.mark.parametrize("runs", [3, 5])
@pytest.mark.parametrize("moves", [0.0, 0.005, 0.02])
def test_two_seeds_of_the_same_are_called_different_about_once_in_twenty(moves: float, runs: int) -> None:
    """Where seeds move the truth itself, and a few runs tell how far. Without them the rule would raise alarms."""
    rng = np.random.default_rng(0)

    def one_run() -> Measured:
        value = rng.binomial(1200, np.clip(0.9 + moves * rng.standard_normal(), 0, 1)) / 1200
        arm = 1.96 * (value * (1 - value) / 1200) ** 0.5
        return Measured(value, value - arm, value + arm, 1200)

    def told() -> Seeds:
        return Seeds(float(np.std([one_run().value for _ in range(runs)], ddof=1)), runs - 1)

    pairs = [(one_run(), one_run(), told()) for _ in range(400)]
    alarms = [chance(replace(one, seeds=seeds), replace(other, seeds=seeds)) < LEVEL for one, other, seeds in pairs]
    assert np.mean(alarms) <= 0.085  # a rate of 5 % has a standard error of 1.1 %
    assert moves < 0.02 or np.mean([chance(one, other) < LEVEL for one, other, _ in pairs]) > 0.2


def test_equal_symmetric_arms_give_the_usual_normal_test() -> None:
    """1.96 standard errors of the difference apart: p is 0.05."""
    far = 0.5 + 0.1 * 2**0.5
    assert chance(Measured(0.5, 0.4, 0.6, 100), Measured(far, far - 0.1, far + 0.1, 100)) == pytest.approx(0.05)


def test_a_perfect_score_over_few_samples_is_not_sure() -> None:
    """A bootstrap of equal outcomes has no width; ten of ten is not ahead of 180 of 200."""
    perfect = Measured(1.0, 1.0, 1.0, 10)
    assert chance(perfect, Measured(0.9, 0.86, 0.94, 200)) > LEVEL
    assert chance(Measured(1.0, 1.0, 1.0, 5000), Measured(0.9, 0.86, 0.94, 200)) < LEVEL


@pytest.mark.parametrize("true", [0.5, 0.9, 0.98])
def test_equal_truths_are_called_different_about_once_in_twenty(true: float) -> None:
    """600 pairs: a rate of 5 % has a standard error of 0.9 %, so 8 % is more than three of them off."""
    rng = np.random.default_rng(0)
    alarms = [chance(share(true, 400, rng), share(true, 400, rng)) < 0.05 for _ in range(600)]
    assert np.mean(alarms) <= 0.08


def test_a_difference_of_four_standard_errors_is_found() -> None:
    rng = np.random.default_rng(0)
    found = [chance(share(0.90, 1200, rng), share(0.945, 1200, rng)) < 0.05 for _ in range(100)]
    assert np.mean(found) > 0.9


def test_holm_by_hand() -> None:
    corrected = holm(pd.Series({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}))
    assert corrected.to_dict() == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})


def test_twenty_metrics_without_a_change_seldom_raise_one_alarm() -> None:
    rng = np.random.default_rng(0)

    def side() -> Side:
        return {f"m.{number}": share(0.9, 300, rng) for number in range(20)}

    alarms = [bool((compare(side(), side())["p"] < LEVEL).any()) for _ in range(60)]
    assert np.mean(alarms) <= 0.13  # three standard errors above 5 %


def test_a_metric_of_one_side_has_a_row_and_no_verdict() -> None:
    base, other = ({name: Measured(0.5, 0.4, 0.6, 100), "b": Measured(0.5, 0.4, 0.6, 9)} for name in "ac")
    rows = compare(base, other)
    assert list(rows.index) == ["a", "b", "c"]
    lines = table(rows, "main", "here")
    assert [line.split("|")[-2].strip() for line in lines[2:5]] == ["one side only", "no", "one side only"]
    assert len({len(line) for line in lines[:5]}) == 1
    assert lines[-1].startswith("0 of 1 differences")


def repository(folder: Path) -> Path:
    """Two commits, `main` and then the working tree, in which one metric moved far and one a little."""
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    succeed(folder, "git", "init", "--quiet", "--initial-branch", "main")
    succeed(folder, "dvc", "init", "--quiet")
    (folder / "dvc.yaml").write_text("metrics:\n  - metrics/summary.json\n")
    measured(folder, {"joint": (0.9, 0.88, 0.92), "hidden": (0.8, 0.7, 0.9)})
    commit(folder, "Measure")
    measured(folder, {"joint": (0.97, 0.96, 0.98), "hidden": (0.82, 0.72, 0.92)})
    return folder


def measured(folder: Path, values: dict[str, tuple[float, float, float]]) -> None:
    metrics = folder / "metrics"
    metrics.mkdir(exist_ok=True)
    summary = {"coherence": {name: value for name, (value, _, _) in values.items()}}
    (metrics / "summary.json").write_text(json.dumps(summary))
    rows = [f"coherence.{name},{value},{low},{high},500,0,1" for name, (value, low, high) in values.items()]
    (metrics / "table.csv").write_text("\n".join(["metric,value,low,high,n,floor,ceiling", *rows]) + "\n")


@pytest.mark.slow
def test_the_command_reads_git_and_refuses_in_one_line(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    said = succeed(folder, "python", "-m", "tools.compare", "main")
    rows = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in said.splitlines() if "|" in line}
    assert (rows["coherence.joint"], rows["coherence.hidden"]) == ("yes", "no")
    (folder / "metrics/table.csv").unlink()
    for revision, word in (("nowhere", "nowhere"), ("main", "the working tree: expected metrics/table.csv")):
        done = run(folder, "python", "-m", "tools.compare", revision)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and word in done.stderr, done.stderr
    (folder / "metrics/table.csv").write_text("metric,value\ncoherence.joint,1\n")
    done = run(folder, "python", "-m", "tools.compare", "main")
    assert done.returncode == 2 and "expected low, high, n, coherence.hidden" in done.stderr, done.stderr
