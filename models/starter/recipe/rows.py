"""Prepared documents → training rows. Row number g is a function of (shards, row length, seed, g) alone, so that a run goes on
after an interruption with the very rows it would have seen, on any number of loader processes.

The documents in the corpus' order are one long stream, cut into stretches of a row's length; a pass takes the stretches in an
order of its own, from an offset of its own. Files of a repository that stand beside each other thus stay together in long rows.
Within a row each document may begin with its path, and becomes a fill-in-the-middle example or stays as it is.
"""
import bisect

import numpy as np

from bpe import Tokenizer
from fim import fim_example
from shards import Shards

FIM = 0.6  # share of the documents
HEADER = 0.25  # share of the documents that begin with their path

_ROOM = 24  # tokens of a row kept free for markers and for lines that are cut
_SMALLEST = 64  # tokens; what is shorter at a row's end only fills it up


class Rows:
    def __init__(self, shards: Shards, tokenizer: Tokenizer, length: int, seed: int):
        """Rows of `length` + 1 tokens: inputs and targets overlap in all but one."""
        self._shards, self._tokenizer, self._length, self._seed = shards, tokenizer, length, seed
        sizes = np.cumsum([document.end + 1 - document.text for document in shards.documents])
        self._starts = [0, *sizes[:-1].tolist()]
        self._tokens = int(sizes[-1])
        self.per_pass = max(1, self._tokens // length)
        self._pass, self._order, self._offset = -1, np.zeros(0, int), 0

    def row(self, number: int) -> np.ndarray:
        """[length + 1] int64."""
        self._enter_pass(number // self.per_pass)
        random = np.random.default_rng([self._seed, self._length, number])
        at = int(self._offset + self._order[number % self.per_pass] * self._length) % self._tokens
        document = bisect.bisect_right(self._starts, at) - 1
        skipped = at - self._starts[document]
        row: list[int] = []
        while len(row) <= self._length:
            place = self._shards.documents[document % len(self._shards.documents)]
            text = self._shards.text(place)[skipped:]
            room = self._length - _ROOM - len(row)
            if room < _SMALLEST:
                row += text
            else:
                if skipped == 0 and random.random() < HEADER:
                    row += self._shards.header(place)
                row += self._example(text[:room], random) if random.random() < FIM else text[:room]
            document, skipped = document + 1, 0
        return np.array(row[: self._length + 1], np.int64)

    def batch(self, first: int, count: int) -> np.ndarray:
        """[count, length + 1] int64."""
        return np.stack([self.row(first + i) for i in range(count)])

    def _example(self, stretch: list[int], random: np.random.Generator) -> list[int]:
        text = stretch[:-1] if stretch[-1] == self._tokenizer.end else stretch
        return fim_example(text, self._tokenizer, random) or stretch

    def _enter_pass(self, number: int) -> None:
        if number != self._pass:
            random = np.random.default_rng([self._seed, number])
            self._order = random.permutation(self.per_pass)
            self._offset = int(random.integers(0, self._tokens))
            self._pass = number
