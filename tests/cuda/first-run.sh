#!/usr/bin/env bash
# first-run.sh [PIECE...]: what a GPU says to the CUDA backend, in under ten minutes. Pieces, all by default:
#   selfcheck   every op and pass against the CPU, training parity, exact second derivatives, leaks, step times
#   tests       the suites of the CUDA backend
#   sanitizers  compute-sanitizer's memcheck, racecheck, initcheck and synccheck over the ops
#   benches     training steps beside PyTorch on the same card, where python3 has it
#   profile     ncu of the five kernels that take most of a training step
# Each piece writes to results/ (RESULTS=DIR) and can be run alone; results/summary.md says how those that have run ended.
# What is not there is skipped with the reason. OPS=NAMES and SUITES=NAMES, with commas between, take less. The clocks and
# settings of the card are left as they are. Ends with 0 if all that ran passed, 1 if not, 3 if nothing could run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
mkdir -p "${RESULTS:-results}/.rows" || exit 1
results=$(cd "${RESULTS:-results}" && pwd)

patience=1
quick=()
cases=darts-search-64,darts-search-16,bayesnas-search-18,darts-v2-32,hessian-reverse
profiled=darts-search-64
if [ -e emulated ]; then # the programs run over an emulated device: all of it, but on less
  patience=10
  export OMP_WAIT_POLICY=passive
  quick=(--quick)
  cases=unit-depthwise5-8x8
  profiled=unit-depthwise5-8x8
fi
ops=()
[ -z "${OPS-}" ] || ops=(--ops "$OPS")

# The programs need libcublas of CUDA's major version: that of the loader, else of a toolkit, else of a Python package. They
# look in lib/; no LD_LIBRARY_PATH, which PyTorch would follow, too.
find_cublas() {
  local missing folder
  missing=$(ldd bin/ockham-selfcheck 2>/dev/null | sed -n 's/^\t\(libcublas[^ ]*\) => not found$/\1/p' | head -n 1)
  [ -n "$missing" ] || return 0
  for folder in /usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib /opt/cuda/lib64 \
    $(python3 -c 'import sys; print(*(p + "/nvidia/" + d for p in sys.path for d in ("cu13/lib", "cublas/lib")))' 2>/dev/null); do
    if [ -e "$folder/$missing" ]; then
      ln -sf "$folder/$missing" "$folder/${missing/cublas/cublasLt}" lib/
      return 0
    fi
  done
  echo "first-run: $missing is not on this machine; install cuBLAS of that version (Python: nvidia-cublas)" >&2
  exit 3
}

# Where the C library is older than that of the machine that packed, programs run over the one that came along.
start=()
find_c_library() {
  if ldd bin/ockham-selfcheck 2>&1 | grep -q 'GLIBC_.* not found'; then
    start=(lib/glibc/ld-linux*.so.* --library-path "$PWD/lib/glibc:$PWD/lib")
  fi
}

# note PIECE VERDICT TEXT: the row of the summary
note() {
  printf '| %s | %s | %s |\n' "$1" "$2" "${3//|//}" | tee -a "$rows"
}

# run PIECE SECONDS COMMAND...: into results/PIECE.txt. A command that runs out of time has failed.
run() {
  local piece=$1 limit=$(($2 * patience)) begin=$SECONDS code=0
  shift 2
  timeout -k 10 "$limit" "$@" >"$results/$piece.txt" 2>"$results/$piece.log" || code=$?
  case $code in
    0) note "$piece" passed "$((SECONDS - begin)) s" ;;
    3) note "$piece" skipped "$(tail -n 1 "$results/$piece.log")" ;; # no device
    77) note "$piece" skipped "$(grep -h -m 1 SKIPPED "$results/$piece.txt" "$results/$piece.log")" ;;
    124 | 137) note "$piece" FAILED "stopped after $limit s" ;;
    *) note "$piece" FAILED "exit code $code; $(tail -n 1 "$results/$piece.log")" ;;
  esac
  return $code
}

selfcheck() {
  local oracle=()
  [ ! -e micro-seed0/manifest.json ] || oracle=(--oracle micro-seed0)
  run selfcheck-ops 150 "${start[@]}" bin/ockham-selfcheck --only ops "${quick[@]}" "${ops[@]}" \
    --report "$results/selfcheck-ops.json"
  run selfcheck 150 "${start[@]}" bin/ockham-selfcheck --only parity,hessian,leaks,times "${quick[@]}" "${oracle[@]}" \
    --cases "$cases" --report "$results/selfcheck.json"
}

tests() {
  # The self-check has had the ops and the reference values.
  local suites=(--run_test='!ops' --run_test='!oracle')
  [ -z "${SUITES-}" ] || suites=(--run_test="$SUITES")
  run tests 120 "${start[@]}" bin/test-cuda-device "${suites[@]}" --log_level=error
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
      "${start[@]}" bin/ockham-selfcheck --only ops --quick --quiet "${ops[@]}"
  done
}

benches() {
  if ! command -v python3 >/dev/null; then
    note benches skipped "python3 is not on the PATH"
    return
  fi
  run benches 200 python3 versus_pytorch_cuda --selfcheck "${start[*]} bin/ockham-selfcheck"
}

profile() {
  local kernel number=0
  if ! command -v ncu >/dev/null; then
    note profile skipped "ncu is not on the PATH"
    return
  fi
  local bench=("${start[@]}" bin/ockham-bench "$profiled" --device cuda --repeats 1)
  run profile-times 90 ncu --clock-control none --metrics gpu__time_duration.sum --print-kernel-base mangled --csv \
    --launch-count 4000 "${bench[@]}" || return
  ./hottest "$results/profile-times.txt" >"$results/hottest.txt"
  for kernel in $(head -n 5 "$results/hottest.txt" | cut -d ' ' -f 3); do
    number=$((number + 1))
    run "profile-$number" 45 ncu --clock-control none --kernel-name-base mangled --kernel-name "$kernel" --launch-count 1 \
      --launch-skip 3 --section SpeedOfLight --section MemoryWorkloadAnalysis --section Occupancy --section LaunchStats \
      "${bench[@]}"
  done
}

pieces=(selfcheck tests sanitizers benches profile)

summary() {
  local piece file
  printf '# First run of %s, %s\n\n' "$(cat commit)" "$(date -u +%Y-%m-%dT%H:%MZ)"
  if [ -e emulated ]; then
    echo "On an emulated device: nothing here ran on hardware."
  else
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem --format=csv,noheader 2>/dev/null
  fi
  printf '\n| piece | ended | |\n|---|---|---|\n'
  for piece in "${pieces[@]}"; do
    [ ! -e "$results/.rows/$piece" ] || cat "$results/.rows/$piece"
  done
  for file in selfcheck-ops selfcheck benches hottest; do
    [ ! -s "$results/$file.txt" ] || printf '\n## %s\n```\n%s\n```\n' "$file" "$(cat "$results/$file.txt")"
  done
}

for piece in "$@"; do
  [[ " ${pieces[*]} " == *" $piece "* ]] || { echo "first-run: no piece $piece; choose from ${pieces[*]}" >&2 && exit 2; }
done
[ $# -gt 0 ] || set -- "${pieces[@]}"
find_cublas
find_c_library
ended=3
for piece in "$@"; do
  rows=$results/.rows/$piece
  : >"$rows"
  "$piece"
  if grep -q '| FAILED |' "$rows"; then
    ended=1
  elif grep -q '| passed |' "$rows" && [ $ended = 3 ]; then
    ended=0
  fi
done
summary >"$results/summary.md"
echo "first-run: see $results/summary.md"
exit $ended
