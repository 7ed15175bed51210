"""Batches of training rows from a given one on, made in this process or in others beside it."""
from typing import Iterator

import numpy as np
import torch

from bpe import Tokenizer
from rows import Rows
from shards import Shards


def batches(data: str, tokenizer: Tokenizer, length: int, count: int, first: int, seed: int, processes: int = 0) -> Iterator[np.ndarray]:
    """Endless: [count, length + 1] int64, beginning with batch number `first`. The same whatever the number of processes."""
    source = _Batches(data, tokenizer, length, count, first, seed)
    if processes == 0:
        return iter(source)
    # Batches of several processes come in turn, so that process i makes every processes-th.
    loader = torch.utils.data.DataLoader(source, batch_size=None, num_workers=processes, prefetch_factor=4)
    return (batch.numpy() for batch in loader)


class _Batches(torch.utils.data.IterableDataset):
    def __init__(self, data, tokenizer, length, count, first, seed):
        self._data, self._tokenizer, self._length, self._count, self._first, self._seed = data, tokenizer, length, count, first, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        number, stride = (self._first, 1) if worker is None else (self._first + worker.id, worker.num_workers)
        rows = Rows(Shards(self._data, self._tokenizer), self._tokenizer, self._length, self._seed)
        while True:
            yield rows.batch(number * self._count, self._count)
            number += stride
