#!/usr/bin/env python3
"""Checkpoint, or GGUF in F16 or Q8_0, → GGUF files.

    export.py RUN/checkpoint.pt TOKENIZER.json OUT_PREFIX f16 q8_0 q4_0
    export.py MODEL-f16.gguf - OUT_PREFIX q4_0

"-": the tokenizer that the GGUF holds.
"""
import argparse
import os

import checkpoint
import gguf
from bpe import Tokenizer

# A name that begins with "starter" tells the runtime the order of its prompts: src/prompt/order.ts.
NAME = "Starter Tiny"
DESCRIPTION = (
    "Small code-completion model (TypeScript, JavaScript, Python) with fill-in-the-middle, trained from scratch on "
    "permissively licensed repositories."
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("tokenizer")
    arguments.add_argument("prefix")
    arguments.add_argument("kinds", nargs="+", choices=gguf.KINDS)
    arguments.add_argument("--name", default=NAME)
    options = arguments.parse_args()
    if options.model.endswith(".gguf"):
        config, weights, tokenizer = gguf.read(options.model)
    else:
        content = checkpoint.load(options.model)
        config, weights = content["config"], content["model"]
    if options.tokenizer != "-":
        tokenizer = Tokenizer.load(options.tokenizer)
    values = {name: tensor.float().numpy() for name, tensor in weights.items()}
    info = {"name": options.name, "description": DESCRIPTION, "license": "mit"}
    os.makedirs(os.path.dirname(options.prefix) or ".", exist_ok=True)
    for kind in options.kinds:
        path = f"{options.prefix}-{kind}.gguf"
        print(f"{path}: {gguf.write(path, config, values, tokenizer, kind, info)} bytes")


if __name__ == "__main__":
    main()
