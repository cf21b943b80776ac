# shellcheck shell=bash
# Sourced by apps/run and tests/run: installs the missing Debian packages, configures and builds build/ in Release.
# Everything here prints to stderr, so that stdout carries only what the program or the tests print.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
cmake_options=(-DCMAKE_BUILD_TYPE=Release -DOCKHAM_UNITY=ON)
libraries=(libboost-dev libboost-program-options-dev libboost-test-dev libhwy-dev libstb-dev libjpeg62-turbo-dev
  nlohmann-json3-dev libssl-dev zlib1g-dev libeigen3-dev)

say() { printf 'ockham: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

missing_packages() {
  local package status
  command -v g++ >/dev/null || echo g++
  command -v cmake >/dev/null || echo cmake
  command -v ninja >/dev/null || command -v make >/dev/null || echo ninja-build
  command -v xz >/dev/null || echo xz-utils
  for package in "${libraries[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed* ]] || echo "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is no Debian system: install g++ cmake ninja-build xz-utils ${libraries[*]} by its own means"
    return
  fi
  local missing as_root=()
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing packages; run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing the Debian packages ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update >&2 || say "apt-get update failed; trying with the package lists at hand"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install ${missing[*]}; see its message above"
}

# Keeps what a build prints in build/setup.log and tells every 15 seconds how far it is.
tell_progress() {
  local line told=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line"
    if ((SECONDS - told >= 15)) && [[ $line =~ ^\[\ *([0-9]+)(/([0-9]+)|%)\] ]]; then
      say "built ${BASH_REMATCH[1]}${BASH_REMATCH[3]:+ of ${BASH_REMATCH[3]} pieces}${BASH_REMATCH[2]/#\/*/}"
      told=$SECONDS
    fi
  done >"$build/setup.log"
}

# Runs a command, shown on a terminal and else kept in build/setup.log, whose end is printed if the command fails.
step() {
  local what=$1
  shift
  say "$what"
  if [ -t 2 ]; then
    "$@" >&2 || fail "$what failed; see the message above"
  elif ! "$@" 2>&1 | tell_progress; then
    tail -n 40 "$build/setup.log" >&2
    fail "$what failed; all of its output is in build/setup.log"
  fi
}

# How many compilers at a time: the processors of the affinity mask, or fewer where the container has a quota.
compilers() {
  local processors quota period
  processors=$(nproc)
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    quota=$(((quota + period - 1) / period))
    [ "$quota" -ge "$processors" ] || processors=$quota
  fi
  echo "$processors"
}

# build_targets TARGET...
build_targets() {
  local options=("${cmake_options[@]}")
  mkdir -p "$build"
  exec 9>"$build/.lock"
  flock 9 # another apps/run or tests/run may be building here
  if [ ! -e "$build/CMakeCache.txt" ]; then
    ! command -v ninja >/dev/null || options+=(-G Ninja)
    ! command -v ccache >/dev/null ||
      options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  fi
  step "configuring build/" cmake -S "$root" -B "$build" "${options[@]}"
  step "building $* (the first time takes minutes)" cmake --build "$build" --parallel "$(compilers)" --target "$@"
  exec 9>&-
}
