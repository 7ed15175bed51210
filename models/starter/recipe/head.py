"""Cross entropy behind a tied head. On a CPU the logits exist one block at a time and both gradients are formed on the way
forward: a whole matrix of logits would leave the cache and be read six times."""
import torch
import torch.nn.functional as F

_BLOCK = 128  # rows of logits: 4 MB at 8,192 tokens of vocabulary


def tied_head_loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over the rows, in nats, from hidden [N, dim], weight [vocab, dim], targets [N]."""
    if hidden.is_cuda or not torch.is_grad_enabled():
        return F.cross_entropy(F.linear(hidden, weight).float(), targets)
    dtype = torch.bfloat16 if torch.is_autocast_cpu_enabled() else torch.float32
    return _BlockedLoss.apply(hidden, weight, targets, dtype)


class _BlockedLoss(torch.autograd.Function):
    @staticmethod
    def forward(context, hidden, weight, targets, dtype):
        with torch.autocast("cpu", enabled=False):
            rows, w = hidden.to(dtype), weight.to(dtype)
            into_hidden, into_weight = torch.empty_like(rows), torch.zeros_like(weight)
            loss = torch.zeros(())
            for first in range(0, len(rows), _BLOCK):
                block, target = rows[first : first + _BLOCK], targets[first : first + _BLOCK, None]
                p = (block @ w.t()).float()
                p.sub_(p.max(-1, keepdim=True)[0])
                loss -= p.gather(1, target).sum()
                sums = p.exp_().sum(-1, keepdim=True)
                loss += sums.log().sum()
                # The gradient with respect to the logits: the distribution, less one at the target.
                p.div_(sums).scatter_add_(1, target, torch.full_like(target, -1.0, dtype=p.dtype))
                p = p.to(dtype)
                torch.mm(p, w, out=into_hidden[first : first + _BLOCK])
                into_weight += p.t() @ block
            context.save_for_backward(into_hidden.float().div_(len(rows)), into_weight.div_(len(rows)))
            return loss / len(rows)

    @staticmethod
    def backward(context, gradient):
        into_hidden, into_weight = context.saved_tensors
        return into_hidden * gradient, into_weight * gradient, None, None
