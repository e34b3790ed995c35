#!/usr/bin/env bash
# Compiles the README's C example as a user would and runs it: what the README shows must work.
# usage: readme_example.sh SOURCE-DIR BUILD-DIR COMPILER
set -euo pipefail
source=$1 build=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first ```c block of the README.
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$source/README.md" >"$work/example.c"
lines=$(wc -l <"$work/example.c")
[ "$lines" -ge 20 ] || { echo "the README has no C example"; exit 1; }
[ "$lines" -le 45 ] || { echo "the README's C example has $lines lines; it should stay near 40"; exit 1; }

"$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror -I "$source/include" "$work/example.c" -o "$work/example" \
    -L "$build" -llipcl -Wl,-rpath,"$build"
text=$("$work/example" "$source/runtime/models/lipnet-grid-s1.safetensors" "$source/tests/data/clips/bbaf5a.mp4")
echo "$text"
[ "$text" = "BIN BLUE A FIVE AGAIN" ]
