"""Fast forms against slow twins, and files against what was written into them."""
import filecmp
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import gguf
from head import _BlockedLoss
from kstudy import Far, from_mean, from_previous, solve, zeros
from model import Config, Llama, attention_by_blocks, rope, rope_tables
from muon import _ITERATIONS, orthogonalise
from pieces import join, split
from quantize import Q4_0, Q8_0, encode
from tests.test_examples import write_shards
from tests.test_tokenizer import sample_tokenizer

SMALL = dict(dim=64, layers=2, heads=4, kv_heads=2, head_dim=32, ffn=96, context=256)
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def plain_attention(q, k, v):
    group = q.shape[1] // k.shape[1]
    scores = q @ k.repeat_interleave(group, 1).transpose(-1, -2) * q.shape[-1] ** -0.5
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), float("-inf"))
    return torch.softmax(scores, -1) @ v.repeat_interleave(group, 1)


class ModelTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def test_attention_by_blocks_is_attention(self):
        for length in (1, 31, 64, 300):
            q, k, v = torch.randn(2, 4, length, 32), torch.randn(2, 2, length, 32), torch.randn(2, 2, length, 32)
            torch.testing.assert_close(attention_by_blocks(q, k, v, 64), plain_attention(q, k, v), rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(Far(lambda keys: keys)(q, k, v), plain_attention(q, k, v), rtol=1e-5, atol=1e-5)

    def test_the_blocked_head_gives_the_loss_and_its_gradients(self):
        hidden, weight, targets = torch.randn(300, 16), torch.randn(50, 16), torch.randint(0, 50, (300,))
        found = []
        for loss in (lambda h, w: F.cross_entropy(F.linear(h, w), targets), lambda h, w: _BlockedLoss.apply(h, w, targets, torch.float32)):
            h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
            value = loss(h, w) * 3
            value.backward()
            found.append((value, h.grad, w.grad))
        for slow, fast in zip(*found):
            torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-6)

    def test_rotation_keeps_lengths_and_makes_scores_depend_on_distance(self):
        tables = rope_tables(64, 32, 1e4)
        x, y = (torch.randn(32).expand(1, 1, 64, 32) for _ in range(2))
        a, b = rope(x, tables), rope(y, tables)
        torch.testing.assert_close(a.norm(dim=-1), x.norm(dim=-1))
        scores = (a @ b.transpose(-1, -2))[0, 0]
        torch.testing.assert_close(scores[10:, 10:], scores[:-10, :-10], rtol=1e-4, atol=1e-4)

    def test_orthogonalising_moves_singular_values_towards_one_and_keeps_the_vectors(self):
        # Divided by its Frobenius norm and 1.02, a matrix has singular values in [0, 1/1.02], and each iteration takes a value s to
        # a·s + b·s³ + c·s⁵ between the same vectors. Starting anywhere in that interval the four iterations end at most at 1.5604,
        # starting at 0.001 or above at least at 0.4391: the extrema of their composition, found here on a fine grid.
        def values(s):
            for a, b, c in _ITERATIONS:
                s = a * s + b * s ** 3 + c * s ** 5
            return s
        grid = values(torch.linspace(0, 1 / 1.02, 1_000_001, dtype=torch.float64))
        self.assertAlmostEqual(float(grid.max()), 1.5604, 4)
        self.assertAlmostEqual(float(grid[1_020:].min()), 0.4391, 4)
        for shape in ((64, 64), (40, 128), (128, 40)):
            matrix = torch.randn(1, *shape)
            found = orthogonalise(matrix, torch.float32)[0].double()
            u, s, v = torch.linalg.svd(matrix[0].double(), full_matrices=False)
            # The slopes at 0 multiply to 446: that much of float32's rounding can come through.
            torch.testing.assert_close(found, u * values(s / s.norm() / 1.02) @ v, rtol=0, atol=446 * 2 ** -23)
            self.assertLess(float(torch.linalg.svdvals(found)[0]), 1.561)
            self.assertTrue(0.7 < float(torch.linalg.svdvals(found).median()) < 1.3)

    def test_bfloat16_orthogonalises_as_closely_as_its_rounding_allows(self):
        # Each of the four iterations rounds the matrix to 8 bits, which moves it by at most 2⁻⁹ of its norm; before the first that norm is 1/1.02
        # and the slopes at 0 (446 together) make at most 0.86 of it, an iteration later the norm is larger by no more than the slopes left are fewer.
        # The result's norm is near √40: at most 4 · 0.86 / √40 = 0.54 of it. How much of that comes about depends on the order in which a machine adds.
        for shape in ((64, 64), (40, 128), (128, 40)):
            matrices = torch.randn(10, *shape)
            exact = orthogonalise(matrices, torch.float32)
            error = (orthogonalise(matrices) - exact).norm(dim=(1, 2)) / exact.norm(dim=(1, 2))
            self.assertLess(float(error.max()), 0.54)

    def test_each_of_several_matrices_is_orthogonalised_as_if_alone(self):
        several = torch.randn(3, 48, 80)
        alone = torch.cat([orthogonalise(matrix[None]) for matrix in several])
        torch.testing.assert_close(orthogonalise(several), alone, rtol=0.02, atol=0.02)

    def test_an_f16_gguf_read_back_holds_the_weights(self):
        tokenizer = sample_tokenizer()
        config = Config(vocab=tokenizer.size, **SMALL)
        weights = {name: tensor.half().float() for name, tensor in Llama(config).state_dict().items()}
        info = {"name": "Starter Test", "description": "test", "license": "mit"}
        with tempfile.TemporaryDirectory() as folder:
            gguf.write(f"{folder}/a.gguf", vars(config), {n: w.numpy() for n, w in weights.items()}, tokenizer, "f16", info)
            read, again, other = gguf.read(f"{folder}/a.gguf")
        self.assertEqual({**read, "rope_base": round(read["rope_base"]), "eps": round(read["eps"], 9)}, {**vars(config), "rope_base": 100_000, "eps": 1e-5})
        self.assertEqual(other.hash(), tokenizer.hash())
        self.assertEqual(set(again), set(weights))
        for name in weights:
            torch.testing.assert_close(again[name], weights[name], rtol=0, atol=0)

    def test_a_q8_0_gguf_read_back_lies_within_half_a_step_and_written_again_is_the_same_file(self):
        tokenizer = sample_tokenizer()
        config = Config(vocab=tokenizer.size, **SMALL)
        weights = Llama(config).state_dict()
        info = {"name": "Starter Test", "description": "test", "license": "mit"}
        with tempfile.TemporaryDirectory() as folder:
            gguf.write(f"{folder}/a.gguf", vars(config), {n: w.numpy() for n, w in weights.items()}, tokenizer, "q8_0", info)
            read, again, other = gguf.read(f"{folder}/a.gguf")
            gguf.write(f"{folder}/b.gguf", vars(config), {n: w.numpy() for n, w in again.items()}, other, "q8_0", info)
            self.assertTrue(filecmp.cmp(f"{folder}/a.gguf", f"{folder}/b.gguf", shallow=False))
            gguf.write(f"{folder}/c.gguf", vars(config), {n: w.numpy() for n, w in weights.items()}, tokenizer, "q4_0", info)
            with self.assertRaisesRegex(SystemExit, "not read back"):
                gguf.read(f"{folder}/c.gguf")
        self.assertEqual(set(again), set(weights))
        for name, tensor in weights.items():
            if tensor.dim() == 1:
                torch.testing.assert_close(again[name], tensor, rtol=0, atol=0)
            else:
                step = tensor.reshape(-1, 32).abs().amax(1, keepdim=True) / 127
                self.assertTrue(bool(((again[name] - tensor).reshape(-1, 32).abs() <= 0.51 * step + 1e-3 * tensor.reshape(-1, 32).abs()).all()), name)

    def test_quantised_values_lie_within_half_a_step(self):
        values = np.random.default_rng(5).normal(size=(64, 32)).astype(np.float32)
        for kind, size in ((Q8_0, 34), (Q4_0, 18)):
            blocks = np.frombuffer(encode(values, kind), np.uint8).reshape(-1, size)
            scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
            packed = blocks[:, 2:]
            levels = packed.view(np.int8) if kind == Q8_0 else np.concatenate([packed & 15, packed >> 4], 1).astype(np.float32) - 8
            # The largest value of Q4_0 has no level on the other side: there it is off by one step at most.
            bound = np.abs(scale) * (0.51 if kind == Q8_0 else 1.01)
            self.assertTrue((np.abs(levels * scale - values) <= bound + 1e-3 * np.abs(values)).all())
        self.assertEqual(encode(np.zeros((1, 32)), Q8_0), bytes(34))

    def test_coded_keys_keep_their_bound_and_reach_the_zeros_that_are_asked_for(self):
        keys = torch.randn(1, 2, 200, 16)
        for code in (from_mean, from_previous):
            theta = solve(keys, code, 0.5)
            self.assertLess(abs(zeros(keys, code, theta) - 0.5), 0.02)
            self.assertLessEqual(float((code(keys, theta) - keys).abs().max()), float(theta))
            torch.testing.assert_close(code(keys, torch.zeros(())), keys)


