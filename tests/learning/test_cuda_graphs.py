"""A step goes on without a graph where there can be none, draws what it would have drawn, and says so once."""

import pytest
import torch
from torch import Generator, Tensor

from stages.learning.cuda_graphs import WARM, Step


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU, which can capture the step")
def test_without_a_gpu_a_step_that_wants_a_graph_goes_on_without(capsys: pytest.CaptureFixture[str]) -> None:
    chance = Generator()

    def work() -> Tensor:
        return torch.randn(3, generator=chance)

    plain, step = Step(work, chance, "toy"), Step(work, chance, "toy")
    assert not plain.wanted
    step.wanted = True
    for number in range(WARM + 3):
        chance.manual_seed(number)
        expected = plain()
        chance.manual_seed(number)
        assert torch.equal(step(), expected)
    said = capsys.readouterr().err
    assert said.startswith("toy: goes on without a CUDA graph") and said.count("\n") == 1
