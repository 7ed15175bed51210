#!/usr/bin/env python3
"""What PyTorch says about an F16 GGUF, for other runtimes to be compared with.

    reference.py MODEL-f16.gguf CORPUS.jsonl OUT.json

OUT gets {"snippets": [{"text", "ids"}], "prompts": [{"ids", "greedy", "margins"}]}: tokens of pieces of the corpus; greedy tokens
behind plain and fill-in-the-middle prompts, and how far (in nats) the chosen token lay before the second.
"""
import argparse
import json
import random

import numpy as np
import torch

import gguf
from fim import fim_example
from model import Config, Llama

SNIPPETS, PROMPTS, WRITTEN = 100, 8, 24


@torch.no_grad()
def greedy(model: Llama, ids: list[int], count: int) -> tuple[list[int], list[float]]:
    """Tokens and margins."""
    written, margins = [], []
    for _ in range(count):
        top = torch.log_softmax(model(torch.tensor([ids + written]))[0, -1], -1).topk(2)
        written.append(int(top.indices[0]))
        margins.append(round(float(top.values[0] - top.values[1]), 5))
    return written, margins


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "corpus", "out"):
        arguments.add_argument(name)
    options = arguments.parse_args()
    config, weights, tokenizer = gguf.read(options.model)
    model = Llama(Config(**config))
    model.load_state_dict(weights)
    model.eval()
    with open(options.corpus) as corpus:
        texts = [json.loads(line)["text"] for line in corpus]
    draw = random.Random(7)
    snippets = []
    for _ in range(SNIPPETS):
        text = draw.choice(texts)
        start = draw.randrange(len(text))
        snippet = text[start : start + draw.randrange(20, 800)]
        snippets.append({"text": snippet, "ids": tokenizer.encode(snippet)})
    prompts = []
    for number in range(PROMPTS):
        ids = tokenizer.encode(draw.choice(texts))[: min(160, config["context"] - WRITTEN)]
        if number % 2:
            example = fim_example(ids[:120], tokenizer, np.random.default_rng(number)) or ids
            ids = example[: example.index(tokenizer.middle) + 20]
        written, margins = greedy(model, ids, WRITTEN)
        prompts.append({"ids": ids, "greedy": written, "margins": margins})
    with open(options.out, "w") as file:
        json.dump({"snippets": snippets, "prompts": prompts}, file)


if __name__ == "__main__":
    main()