class FilesTest(unittest.TestCase):
    def test_pieces_joined_are_the_file_and_damage_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            content = np.random.default_rng(6).integers(0, 300, 50_000).astype("<u2").tobytes()
            with open(f"{folder}/data.bin", "wb") as file:
                file.write(content)
            for compress in (False, True):
                out = f"{folder}/{compress}"
                split([f"{folder}/data.bin"], out, 30_000, compress)
                self.assertTrue(all(os.path.getsize(f"{out}/{name}") <= 30_000 for name in os.listdir(out)))
                held = f"{out}/data.bin.001"
                os.rename(held, f"{folder}/away")
                join(out, f"{folder}/joined")
                self.assertFalse(os.path.exists(f"{folder}/joined/data.bin"))
                os.rename(f"{folder}/away", held)
                join(out, f"{folder}/joined")
                with open(f"{folder}/joined/data.bin", "rb") as file:
                    self.assertEqual(file.read(), content)
                os.remove(f"{folder}/joined/data.bin")
            with open(f"{folder}/False/data.bin.000", "r+b") as file:
                file.write(b"\1\2\3\4")
            with self.assertRaisesRegex(SystemExit, "do not give the file"):
                join(f"{folder}/False", f"{folder}/joined")

    def train(self, folder: str, out: str, steps: int, *more: str) -> subprocess.Popen:
        command = [sys.executable, f"{HERE}/train.py", "--preset", "toy", "--tokenizer", f"{folder}/tokenizer.json", "--data", f"{folder}/set"]
        process = subprocess.Popen([*command, "--out", f"{folder}/{out}", "--steps", str(steps), *more], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        return process

    def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(self):
        with tempfile.TemporaryDirectory() as folder:
            write_shards(folder)
            sample_tokenizer().save(f"{folder}/tokenizer.json")
            self.assertEqual(self.train(folder, "whole", 10).wait(), 0)
            # Once by a signal in the middle, once right after a step that saved; then to the end.
            stopped = self.train(folder, "parts", 10)
            for line in stopped.stdout:
                if '"step": 2' in line and "loss" in line:
                    stopped.send_signal(signal.SIGTERM)
            self.assertEqual(stopped.wait(), 0)
            self.assertEqual(self.train(folder, "parts", 10, "--stop-after", "0").wait(), 0)
            between = checkpoint.load(f"{folder}/parts/checkpoint.pt")
            self.assertTrue(2 <= between["step"] < 10, between["step"])
            self.assertEqual(self.train(folder, "parts", 10).wait(), 0)
            whole, parts = (checkpoint.load(f"{folder}/{name}/checkpoint.pt") for name in ("whole", "parts"))
            self.assertEqual((parts["step"], parts["tokens"]), (whole["step"], whole["tokens"]))
            for name, tensor in whole["model"].items():
                self.assertTrue(torch.equal(parts["model"][name], tensor), name)

    def test_a_killed_run_leaves_a_whole_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            write_shards(folder)
            sample_tokenizer().save(f"{folder}/tokenizer.json")
            for _ in range(3):
                running = self.train(folder, "run", 100_000, "--save-seconds", "0")
                while not os.path.exists(f"{folder}/run/checkpoint.pt") and running.poll() is None:
                    time.sleep(0.05)
                time.sleep(0.3)
                self.assertIsNone(running.poll())
                running.kill()
                running.wait()
                checkpoint.model_of(checkpoint.load(f"{folder}/run/checkpoint.pt"))
