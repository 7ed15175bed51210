#!/usr/bin/env python3
"""Shards → checkpoint, on two CPU cores (PyTorch 1.13) or one CUDA device (2.x).

    train.py --preset tiny --tokenizer TOKENIZER.json --data SHARDS/train --held-out SHARDS/val_ts,SHARDS/val_py --out RUN --minutes 75

The same command goes on from RUN/checkpoint.pt, so it may be stopped at any moment; at most --save-seconds of work are lost.
--minutes counts the time spent training, interruptions left out; with --steps instead, an interrupted run ends with the very
weights of an uninterrupted one. The rate warms up, stays, and falls linearly over the preset's last part.
"""
import cpu

if __name__ == "__main__":
    cpu.settle()

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import time

import torch

import checkpoint
import gguf
from bpe import Tokenizer
from heldout import bits_per_byte, stretches
from loader import batches
from model import Config, Llama
from muon import Muon
from presets import PRESETS, Phase, Preset
from shards import Shards


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=PRESETS, required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--data", required=True, help="prefix of the shards")
    parser.add_argument("--held-out", default="", help="prefixes, separated by commas")
    parser.add_argument("--out", required=True)
    parser.add_argument("--start-from", help="a GGUF (F16, Q8_0) of the preset's shape, in place of random weights")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float)
    length.add_argument("--steps", type=int)
    parser.add_argument("--stop-after", type=float, default=float("inf"), help="save and leave after that many seconds")
    parser.add_argument("--save-seconds", type=float, default=120)
    parser.add_argument("--held-out-seconds", type=float, default=300, help="between two looks at the held-out sets")
    parser.add_argument("--held-out-tokens", type=int, default=32_768)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 arithmetic, for a CPU that has none")
    parser.add_argument("--loaders", type=int, default=0, help="processes that make rows")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--rate", type=float, help="of AdamW, in place of the preset's")
    parser.add_argument("--muon-rate", type=float, help="in place of the preset's")
    parser.add_argument("--before-each-pass", help="a shell command to wait for, to leave the machine to others")
    return parser.parse_args()


class Run:
    """Everything that a checkpoint holds, and the step that changes it."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        chosen = {name: value for name in ("rate", "muon_rate") if (value := getattr(options, name)) is not None}
        self.preset: Preset = dataclasses.replace(PRESETS[options.preset], **chosen)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = Tokenizer.load(options.tokenizer)
        self.shards = Shards(options.data, self.tokenizer)
        torch.manual_seed(options.seed)
        config = Config(vocab=self.tokenizer.size, context=self.preset.phases[-1].length, **self.preset.shape)
        self.model = Llama(config)
        if options.start_from:
            self._start_from(options.start_from)
        self.model.to(self.device)
        matrices = [parameter for parameter in self.model.blocks.parameters() if parameter.dim() == 2]
        others = [parameter for parameter in self.model.parameters() if not any(parameter is matrix for matrix in matrices)]
        self.optimizers = [
            torch.optim.AdamW(others, lr=self.preset.rate, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0),
            Muon(matrices, self.preset.muon_rate, weight_decay=self.preset.weight_decay),
        ]
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.path = f"{options.out}/checkpoint.pt"
        if os.path.exists(self.path):
            self._go_on(checkpoint.load(self.path))
        if options.compile:
            self.model.compile()

    def _start_from(self, path: str) -> None:
        _, weights, tokenizer = gguf.read(path)
        if tokenizer.hash() != self.tokenizer.hash():
            raise SystemExit(f"{path} has another tokenizer")
        self.model.load_state_dict(weights)

    def _go_on(self, content: dict) -> None:
        self.model.load_state_dict(content["model"])
        for optimizer, state in zip(self.optimizers, content["optimizers"]):
            optimizer.load_state_dict(state)
        self.step, self.tokens, self.seconds = content["step"], content["tokens"], content["seconds"]

    def save(self) -> None:
        content = {"model": self.model.state_dict(), "config": self.model.description()}
        content["optimizers"] = [optimizer.state_dict() for optimizer in self.optimizers]
        checkpoint.save(self.path, {**content, "step": self.step, "tokens": self.tokens, "seconds": self.seconds})

    def progress(self) -> float:
        """0 to 1."""
        return min(1.0, self.step / self.options.steps if self.options.steps else self.seconds / 60 / self.options.minutes)

    def autocast(self):
        on = self.device.type == "cuda" or not self.options.float32
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=on)

    def prepare(self, rows: int, length: int) -> None:
        """Compiles for such rows, so that it takes no time of the run."""
        ids = torch.randint(self.tokenizer.size, (rows, length), device=self.device)
        with self.autocast():
            loss = self.model(ids, ids)
        loss.backward()
        self._forget_gradients()

    def _forget_gradients(self) -> None:
        for parameter in self.model.parameters():
            parameter.grad = None

    def optimize(self, rows, rate: float) -> tuple[float, float]:
        """One step on the micro-batches of `rows`; the mean loss and the norm of its gradient."""
        passes = max(1, self.preset.tokens // self.preset.micro)
        loss = 0.0
        for _ in range(passes):
            if self.options.before_each_pass:
                subprocess.run(self.options.before_each_pass, shell=True, check=True)
            ids = torch.from_numpy(next(rows)).to(self.device, non_blocking=True)
            with self.autocast():
                part = self.model(ids[:, :-1], ids[:, 1:]) / passes
            part.backward()
            loss += part.detach()
            self.tokens += ids[:, 1:].numel()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, base in zip(self.optimizers, (self.preset.rate, self.preset.muon_rate)):
            for group in optimizer.param_groups:
                group["lr"] = base * rate
            optimizer.step()
        self._forget_gradients()
        self.step += 1
        return float(loss), float(norm)


def phase_at(preset: Preset, progress: float) -> Phase:
    return next(phase for phase in preset.phases if progress < phase.until or phase is preset.phases[-1])


def rate_at(preset: Preset, progress: float) -> float:
    """Of the preset's rates: warm-up, constant, linear to 2 %."""
    return max(0.02, min(1.0, (progress + 1e-3) / preset.warmup, (1 - progress) / preset.decay))


