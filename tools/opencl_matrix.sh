#!/usr/bin/env bash
# Runs `lipcl check`, every operator by every lowering against its reference, on each OpenCL implementation for CPUs that there is,
# and under Oclgrind, a simulator that sees data races, reads of uninitialised memory, reads and writes out of bounds, and wrong
# calls of OpenCL. Ends with a table; what is not installed is said in it and fails, unless --allow-missing.
# usage: tools/opencl_matrix.sh [--quick] [--self-check] [--only LIST] [--n N] [--intel FOLDER] [--allow-missing] [BUILD]
#   --quick          few cases, in a minute or two
#   --self-check     also plants a race, an uninitialised read, a write out of bounds and a wrong sum into kernels; each has to be found
#   --only LIST      of pocl pocl2 intel rusticl oclgrind, by commas (default: all)
#   --n N            cases a lowering and fill (default: 50; on simulators, which take tiny ones, 12)
#   --intel FOLDER   where tools/intel_opencl.sh put Intel's runtime, or is to put it (default: BUILD/intel-opencl)
#   --allow-missing  an implementation that is not installed is told and does not fail
#   BUILD            the folder that holds the program lipcl (default: build)
# Debian packages: pocl-opencl-icd, mesa-opencl-icd (rusticl), oclgrind; gcc, opencl-c-headers and ocl-icd-opencl-dev for Oclgrind.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

usage() { sed -n '2,15s/^# //p' "$0"; }

only=pocl,pocl2,intel,rusticl,oclgrind quick=false self_check=false cases= allow_missing=false build=build intel_folder=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=true ;;
    --self-check) self_check=true ;;
    --only) only=${2:?} && shift ;;
    --n) cases=${2:?} && shift ;;
    --intel) intel_folder=${2:?} && shift ;;
    --allow-missing) allow_missing=true ;;
    -h | --help) usage && exit ;;
    -*) usage && exit 2 ;;
    *) build=$1 ;;
    esac
    shift
done
for name in ${only//,/ }; do
    [[ " pocl pocl2 intel rusticl oclgrind " == *" $name "* ]] || { usage && exit 2; }
done
program=$build/lipcl
[ -x "$program" ] || { echo "opencl_matrix: $program is not there: cmake --preset release && cmake --build --preset release" >&2 && exit 1; }
intel_folder=${intel_folder:-$build/intel-opencl}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C XDG_CACHE_HOME=$work/cache POCL_CACHE_DIR=${POCL_CACHE_DIR:-$(realpath "$build")/pocl-cache}
logs=$build/matrix-logs
rm -rf "$logs" && mkdir -p "$logs"

rows=() failed=0 not_run=0
row() { # IMPLEMENTATION WHAT CASES VERDICT
    rows+=("$1|$2|$3|$4")
    echo "   $4"
    case $4 in
    "not run"*)
        not_run=$((not_run + 1))
        $allow_missing || failed=$((failed + 1))
        ;;
    ok*) ;;
    *) failed=$((failed + 1)) ;;
    esac
}

# An .icd folder with one library in it: the loader then sees that implementation only.
vendor() { # NAME LIBRARY: prints the folder
    mkdir -p "$work/$1" && echo "$2" >"$work/$1/$1.icd" && echo "$work/$1"
}

# The library of an installed ICD whose .icd file's name matches, or nothing.
installed_icd() { # PATTERN
    local file
    for file in /etc/OpenCL/vendors/$1; do
        [ ! -e "$file" ] || { head -n 1 "$file" && return; }
    done
}

wanted() { [[ ",$only," == *",$1,"* ]]; }
number_of_cases() { # FULL QUICK
    if [ -n "$cases" ]; then echo "$cases"; elif $quick; then echo "$2"; else echo "$1"; fi
}

