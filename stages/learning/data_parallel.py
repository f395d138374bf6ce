"""Networks computed by several processes together, on the device that is there; all else every process does alike.

Every process draws the same batch and the same noise, and computes the same loss. Only what is passed through
`data_parallel` is shared out: each process computes its rows, and all get the results of all. Back, each takes the
gradients of its rows, and `average_gradients` makes the gradient of the whole batch from what they found. So the batch
does not depend on the number of processes, and a loss may look at all of it (the contrast of `fusion/objective.py`
does). A network that is not passed through `data_parallel` is computed whole by every process: slower, and as right.
One process communicates nothing. Backends: gloo between CPUs, NCCL between GPUs.
Axes: B batch.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import Store

from stages.learning.device import device

JOIN = timedelta(minutes=5)  # for all processes to be there


class LostError(ValueError):
    """Another process of the training is gone."""


def join(store: Store, rank: int, count: int) -> None:
    """Become process number `rank` of `count`, who all meet at `store`."""
    if device().type == "cuda":
        torch.cuda.set_device(device())
    backend = "nccl" if device().type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=JOIN)


def world_size() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that reads and writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def data_parallel(network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """``network(*inputs)``, where every row of the result (B, ...) depends on the same rows of the inputs alone.

    Raises ValueError when there are fewer rows than processes.
    """
    if world_size() == 1:
        return network(*inputs)
    batch = len(inputs[0])
    if batch < world_size():
        raise ValueError(f"expected a batch of at least {world_size()}, one for each process, got {batch}; raise it")
    rows = network(*(Take.apply(values) for values in inputs))  # type: ignore[no-untyped-call]
    made: Tensor = Gather.apply(rows, batch)  # type: ignore[no-untyped-call]
    return made


def own_rows(batch: int) -> slice:
    """The rows of this process."""
    rank = distributed.get_rank()
    return slice(batch * rank // world_size(), batch * (rank + 1) // world_size())


class Take(torch.autograd.Function):
    """The own rows of what all processes have alike.

    Inside, gradients are `count` times too large, so that the average over processes is the sum over rows.
    """

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        ctx.batch = len(whole)
        return whole[own_rows(len(whole))].clone()

    @staticmethod
    def backward(ctx: Any, rows: Tensor) -> Tensor:
        return gather(rows, ctx.batch) / world_size()


class Gather(torch.autograd.Function):
    """The rows of all processes, from the own rows of each."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, batch: int) -> Tensor:
        return gather(rows, batch)

    @staticmethod
    def backward(ctx: Any, whole: Tensor) -> tuple[Tensor, None]:
        return whole[own_rows(len(whole))] * world_size(), None


def gather(rows: Tensor, batch: int) -> Tensor:
    """The own rows, in their places among those of the others: a sum with zeros, which is exact."""
    whole = rows.new_zeros(batch, *rows.shape[1:])
    whole[own_rows(batch)] = rows
    all_reduce(whole)
    return whole


def average_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Give every process the mean gradients of all."""
    if world_size() > 1:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        all_reduce(flat)
        parts = (flat / world_size()).split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def all_reduce(values: Tensor) -> None:
    """Replace the values of every process by their sum."""
    try:
        distributed.all_reduce(values)
    except RuntimeError as error:
        raise LostError("another process of this training is gone") from error


def broadcast(values: Iterable[Tensor]) -> None:
    """Give every process the values of the first, in place."""
    if world_size() > 1:
        try:
            for value in values:
                distributed.broadcast(value, 0)
        except RuntimeError as error:
            raise LostError("another process of this training is gone") from error
