"""Muon: momentum, made orthogonal before it is applied. It needs markedly fewer tokens than AdamW for matrices of these sizes."""
import collections

import torch

# Quintic iterations towards the polar factor, coefficients of "Polar Express" (arXiv 2505.16932).
_ITERATIONS = [(8.2872, -23.5959, 17.3004), (4.1071, -2.9479, 0.5448), (3.9487, -2.9089, 0.5518), (3.3184, -2.4885, 0.5100)]


@torch.no_grad()
def orthogonalise(matrices: torch.Tensor, arithmetic: torch.dtype = torch.bfloat16) -> torch.Tensor:
    """Of each of [N, rows, columns] the nearest with equal singular values, roughly; in bfloat16, for a direction need not be precise."""
    x = matrices.to(arithmetic)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.02 + 1e-7)
    for a, b, c in _ITERATIONS:
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * (square @ square)) @ x
    return (x.transpose(1, 2) if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """A parameter's `parts`, where it has some, are the heights of the matrices that it holds one above the other. Matrices of
    one shape are made orthogonal together: one by one they are too small for a GPU."""

    def __init__(self, parameters, rate: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, dict(lr=rate, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            same_shape = collections.defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
                average.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(average, group["momentum"])
                parts = getattr(parameter, "parts", [parameter.shape[0]])
                for update, weight in zip(ahead.split(parts), parameter.split(parts)):
                    same_shape[weight.shape].append((update, weight))
            for (rows, columns), pairs in same_shape.items():
                rate = group["lr"] * max(1, rows / columns) ** 0.5
                updates = orthogonalise(torch.stack([update for update, _ in pairs]))
                for update, (_, weight) in zip(updates, pairs):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update, alpha=-rate)
