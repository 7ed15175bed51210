#!/usr/bin/env bash
# Training on a machine without a network, reached by commands of a few minutes each. What travels there: this folder, the
# tokenizer, and the shards in pieces (README.md). What comes back lies in $OUT, each file at most 16 MiB.
#
#   h200.sh start PACKED MINUTES   joins the shards in PACKED and starts training, which outlives the command; then as follow
#   h200.sh follow [SECONDS]       shows how far it is, and waits for DONE or FAILED; returns the log
#   h200.sh fetch NUMBER           returns the NUMBER-th four pieces of the Q8_0 weights, and the figures
#
# PRESET (default h200), STEPS (in place of minutes) and WORK (a folder, default /tmp/starter) may be set; so may PYTHON.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/starter}
out=${OUT:-$work/out}
python=${PYTHON:-python3}
mkdir -p "$work" "$out"

# The whole of it in one process of its own: training, weights, figures. It works on a copy, for the working tree may change.
everything() {
  cd "$work/code"
  local length=(--minutes "$1") loaders=0 compile=()
  [[ -n "${STEPS:-}" ]] && length=(--steps "$STEPS")
  "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' && loaders=8 compile=(--compile)
  "$python" train.py --preset "${PRESET:-h200}" --tokenizer "$work/data/tokenizer.json" --data "$work/data/train" \
    --held-out "$work/data/val_ts,$work/data/val_py" --out "$work/run" --loaders "$loaders" ${compile[@]+"${compile[@]}"} "${length[@]}"
  "$python" export.py "$work/run/checkpoint.pt" "$work/data/tokenizer.json" "$work/starter" f16 q8_0 --name Starter
  "$python" pieces.py split "$work/starter-q8_0.gguf" "$work/pieces" --mib 16
  for program in evaluate kstudy; do
    "$python" "$program.py" "$work/run/checkpoint.pt" "$work/data/tokenizer.json" "$work/data/val_ts,$work/data/val_py" >"$work/$program.md"
  done
}

follow() {
  local end=$((SECONDS + ${1:-540}))
  while ((SECONDS < end)) && [[ ! -e "$work/DONE" && ! -e "$work/FAILED" ]]; do sleep 1; done
  tail -n 25 "$work/log"
  cp "$work/log" "$out/"
  if [[ -e "$work/FAILED" ]]; then echo FAILED && exit 1; fi
  if [[ -e "$work/DONE" ]]; then echo DONE; else echo RUNNING; fi
}

case "${1:-}" in
  start)
    "$python" "$here/pieces.py" join "$2" "$work/data"
    rm -rf "$work/code" "$work/DONE" "$work/FAILED"
    cp -r "$here" "$work/code"
    setsid bash "$work/code/h200.sh" everything "$3" </dev/null >"$work/log" 2>&1 &
    follow
    ;;
  everything) if (everything "$2"); then touch "$work/DONE"; else touch "$work/FAILED"; fi ;;
  follow) follow "${2:-}" ;;
  fetch)
    cp "$work"/pieces/*.pieces "$work"/*.md "$out/"
    ls "$work"/pieces/*.[0-9][0-9][0-9] | tail -n +$(($2 * 4 + 1)) | head -n 4 | xargs -r -I{} cp {} "$out/"
    ls -l "$out"
    ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
