#!/usr/bin/env bash
# Puts Intel's OpenCL runtime for CPUs (which also runs on AMD's) beside the build, from PyPI, and prints the folder to set
# OCL_ICD_VENDORS to. Nothing outside FOLDER changes. About 850 MB.
# usage: tools/intel_opencl.sh FOLDER
set -euo pipefail
folder=${1:?usage: tools/intel_opencl.sh FOLDER}
version=2026.2.0

if [ ! -f "$folder/vendors/intel.icd" ]; then
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder" >&2
    # The second holds libraries that the first needs and does not ask for.
    "$folder/bin/pip" install --quiet --disable-pip-version-check \
        "intel-opencl-rt==$version" "intel-cmplr-lib-rt==$version" >&2
    # The wheel's own .icd names a path on the machine that built it. The library finds the rest beside itself.
    library=$(cd "$folder/lib" && pwd)/libintelocl.so
    test -e "$library"
    mkdir "$folder/vendors"
    echo "$library" >"$folder/vendors/intel.icd"
fi
cd "$folder/vendors" && pwd