def main() -> None:
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    run = Run(options)
    log = open(f"{options.out}/log.jsonl", "a")

    def say(**fields) -> None:
        line = json.dumps(fields)
        print(line, flush=True)
        print(line, file=log, flush=True)

    stopping = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopping.append(True))

    sets = {name: Shards(name, run.tokenizer) for name in options.held_out.split(",") if name}
    # 1,024 tokens whatever the phase, so that a run's figures can be compared.
    looked_at = {name: stretches(shards, min(1024, run.preset.phases[-1].length), options.held_out_tokens) for name, shards in sets.items()}

    def look() -> None:
        run.model.eval()
        for name, rows in looked_at.items():
            figures = bits_per_byte(run.model, rows, run.tokenizer, run.device)
            say(held_out=os.path.basename(name), step=run.step, **{key: round(value, 4) for key, value in figures.items()})
        run.model.train()

    say(preset=options.preset, config=run.model.description(), parameters=run.model.config.parameters(), torch=torch.__version__,
        device=str(run.device), data_tokens=run.shards.description["tokens"], step=run.step)  # fmt: skip
    rows_of = lambda phase: max(1, run.preset.micro // phase.length)
    started = time.monotonic()
    if options.compile:
        for length, count in {phase.length: rows_of(phase) for phase in run.preset.phases}.items():
            run.prepare(count, length)
        say(compiled=True, seconds=round(time.monotonic() - started))
    saved = looked = time.monotonic()
    phase, rows = None, None
    while run.progress() < 1 and not stopping and time.monotonic() - started < options.stop_after:
        before = time.monotonic()
        if phase_at(run.preset, run.progress()) is not phase:
            phase = phase_at(run.preset, run.progress())
            run.model.config.rope_base = phase.rope_base
            first = run.step * max(1, run.preset.tokens // run.preset.micro)
            rows = batches(options.data, run.tokenizer, phase.length, rows_of(phase), first, options.seed, options.loaders)
            say(step=run.step, phase=phase.length, rope_base=phase.rope_base)
        loss, norm = run.optimize(rows, rate_at(run.preset, run.progress()))
        now = time.monotonic()
        run.seconds += now - before
        if run.step % 20 == 0 or run.step <= 3:
            say(step=run.step, loss=round(loss, 4), gradient=round(norm, 3), tokens=run.tokens, seconds=round(run.seconds), progress=round(run.progress(), 4))
        if now - looked > options.held_out_seconds:
            look()
            looked = time.monotonic()
        if now - saved > options.save_seconds:
            run.save()
            saved = time.monotonic()
    run.save()
    look()


if __name__ == "__main__":
    main()
