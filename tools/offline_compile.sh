#!/usr/bin/env bash
# Compiles lipcl's kernels for GPUs that need not be here, with the options that lowerings choose on a GPU: for AMD's and
# NVIDIA's instruction sets, for Intel's, and to SPIR-V. An error fails; so does a register spilled in a layer of LipNet.
# usage: tools/offline_compile.sh [--n N] [--targets LIST] [--allow-missing] [--readme] [BUILD]
#   --n N            also N cases of every operator as `lipcl check` draws them; spills there are only counted (default: 8)
#   --targets LIST   of gfx906 gfx90a gfx1030 spirv sm_80 skl tgllp dg2 pvc, by commas (default: all)
#   --allow-missing  a target whose compiler is not installed is left out and named, and does not fail
#   --readme         write the table into cl_kernels/README.md
#   BUILD            the folder that holds the program lipcl (default: build)
# Debian packages: clang-15, which PoCL brings, for all but the last four; rocm-device-libs (gfx*); llvm-spirv-15 and
# spirv-tools (spirv); libclc-15, and CUDA's ptxas (sm_*); intel-opencl-icd, for its ocloc (skl, tgllp, dg2, pvc).
# Some four minutes on two cores; with --n 0, one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

usage() { sed -n '2,13s/^# //p' "$0"; }

targets=gfx906,gfx90a,gfx1030,spirv,sm_80,skl,tgllp,dg2,pvc cases=8 allow_missing=false readme=false build=build
while [ $# -gt 0 ]; do
    case $1 in
    --n) cases=${2:?} && shift ;;
    --targets) targets=${2:?} && shift ;;
    --allow-missing) allow_missing=true ;;
    --readme) readme=true ;;
    -h | --help) usage && exit ;;
    -*)
        usage && exit 2
        ;;
    *) build=$1 ;;
    esac
    shift
done

export PATH=$PATH:/usr/local/cuda/bin
export AMD_LIBRARY=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode NVIDIA_LIBRARY=/usr/lib/clc/nvptx64--nvidiacl.bc
work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT

die() {
    echo "offline_compile: $*" >&2
    exit 1
}

# What a target lacks; nothing when it can be compiled for.
missing_for() { # TARGET
    local tool tools file=
    case $1 in
    gfx*) tools=clang-15 file=$AMD_LIBRARY/opencl.bc ;;
    spirv) tools="clang-15 llvm-spirv-15 spirv-val" ;;
    sm_*) tools="clang-15 ptxas" file=$NVIDIA_LIBRARY ;;
    *) tools=ocloc ;;
    esac
    for tool in $tools; do command -v "$tool" >/dev/null || echo "$tool"; done
    [ -z "$file" ] || [ -e "$file" ] || echo "$file"
}

# -- which (file, options) there are: planned on a CPU device that says it is a GPU ------------------------------------------------
program=$build/lipcl
[ -x "$program" ] || die "$program is not there: cmake --preset release && cmake --build --preset release"
cc -std=c11 -D_GNU_SOURCE -DCL_TARGET_OPENCL_VERSION=300 -shared -fPIC -o "$work/pretend_layer.so" tests/kernels/pretend_layer.c ||
    die "the pretend layer does not compile: opencl-c-headers and ocl-icd-opencl-dev are needed"
as_gpu() {
    LIPCL_SELF_TEST=0 OPENCL_LAYERS=$work/pretend_layer.so PRETEND_DEVICE=gpu "$program" "$@" --device gpu -vv 2>&1 >/dev/null
}

npy() { # FILE N,C,T,H,W: zeros
    local IFS=, header bytes=4 dim
    for dim in $2; do bytes=$((bytes * dim)); done
    printf -v header '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2), }"
    { printf '\x93NUMPY\x01\x00\x76\x00%s' "$header" && head -c "$bytes" /dev/zero; } >"$1"
}

