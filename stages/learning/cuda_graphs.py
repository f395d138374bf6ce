"""A training step as one CUDA graph, which is launched at once and not kernel by kernel.

Small networks keep a GPU waiting for launches: a step of ours takes 3.5 to 5 ms kernel by kernel and .4 to .5 ms as a
graph. The random stream is registered with the graph, which reads its seed at every launch, so a step draws what it
would draw without. Where a step can't be captured, where batches differ in size, on a CPU and between several
processes there is no graph; ``CUDA_GRAPHS=0`` switches them off.
Source: CUDA graphs in PyTorch, https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor

from stages.learning.data_parallel import world_size
from stages.learning.device import device

WARM = 3  # steps before the capture: libraries make their plans in the first, which can't be captured


@contextmanager
def side_stream() -> Iterator[None]:
    """On a GPU, work goes to a stream that can be captured; on a CPU nothing changes."""
    if device().type != "cuda":
        yield
        return
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        yield
    torch.cuda.current_stream().wait_stream(side)


class Step:
    """Calls `work`, a step that draws from `chance` and returns its losses; from the fourth call on by a graph."""

    def __init__(self, work: Callable[[], Tensor], chance: Generator, name: str, *, graph: bool = True) -> None:
        self.work, self.chance, self.name = work, chance, name
        possible = device().type == "cuda" and world_size() == 1
        self.wanted = graph and possible and os.environ.get("CUDA_GRAPHS") != "0"
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.losses: Tensor | None = None  # where the graph leaves them

    def __call__(self) -> Tensor:
        self.calls += 1
        if self.wanted and self.calls > WARM and self.graph is None:
            self.capture()
        if self.graph is None:
            return self.work()
        self.graph.replay()
        assert self.losses is not None, "captured with the graph"
        return self.losses

    def capture(self) -> None:
        """Record a step without taking it."""
        seed = self.chance.initial_seed()
        try:
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.chance)
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
                self.losses = self.work()
            self.graph = graph
        except RuntimeError as error:
            self.wanted = False
            why = " ".join(str(error).split("\n")[0].split())
            print(f"{self.name}: goes on without a CUDA graph, which takes longer ({why})", file=sys.stderr)
        self.chance.manual_seed(seed)
