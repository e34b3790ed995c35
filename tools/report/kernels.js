// The kernels: the slowest, and how each is launched.

const layerColumn = textColumn("Layer", (row) => row.layer);
const kernelColumn = textColumn("Kernel", (row) => row.kernel.kernel, {tip: kernelTip});
const colourOf = (row) => row.device.colour;
const markInvalid = (row) => ((row.kernel || row.transfer).invalid ? "invalid" : null);

function drawSlowest() {
    const bySlowness = d3.sort(kernelRows, (row) => -(row.share ?? 2));  // those without valid times first: they need a look
    const matters = (row, i) => row.ms === null || row.kernel.invalid > 0 || row.share >= 0.01 || i < 12;
    const rows = bySlowness.filter(matters), all = kernelRows.length;
    const longest = d3.max(kernelRows, (row) => row.share);
    const limit = (row) => limitOf(row.kernel), limitShareOf = (row) => row.kernel.limit_share;
    const boundCell = (row) => element("span", {class: `bound ${limit(row) ?? ""}`}, limit(row) ?? UNKNOWN);
    const timeCell = (row) => (row.ms === null ? element("span", {}, "invalid") : null);
    table($("kernel-table"), {
        caption: rows.length < all ? `${rows.length} of ${all} kernels: each of at least 1 % of its run` : `All ${all} kernels`,
        rows,
        sort: 3,
        columns: [
            deviceColumn,
            layerColumn,
            kernelColumn,
            percentColumn(
                "of run", (row) => row.share, 1, {term: "share", bar: (row) => row.share / longest, colour: colourOf}),
            numberColumn("ms", (row) => row.ms, null, {term: "running", mark: markInvalid, cell: timeCell, tip: kernelTip}),
            numberColumn("p95", (row) => row.p95, null, {term: "p95"}),
            textColumn("limited by", limit, {term: "limited_by", cell: boundCell}),
            percentColumn("of limit", limitShareOf, 0, {term: "limit_share", bar: limitShareOf, colour: colourOf}),
            numberColumn("ms above", (row) => row.above, null, {term: "above"}),
            numberColumn("GFLOP/s", (row) => row.kernel.gflops, 1, {term: "gflops"}),
            numberColumn("GB/s", (row) => row.kernel.gbps, 2, {term: "gbps"}),
            numberColumn("FLOP/byte", (row) => row.kernel.intensity, 1, {term: "intensity"}),
            countColumn("calls", (row) => row.kernel.calls),
            countColumn("invalid", (row) => row.kernel.invalid, {term: "invalid", mark: markInvalid}),
        ],
    });
}

function drawLaunches() {
    const scaled = (number, scale) => (number === null ? null : number / scale);
    table($("launch-table"), {
        caption: "Launches",
        rows: kernelRows,
        columns: [
            deviceColumn,
            layerColumn,
            kernelColumn,
            textColumn("lowering", (row) => row.lowering, {term: "lowering"}),
            textColumn("tuning", (row) => row.kernel.tuning || null, {term: "tuning"}),
            numberColumn("actual GFLOP", (row) => scaled(row.kernel.flops, 1e9), null, {term: "actual"}),
            numberColumn("MB", (row) => scaled(row.kernel.bytes, 1e6), null, {term: "gbps"}),
            textColumn("work-items", (row) => sizes(row.kernel.global), {term: "sizes"}),
            textColumn("group", (row) => sizes(row.kernel.local), {term: "sizes"}),
            countColumn("largest", (row) => row.kernel.work_group, {term: "sizes"}),
            countColumn("local B", (row) => row.kernel.local_bytes, {term: "kernel_memory"}),
            countColumn("private B", (row) => row.kernel.private_bytes, {term: "kernel_memory"}),
            numberColumn("queued ms", (row) => median(row.kernel.queued_ms), null, {term: "queued"}),
            numberColumn("submitted ms", (row) => median(row.kernel.submitted_ms), null, {term: "submitted"}),
        ],
    });
}

function drawKernels() {
    if (kernelRows.length === 0) {
        $("kernel-table").append(element("p", {class: "muted"}, "No device ran kernels."));
        $("launches").hidden = true;
        return;
    }
    drawSlowest();
    drawLaunches();
}
