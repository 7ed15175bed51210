"""Fill-in-the-middle examples and training rows."""
import json
import os
import tempfile
import unittest

import numpy as np

from fim import choose_cut, fim_example
from loader import batches
from rows import Rows
from shards import Shards
from tests.test_tokenizer import sample_tokenizer

TEXT = "".join(f"export const name{i} = [{i}, 'é漢🙂', other({i})];\n    return name{i};\n\n" for i in range(12))


def write_shards(folder: str, documents: int = 30) -> str:
    """The prefix of a small set."""
    tokenizer = sample_tokenizer()
    tokens: list[int] = []
    for number in range(documents):
        text = TEXT[number * 7 :]
        tokens += [tokenizer.file, *tokenizer.encode(f"src/{number}.ts\n"), tokenizer.pad, *tokenizer.encode(text), tokenizer.end]
    np.asarray(tokens, "<u2").tofile(f"{folder}/set-000.bin")
    with open(f"{folder}/set.json", "w") as file:
        json.dump({"tokenizer": tokenizer.hash(), "tokens": len(tokens), "shards": [{"file": "set-000.bin", "tokens": len(tokens)}]}, file)
    return f"{folder}/set"


class ExampleTest(unittest.TestCase):
    def test_an_example_is_the_text_cut_at_a_cursor_suffix_first(self):
        tokenizer = sample_tokenizer()
        random = np.random.default_rng(1)
        for _ in range(400):
            text = TEXT[int(random.integers(0, 200)) :][: int(random.integers(60, 900))]
            example = fim_example(tokenizer.encode(text), tokenizer, random)
            self.assertIsNotNone(example)
            self.assertEqual(example[:2], [tokenizer.prefix, tokenizer.suffix])
            self.assertEqual([sum(t == marker for t in example) for marker in tokenizer.special.values()], [1, 1, 1, 1] + [0] * 12)
            middle = example.index(tokenizer.middle)
            suffix, rest = tokenizer.decode(example[2:middle]), tokenizer.decode(example[middle + 1 : -1])
            self.assertEqual(rest + suffix, text)

    def test_a_middle_is_never_empty_and_never_cuts_a_character(self):
        random = np.random.default_rng(2)
        data = TEXT.encode()
        for _ in range(2000):
            start, end = choose_cut(data, random)
            self.assertLess(start, end)
            data[:start].decode(), data[start:end].decode(), data[end:].decode()

    def test_the_kinds_of_middles_have_their_shares(self):
        random = np.random.default_rng(3)
        data = TEXT.encode()
        cuts = [choose_cut(data, random) for _ in range(4000)]
        to_line_end = sum(data[end : end + 1] in (b"\n", b"") for _, end in cuts) / len(cuts)
        self.assertTrue(0.58 < to_line_end < 0.75, to_line_end)
        several_lines = sum(b"\n" in data[start:end] for start, end in cuts) / len(cuts)
        self.assertTrue(0.25 < several_lines < 0.45, several_lines)

    def test_a_text_without_lines_is_left_as_it_is(self):
        tokenizer = sample_tokenizer()
        self.assertIsNone(fim_example(tokenizer.encode(" " * 39), tokenizer, np.random.default_rng(4)))


class RowTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.tokenizer = sample_tokenizer()
        self.prefix = write_shards(self.folder.name)

    def rows(self, seed: int = 1) -> Rows:
        return Rows(Shards(self.prefix, self.tokenizer), self.tokenizer, 128, seed)

    def test_a_row_depends_on_its_number_alone(self):
        one, other = self.rows(), self.rows()
        numbers = [5, 0, one.per_pass + 3, 17]
        wanted = {number: one.row(number) for number in sorted(numbers)}
        for number in numbers:
            np.testing.assert_array_equal(other.row(number), wanted[number])
        self.assertFalse(np.array_equal(self.rows(2).row(5), wanted[5]))

    def test_rows_are_full_and_hold_no_inner_marker_of_the_shards(self):
        rows = self.rows()
        for number in range(3 * rows.per_pass):
            row = rows.row(number)
            self.assertEqual(row.shape, (129,))
            self.assertNotIn(self.tokenizer.pad, row)

    def test_a_pass_sees_nearly_every_token_of_the_corpus_once(self):
        rows = self.rows()
        starts = sorted((int(rows.row(i)[0] * 0) + int(rows._order[i])) for i in range(rows.per_pass))
        self.assertEqual(starts, list(range(rows.per_pass)))

    def test_an_example_is_never_cut_off_at_the_end_of_a_row(self):
        rows = self.rows()
        for number in range(200):
            row = rows.row(number).tolist()
            if self.tokenizer.middle in row:
                last = len(row) - 1 - row[::-1].index(self.tokenizer.middle)
                self.assertIn(self.tokenizer.end, row[last:])

    def test_loader_processes_give_the_same_batches(self):
        alone, beside = (batches(self.prefix, self.tokenizer, 128, 2, 3, 1, processes) for processes in (0, 2))
        for _ in range(4):
            np.testing.assert_array_equal(next(alone), next(beside))

    def test_shards_of_another_tokenizer_are_refused(self):
        path = self.prefix + ".json"
        with open(path) as file:
            description = json.load(file)
        with open(path, "w") as file:
            json.dump({**description, "tokenizer": "0000"}, file)
        with self.assertRaisesRegex(SystemExit, "another tokenizer"):
            Shards(self.prefix, self.tokenizer)
