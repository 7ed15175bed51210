#!/usr/bin/env bash
# Training on a machine with a GPU and no network, in commands of at most ten minutes. What travels there: this folder, and the
# tokenizer and shards in pieces (pieces.py). What comes back lies in $OUT, at most eight files of 16 MiB.
#
#   h200.sh rehearse PACKED SECONDS RATE:MUON_RATE…   a short run at each of the rates: their losses, and the speed
#   h200.sh train PACKED SECONDS                      trains for SECONDS, then exports and evaluates: allow two minutes more
#
# PRESET (default h200), OPTIONS (more of train.py), WORK (a folder, default /tmp/starter) and PYTHON may be set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/starter}
out=${OUT:-$work/out}
python=${PYTHON:-python3}
cuda=(--loaders 14 --compile --save-seconds 100000)
"$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' || cuda=()
export TORCHINDUCTOR_CACHE_DIR="$work/compiled"

unpack() { # what lies in PACKED, beside what came before
  mkdir -p "$work" "$out"
  "$python" "$here/pieces.py" join "$1" "$work/data"
}

train() { # RUN SECONDS OPTION…
  "$python" "$here/train.py" --preset "${PRESET:-h200}" --tokenizer "$work/data/tokenizer.json" --data "$work/data/train" \
    --out "$work/$1" --minutes "$("$python" -c "print($2 / 60)")" ${cuda[@]+"${cuda[@]}"} ${OPTIONS:-} "${@:3}"
}

case "${1:-}" in
  rehearse)
    unpack "$2"
    for rates in "${@:4}"; do
      rm -rf "$work/rehearsal"
      train rehearsal "$3" --rate "${rates%:*}" --muon-rate "${rates#*:}" --held-out "$work/data/val_ts" | sed "s/^/$rates /" | tail -n 8
    done
    ;;
  train)
    unpack "$2"
    rm -rf "$work/run"
    train run "$3" | tee "$out/train.log" | awk 'NR % 4 == 1'
    "$python" "$here/export.py" "$work/run/checkpoint.pt" "$work/data/tokenizer.json" "$work/starter" q8_0 --name "Starter"
    "$python" "$here/pieces.py" split "$work/starter-q8_0.gguf" "$out" --mib 15.9
    ls -l "$out"
    timeout 60 "$python" "$here/evaluate.py" "$work/run/checkpoint.pt" "$work/data/tokenizer.json" "$work/data/val_ts,$work/data/val_py" | tee "$out/evaluate.md"
    ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
