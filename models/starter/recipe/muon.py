"""Muon: momentum, made orthogonal before it is applied. It needs markedly fewer tokens than AdamW for matrices of these sizes."""
import torch

# Quintic iterations towards the polar factor, coefficients of "Polar Express" (arXiv 2505.16932).
_ITERATIONS = [(8.2872, -23.5959, 17.3004), (4.1071, -2.9479, 0.5448), (3.9487, -2.9089, 0.5518), (3.3184, -2.4885, 0.5100)]


@torch.no_grad()
def orthogonalise(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with equal singular values, roughly; in bfloat16, for a direction need not be precise."""
    x = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.t()
    x = x / (x.norm() * 1.02 + 1e-7)
    for a, b, c in _ITERATIONS:
        square = x @ x.t()
        x = a * x + (b * square + c * (square @ square)) @ x
    return (x.t() if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """A parameter's `parts`, where it has some, are the heights of the matrices that it holds one above the other."""

    def __init__(self, parameters, rate: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, dict(lr=rate, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
                average.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(average, group["momentum"])
                parts = getattr(parameter, "parts", [parameter.shape[0]])
                for update, weight in zip(ahead.split(parts), parameter.split(parts)):
                    rate = group["lr"] * max(1, weight.shape[0] / weight.shape[1]) ** 0.5
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(orthogonalise(update), alpha=-rate)