# LAYER<TAB>BATCH<TAB>FILE<TAB>OPTIONS, a pair of file and options once
launches() { # BATCH
    sed -nE "s/^lipcl: debug: ([^ ]+) launches ([^ ]+) (.*)$/\1\t$1\t\2\t\3/p"
}
plan_for() { # SUB-GROUP: writes $work/variants.SUB-GROUP
    local batch gemm
    export PRETEND_SUB_GROUP=$1
    for batch in 1 4; do
        npy "$work/clip.npy" "$batch,3,75,64,128"
        for gemm in own clblast; do
            as_gpu run runtime/models/lipnet-grid-s1.safetensors "$work/clip.npy" -o "$work/logits.npy" --gemm "$gemm" \
                >"$work/log" || die "$(tail -n 3 "$work/log")"
            launches "$batch" <"$work/log"
        done
    done >"$work/planned"
    if [ "$cases" -gt 0 ]; then
        as_gpu check --n "$cases" --fill int >"$work/log" || die "$(tail -n 3 "$work/log")"
        launches - <"$work/log" >>"$work/planned"
    fi
    awk -F'\t' '{ key = $3 FS $4
        if (!(key in layers)) { order[++count] = key; layers[key] = $1; batch[key] = $2 }
        else if (batch[key] == $2 && $2 != "-" && index(", " layers[key] ",", ", " $1 ",") == 0) layers[key] = layers[key] ", " $1 }
        END { for (i = 1; i <= count; i++) print layers[order[i]] FS batch[order[i]] FS order[i] }' \
        "$work/planned" >"$work/variants.$1"
    [ "$(grep -c conv3d_direct "$work/variants.$1")" -gt 3 ] || die "hardly anything was planned: $(tail -n 3 "$work/log")"
}

