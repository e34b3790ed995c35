#!/usr/bin/env bash
# On a fresh Debian 12: installs what is missing, builds and runs every test: on PoCL, on Intel's CPU runtime, and under
# AddressSanitizer and UndefinedBehaviorSanitizer; every kernel under Oclgrind and through the compilers for GPUs that Debian has;
# and a minute of each fuzzer. Prints one summary last. A suite that could not run has failed.
# usage: tools/test.sh [--fast] [--no-install]
#   --fast        PoCL only: no second runtime, no Oclgrind, no compilers for GPUs, no sanitizers, no fuzzing
#   --no-install  what is there has to do
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

fast=false install=true
for argument in "$@"; do
    case $argument in
    --fast) fast=true ;;
    --no-install) install=false ;;
    *)
        sed -n '2,7s/^# //p' "$0"
        exit 2
        ;;
    esac
done

jobs=$(nproc)
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
logs=build/test-logs
mkdir -p "$logs"
passed=0 failed=0
summary=()

record() { # NAME PASSED FAILED NOTE
    passed=$((passed + $2))
    failed=$((failed + $3))
    summary+=("$(printf '%-32s %4d passed %4d failed  %s' "$1" "$2" "$3" "$4")")
}

finish() {
    echo
    echo "Summary"
    printf '  %s\n' "${summary[@]}"
    if $fast; then echo "  left out by --fast: Intel's runtime, Oclgrind, two devices, compilers for GPUs, the sanitizers, fuzzing"; fi
    echo
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

step() { # NAME COMMAND...: a step whose failure is a failed test, after which nothing can go on
    local name=$1
    shift
    echo "== $name"
    "$@" </dev/null || {
        record "$name" 0 1 "failed"
        finish
    }
}

build() { # PRESET
    cmake --preset "$1" >"$logs/configure-$1.log" 2>&1 || { cat "$logs/configure-$1.log" && return 1; }
    cmake --build --preset "$1" --parallel "$jobs" >"$logs/build-$1.log" 2>&1 || { cat "$logs/build-$1.log" && return 1; }
}

# A machine without a device must not pass because its tests had nothing to do: one clip is read on it first.
suite() { # NAME BUILD CTEST-ARGUMENTS...
    local name=$1 folder=$2 log started=$SECONDS
    log=$logs/$(echo "$name" | tr -c 'a-zA-Z0-9\n' '_').log
    shift 2
    echo "== $name"
    if ! POCL_CACHE_DIR=$PWD/$folder/pocl-cache "$folder/lipcl" read --device cpu tests/data/clips/bbaf5a.mp4 </dev/null; then
        record "$name" 0 1 "no usable OpenCL CPU device"
        return
    fi
    ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$jobs" "$@" </dev/null 2>&1 | tee "$log"
    # "93% tests passed, 2 tests failed out of 28"
    local bad total
    read -r bad total < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
    if [ -z "${total:-}" ] || [ "$total" -eq 0 ]; then
        record "$name" 0 1 "ran no test"
    elif grep -qE '^[0-9]+/[0-9]+ .*(Skipped|Not Run|Disabled)' "$log"; then
        record "$name" "$((total - bad))" "$((bad + 1))" "a test was skipped"
    else
        record "$name" "$((total - bad))" "$bad" "$((SECONDS - started)) s"
    fi
}

fuzz() {
    local started=$SECONDS targets
    echo "== fuzzing"
    if tools/fuzz.sh --seconds 60 </dev/null 2>&1 | tee "$logs/fuzz.log"; then
        targets=$(grep -c ' executions in ' "$logs/fuzz.log")
        record "fuzzing" "$targets" 0 "$((SECONDS - started)) s"
    else
        record "fuzzing" 0 1 "see above"
    fi
}

# Implementations that the suites above do not cover, and compilers for devices that are not here; each with a table of its own.
matrix() {
    local log=$logs/opencl_matrix.log ok bad
    echo "== OpenCL implementations"
    local started=$SECONDS
    if tools/opencl_matrix.sh --quick --self-check --only pocl2,oclgrind build-ci </dev/null 2>&1 | tee "$log"; then
        ok=$(sed -nE 's/^ok: ([0-9]+) rows.*/\1/p' "$log")
        record "Oclgrind, two devices" "$ok" 0 "$((SECONDS - started)) s"
    else
        bad=$(sed -nE 's/^FAILED: ([0-9]+) of.*/\1/p' "$log")
        record "Oclgrind, two devices" 0 "${bad:-1}" "see above"
    fi
    echo "== kernels compiled for GPUs"
    started=$SECONDS log=$logs/offline_compile.log
    if tools/offline_compile.sh --n 0 --targets gfx906,gfx90a,gfx1030,spirv build-ci </dev/null 2>&1 | tee "$log"; then
        record "kernels compiled for GPUs" "$(grep -c '^| .*`' "$log")" 0 "$((SECONDS - started)) s"
    else
        record "kernels compiled for GPUs" 0 1 "see above"
    fi
}

$install && step "set-up" tools/setup.sh --tests
step "build (ci)" build ci
suite "PoCL" build-ci
if ! $fast; then
    intel() { vendors=$(tools/intel_opencl.sh build/intel-opencl); }
    step "Intel's OpenCL runtime" intel
    # Without those that ask nothing of a driver that others do not ask.
    OCL_ICD_VENDORS=$vendors suite "Intel's OpenCL runtime" build-ci --label-regex '^(kernels|golden)$' \
        --exclude-regex '^test_program_(usage|terminal|host|files|diff|batches|bench|report|spot)$'
    matrix
    step "build (asan)" build asan
    suite "ASan and UBSan, PoCL" build-asan
    fuzz
fi
finish
