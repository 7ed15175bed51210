#!/usr/bin/env python3
"""What delta-coded keys cost a checkpoint, in PyTorch: for a model too large, or a machine too bare, for `deltallm eval`.

    kstudy.py RUN/checkpoint.pt TOKENIZER.json SHARDS/val_ts,SHARDS/val_py [--contexts 8] [--length 4096]

Keys after RoPE, older than the window and behind the sinks, are read as reconstructions; all layers at once, so that errors
propagate as at run time; values stay exact. Compared with dense attention on the same text: KL(dense ‖ coded) and the change of
the loss, both in nats, and how often the most likely token stays. Reference and law are those of docs/delta-format.md.
"""
import cpu

if __name__ == "__main__":
    cpu.settle()

import argparse
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F

from evaluate import open_model
from heldout import stretches
from model import Llama, rope_tables
from shards import Shards

BLOCK = 64  # tokens that share a mean
SINKS = 4
WINDOW = 2 * BLOCK
ZEROS = (0.4, 0.5, 0.6, 0.7)

# [B, G, T, D] keys, theta → what far queries read.
Code = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def from_mean(keys: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """What differs from the block's mean by theta or less is read as the mean."""
    whole = keys.shape[2] // BLOCK * BLOCK
    blocks = keys[:, :, :whole].unflatten(2, (-1, BLOCK))
    mean = blocks.mean(3, keepdim=True)
    coded = torch.where((blocks - mean).abs() > theta, blocks, mean).flatten(2, 3)
    return torch.cat((coded, keys[:, :, whole:]), 2)


def from_previous(keys: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """What differs from the last reconstruction by theta or less stays as it was; every block begins exactly."""
    whole = keys.shape[2] // BLOCK * BLOCK
    blocks = keys[:, :, :whole].unflatten(2, (-1, BLOCK))
    read = [blocks[:, :, :, 0]]
    for t in range(1, BLOCK):
        exact = blocks[:, :, :, t]
        read.append(torch.where((exact - read[-1]).abs() > theta, exact, read[-1]))
    return torch.cat((torch.stack(read, 3).flatten(2, 3), keys[:, :, whole:]), 2)


REFERENCES: dict[str, Code] = {"mean": from_mean, "previous": from_previous}


def zeros(keys: torch.Tensor, code: Code, theta: torch.Tensor) -> float:
    """Share of the elements that are not stored anew."""
    return float((code(keys, theta) != keys).float().mean())


def solve(keys: torch.Tensor, code: Code, wanted: float) -> torch.Tensor:
    """The one threshold of a layer that leaves out the share `wanted`, by bisection."""
    low, high = keys.new_zeros(()), keys.abs().max() * 2
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if zeros(keys, code, middle) < wanted else (low, middle)
    return high


@dataclass
class Far:
    """Attention in which a query sees exact keys in the window and among the sinks, and `read` of the others; None: does not
    see the others."""

    read: Callable[[torch.Tensor], torch.Tensor] | None

    def __call__(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        group = q.shape[1] // k.shape[1]
        k, v, other = (x.repeat_interleave(group, 1) for x in (k, v, self.read(k) if self.read else k))
        outputs = []
        for first in range(0, q.shape[2], 256):
            rows = q[:, :, first : first + 256] * q.shape[3] ** -0.5
            last = first + rows.shape[2]
            age = torch.arange(first, last, device=q.device)[:, None] - torch.arange(last, device=q.device)
            far = (age >= WINDOW) & (torch.arange(last, device=q.device) >= SINKS)
            scores = rows @ k[:, :, :last].transpose(-1, -2)
            scores = torch.where(far, rows @ other[:, :, :last].transpose(-1, -2), scores) if self.read else scores.masked_fill(far, float("-inf"))
            outputs.append(torch.softmax(scores.masked_fill(age < 0, float("-inf")), -1) @ v[:, :, :last])
        return torch.cat(outputs, 2)


def run(model: Llama, ids: torch.Tensor, attentions: list) -> torch.Tensor:
    """Log-probabilities [B, T, vocab], with an attention for each layer; None is dense."""
    x = model.embed(ids)
    rotation = rope_tables(ids.shape[1], model.config.head_dim, model.config.rope_base, ids.device)
    for block, attention in zip(model.blocks, attentions):
        x = block(x, rotation, attention)
    return torch.log_softmax(F.linear(model.norm(x), model.embed.weight), -1)


def keys_of(model: Llama, ids: torch.Tensor) -> list[torch.Tensor]:
    """Rotated keys of each layer, under dense attention."""
    found = []

    def note(q, k, v):
        found.append(k)
        return Far(lambda keys: keys)(q, k, v)

    run(model, ids, [note] * len(model.blocks))
    return found


@torch.no_grad()
def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "tokenizer", "sets"):
        arguments.add_argument(name)
    arguments.add_argument("--contexts", type=int, default=8, help="of each set; one more solves the thresholds")
    arguments.add_argument("--length", type=int, default=4096)
    options = arguments.parse_args()
    model, tokenizer = open_model(options.model, options.tokenizer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    length = min(options.length, model.config.context - 1)
    contexts, calibration = [], []
    for prefix in options.sets.split(","):
        rows = torch.from_numpy(stretches(Shards(prefix, tokenizer), length, (options.contexts + 1) * length)).to(device)
        calibration.append(rows[0])
        contexts += rows[1:]
    layers = len(model.blocks)
    keys = [torch.cat(layer) for layer in zip(*(keys_of(model, row[None, :-1]) for row in calibration))]

    forms: dict[str, list] = {"not read": [Far(None)] * layers}
    for name, code in REFERENCES.items():
        for wanted in ZEROS:
            thetas = [solve(layer, code, wanted) for layer in keys]
            forms[f"{name}, {100 * wanted:.0f} %"] = [Far(lambda k, code=code, theta=theta: code(k, theta)) for theta in thetas]

    first = length // 2  # from here on most keys are far
    sums = {name: torch.zeros(3, dtype=torch.float64) for name in forms}
    count, loss = 0, 0.0
    for row in contexts:
        ids, targets = row[None, :-1], row[first + 1 :, None]
        dense = run(model, ids, [None] * layers)[0, first:]
        loss -= float(dense.gather(1, targets).sum())
        count += len(targets)
        for name, attentions in forms.items():
            coded = run(model, ids, attentions)[0, first:]
            kl = (dense.exp() * (dense - coded)).sum()
            change = (dense.gather(1, targets) - coded.gather(1, targets)).sum()
            sums[name] += torch.tensor([kl, change, (dense.argmax(-1) == coded.argmax(-1)).sum()], dtype=torch.float64)
    print(f"{len(contexts)} contexts of {length} tokens, {count} positions from {first} on, dense loss {loss / count:.4f} nats")
    print(f"window {WINDOW}, {SINKS} sinks, thresholds from {len(calibration)} other contexts\n")
    print("| far keys: reference, zeros | KL | change of the loss | same most likely token |\n|---|---|---|---|")
    for name, values in sums.items():
        kl, change, same = (values / count).tolist()
        print(f"| {name} | {kl:.5f} | {change:+.5f} | {100 * same:.2f} % |")


if __name__ == "__main__":
    main()
