"""Bits per byte on a held-out set, in PyTorch. Files stand one after the other; predictions of <|endoftext|> do not count."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from bpe import Tokenizer
from model import Llama
from shards import Shards


def stretches(shards: Shards, length: int, limit: int) -> np.ndarray:
    """[rows, length + 1]: at most `limit` tokens, spread evenly over the set."""
    tokens = np.array([token for document in shards.documents for token in shards.text(document)], np.int64)
    rows = len(tokens) // (length + 1)
    chosen = np.linspace(0, rows - 1, min(rows, max(1, limit // length))).astype(int)
    return tokens[: rows * (length + 1)].reshape(rows, length + 1)[chosen]


@torch.no_grad()
def bits_per_byte(model: Llama, rows: np.ndarray, tokenizer: Tokenizer, device="cpu") -> dict[str, float]:
    """`rows` of `stretches`. Loss in nats a token, and the bits that a byte of text costs."""
    sizes = np.array([len(text) for text in tokenizer.bytes])
    sizes[tokenizer.end] = 0
    loss = count = size = 0
    for row in rows:
        ids = torch.from_numpy(row).to(device)
        losses = F.cross_entropy(model(ids[None, :-1])[0].float(), ids[1:], reduction="none").cpu().numpy()
        counted = row[1:] != tokenizer.end
        loss += float(losses[counted].sum())
        count += int(counted.sum())
        size += int(sizes[row[1:]].sum())
    return {"loss": loss / count, "bits_per_byte": loss / math.log(2) / size, "tokens": count, "bytes": size}
