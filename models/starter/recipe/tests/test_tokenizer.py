"""Text ↔ ids, and that the same text gives the same tokenizer."""
import collections
import random
import tempfile
import unittest

import pretoken
from bpe import Tokenizer
from train_tokenizer import learn_merges

SAMPLE = "const total = prices.reduce((sum, price) => sum + price, 0);\n" * 3 + "def total(prices):\n    return sum(prices)\n" * 3
STRANGE = ["", "\r\n\r\n", "a\r\n b", "don't DON'T", "x² Ⅷ ½ 12", "naïve 漢字 🙂 e\u0301", "<|fim_middle|>", "\t\t  if", "_a_b", "\u3000x", "\0"]


def sample_tokenizer() -> Tokenizer:
    return Tokenizer(learn_merges(collections.Counter(pretoken.split(SAMPLE)), 60))


class TokenizerTest(unittest.TestCase):
    def test_splitting_loses_nothing(self):
        draw = random.Random(1)
        for _ in range(300):
            text = "".join(draw.choice([*STRANGE, SAMPLE[:20], " ", "\n", "9"]) for _ in range(8))
            self.assertEqual("".join(pretoken.split(text)), text)

    def test_numbers_stand_alone_whatever_their_kind(self):
        self.assertEqual(pretoken.split("a1²Ⅷ½b"), ["a", "1", "²", "Ⅷ", "½", "b"])

    def test_decoding_gives_the_text_back_and_markers_in_it_stay_text(self):
        tokenizer = sample_tokenizer()
        for text in [SAMPLE, *STRANGE]:
            tokens = tokenizer.encode(text)
            self.assertEqual(tokenizer.decode(tokens), text)
            self.assertFalse(set(tokens) & set(tokenizer.special.values()))

    def test_merging_follows_the_ranks_one_pair_at_a_time(self):
        tokenizer = sample_tokenizer()
        for word in set(pretoken.split(SAMPLE)):
            tokens = list(word.encode())
            for rank, pair in enumerate(tokenizer.merges):  # the slow twin
                at = 0
                while at < len(tokens) - 1:
                    if (tokens[at], tokens[at + 1]) == pair:
                        tokens[at : at + 2] = [256 + rank]
                    at += 1
            self.assertEqual(tokenizer.encode(word), tokens)

    def test_learning_always_takes_the_most_frequent_pair(self):
        words = collections.Counter(pretoken.split(SAMPLE))
        merges = learn_merges(words, 25)
        state = [(list(word.encode()), count) for word, count in words.items()]
        for rank, merge in enumerate(merges):
            pairs = collections.Counter()
            for tokens, count in state:
                for pair in zip(tokens, tokens[1:]):
                    pairs[pair] += count
            self.assertEqual(merge, min(pairs, key=lambda pair: (-pairs[pair], pair)))
            for tokens, _ in state:
                at = 0
                while at < len(tokens) - 1:
                    if (tokens[at], tokens[at + 1]) == merge:
                        tokens[at : at + 2] = [256 + rank]
                    at += 1

    def test_what_is_saved_is_what_is_loaded(self):
        tokenizer = sample_tokenizer()
        with tempfile.NamedTemporaryFile() as file:
            tokenizer.save(file.name)
            again = Tokenizer.load(file.name)
        self.assertEqual((again.hash(), again.special, again.strings()), (tokenizer.hash(), tokenizer.special, tokenizer.strings()))