# -- compiling -------------------------------------------------------------------------------------------------------------------
# Includes, resolved as the library does it: one line as it stands.
resolve() { # FILE
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        if [[ $line =~ ^#include\ \"([a-z_]+\.clh)\" ]]; then
            resolve "cl_kernels/${BASH_REMATCH[1]}"
        else
            printf '%s\n' "$line"
        fi
    done <"$1"
}
for kernel in cl_kernels/*.cl; do resolve "$kernel" >"$work/$(basename "$kernel")"; done

with_clang() { # TRIPLE OUTPUT ARGUMENTS...
    local triple=$1 output=$2
    shift 2
    clang-15 -x cl -cl-std=CL1.2 -w -Xclang -finclude-default-header -target "$triple" -o "$output" "$@"
}

# The fewest work-items in lockstep that a target's compiler can be asked for; 0: it cannot be asked.
sub_group_of() { # TARGET
    case $1 in
    gfx* | spirv | sm_*) echo 0 ;;
    pvc) echo 16 ;;
    *) echo 8 ;;
    esac
}

# Prints REGISTERS SPILLS LOCAL-BYTES, "-" for what the compiler does not tell. Spills: of vectors and scalars together.
compile() { # TARGET SOURCE OPTIONS OUTPUT
    local target=$1 source=$2 options out=$4 log
    read -ra options <<<"$3"
    case $target in
    gfx*)
        with_clang amdgcn-amd-amdhsa "$out.s" "--rocm-device-lib-path=$AMD_LIBRARY" -mcpu="$target" -O3 -S "${options[@]}" "$source" &&
            awk '/\.vgpr_count:/ { v = $2 } /\.sgpr_count:/ { u = $2 } /[sv]gpr_spill_count:/ { s += $2 }
                 /\.group_segment_fixed_size:/ { l = $2 } END { print v "+" u, s + 0, l; exit v == "" || u == "" }' "$out.s"
        ;;
    spirv)
        with_clang spir64-unknown-unknown "$out.bc" -O0 -emit-llvm -c "${options[@]}" "$source" &&
            llvm-spirv-15 --spirv-max-version=1.0 "$out.bc" -o "$out.spv" && spirv-val --target-env opencl1.2 "$out.spv" &&
            echo "- 0 -"
        ;;
    sm_*)
        with_clang nvptx64-nvidia-nvcl "$out.ptx" -Xclang -target-cpu -Xclang "$target" -Xclang -mlink-builtin-bitcode \
            -Xclang "$NVIDIA_LIBRARY" -O3 -S "${options[@]}" "$source" &&
            log=$(ptxas -v -arch="$target" "$out.ptx" -o "$out.cubin" 2>&1) &&
            awk '/bytes spill stores/ { s = $5 } /Used [0-9]+ registers/ { r = $5; if (match($0, /[0-9]+ bytes smem/)) l = substr($0, RSTART) + 0 }
                 END { print r, s + 0, l + 0; exit r == "" }' <<<"$log"
        ;;
    *)
        log=$(ocloc compile -file "$source" -device "$target" -options "-cl-std=CL1.2 -w $3" -out_dir "$out" 2>&1) &&
            [[ $log == *"Build succeeded"* ]] &&
            echo "- $(sed -nE 's/.*spilled around ([0-9]+).*/\1/p' <<<"$log" | grep . || echo 0) -"
        ;;
    esac || { echo "${log:-}" >&2 && return 1; }
}

job() { # LINE-OF-VARIANTS TARGET: leaves its result in $work/LINE.TARGET
    local layer batch file options out=$work/$1.$2
    IFS=$'\t' read -r layer batch file options < <(sed -n "$1p" "$work/variants.$(sub_group_of "$2")")
    mkdir "$out.d"
    compile "$2" "$work/$file" "$options" "$out.d/k" >"$out" 2>"$out.error" && [ -s "$out" ] && rm -rf "$out.error"
    rm -rf "$out.d"
}
export -f job compile with_clang sub_group_of

used=()
failed=0
for target in ${targets//,/ }; do
    lacking=$(missing_for "$target" | paste -sd' ')
    if [ -z "$lacking" ]; then
        used+=("$target")
    else
        echo "$target: not compiled for, as these are missing: $lacking"
        $allow_missing || failed=1
    fi
done
[ ${#used[@]} -gt 0 ] || die "there is no compiler for any target"
echo "planning LipNet and $cases cases of every operator for a GPU"
for target in "${used[@]}"; do
    variants=$work/variants.$(sub_group_of "$target")
    [ -e "$variants" ] || plan_for "$(sub_group_of "$target")"
done
count=$(wc -l <"$variants")
for other in "$work"/variants.*; do
    [ "$(cut -f1-3 "$other")" = "$(cut -f1-3 "$variants")" ] || die "sub-groups change which kernels are launched"
done
echo "compiling $count variants for ${used[*]}"
for line in $(seq "$count"); do
    for target in "${used[@]}"; do echo "$line $target"; done
done | xargs -P "$(nproc)" -L 1 bash -c 'job "$1" "$2"' job

# -- the table -------------------------------------------------------------------------------------------------------------------
versions() {
    local list
    list="clang $(clang-15 -dumpversion)"
    command -v ptxas >/dev/null && list+=", ptxas $(ptxas --version | sed -nE 's/.*release ([0-9.]+).*/\1/p')"
    command -v ocloc >/dev/null && list+=", ocloc $(dpkg-query -W -f '${Version}' intel-opencl-icd 2>/dev/null)"
    echo "$list"
}
kernel_of() { sed 's/\.cl$//' <<<"$1"; }
{
    printf '| layer | batch | kernel | local memory |' && printf ' %s |' "${used[@]}" && echo
    printf '|---|---|---|---|' && printf -- '---|%.0s' "${used[@]}" && echo
} >"$work/table"
line=0
declare -A drawn_spills
drawn=0
while IFS=$'\t' read -r layer batch file options; do
    line=$((line + 1))
    row= local_bytes=-
    [ "$batch" != - ] || drawn=$((drawn + 1))
    for target in "${used[@]}"; do
        if [ -e "$work/$line.$target.error" ]; then
            failed=1
            row+=" error |"
            echo "error: $target: $layer: $file $options" >&2
            sed 's/^/    /' "$work/$line.$target.error" | head -n 20 >&2
            continue
        fi
        read -r registers spills bytes <"$work/$line.$target"
        [ "$bytes" = - ] || local_bytes=$bytes
        cell=$registers
        [ "$registers" != - ] || cell=ok
        if [ "$spills" != 0 ]; then
            cell="$cell, $spills spilled"
            if [ "$batch" = - ]; then
                drawn_spills[$target]=$((${drawn_spills[$target]:-0} + 1))
            else
                failed=1
                echo "spilled: $target: $layer: $file $options: $spills" >&2
            fi
        fi
        row+=" $cell |"
    done
    [ "$batch" = - ] || echo "| $layer | $batch | \`$(kernel_of "$file")\` | $local_bytes |$row" >>"$work/table"
done <"$variants"
{
    echo
    echo "Local memory in bytes. Registers a work-item: AMD's vector + scalar ones (gfx*), NVIDIA's (sm_*); \"ok\": valid, or without"
    echo "spills, from a compiler that does not tell their number. Compilers: $(versions)."
    [ "$cases" -eq 0 ] || echo "Besides these, $drawn variants that \`lipcl check\` draws were compiled for the same targets."
    for target in "${used[@]}"; do
        [ -z "${drawn_spills[$target]:-}" ] || echo "On $target, ${drawn_spills[$target]} of them spill."
    done
} >>"$work/table"
cat "$work/table"

if $readme; then
    sed -i -e '/^<!-- offline_compile.sh: begin/,/^<!-- offline_compile.sh: end/{//!d}' \
        -e "/^<!-- offline_compile.sh: begin/r $work/table" cl_kernels/README.md
fi
[ "$failed" -eq 0 ] && echo && echo "no error, and no spill in LipNet's layers"
exit "$failed"
