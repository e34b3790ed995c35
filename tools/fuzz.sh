#!/usr/bin/env bash
# Builds the libFuzzer targets of tests/fuzz with clang and runs them, one on each core at a time. Fails on a finding.
# usage: tools/fuzz.sh [--seconds N] [--jobs N] [TARGET...]
#   --jobs N     targets at a time (default: the number of cores)
#   --seconds N  for each target; 0: only what is in the corpus and what the unit tests write. Default: 60
#   TARGET       safetensors, npy, clip, clip_folder, grammar, manifest, kernel_source; all of them if there is none
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

usage() {
    sed -n '2,6s/^# //p' "$0"
    exit 2
}

seconds=60 targets=() jobs=$(nproc)
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2:-} && shift ;;
    --jobs) jobs=${2:-} && shift ;;
    -*) usage ;;
    *)
        [ -f "tests/fuzz/fuzz_$1.c" ] || usage
        targets+=("$1")
        ;;
    esac
    shift
done
[[ $seconds =~ ^[0-9]+$ && $jobs =~ ^[1-9][0-9]*$ ]] || usage
if [ ${#targets[@]} -eq 0 ]; then targets=(safetensors npy clip clip_folder grammar manifest kernel_source); fi
command -v clang >/dev/null || { echo "fuzz: needs clang and libclang-rt-14-dev: tools/setup.sh --tests" >&2 && exit 2; }

build="build-fuzz"
work=$build/fuzz # corpus/TARGET grows from run to run; seeds/TARGET is from the unit tests; findings/ and logs/
mkdir -p "$work/logs" "$work/findings"
if ! { cmake --preset fuzz && cmake --build --preset fuzz; } >"$work/logs/build.log" 2>&1 </dev/null; then
    cat "$work/logs/build.log"
    exit 1
fi

# Files that fuzzing makes belong in memory: the writers sync each to its disk.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then TMPDIR=/dev/shm; fi
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/lipcl-fuzz-XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=intercept_tls_get_addr=0:quarantine_size_mb=32 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1

# The files that the unit tests give to readers, the malformed ones above all, sorted by the target that takes them.
make_seeds() {
    local stamp=$work/seeds.stamp room suite file target
    [ -e "$stamp" ] && [ -z "$(find $build/tests -maxdepth 1 -name 'test_*' -newer "$stamp")" ] && return
    rm -rf "$work/seeds" "$work/kept"
    mkdir -p "$work/kept" "$work"/seeds/{safetensors,npy,clip,clip_folder}
    for room in safetensors npy clip; do
        for suite in "$room" "${room}_bad"; do
            LIPCL_KEEP_FILES=$work/kept "$build/tests/test_$suite" >"$work/logs/test_$suite.log" 2>&1 </dev/null || {
                cat "$work/logs/test_$suite.log"
                echo "fuzz: the unit test test_$suite failed"
                return 1
            }
        done
        for file in "$work/kept/$room"*; do
            target=$room
            if [[ $file == *.folder ]]; then target=${room}_folder; fi
            if [ -d "$work/seeds/$target" ]; then mv "$file" "$work/seeds/$target/"; fi
        done
    done
    rm -rf "$work/kept"
    touch "$stamp"
}

# Bytes of the longest input that is made, and megabytes of memory: pictures are larger than their files.
limits() {
    case $1 in
    clip) echo 32768 1536 ;;
    clip_folder) echo 16384 1536 ;;
    manifest) echo 70000 512 ;;
    *) echo 16384 512 ;;
    esac
}

found() { # TARGET LOG: prints the reason and how to see it again
    local target=$1 log=$2 file
    grep -E -m 3 '^fuzz: broken|ERROR: |runtime error:|SUMMARY:' "$log" | sed 's/^/    /'
    file=$(sed -nE 's/.*Test unit written to (.*)$/\1/p' "$log" | tail -1)
    if [ -z "$file" ]; then file=$(sed -nE 's/^Running: (.*)$/\1/p' "$log" | tail -1); fi
    echo "    log: $log"
    echo "    again: $build/tests/fuzz/fuzz_$target ${file:-(see the log)}"
}

run() { # TARGET: fails on a finding
    local target=$1 max_len rss program log=$work/logs/$1.log corpus=$work/corpus/$1 dictionary=tests/fuzz/$1.dict
    local folders=("tests/fuzz/corpus/$1") started=$SECONDS rc common
    read -r max_len rss < <(limits "$target")
    program=$build/tests/fuzz/fuzz_$target
    mkdir -p "$corpus"
    if [ -d "$work/seeds/$target" ]; then folders+=("$work/seeds/$target"); fi
    common=(-timeout=20 "-rss_limit_mb=$rss" "-artifact_prefix=$work/findings/$target-")

    # Each file as it is: fuzzing cuts them to max_len.
    find "${folders[@]}" -type f -print0 | sort -z | xargs -0 "$program" "${common[@]}" >"$log" 2>&1 || {
        echo "$target: a finding among the seeds"
        found "$target" "$log"
        return 1
    }
    local seeds
    seeds=$(grep -c '^Executed ' "$log")
    if [ "$seconds" -eq 0 ]; then
        printf '%-14s %9d seeds, nothing found\n' "$target" "$seeds"
        return
    fi
    rc=0
    "$program" "${common[@]}" "-max_len=$max_len" "-max_total_time=$seconds" "-dict=$dictionary" -print_final_stats=1 -reload=0 \
        "$corpus" "${folders[@]}" >"$log" 2>&1 </dev/null || rc=$?
    local executions new coverage slowest
    executions=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
    new=$(sed -nE 's/^stat::new_units_added: *//p' "$log")
    slowest=$(sed -nE 's/^stat::slowest_unit_time_sec: *//p' "$log")
    coverage=$(sed -nE 's/^#[0-9]+[[:space:]].* cov: ([0-9]+) ft: ([0-9]+).*/\1 edges, \2 features/p' "$log" | tail -1)
    printf '%-14s %9s executions in %3d s, %s, %s new inputs, slowest %s s\n' "$target" "${executions:-no}" \
        $((SECONDS - started)) "${coverage:-no coverage}" "${new:-no}" "${slowest:-?}"
    [ "$rc" -eq 0 ] && [ -n "$executions" ] && return
    found "$target" "$log"
    return 1
}

make_seeds || exit 1
findings=0 running=0
for target in "${targets[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || findings=$((findings + 1))
        running=$((running - 1))
    fi
    run "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || findings=$((findings + 1))
    running=$((running - 1))
done
if [ "$findings" -ne 0 ]; then
    echo "fuzz: findings in $findings of ${#targets[@]} targets"
    exit 1
fi
echo "fuzz: nothing found"
