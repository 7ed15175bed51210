"""Byte-level BPE with fill-in-the-middle markers: text ↔ ids, and the tokenizer.json that other libraries read.

Ids: 0…255 are bytes, 256 + i is the i-th merge, the markers stand at the end.
"""
import functools
import hashlib
import json

import pretoken

MARKERS = ["endoftext", "fim_prefix", "fim_suffix", "fim_middle", "fim_pad", "repo_name", "file_sep"]
SPECIALS = [f"<|{name}|>" for name in MARKERS] + [f"<|reserved_{i}|>" for i in range(9)]


def _byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


BYTE_CHARACTERS = _byte_characters()


class Tokenizer:
    def __init__(self, merges: list[tuple[int, int]], specials: list[str] = SPECIALS):
        """`specials`: texts of the tokens behind the merges, in the order of ids. Without markers nothing can be filled in."""
        self.merges = merges
        self.specials = specials
        self.bytes = [bytes([byte]) for byte in range(256)]
        self._rank = {}
        for rank, (left, right) in enumerate(merges):
            self._rank[left, right] = rank
            self.bytes.append(self.bytes[left] + self.bytes[right])
        first = len(self.bytes)
        self.special = {text: first + i for i, text in enumerate(specials)}
        self.bytes += [text.encode() for text in specials]
        self.size = len(self.bytes)
        self.end, self.prefix, self.suffix, self.middle, self.pad, _, self.file = (self.special.get(f"<|{m}|>") for m in MARKERS)
        self._word = functools.lru_cache(400_000)(self._merge_word)

    def encode(self, text: str) -> list[int]:
        """Markers written out in the text are text."""
        return [token for word in pretoken.split(text) for token in self._word(word)]

    def decode(self, tokens) -> str:
        return b"".join(self.bytes[token] for token in tokens).decode("utf-8", "replace")

    def _merge_word(self, word: str) -> tuple[int, ...]:
        tokens = list(word.encode())
        while len(tokens) > 1:
            ranks = [self._rank.get(pair, len(self.merges)) for pair in zip(tokens, tokens[1:])]
            best = min(ranks)
            if best == len(self.merges):
                break
            merged, i = [], 0
            while i < len(tokens):
                if i < len(ranks) and ranks[i] == best:
                    merged.append(256 + best)
                    i += 2
                else:
                    merged.append(tokens[i])
                    i += 1
            tokens = merged
        return tuple(tokens)

    def strings(self) -> list[str]:
        """The printable form of every token, in the order of ids."""
        first = 256 + len(self.merges)
        return ["".join(BYTE_CHARACTERS[byte] for byte in token) for token in self.bytes[:first]] + self.specials

    def hash(self) -> str:
        """Of the merges: two tokenizers with the same hash give the same ids."""
        return hashlib.sha256(json.dumps(self.merges).encode()).hexdigest()[:16]

    def save(self, path: str) -> None:
        strings = self.strings()
        special = [
            {"id": self.special[text], "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for text in self.specials
        ]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        split = {"type": "Split", "pattern": {"Regex": pretoken.SOURCE}, "behavior": "Isolated", "invert": False}
        model = {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
            "fuse_unk": False, "byte_fallback": False,
            "vocab": {text: token for token, text in enumerate(strings)},
            "merges": [f"{strings[left]} {strings[right]}" for left, right in self.merges],
        }  # fmt: skip
        content = {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
            "post_processor": None, "decoder": byte_level, "model": model,
        }  # fmt: skip
        with open(path, "w") as file:
            json.dump(content, file, ensure_ascii=False)

    @staticmethod
    def load(path: str) -> "Tokenizer":
        with open(path) as file:
            model = json.load(file)["model"]
        pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        return Tokenizer([(model["vocab"][left], model["vocab"][right]) for left, right in pairs])
