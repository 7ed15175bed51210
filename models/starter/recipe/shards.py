"""A prepared set of documents, mapped into memory."""
import json
import os
from typing import NamedTuple

import numpy as np

from bpe import Tokenizer


class Document(NamedTuple):
    shard: int
    header: int  # where <|file_sep|> stands
    text: int  # where the text begins
    end: int  # where <|endoftext|> stands


class Shards:
    def __init__(self, prefix: str, tokenizer: Tokenizer):
        with open(prefix + ".json") as file:
            self.description = json.load(file)
        if self.description["tokenizer"] != tokenizer.hash():
            raise SystemExit(f"{prefix}: made with another tokenizer ({self.description['tokenizer']}, not {tokenizer.hash()})")
        folder = os.path.dirname(prefix)
        self._maps = [np.memmap(os.path.join(folder, s["file"]), dtype="<u2", mode="r") for s in self.description["shards"]]
        self.documents: list[Document] = []
        for number, tokens in enumerate(self._maps):
            header, pad, end = (np.flatnonzero(tokens == t).tolist() for t in (tokenizer.file, tokenizer.pad, tokenizer.end))
            self.documents += [Document(number, h, p + 1, e) for h, p, e in zip(header, pad, end)]

    def header(self, document: Document) -> list[int]:
        """<|file_sep|> path "\\n"."""
        return self._maps[document.shard][document.header : document.text - 1].tolist()

    def text(self, document: Document) -> list[int]:
        """With <|endoftext|>."""
        return self._maps[document.shard][document.text : document.end + 1].tolist()
