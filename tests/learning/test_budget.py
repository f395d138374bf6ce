"""Budgets: few data lower them, many raise nothing, and the built-in job is what params.yaml says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.params import read_yaml
from stages.learning.budget import FEWEST, sized
from stages.learning.training import Training
from tests.clones import ROOT


def training(steps: int = 12000, batch: int = 256, passes: int | None = 600) -> Training:
    return Training(steps=steps, batch=batch, learning_rate=0.001, max_epochs=passes)


@given(st.integers(1, 20000), st.integers(1, 512), st.integers(1, 1000), st.integers(1, 10**6))
def test_no_more_passes_than_allowed_and_never_above_what_is_set(steps: int, batch: int, passes: int, n: int) -> None:
    made = sized(training(steps, batch, passes), n)
    assert made.steps <= steps and made.batch == min(batch, n)
    assert made.steps * made.batch <= max(passes * n + made.batch, FEWEST * made.batch)
    assert made.steps >= min(steps, FEWEST)
    assert sized(made, n) == made, "what is sized is sized"


def test_many_data_raise_nothing() -> None:
    assert sized(training(), 10**6) == training()


def test_a_parameter_switches_it_off() -> None:
    assert sized(training(passes=None), 5) == training(passes=None)


@pytest.mark.parametrize(
    ("section", "items"),
    [
        *((f"extract.{name}", 5600) for name in ("image", "text", "audio")),
        *((name, 5600) for name in ("fuse", "train.prior", "train.decoders")),
        *((f"judge.{name}", 2800) for name in ("image", "text", "audio", "matcher")),
    ],
)
def test_the_built_in_job_is_what_params_yaml_says(section: str, items: int) -> None:
    values = read_yaml(ROOT / "params.yaml")
    for part in section.split("."):
        values = values[part]
    told = Training(**{key: values[key] for key in Training.model_fields})
    assert sized(told, items) == told
