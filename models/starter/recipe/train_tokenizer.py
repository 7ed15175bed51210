#!/usr/bin/env python3
"""Cleaned text → tokenizer.json: byte-level BPE, the same for the same text on every machine.

    train_tokenizer.py CORPUS.jsonl OUT.json [--vocab 8192] [--sample 32]

Prints the hash of the merges.
"""
import argparse
import collections
import heapq
import json
import os

import pretoken
from bpe import SPECIALS, Tokenizer

_LONGEST_WORD = 256  # bytes; longer ones are data


def count_words(path: str, characters: float) -> collections.Counter:
    """Pre-tokens of an even sample of the documents."""
    every = max(1, round(os.path.getsize(path) / characters))
    counts: collections.Counter = collections.Counter()
    with open(path) as corpus:
        for number, line in enumerate(corpus):
            if number % every == 0:
                counts.update(pretoken.split(json.loads(line)["text"]))
    return counts


def learn_merges(counts: collections.Counter, wanted: int) -> list[tuple[int, int]]:
    """The most frequent pair, again and again; of equally frequent ones the one with the smaller ids. Stops at pairs seen once."""
    words = [(list(word.encode()), count) for word, count in sorted(counts.items())]
    words = [(tokens, count) for tokens, count in words if 1 < len(tokens) <= _LONGEST_WORD]
    pairs: collections.Counter = collections.Counter()
    places = collections.defaultdict(set)  # which words a pair occurs in
    for number, (tokens, count) in enumerate(words):
        for pair in zip(tokens, tokens[1:]):
            pairs[pair] += count
            places[pair].add(number)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges: list[tuple[int, int]] = []
    while len(merges) < wanted and heap:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:  # has changed since it was put there
            if pairs[pair] > 1:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        if -count < 2:
            break
        token = 256 + len(merges)
        merges.append(pair)
        changed = set()
        for number in places.pop(pair):
            tokens, count = words[number]
            for other in zip(tokens, tokens[1:]):
                pairs[other] -= count
                changed.add(other)
            _replace(tokens, pair, token)
            for other in zip(tokens, tokens[1:]):
                pairs[other] += count
                places[other].add(number)
                changed.add(other)
        for other in changed:
            if pairs[other] > 1:
                heapq.heappush(heap, (-pairs[other], other))
    return merges


def _replace(tokens: list[int], pair: tuple[int, int], token: int) -> None:
    at = 0
    while at < len(tokens) - 1:
        if (tokens[at], tokens[at + 1]) == pair:
            tokens[at : at + 2] = [token]
        at += 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpus")
    arguments.add_argument("out")
    arguments.add_argument("--vocab", type=int, default=8192, help="bytes, merges and markers together")
    arguments.add_argument("--sample", type=float, default=32, help="million characters to learn from")
    options = arguments.parse_args()
    tokenizer = Tokenizer(learn_merges(count_words(options.corpus, options.sample * 1e6), options.vocab - 256 - len(SPECIALS)))
    tokenizer.save(options.out)
    print(f"{options.out}: {tokenizer.size} tokens, hash {tokenizer.hash()}")


if __name__ == "__main__":
    main()