# `lipcl check` has to pass something of every lowering that --list names, on every device of the platform, and may fail nothing.
# "UNSUPPORTED" and "VACUOUS" do not count as passed.
check() { # IMPLEMENTATION WHAT DEVICES CHECK-ARGUMENTS...
    local name=$1 what=$2 devices=$3 log rc=0 passed total count unproven
    log=$logs/$(tr -c 'a-zA-Z0-9\n' _ <<<"$1 $2").log
    shift 3
    echo "== $name: $what"
    count=$("$program" devices 2>/dev/null </dev/null | awk '/^[* ]*[0-9]+:[0-9]+ / { n++ } END { print n + 0 }')
    if [ "$count" -ne "$devices" ]; then
        row "$name" "$what" 0 "FAILED: $count devices, not $devices"
        return
    fi
    [ -z "${OCLGRIND_LOG:-}" ] || rm -f "$OCLGRIND_LOG"
    "$program" check --device all "$@" >"$log" 2>&1 </dev/null || rc=$?
    # DEVICE OPERATOR LOWERING FILL CASES PASSED ...
    read -r passed total < <(awk '/^[0-9]+:[0-9]+ / { t += $5; p += $6 } END { print p + 0, t + 0 }' "$log")
    # A lowering of which no fill passed anything.
    unproven=$(awk '/^[0-9]+:[0-9]+ / { p[$1 " " $3] += $6 } END { for (k in p) if (!p[k]) print k }' "$log" | sort | paste -sd,)
    if [ "$rc" -ne 0 ] || [ "$passed" -eq 0 ]; then
        grep -E 'error:|^ERROR|FAILED' -A 2 "$log" | head -n 12
        row "$name" "$what" "$passed of $total" "FAILED: $log"
    elif [ -n "${OCLGRIND_LOG:-}" ] && { [ ! -e "$OCLGRIND_LOG" ] || [ -s "$OCLGRIND_LOG" ]; }; then
        head -n 12 "$OCLGRIND_LOG"
        row "$name" "$what" "$passed of $total" "FAILED: reports in $OCLGRIND_LOG"
    elif [ -n "$unproven" ]; then
        row "$name" "$what" "$passed of $total" "FAILED: nothing proven by $unproven"
    else
        row "$name" "$what" "$passed of $total" ok
    fi
}

# -- implementations that run kernels ------------------------------------------------------------------------------------------
pocl() { # NAME DEVICES POCL_DEVICES CASES
    local library
    library=$(installed_icd 'pocl*.icd')
    if [ -z "$library" ]; then
        row "$1" check 0 "not run: pocl-opencl-icd is not installed"
        return
    fi
    OCL_ICD_VENDORS=$(vendor pocl "$library") POCL_DEVICES=$3 check "$1" check "$2" --n "$4"
}

intel() {
    local vendors
    if ! vendors=$(tools/intel_opencl.sh "$intel_folder" 2>"$logs/intel_opencl.log"); then
        row "Intel's runtime" check 0 "not run: tools/intel_opencl.sh failed: $logs/intel_opencl.log"
        return
    fi
    OCL_ICD_VENDORS=$vendors check "Intel's runtime" check 1 --n "$(number_of_cases 50 5)"
}

