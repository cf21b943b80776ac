#!/usr/bin/env bash
# first-run.sh [PIECE...]: what a GPU says to the CUDA backend, in under ten minutes. Pieces, all by default:
#   selfcheck   every op and pass against the CPU, training parity, exact second derivatives, leaks, step times
#   tests       the suites of the CUDA backend
#   sanitizers  compute-sanitizer's memcheck, racecheck, initcheck and synccheck over the ops
#   benches     training steps beside PyTorch on the same card, where python3 has it
#   profile     ncu of the five kernels that take most of a training step
# Each piece writes to results/ (RESULTS=DIR) and can be run alone; results/summary.md says how all of them ended. What is
# not there is skipped with the reason. The clocks and settings of the card are left as they are.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
results=${RESULTS:-results}
mkdir -p "$results"

emulated=
patience=1
quick=()
cases=darts-search-64,darts-search-16,bayesnas-search-18,darts-v2-32,hessian-reverse
if [ -e emulated ]; then # the programs run over an emulated device: all of it, but on less
  emulated=yes
  patience=10
  export OMP_WAIT_POLICY=passive
  quick=(--quick)
  cases=unit-depthwise5-8x8
fi

note() { # PIECE VERDICT TEXT
  printf '| %s | %s | %s |\n' "$1" "$2" "$3" | tee -a "$results/.rows"
}

# The programs need libcublas of CUDA's major version: that of the loader, else of a toolkit, else of a Python package. They
# look in lib/; no LD_LIBRARY_PATH, which PyTorch would follow, too.
find_cublas() {
  local missing folder
  missing=$(ldd bin/ockham-selfcheck | sed -n 's/^\t\(libcublas[^ ]*\) => not found$/\1/p' | head -n 1)
  [ -n "$missing" ] || return 0
  while read -r folder; do
    if [ -e "$folder/$missing" ]; then
      ln -sf "$folder/$missing" "$folder/${missing/cublas/cublasLt}" lib/
      return 0
    fi
  done < <(ls -d /usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib 2>/dev/null
    python3 -c 'import sys; print(*(p + "/nvidia/" + d for p in sys.path for d in ("cu13/lib", "cublas/lib")), sep="\n")' 2>/dev/null)
  echo "first-run: $missing is not on this machine; install cuBLAS of that version (Python: nvidia-cublas)" >&2
  exit 3
}

# run PIECE SECONDS COMMAND...: into results/PIECE.txt. A command that runs out of time has failed.
run() {
  local piece=$1 limit=$(($2 * patience)) start=$SECONDS code=0
  shift 2
  timeout "$limit" "$@" >"$results/$piece.txt" 2>"$results/$piece.log" || code=$?
  case $code in
    0) note "$piece" passed "$((SECONDS - start)) s" ;;
    77) note "$piece" skipped "$(grep -h -m 1 SKIPPED "$results/$piece.txt" "$results/$piece.log")" ;;
    124) note "$piece" FAILED "stopped after $limit s" ;;
    *) note "$piece" FAILED "exit code $code; $(tail -n 1 "$results/$piece.log" | tr '|' '/')" ;;
  esac
  return $code
}

selfcheck() {
  local oracle=()
  [ ! -e micro-seed0/manifest.json ] || oracle=(--oracle micro-seed0)
  run selfcheck-ops 150 bin/ockham-selfcheck --only ops "${quick[@]}" --report "$results/selfcheck-ops.json"
  run selfcheck 150 bin/ockham-selfcheck --only parity,hessian,leaks,times "${quick[@]}" "${oracle[@]}" --cases "$cases" \
    --report "$results/selfcheck.json"
}

tests() {
  # The ops were checked by the self-check.
  run tests 120 bin/test-cuda-device '--run_test=!ops' --log_level=error
}

sanitizers() {
  local tool
  if ! command -v compute-sanitizer >/dev/null; then
    note sanitizers skipped "compute-sanitizer is not on the PATH"
    return
  fi
  # Without the cache every block has an end that memcheck sees.
  for tool in memcheck racecheck initcheck synccheck; do
    OCKHAM_NO_CACHE=1 run "$tool" 75 compute-sanitizer --tool "$tool" --error-exitcode 86 \
      bin/ockham-selfcheck --only ops --quick --quiet
  done
}

benches() {
  if [ -n "$emulated" ]; then
    note benches skipped "an emulated device has no speed"
    return
  fi
  run benches 200 python3 versus_pytorch_cuda --selfcheck bin/ockham-selfcheck
}

profile() {
  local case=darts-search-64 kernel number=0
  if ! command -v ncu >/dev/null; then
    note profile skipped "ncu is not on the PATH"
    return
  fi
  run profile-times 90 ncu --clock-control none --metrics gpu__time_duration.sum --print-kernel-base mangled --csv \
    --launch-count 4000 bin/ockham-bench "$case" --device cuda --repeats 1 || return
  ./hottest "$results/profile-times.txt" >"$results/hottest.txt"
  while read -r _ _ kernel; do
    number=$((number + 1))
    run "profile-$number" 45 ncu --clock-control none --kernel-name-base mangled --kernel-name "$kernel" --launch-count 1 \
      --launch-skip 3 --section SpeedOfLight --section MemoryWorkloadAnalysis --section Occupancy --section LaunchStats \
      bin/ockham-bench "$case" --device cuda --repeats 1
  done < <(head -n 5 "$results/hottest.txt")
}

summary() {
  {
    printf '# First run of %s, %s\n\n' "$(cat commit)" "$(date -u +%Y-%m-%dT%H:%MZ)"
    if [ -n "$emulated" ]; then
      echo "On an emulated device: nothing here ran on hardware."
    else
      nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem --format=csv,noheader 2>/dev/null
    fi
    printf '\n| piece | ended | |\n|---|---|---|\n'
    cat "$results/.rows"
    for file in selfcheck benches hottest; do
      [ ! -s "$results/$file.txt" ] || printf '\n## %s\n```\n%s\n```\n' "$file" "$(cat "$results/$file.txt")"
    done
  } >"$results/summary.md"
}

pieces=(selfcheck tests sanitizers benches profile)
for piece in "$@"; do
  [[ " ${pieces[*]} " == *" $piece "* ]] || { echo "first-run: no piece $piece; choose from ${pieces[*]}" >&2 && exit 2; }
done
[ $# -gt 0 ] || set -- "${pieces[@]}"
find_cublas
: >"$results/.rows"
for piece in "$@"; do
  "$piece"
done
summary
echo "first-run: see $PWD/$results/summary.md"
! grep -q '| FAILED |' "$results/.rows"
