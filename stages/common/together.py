"""Networks computed by several processes together, on the device that is there; all else every process does alike.

Every process draws the same batch and the same noise, and computes the same loss. Only what is passed through
`together` is shared out: each process computes its rows, and all get the results of all. Back, each takes the
gradients of its rows, and `combine` makes the gradient of the whole batch from what they found. So the batch does not
depend on the number of processes, and a loss may look at all of it (the contrast of `fusion/prediction.py` does). A
network that is not passed through `together` is computed whole by every process: slower, and as right.
One process communicates nothing. Backends: gloo between CPUs, NCCL between GPUs.
Axes: B batch.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import Store

JOIN = timedelta(minutes=5)  # for all processes to be there
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # what a CPU with instructions for bfloat16 has: x86 twice, ARM


class LostError(ValueError):
    """Another process of the training is gone."""


@cache
def device() -> torch.device:
    """Where networks compute: on a GPU if there is one, unless DEVICE says otherwise."""
    return chosen(os.environ.get("DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def chosen(name: str) -> torch.device:
    """The device of that name. Raises ValueError where it can't be used."""
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise ValueError(
            f"DEVICE: expected cpu, or cuda where a GPU can be used, got '{name}'; correct the environment"
        )
    return torch.device(name, int(os.environ.get("LOCAL_RANK", "0"))) if name == "cuda" else torch.device(name)


def near(values: Tensor) -> Tensor:
    """`values` on the device, if they leave half of its free memory to others; else where they are."""
    place = device()
    if place.type == "cuda" and values.nbytes > torch.cuda.mem_get_info(place)[0] // 2:
        return values
    return values.to(place)


def rows(values: Tensor, which: Tensor) -> Tensor:
    """The rows `which` (B,) of `values`, on the device of `which`, wherever `near` has left the values."""
    return values[which.to(values.device)].to(which.device)


def mixed_precision() -> AbstractContextManager[Any]:
    """bfloat16 where PyTorch takes it for safe and the device has instructions for it."""
    kind = device().type
    if kind == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = any(torch.cpu.get_capabilities().get(name) for name in BFLOAT16)
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=fast)


def full_precision() -> AbstractContextManager[Any]:
    """float32 inside `mixed_precision`."""
    return torch.autocast("cuda" if device().type == "cuda" else "cpu", enabled=False)


def join(store: Store, rank: int, count: int) -> None:
    """Become process number `rank` of `count`, who all meet at `store`."""
    if device().type == "cuda":
        torch.cuda.set_device(device())
    backend = "nccl" if device().type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=JOIN)


def count() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def first() -> bool:
    """Whether this is the process that reads and writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def together(network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """``network(*inputs)``, where every row of the result (B, ...) depends on the same rows of the inputs alone.

    Raises ValueError when there are fewer rows than processes.
    """
    if count() == 1:
        return network(*inputs)
    batch = len(inputs[0])
    if batch < count():
        raise ValueError(f"expected a batch of at least {count()}, one for each process, got {batch}; raise it")
    rows = network(*(Take.apply(values) for values in inputs))  # type: ignore[no-untyped-call]
    made: Tensor = Gather.apply(rows, batch)  # type: ignore[no-untyped-call]
    return made


def own(batch: int) -> slice:
    """The rows of this process."""
    rank = distributed.get_rank()
    return slice(batch * rank // count(), batch * (rank + 1) // count())


class Take(torch.autograd.Function):
    """The own rows of what all processes have alike.

    Inside, gradients are `count` times too large, so that the average over processes is the sum over rows.
    """

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        ctx.batch = len(whole)
        return whole[own(len(whole))].clone()

    @staticmethod
    def backward(ctx: Any, rows: Tensor) -> Tensor:
        return spread(rows, ctx.batch) / count()


class Gather(torch.autograd.Function):
    """The rows of all processes, from the own rows of each."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, batch: int) -> Tensor:
        return spread(rows, batch)

    @staticmethod
    def backward(ctx: Any, whole: Tensor) -> tuple[Tensor, None]:
        return whole[own(len(whole))] * count(), None


def spread(rows: Tensor, batch: int) -> Tensor:
    """The own rows, in their places among those of the others: a sum with zeros, which is exact."""
    whole = rows.new_zeros(batch, *rows.shape[1:])
    whole[own(batch)] = rows
    add(whole)
    return whole


def combine(weights: Iterable[nn.Parameter]) -> None:
    """Give every process the mean gradients of all."""
    if count() > 1:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        add(flat)
        parts = (flat / count()).split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def add(values: Tensor) -> None:
    """Replace the values of every process by their sum."""
    try:
        distributed.all_reduce(values)
    except RuntimeError as error:
        raise LostError("another process of this training is gone") from error


def share(values: Iterable[Tensor]) -> None:
    """Give every process the values of the first, in place."""
    if count() > 1:
        try:
            for value in values:
                distributed.broadcast(value, 0)
        except RuntimeError as error:
            raise LostError("another process of this training is gone") from error