# Mesa's driver compiles for seconds a kernel, so it gets few and tiny cases.
rusticl() {
    local library
    library=$(installed_icd 'rusticl.icd')
    for library in "$library" /usr/lib/*/libRusticlOpenCL.so.1; do [ ! -e "$library" ] || break; done
    if [ ! -e "$library" ]; then
        row rusticl "check --small" 0 "not run: mesa-opencl-icd is not installed"
        return
    fi
    RUSTICL_ENABLE=llvmpipe OCL_ICD_VENDORS=$(vendor rusticl "$library") check rusticl "check --small" 1 --small --n "$(number_of_cases 6 2)" \
        $($quick && echo --fill int)
}

# -- Oclgrind ------------------------------------------------------------------------------------------------------------------
oclgrind_library=/usr/lib/oclgrind/liboclgrind-rt-icd.so
layer=$work/pretend_layer.so

oclgrind_lacks() {
    [ -e "$oclgrind_library" ] || { echo "oclgrind is not installed" && return; }
    [ -e "$layer" ] || cc -std=c11 -D_GNU_SOURCE -DCL_TARGET_OPENCL_VERSION=300 -shared -fPIC -o "$layer" \
        tests/kernels/pretend_layer.c 2>"$logs/pretend_layer.log" || echo "no compiler or no OpenCL headers for a layer"
}

# Oclgrind says that it is a GPU, on which lowerings for CPUs would not run: so it is made to say CPU, on which `lipcl check` draws
# both. Of what LLVM makes when it optimises it lacks some ("freeze", scopes of restrict). What it reports is in its log; its exit
# status says nothing.
under_oclgrind() { # COMMAND...
    OCLGRIND_MAX_ERRORS=1000 OPENCL_LAYERS=$layer PRETEND_DEVICE=${PRETEND_DEVICE:-cpu} LIPCL_SELF_TEST=0 \
        OCLGRIND_BUILD_OPTIONS=-cl-opt-disable OCL_ICD_VENDORS=$(vendor oclgrind "$oclgrind_library") "$@"
}
races() { OCLGRIND_LOG=$logs/oclgrind-races.log OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 under_oclgrind "$@"; }
uninitialised() { OCLGRIND_LOG=$logs/oclgrind-uninitialised.log OCLGRIND_UNINITIALIZED=1 under_oclgrind "$@"; }

oclgrind() {
    local lacking arguments=(--small --n "$(number_of_cases 12 3)")
    lacking=$(oclgrind_lacks)
    if [ -n "$lacking" ]; then
        row Oclgrind "races, bounds, API, uninitialised" 0 "not run: $lacking"
        return
    fi
    $quick && arguments+=(--fill edge)
    races check Oclgrind "races, bounds, API calls" 1 "${arguments[@]}"
    uninitialised check Oclgrind "uninitialised reads" 1 "${arguments[@]}"
}

# -- can it fail? ----------------------------------------------------------------------------------------------------------------
plant() { # NAME FILE SED-SCRIPT: a copy of the kernels with one fault
    local file=$work/planted/$1/$2
    mkdir -p "$work/planted/$1"
    cp cl_kernels/*.cl cl_kernels/*.clh "$work/planted/$1/"
    sed -i -e "$3" "$file"
    ! cmp -s "$file" "cl_kernels/$2"
}

# A planted fault has to be reported in these words: by Oclgrind in its log, by lipcl on stderr.
expect() { # NAME PATTERN FILE SED-SCRIPT HOW LOWERING
    local log=$logs/planted-$1.log report
    echo "== planted: $1 in $3"
    if ! plant "$1" "$3" "$4"; then
        row "self-check" "$1" 1 "FAILED: there is nothing to change in $3 any more"
        return
    fi
    report=$logs/oclgrind-$5.log
    rm -f "$report"
    LIPCL_KERNEL_DIR=$work/planted/$1 $5 "$program" check --device all --lowering "$6" --small --n 4 --fill unit >"$log" 2>&1 </dev/null
    [ ! -e "$report" ] || cat "$report" >>"$log"
    if grep -qE "$2" "$log"; then
        row "self-check" "$1 in $3" 1 "ok: reported"
    else
        row "self-check" "$1 in $3" 1 "FAILED: not reported: $log"
    fi
}

can_it_fail() {
    local lacking
    lacking=$(oclgrind_lacks)
    if [ -n "$lacking" ]; then
        row self-check "planted faults" 0 "not run: $lacking"
        return
    fi
    PRETEND_DEVICE=gpu expect race 'data race' gru_scan.cl 's/barrier(CLK_LOCAL_MEM_FENCE);//' races gru_packed
    expect out-of-bounds 'Invalid write' relu_map.cl 's/y\[i\] =/y[i + (1 << 20)] =/' races relu_map
    expect argument-not-set 'clEnqueueNDRangeKernel' relu_map.cl 's/restrict y)/restrict y, __global float *z)/' races relu_map
    expect uninitialised-read 'uninitialized value' log_softmax_rows.cl 's/sum = 0.0f;/sum;/' uninitialised log_softmax_rows
    expect wrong-sum 'the reference says' log_softmax_rows.cl 's/sum = 0.0f;/sum = 1.0f;/' races log_softmax_rows
}

# -- all of it -----------------------------------------------------------------------------------------------------------------
started=$SECONDS
if wanted pocl; then pocl "PoCL, 1 device" 1 pthread "$(number_of_cases 50 3)"; fi
if wanted pocl2; then pocl "PoCL, 2 devices" 2 "$($quick && echo pthread || echo basic) pthread" "$(number_of_cases 50 2)"; fi
if wanted intel; then intel; fi
if wanted rusticl; then rusticl; fi
if wanted oclgrind; then oclgrind; fi
if $self_check; then can_it_fail; fi

echo
{
    echo "IMPLEMENTATION|WHAT RAN|CASES PASSED|VERDICT"
    printf '%s\n' "${rows[@]}"
} | column -t -s '|'
echo
if [ "$failed" -gt 0 ]; then
    echo "FAILED: $failed of ${#rows[@]} rows, $((SECONDS - started)) s"
    exit 1
fi
echo "ok: $((${#rows[@]} - not_run)) rows, $not_run not run, $((SECONDS - started)) s"
[ "$not_run" -lt "${#rows[@]}" ]
