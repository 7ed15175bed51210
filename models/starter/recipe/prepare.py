#!/usr/bin/env python3
"""Cleaned text → token shards.

    prepare.py TOKENIZER.json CORPUS.jsonl OUT_PREFIX

A shard is a flat little-endian uint16 array of documents in the corpus' order,

    <|file_sep|> path "\\n" <|fim_pad|> text <|endoftext|>

where <|fim_pad|> only marks where the text begins. What a training row shows of it is decided when the row is made, so one
copy of the tokens serves every pass. OUT_PREFIX.json lists the shards.
"""
import argparse
import json
import os

import numpy as np

from bpe import Tokenizer

SHARD_TOKENS = 12_000_000  # 24 MB


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("tokenizer", "corpus", "prefix"):
        arguments.add_argument(name)
    options = arguments.parse_args()
    tokenizer = Tokenizer.load(options.tokenizer)
    os.makedirs(os.path.dirname(options.prefix) or ".", exist_ok=True)

    shards, tokens, text_bytes, documents = [], [], 0, 0

    def flush() -> None:
        name = f"{os.path.basename(options.prefix)}-{len(shards):03d}.bin"
        np.asarray(tokens, "<u2").tofile(os.path.join(os.path.dirname(options.prefix), name))
        shards.append({"file": name, "tokens": len(tokens)})
        tokens.clear()

    with open(options.corpus) as corpus:
        for line in corpus:
            document = json.loads(line)
            tokens += [tokenizer.file, *tokenizer.encode(document["path"] + "\n"), tokenizer.pad]
            tokens += [*tokenizer.encode(document["text"]), tokenizer.end]
            text_bytes += len(document["text"].encode())
            documents += 1
            if len(tokens) >= SHARD_TOKENS:
                flush()
    if tokens:
        flush()
    total = sum(shard["tokens"] for shard in shards)
    description = {"tokenizer": tokenizer.hash(), "documents": documents, "tokens": total, "text_bytes": text_bytes, "shards": shards}
    with open(options.prefix + ".json", "w") as file:
        json.dump(description, file, indent=1)
    print(f"{options.prefix}: {documents} documents, {total / 1e6:.2f} M tokens, {text_bytes / max(1, total):.3f} bytes a token")


if __name__ == "__main__":
    main()
