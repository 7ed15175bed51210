#!/usr/bin/env python3
"""Snapshots of repositories → one cleaned file of text a split, and the list of what went into it.

    corpus.py SOURCES.json SNAPSHOTS OUT

SNAPSHOTS holds a git directory OWNER/NAME.git for each repository of the list; absent ones are named and left out.
OUT gets {train,val_ts,val_py}.jsonl, {"repo", "path", "text"} a line, and corpus.json, the counts.
Held-out repositories come first, so that what resembles them is removed from training and not the other way round.
"""
import argparse
import collections
import hashlib
import json
import os
import sys

from duplicates import Duplicates
from filters import CODE, clean_text, extension, wanted_path
from licence import LICENCE_FILE, classify
from snapshot import Snapshot

SIDE_SHARE = 0.10  # of a repository's code, in characters: documentation, configuration, styles


def repository_texts(snapshot: Snapshot, duplicates: Duplicates, dropped: collections.Counter) -> tuple[str | None, list]:
    """The repository's licence, None if it is not permissive, and its (path, text) worth keeping, neighbours together."""
    entries = snapshot.entries()
    licences = [entry for entry in entries if LICENCE_FILE.search(entry.path) and entry.size < 300_000]
    names = {}
    for entry, content in zip(licences, snapshot.contents([entry.blob for entry in licences])):
        names[entry.path] = classify(content.decode("utf-8", "replace"))
    root = sorted({name for path, name in names.items() if name and "/" not in path})
    if not root:
        return None, []
    # A folder with another licence of its own is left out.
    foreign = tuple(os.path.dirname(path) + "/" for path, name in names.items() if name is None and "/" in path)

    wanted = [entry for entry in entries if wanted_path(entry.path, entry.size) and not entry.path.startswith(foreign)]
    dropped["path"] += len(entries) - len(wanted)
    wanted.sort(key=lambda entry: (os.path.dirname(entry.path), entry.path))
    code, side = [], []
    for entry, content in zip(wanted, snapshot.contents([entry.blob for entry in wanted])):
        text = clean_text(entry.path, content)
        reason = "content" if text is None else duplicates.kind(text)
        if reason:
            dropped[reason] += 1
        else:
            (code if extension(entry.path) in CODE else side).append((entry.path, text))
    side = at_most(side, SIDE_SHARE * sum(len(text) for _, text in code))
    return " OR ".join(root), sorted(code + side, key=lambda file: (os.path.dirname(file[0]), file[0]))


def at_most(files: list, characters: float) -> list:
    """The files, thinned evenly and reproducibly (by a hash of their paths) to at most `characters`."""
    kept, room = set(), characters
    for path, text in sorted(files, key=lambda file: hashlib.sha1(file[0].encode()).digest()):
        if len(text) <= room:
            kept.add(path)
            room -= len(text)
    return [file for file in files if file[0] in kept]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sources")
    arguments.add_argument("snapshots")
    arguments.add_argument("out")
    arguments.add_argument("--cap", type=float, default=4.0, help="million characters of a training repository")
    options = arguments.parse_args()

    with open(options.sources) as file:
        sources = json.load(file)["repositories"]
    sources.sort(key=lambda source: source["split"] == "train")
    os.makedirs(options.out, exist_ok=True)
    duplicates, dropped, report = Duplicates(), collections.Counter(), []
    outputs = {split: open(f"{options.out}/{split}.jsonl", "w") for split in dict.fromkeys(s["split"] for s in sources)}
    for source in sources:
        name, split = source["repo"], source["split"]
        folder = f"{options.snapshots}/{name}.git"
        if not os.path.isdir(folder):
            print(f"absent: {name}", file=sys.stderr)
            continue
        licence, files = repository_texts(Snapshot(folder, source["commit"]), duplicates, dropped)
        if licence != source["licence"]:
            raise SystemExit(f"{name}: the list says {source['licence']}, its files say {licence or 'no permissive licence'}")
        if split == "train":
            before = len(files)
            files = at_most(files, options.cap * 1e6)
            dropped["cap"] += before - len(files)
        for path, text in files:
            outputs[split].write(json.dumps({"repo": name, "path": path, "text": text}, ensure_ascii=False) + "\n")
        size = sum(len(text.encode()) for _, text in files)
        report.append({"repo": name, "split": split, "licence": licence, "commit": source["commit"], "files": len(files), "bytes": size})
        print(f"{name:44s} {split:7s} {licence:14s} {len(files):6d} files {size / 1e6:7.2f} MB", flush=True)
    for output in outputs.values():
        output.close()
    with open(f"{options.out}/corpus.json", "w") as file:
        json.dump({"dropped": dict(dropped), "repositories": report}, file, indent=1)
    print(f"{sum(r['bytes'] for r in report) / 1e6:.1f} MB of {len(report)} repositories; left out: {dict(dropped)}")


if __name__ == "__main__":
    main()
