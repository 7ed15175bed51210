#!/usr/bin/env python3
"""Large files in small pieces, with a list of hashes, for a transfer that takes only so much at once.

    pieces.py split FILE… OUT [--mib 16] [--compress]
    pieces.py join IN OUT

`join` takes the pieces that lie in IN, in any number of calls, and writes a file once all of its pieces are there.
"""
import argparse
import hashlib
import json
import lzma
import os

# Tokens are pairs of bytes: that rhythm is worth a tenth.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 3, "lp": 1, "pb": 1, "dict_size": 64 << 20}]


def split(paths: list[str], out: str, size: int, compress: bool) -> None:
    """`size` bytes a piece at most."""
    os.makedirs(out, exist_ok=True)
    for path in paths:
        name = os.path.basename(path)
        with open(path, "rb") as file:
            content = file.read()
        packed = lzma.compress(content, filters=_FILTERS) if compress else content
        count = max(1, -(-len(packed) // size))
        for number in range(count):
            with open(f"{out}/{name}.{number:03d}", "wb") as piece:
                piece.write(packed[number * size : (number + 1) * size])
        with open(f"{out}/{name}.pieces", "w") as file:
            json.dump({"name": name, "pieces": count, "compressed": compress, "sha256": hashlib.sha256(content).hexdigest()}, file)
        print(f"{name}: {len(content) / 2**20:.2f} MiB in {count} pieces, {len(packed) / 2**20:.2f} MiB")


def join(source: str, out: str) -> None:
    os.makedirs(out, exist_ok=True)
    for listed in sorted(name for name in os.listdir(source) if name.endswith(".pieces")):
        with open(f"{source}/{listed}") as file:
            about = json.load(file)
        paths = [f"{source}/{about['name']}.{number:03d}" for number in range(about["pieces"])]
        missing = [os.path.basename(path) for path in paths if not os.path.exists(path)]
        if missing:
            print(f"{about['name']}: waiting for {', '.join(missing)}")
            continue
        packed = b""
        for path in paths:
            with open(path, "rb") as piece:
                packed += piece.read()
        content = lzma.decompress(packed) if about["compressed"] else packed
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise SystemExit(f"{about['name']}: the pieces do not give the file that was split")
        with open(f"{out}/{about['name']}", "wb") as file:
            file.write(content)
        print(f"{about['name']}: {len(content) / 2**20:.2f} MiB")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    to_split = commands.add_parser("split")
    to_split.add_argument("files", nargs="+")
    to_split.add_argument("out")
    to_split.add_argument("--mib", type=float, default=16)
    to_split.add_argument("--compress", action="store_true")
    to_join = commands.add_parser("join")
    to_join.add_argument("source")
    to_join.add_argument("out")
    options = arguments.parse_args()
    if options.command == "split":
        split(options.files, options.out, int(options.mib * 2**20), options.compress)
    else:
        join(options.source, options.out)


if __name__ == "__main__":
    main()
