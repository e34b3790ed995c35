#!/bin/sh
# Shows that include_order.sh and tree_rules.sh can fail: plants one fault at a time in a small tree that is in order.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

fresh_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/include/lipcl" "$tree/tools/lipcl" "$tree/cl_kernels"
    for room in base tensor reference device formats text ops graph plan check tune models; do
        mkdir -p "$tree/runtime/$room"
        echo "int ${room}_x;" >"$tree/runtime/$room/${room}_x.c"
    done
    touch "$tree/include/lipcl/context.h" "$tree/include/lipcl/graph.h" "$tree/runtime/device/device.h" \
        "$tree/include/lipcl/device.h"
    printf '#include <lipcl/context.h>\n#include <lipcl/device.h>\n#include <lipcl/graph.h>\n' >"$tree/include/lipcl/lipcl.h"
    printf '#include <CL/cl.h>\n' >"$tree/runtime/device/cl_queue.c"
    printf '#include <clblast_c.h>\n' >"$tree/runtime/device/cl_blast.c"
    printf '#include <stdio.h>\n#include <lipcl/graph.h>\n#include "ops/ops_x.h"\n' >"$tree/runtime/graph/in_order.c"
    printf 'void f(void) { snprintf(a, b, "exit(1) // printf("); } // abort()\n/* puts(\n assert( */\n' \
        >"$tree/runtime/base/quiet.c"
    echo '#include "text/text_x.h"' >"$tree/tools/lipcl/main.c"
}

# expect 0|1 SCRIPT NAME: the script's verdict on the tree
expect() {
    verdict=0
    output=$("$here/$2" "$tree" 2>&1) || verdict=1
    if [ "$verdict" -ne "$1" ]; then
        echo "FAILED: $2 returned $verdict, expected $1: $3"
        echo "$output" | sed 's/^/    /'
        failures=$((failures + 1))
    fi
}

# plant SCRIPT FILE TEXT: the text, appended to the file, must be found
plant() {
    fresh_tree
    printf '%b\n' "$3" >>"$tree/$2"
    expect 1 "$1" "$2 with: $3"
}

fresh_tree
expect 0 include_order.sh "the tree in order"
expect 0 tree_rules.sh "the tree in order"

plant include_order.sh runtime/base/base_x.c '#include "tensor/tensor_x.h"'
plant include_order.sh runtime/tensor/tensor_x.c '#include "ops/op.h"'
plant include_order.sh runtime/reference/reference_x.c '#include "device/device.h"'
plant include_order.sh runtime/device/device_x.c '#include <lipcl/graph.h>'
plant include_order.sh runtime/graph/graph_x.c '  #  include "plan/plan_x.h"'
plant include_order.sh runtime/plan/plan_x.c '#include "formats/formats_x.h"'
plant include_order.sh runtime/formats/formats_x.c '#include "text/text_x.h"'
plant include_order.sh runtime/plan/plan_x.c '#include "../models/models_x.h"'
plant include_order.sh include/lipcl/context.h '#include <lipcl/graph.h>'
plant include_order.sh include/lipcl/stray.h 'int stray;'
plant include_order.sh runtime/plan/plan_x.c '#include <CL/cl.h>'
plant include_order.sh runtime/device/host.c '#include <CL/cl_ext.h>'
plant include_order.sh runtime/device/cl_queue.c '#include <clblast_c.h>'

plant tree_rules.sh runtime/text/base_x.c 'int twice;'
plant tree_rules.sh runtime/plan/device.h 'int twice;'
plant tree_rules.sh include/lipcl/forgotten.h 'int forgotten;'
plant tree_rules.sh runtime/plan/plan_x.c "$(yes 'int line;' | head -501)"
plant tree_rules.sh cl_kernels/long.cl "$(yes 'int line;' | head -251)"
for call in 'exit(1)' '_exit(1)' 'abort ()' 'assert(x)' 'printf("x")' 'puts("x")' 'fprintf(stderr, "x")' 'fputs(x, stdout)'; do
    plant tree_rules.sh runtime/base/quiet.c "void g(void) { /* x */ $call; }"
done

[ "$failures" -eq 0 ] && echo "every planted fault was found"
exit "$failures"
