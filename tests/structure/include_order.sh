#!/bin/sh
# Dependencies point one way (see RANK below), and OpenCL stays where it belongs. usage: include_order.sh ROOT
set -eu
root=${1:?usage: include_order.sh ROOT}
cd "$root"

find include runtime tools -name '*.[ch]' -o -name '*.def' | sort | xargs awk '
    # base <- tensor <- {reference, device} <- ops <- graph <- plan <- {models, check, tune} <- tools;
    # formats and text hang on tensor.
    BEGIN {
        rank["base"] = 0; rank["tensor"] = 1; rank["reference"] = rank["device"] = rank["formats"] = rank["text"] = 2
        rank["ops"] = 3; rank["graph"] = 4; rank["plan"] = 5; rank["models"] = rank["check"] = rank["tune"] = 6; rank["tools"] = 7
        for (room in rank) public[room] = room
        # Public headers that neither a room nor a file of one is named after; operators.h is pure data.
        public["lipcl"] = "tools"; public["context"] = public["status"] = "base"; public["operators"] = "tensor"
        for (i = 1; i < ARGC; i++)
            if (split(ARGV[i], part, "/") >= 3 && part[1] == "runtime") {
                room = part[2]
                stem = part[3]; sub(/\.[a-z]+$/, "", stem)
                if (!(room in rank)) complain(ARGV[i], "a room that the order does not know: " room)
                public[room] = room
                if (!(stem in public)) public[stem] = room
            }
    }
    function complain(where, what) { print where ": " what; bad = 1 }
    function room_of(path, part, n) {
        n = split(path, part, "/")
        if (part[1] == "runtime") return part[2]
        if (part[1] == "tools") return "tools"
        return room_of_public(part[n])
    }
    function room_of_public(name) {
        sub(/\.h$/, "", name)
        return name in public ? public[name] : ""
    }
    function allowed(from, to) {
        if (from == to) return 1
        if ((to == "formats" || to == "text") && rank[from] < rank["models"]) return 0
        return rank[to] < rank[from]
    }
    FNR == 1 {
        from = room_of(FILENAME)
        if (from == "") complain(FILENAME, "a public header of no room: name it after a file of its room, or in include_order.sh")
    }
    /^[ \t]*#[ \t]*include/ {
        where = FILENAME ":" FNR
        target = $0
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "", target)
        system_header = substr(target, 1, 1) == "<"
        sub(/^[<"]/, "", target)
        sub(/[>"].*$/, "", target)
        if (target ~ /^CL\// && FILENAME !~ /^runtime\/device\/cl_[a-z0-9_]*\.[ch]$/)
            complain(where, "<" target "> is for runtime/device/cl_*.c only")
        if (target ~ /^clblast/ && FILENAME != "runtime/device/cl_blast.c")
            complain(where, "<" target "> is for runtime/device/cl_blast.c only")
        if (system_header && target !~ /^lipcl\//) next
        if (target ~ /\.\./) complain(where, "includes through ..: " target)
        if (from == "") next
        if (target ~ /^lipcl\//) {
            to = room_of_public(substr(target, 7))
            if (to == "") complain(where, "includes a public header of no room: " target)
        } else if (split(target, part, "/") == 1 || from == "tools" && !(part[1] in rank)) to = from
        else to = part[1]
        if (to == "") next
        if (!(to in rank)) complain(where, "includes from a room that the order does not know: " target)
        else if (!allowed(from, to)) complain(where, "a back-edge, " from " -> " to ": " target)
    }
    END { exit bad }
'
