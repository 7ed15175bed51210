#!/usr/bin/env python3
"""Bits per byte of a checkpoint or a GGUF (F16, Q8_0) on held-out shards, in PyTorch: what can be had where no Node.js is.

    evaluate.py RUN/checkpoint.pt TOKENIZER.json SHARDS/val_ts,SHARDS/val_py [--tokens 300000]
    evaluate.py MODEL-f16.gguf - SHARDS/val_ts,SHARDS/val_py

`npm run eval:bits` measures the same in our runtime, in every format.
"""
import cpu

if __name__ == "__main__":
    cpu.settle()

import argparse
import os

import torch

import checkpoint
import gguf
from bpe import Tokenizer
from heldout import bits_per_byte, stretches
from model import Config, Llama
from shards import Shards


def open_model(path: str, tokenizer: str) -> tuple[Llama, Tokenizer]:
    """The model in float32; "-": the tokenizer that a GGUF holds."""
    if not path.endswith(".gguf"):
        return checkpoint.model_of(checkpoint.load(path)), Tokenizer.load(tokenizer)
    config, weights, own = gguf.read(path)
    model = Llama(Config(**config))
    model.load_state_dict(weights)
    return model.eval(), own


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "tokenizer", "sets"):
        arguments.add_argument(name)
    arguments.add_argument("--tokens", type=int, default=300_000, help="of each set, evenly spread")
    options = arguments.parse_args()
    model, tokenizer = open_model(options.model, options.tokenizer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    print("| set | tokens of a row | tokens | nats a token | bits per byte |\n|---|---|---|---|---|")
    for prefix in options.sets.split(","):
        for length in sorted({min(1024, model.config.context), min(4096, model.config.context)}):
            rows = stretches(Shards(prefix, tokenizer), length, options.tokens)
            found = bits_per_byte(model, rows, tokenizer, device)
            print(f"| {os.path.basename(prefix)} | {length} | {found['tokens']} | {found['loss']:.4f} | {found['bits_per_byte']:.4f} |", flush=True)


if __name__ == "__main__":
    main()
