"""`make bench`: what its rows say of a pipeline that ran, and that only what is committed is measured."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.common.files import read_json
from stages.common.params import read_yaml
from tests.clones import ROOT, run
from tools.bench import TOTAL, hardware, logs, occupied, rate, rows

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=6)


@given(SPANS)
def test_seconds_that_two_trainings_share_count_once(spans: list[tuple[int, int]]) -> None:
    parts = pd.DataFrame([{"begin": float(begin), "end": float(begin + length)} for begin, length in spans])
    seconds = {second for begin, length in spans for second in range(begin, begin + length)}
    assert occupied(parts) == len(seconds)


@pytest.mark.slow
def test_each_stage_and_each_piece_of_its_work_has_a_row(built: Path) -> None:
    found = {row["what"]: row for row in rows(built, {"float32": 100.0, "bfloat16": 50.0})}
    stages = [log.stem for log in logs(built)]
    assert all(found[stage]["seconds"] > 0 and found[stage]["peak_mib"] > 0 for stage in stages)
    samples = len(pd.read_csv(built / "data/acquire/index.csv"))
    assert found["acquire"]["items"] == found["preprocess"]["items"] == samples
    settings = read_yaml(built / "params.yaml")["train"]
    budgets = [settings["prior"], *3 * [settings["decoders"]]]
    assert found["train: training"]["items"] == sum(budget["steps"] * budget["batch"] for budget in budgets)
    trained = {what: row for what, row in found.items() if what.endswith(": training")}
    assert {f"{stage}: training" for stage in stages if stage.startswith(("extract", "fuse", "train", "judge"))} == {
        *trained
    }
    for row in trained.values():
        assert row["share"] == pytest.approx(row["gflop_per_second"] / 100)  # of the better of the two
    assert all(found[f"generate: {work}"]["per_second"] > 0 for work in ("draw", "decode image", "decode audio"))


@pytest.mark.slow
def test_the_arithmetic_of_a_training_is_that_of_its_matrices(built: Path) -> None:
    """A product of matrices takes two operations an entry, and training takes it three times; the first layer's input
    asks for no gradient."""
    flow, settings = (read_yaml(built / "params.yaml")["train"][section] for section in ("flow", "decoders"))
    works = read_json(built / "logs/train.json")["works"]
    shape = read_json(built / "data/train/generator.json")["models"]["audio"]
    told, condition = shape["condition"] + 2 * flow["frequencies"], flow["condition_width"]
    hidden, depth = shape["hidden"], shape["depth"]
    block = 2 * hidden**2 + condition * 3 * hidden
    entries = 2 * told * condition + 3 * condition**2
    entries += 3 * ((shape["width"] + condition) * hidden + depth * block + hidden * shape["width"])
    wanted = 2 * entries * settings["batch"] * settings["steps"] / 1e9
    assert any(abs(work["gflop"] - wanted) < 1e-6 * wanted for work in works)


def test_products_of_matrices_have_a_rate() -> None:
    assert rate((64, 64, 64), torch.float32) > 0
    assert "PyTorch" in hardware(2)


@pytest.mark.slow
def test_what_is_not_committed_is_not_measured(mine: Path) -> None:
    code = mine / "stages/common/costs.py"
    kept = code.read_bytes()
    code.write_bytes(kept + b"\n")
    try:
        done = run(mine, "python", "-m", "tools.bench")
    finally:
        code.write_bytes(kept)
    assert done.returncode == 2
    assert done.stderr.startswith("bench: expected code and parameters as committed, got changes (M stages/common/")


def test_the_committed_table_is_of_this_pipeline() -> None:
    whats = set(pd.read_csv(ROOT / "metrics/bench.csv")["what"])
    assert {log.stem for log in logs(ROOT)} <= whats
    assert {"products of matrices, float32", "products of matrices, bfloat16", "decoding alone", TOTAL} <= whats
