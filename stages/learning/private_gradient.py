"""The gradient of DP-SGD: that of each unit alone, clipped, summed, and noised by opacus.

Source: Abadi et al. 2016, arXiv:1607.00133, algorithm 1. What each row's gradient is comes from `torch.func`, so that
networks of any kind will do; a loss must look at each row for itself.
Axes: B rows of a step, P weights.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, grad, vmap

from stages.learning.privacy import Private, opacus

AT_ONCE = 2**26  # numbers of gradients that are held together: 256 MiB

RowLoss = Callable[[Generator, Tensor], Mapping[str, Tensor]]  # of rows (B,) that were drawn: its named parts


class WithLoss(nn.Module):
    """A model whose result is its loss, so that `functional_call` can give it other weights meanwhile."""

    def __init__(self, model: nn.Module, loss: RowLoss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, stream: Generator, rows: Tensor) -> Tensor:
        return torch.stack([part.float() for part in self.loss(stream, rows).values()]).sum()


class PrivateGradient:
    """Gives the weights of a model their gradient of a step."""

    def __init__(self, model: nn.Module, loss: RowLoss, adam: torch.optim.Optimizer, private: Private) -> None:
        self.whole, self.private, self.adam = WithLoss(model, loss), private, adam
        self.weights = {name: weight for name, weight in self.whole.named_parameters() if weight.requires_grad}
        self.most = max(1, AT_ONCE // sum(weight.numel() for weight in self.weights.values()))

    def __call__(self, stream: Generator) -> Tensor:
        """Draw a step's rows; returns the norm (1,) of its noised gradient, which tells no more than the model."""
        rows = self.private.draw(stream)
        noised = opacus().optimizers.DPOptimizer(
            self.adam, noise_multiplier=self.private.noise, max_grad_norm=self.private.clip,
            expected_batch_size=self.private.expected, generator=stream, secure_mode=True,
        )  # fmt: skip
        for part in rows.split(self.most):  # of no rows there is one part, too
            for name, gradients in self.of_each(part, stream).items():
                self.weights[name].grad_sample = gradients  # type: ignore[attr-defined]  # where opacus looks for it
            noised.clip_and_accumulate()
        noised.add_noise()
        noised.scale_grad()
        for weight in self.weights.values():
            weight.grad_sample = weight.summed_grad = None  # type: ignore[attr-defined]
        taken = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        return nn.utils.get_total_norm(taken)[None]

    def of_each(self, rows: Tensor, stream: Generator) -> dict[str, Tensor]:
        """The gradient of each of the rows, (B, ...) of each weight."""
        known = {name: weight.detach() for name, weight in self.weights.items()}
        if not len(rows):
            return {name: weight.new_zeros(0, *weight.shape) for name, weight in known.items()}

        def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
            found: Tensor = functional_call(self.whole, weights, (stream, row[None]))
            return found

        return vmap(grad(loss), in_dims=(None, 0), randomness="different")(known, rows)
