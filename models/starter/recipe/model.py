"""The LLaMA decoder, for PyTorch 1.13 (CPU) and 2.x (CUDA). Shapes: B rows, T tokens, H query heads, G key-value heads, D = head_dim.

RoPE turns channel i of a head with channel i + D/2 (Hugging Face's form); llama.cpp's `llama` turns neighbours, and
`gguf.py` permutes the rows for it.
"""
import math
from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from head import tied_head_loss


@dataclass
class Config:
    vocab: int
    dim: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    rope_base: float = 100_000.0
    eps: float = 1e-5
    context: int = 4096

    def parameters(self) -> dict[str, int]:
        attention = self.dim * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        body = self.layers * (attention + 3 * self.dim * self.ffn + 2 * self.dim) + self.dim
        return {"embedding": self.vocab * self.dim, "body": body, "all": self.vocab * self.dim + body}

    def training_flops(self, length: int) -> int:
        """A token, forward and backward, causal attention counted at half."""
        return 6 * self.parameters()["all"] + 6 * self.layers * length * self.heads * self.head_dim


class Llama(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim, config.eps)
        self._run_block, self._loss = Block.__call__, tied_head_loss
        nn.init.normal_(self.embed.weight, std=0.02)
        for block in self.blocks:
            for into in (block.qkv, block.gate_up):
                nn.init.normal_(into.weight, std=0.8 * config.dim**-0.5)
            for back in (block.o, block.down):
                nn.init.normal_(back.weight, std=0.02 / math.sqrt(2 * config.layers))

    def forward(self, ids: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
        """[B, T] → logits [B, T, vocab], or with targets [B, T] the mean cross entropy in nats."""
        if targets is None:
            return F.linear(self.hidden(ids, Block.__call__), self.embed.weight)
        return self._loss(self.hidden(ids, self._run_block).flatten(0, 1), self.embed.weight, targets.flatten())

    def hidden(self, ids: torch.Tensor, run) -> torch.Tensor:
        """What the head reads, [B, T, dim]; `run` is how a block is called."""
        x = self.embed(ids)
        rotation = rope_tables(ids.shape[1], self.config.head_dim, self.config.rope_base, ids.device)
        for block in self.blocks:
            x = run(block, x, rotation)
        return self.norm(x)

    def compile(self) -> None:
        """For training. One block is compiled for all of them: seconds in place of a minute, again at every new row length."""
        self._run_block = torch.compile(Block.forward, dynamic=False)
        self._loss = torch.compile(tied_head_loss, dynamic=False)

    def description(self) -> dict:
        return asdict(self.config)


class Block(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
        self.norm1, self.norm2 = RMSNorm(config.dim, config.eps), RMSNorm(config.dim, config.eps)
        self.qkv = nn.Linear(config.dim, queries + 2 * keys, bias=False)
        self.o = nn.Linear(queries, config.dim, bias=False)
        self.gate_up = nn.Linear(config.dim, 2 * config.ffn, bias=False)
        self.down = nn.Linear(config.ffn, config.dim, bias=False)
        # What one matrix holds of several, for the optimizer.
        self.qkv.weight.parts = self._parts = [queries, keys, keys]
        self.gate_up.weight.parts = [config.ffn, config.ffn]

    def forward(self, x: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor], attention=None) -> torch.Tensor:
        """`attention` may replace `causal_attention`; it gets rotated queries [B, H, T, D], keys and values [B, G, T, D]."""
        q, k, v = self.projections(self.norm1(x))
        heads = (attention or causal_attention)(rope(q, rotation), rope(k, rotation), v)
        x = x + self.o(heads.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)

    def projections(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """[B, heads, T, D] each, before rotation."""
        parts = self.qkv(x).split(self._parts, -1)
        return tuple(part.unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2) for part in parts)


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope_tables(length: int, head_dim: int, base: float, device=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine, [T, D/2] each."""
    frequencies = base ** (-torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    angles = torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequencies
    return angles.cos(), angles.sin()


def rope(x: torch.Tensor, rotation: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """[B, heads, T, D]; in float32, for bfloat16 angles are too coarse far from the beginning."""
    cos, sin = rotation
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """[B, H, T, D] from queries of that shape and keys and values [B, G, T, D]."""
    group = q.shape[1] // k.shape[1]
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), is_causal=True)
    return attention_by_blocks(q, k, v)


def attention_by_blocks(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, size: int = 256) -> torch.Tensor:
    """The same for PyTorch before 2.0: blocks of `size` queries, so that most of the masked half is never computed."""
    B, H, T, D = q.shape
    G = k.shape[1]
    q = q.reshape(B, G, H // G, T, D) * D**-0.5
    outputs = []
    for first in range(0, T, size):
        last = min(T, first + size)
        # The query heads of a group share their keys: one product for all of them.
        rows = q[:, :, :, first:last].flatten(2, 3)
        scores = torch.matmul(rows, k[:, :, :last].transpose(-1, -2)).unflatten(2, (H // G, last - first))
        future = torch.full((last - first, last), float("-inf"), dtype=scores.dtype, device=scores.device).triu(first + 1)
        weights = torch.softmax(scores + future, -1).flatten(2, 3)
        outputs.append(torch.matmul(weights.to(v.dtype), v[:, :, :last]).unflatten(2, (H // G, last - first)))
    return torch.cat(outputs, 3).flatten(1, 2)
