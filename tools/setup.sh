#!/usr/bin/env bash
# Installs from Debian what is missing to build and run lipcl, and with --tests what its tests need. Made for Debian 12.
# usage: tools/setup.sh [--tests] [--list]
set -euo pipefail

packages=(
    gcc libc6-dev cmake ninja-build pkg-config      # to build
    libavformat-dev libavcodec-dev libswscale-dev libavutil-dev # video
    libjansson-dev libpopt-dev                      # JSON, arguments
    opencl-c-headers libclblast-dev                 # headers: both are opened at run time
    ocl-icd-libopencl1 pocl-opencl-icd              # an OpenCL device for every machine
)
test_packages=(
    g++ make                                        # the public headers in C++; a user's CMake project
    libcriterion-dev ocl-icd-opencl-dev             # unit tests, OpenCL layers that inject faults
    python3 python3-venv ca-certificates            # for tools/intel_opencl.sh, tools/mutants.py
    chromium chromium-driver python3-selenium fonts-dejavu-core # for tests/report: the page of lipcl profile --html
    clang libclang-rt-14-dev                        # for tools/fuzz.sh
    oclgrind bsdextrautils                          # for tools/opencl_matrix.sh
    clang-15 rocm-device-libs llvm-spirv-15 spirv-tools # for tools/offline_compile.sh
)

list=false
for argument in "$@"; do
    case $argument in
    --tests) packages+=("${test_packages[@]}") ;;
    --list) list=true ;;
    *)
        sed -n '2,3s/^# //p' "$0"
        exit 2
        ;;
    esac
done
if $list; then
    printf '%s\n' "${packages[@]}"
    exit
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "setup: nothing is missing"
    exit
fi

echo "setup: installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "setup: needs root or sudo to run: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
"${apt[@]}" update
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null </dev/null
echo "setup: installed"
