#!/bin/sh
# Installs into an empty prefix and builds a user's program against it in every way that is offered.
# usage: install.sh SOURCE BUILD CMAKE
set -eu
source=$1 build=$2 cmake=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
complain() {
    echo "FAILED: $*"
    exit 1
}
version=$(sed -n 's/^project(lipcl VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")

DESTDIR='' "$cmake" --install "$build" --prefix "$prefix" >"$scratch/install.log" || complain "cmake --install"
libdir=$(dirname "$(find "$prefix" -name liblipcl.a)")
share=$prefix/share
for file in "$prefix/include/lipcl/lipcl.h" "$libdir/liblipcl.so" "$libdir/liblipcl.so.${version%%.*}" "$libdir/liblipcl.a" \
    "$libdir/cmake/lipcl/lipclConfig.cmake" "$libdir/pkgconfig/lipcl.pc" "$share/lipcl/lipnet-grid-s1.safetensors" \
    "$share/lipcl/README.md" "$share/doc/lipcl/LICENSE" "$share/doc/lipcl/CHANGELOG.md"; do
    [ -e "$file" ] || complain "not installed: $file"
done
if grep -rIlF "$source" "$prefix/include" "$libdir/cmake" "$libdir/pkgconfig"; then
    complain "installed files name the source tree"
fi

# Symbols: the two libraries offer the same ones, all of them ours.
nm -D --defined-only "$libdir/liblipcl.so" | awk '{print $NF}' | sort >"$scratch/shared"
nm -g --defined-only "$libdir/liblipcl.a" | awk 'NF == 3 {print $3}' | sort >"$scratch/static"
if grep -v '^lipcl_' "$scratch/shared" "$scratch/static"; then complain "symbols that do not begin with lipcl_"; fi
grep -qx lipcl_version "$scratch/shared" || complain "lipcl_version is not exported"
diff "$scratch/shared" "$scratch/static" || complain "the shared and the static library differ"
readelf -d "$libdir/liblipcl.so" | grep -q "SONAME.*liblipcl\.so\.${version%%.*}\]" || complain "the soname"
# OpenCL is opened at run time: a machine without it has no use for the loader.
if readelf -d "$libdir/liblipcl.so" | grep -E 'NEEDED.*(OpenCL|clblast)|R(UN)?PATH'; then
    complain "the shared library needs what it should open itself, or has a run path"
fi

run() {
    LD_LIBRARY_PATH=$libdir "$@" >"$scratch/out" || complain "$* returned $?"
    [ "$(cat "$scratch/out")" = "$version" ] || complain "$1 printed: $(cat "$scratch/out")"
}
linked_against() { readelf -d "$1" | grep -q 'NEEDED.*liblipcl\.so'; }

# find_package
"$cmake" -S "$source/tests/packaging" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/cmake.log" 2>&1 ||
    complain "find_package: $(cat "$scratch/cmake.log")"
"$cmake" --build "$scratch/consumer" >"$scratch/cmake.log" 2>&1 || complain "find_package: $(cat "$scratch/cmake.log")"
run "$scratch/consumer/shared"
run "$scratch/consumer/static"
linked_against "$scratch/consumer/shared" || complain "lipcl::lipcl is not the shared library"
! linked_against "$scratch/consumer/static" || complain "lipcl::static is not the static library"

# pkg-config
export PKG_CONFIG_PATH="$libdir/pkgconfig"
[ "$(pkg-config --modversion lipcl)" = "$version" ] || complain "pkg-config's version"
cc=${CC:-cc}
# shellcheck disable=SC2046  # flags are words
$cc -std=c11 -Wall -Werror "$source/tests/packaging/consumer.c" -o "$scratch/pc_shared" $(pkg-config --cflags --libs lipcl)
# shellcheck disable=SC2046
$cc -std=c11 -Wall -Werror "$source/tests/packaging/consumer.c" -o "$scratch/pc_static" $(pkg-config --cflags --libs lipcl-static)
run "$scratch/pc_shared"
run "$scratch/pc_static"
linked_against "$scratch/pc_shared" || complain "pkg-config lipcl is not the shared library"
! linked_against "$scratch/pc_static" || complain "pkg-config lipcl-static is not the static library"
for library in jansson m; do
    pkg-config --static --libs lipcl | grep -q -- "-l$library\b" || complain "pkg-config --static lipcl lacks -l$library"
done
[ "$(pkg-config --libs lipcl)" = "$(pkg-config --libs-only-L lipcl)-llipcl" ] ||
    [ "$(pkg-config --libs-only-l lipcl | tr -d ' ')" = -llipcl ] || complain "pkg-config lipcl asks for more than -llipcl"

# The program finds its weights from where it was installed, and needs nothing of ours beside it.
program=$prefix/bin/lipcl
if readelf -d "$program" | grep -E 'R(UN)?PATH|NEEDED.*(lipcl|OpenCL|clblast|libav|libsw)'; then
    complain "the program has a run path, or needs what it should hold or open itself"
fi
"$program" --help >"$scratch/out" || complain "the installed program's --help"
"$program" model info >"$scratch/out" || complain "the installed program found no weights"
echo junk >"$share/lipcl/lipnet-grid-s1.safetensors"
if "$program" model info >"$scratch/out" 2>&1; then complain "the installed program reads other weights than the installed ones"; fi
echo "installed, found, linked and run: shared and static, by CMake and by pkg-config"
