#!/bin/sh
# Rules that the whole tree keeps. usage: tree_rules.sh ROOT
set -eu
root=${1:?usage: tree_rules.sh ROOT}
cd "$root"
bad=0
complain() {
    if [ -n "$2" ]; then
        echo "$1:"
        echo "$2" | sed 's/^/    /'
        bad=1
    fi
}

files=$(find . \( -name .git -o -name 'build*' -o -name .cache -o -name __pycache__ \) -prune -o -type f -print | sort)

# A room's own header may carry the name of its public one: <lipcl/device.h> and "device/device.h".
complain "file names that exist twice" "$(echo "$files" | grep -vE '/(README\.md|CMakeLists\.txt|\.gitignore)$' | awk -F/ '
    { public = $2 == "include" && $3 == "lipcl"; inside = $2 == "runtime" && $NF == $3 ".h"
      if (($NF in seen) && !((public || inside) && pair[$NF] != public "" inside && pair[$NF] != "00"))
          print seen[$NF] " and " $0
      seen[$NF] = $0; pair[$NF] = public "" inside }')"

complain "too long (500 lines; kernels 250, common.clh 100)" "$(echo "$files" | grep -E '\.(c|h|cl|clh)$' | while read -r file; do
    limit=500
    case $file in *common.clh) limit=100 ;; *.cl | *.clh) limit=250 ;; esac
    lines=$(wc -l <"$file")
    [ "$lines" -le $limit ] || echo "$file: $lines lines"
done)"

complain "not in the umbrella header include/lipcl/lipcl.h" "$(for header in include/lipcl/*.h; do
    name=${header##*/}
    [ "$name" = lipcl.h ] || grep -qx "#include <lipcl/$name>" include/lipcl/lipcl.h || echo "$header"
done)"

# Comments and strings do not count; snprintf, static_assert and _exit-like longer names do not match.
complain "the library never prints, exits, aborts or asserts" "$(echo "$files" | grep -E '^\./runtime/.*\.[ch]$' | xargs awk '
    FNR == 1 { comment = 0 }
    {
        line = $0; code = ""
        while (line != "") {
            if (comment) {
                end = index(line, "*/")
                if (!end) break
                line = substr(line, end + 2); comment = 0
            } else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^\047([^\047\\]|\\.)*\047/)) {
                line = substr(line, RLENGTH + 1); code = code "\"\""
            } else if (substr(line, 1, 2) == "//") break
            else if (substr(line, 1, 2) == "/*") { comment = 1; line = substr(line, 3) }
            else { code = code substr(line, 1, 1); line = substr(line, 2) }
        }
        if ((" " code) ~ /[^A-Za-z0-9_](_?_?[eE]xit|quick_exit|abort|assert|v?printf|puts|putchar|perror)[ \t]*\(/ ||
            (" " code) ~ /[^A-Za-z0-9_](stdout|stderr)[^A-Za-z0-9_]/)
            print FILENAME ":" FNR ": " $0
    }')"

# Neither kernels nor C may hold what only one machine has.
complain "paths of one machine" "$(echo "$files" | grep -E '\.(c|h|cl|clh|sh|cmake|txt|json|md)$' | grep -v '/structure/' |
    xargs grep -nE '(^|[^A-Za-z0-9_.])/(work|home|root)/' || true)"

exit $bad
