// Layers, side by side: bars that are whole runs, and a table of layers by devices.

// The parts of the run in the order of its layers; transfers and copies, and idle time, all gaps together, last.
function partsOf(device) {
    const of = (...kinds) => device.data.breakdown.filter((part) => kinds.includes(part.kind) && part.ms);
    const layers = device.data.layers.map((layer) => of("layer").find((part) => part.part === layer.layer)).filter(Boolean);
    const together = (parts, kind, name) =>
        ({kind, name, parts, mean: d3.sum(parts, (part) => part.ms.mean), share: d3.sum(parts, (part) => part.share)});
    return [
        ...layers.map((part, i) => together([part], i % 2 ? "even" : "odd", part.part)),
        together(of("transfer", "copy"), "transfer", "transfers"),
        together(of("idle"), "idle", "idle"),
    ].filter((part) => part.parts.length > 0);
}

function partTip(device, part) {
    const inside = part.parts.length > 1 ? part.parts.slice(0, 8).map((each) => [each.part, milliseconds(each.ms.mean)]) : [];
    return {
        title: `${device.letter} \u00b7 ${part.name}`,
        rows: [["mean", milliseconds(part.mean)], ["of run", percent(part.share)], ...inside]
    };
}

// `scale`: "share", each bar as wide as there is room, or "time", as wide as its run is long beside the longest.
function drawBreakdown(scale) {
    const longest = d3.max(measured, (device) => device.data.run_ms.mean);
    $("breakdown").replaceChildren(...measured.map((device) => {
        const parts = partsOf(device).map((part) => {
            const style = `flex-grow: ${part.share}`;
            const label = [element("span", {}, part.name), element("small", {}, percent(part.share, 0))];
            return explain(
                element("span", {class: `part ${part.kind}`, style, "data-share": part.share}, ...label),
                () => partTip(device, part));
        });
        const width = scale === "share" ? 1 : device.data.run_ms.mean / longest;
        const bar = element("div", {class: "parts", style: `width: ${(100 * width).toFixed(2)}%`}, ...parts);
        const total = element("span", {class: "total"}, milliseconds(device.data.run_ms.mean));
        return element(
            "div", {class: "breakdown", style: `--device: ${device.colour}`}, badge(device),
            element("div", {class: "room"}, bar), total);
    }));
    fitLabels();
}

// Text that does not fit into its part of the bar is left to the tooltip.
function fitLabels() {
    for (const part of $("breakdown").querySelectorAll(".part")) {
        const widest = d3.max(part.children, (text) => text.getBoundingClientRect().width);
        part.classList.toggle("tight", widest > part.clientWidth - 6);
    }
}

function drawScales() {
    const scales = [["share", "share of the run"], ["time", "milliseconds, one scale"]];
    const buttons = scales.map(([scale, text]) => {
        const button = element("button", {type: "button", "aria-pressed": String(scale === "share")}, text);
        button.addEventListener("click", () => {
            for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
            drawBreakdown(scale);
        });
        return button;
    });
    $("breakdown-scale").append(...buttons);
}

function layerTip(device, layer) {
    const giga = (flops) => significant(flops === null ? null : flops / 1e9);
    return {
        title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`,
        rows: [
            ...runningTimes(layer),
            ["alone (wall)", milliseconds(median(layer.wall_ms))],
            ["of run", percent(layer.share)],
            ["useful speed", `${significant(layer.gflops)} GFLOP/s`],
            ["useful, actual", `${giga(layer.useful_flops)}, ${giga(layer.actual_flops)} GFLOP`],
            ["moved", bytes(layer.bytes)],
            ["intensity", `${significant(layer.intensity)} FLOP/byte`],
            ["useful FLOPs of limit", `${percent(layer.limit_share)}, ${limitOf(layer) ?? "no peak known"}`],
            layer.actual_limit_share && ["actual FLOPs of limit", percent(layer.actual_limit_share)],
            ["kernels", layer.kernels.map((kernel) => kernel.kernel).join(", ") || "none: it runs on the host"],
        ],
    };
}

// By what the kernels really compute; documents of before have no such key.
const limitShare = (layer) => (layer.actual_limit_share === undefined ? layer.limit_share : layer.actual_limit_share);

// Of one device; rows have `layers`, a map by device, and `best`, the shortest of the times.
function columnsOf(device) {
    const of = (get) => (row) => (row.layers.has(device) ? get(row.layers.get(device)) ?? null : null);
    const longest = d3.max(measured, (each) => d3.max(each.data.layers, (layer) => layer.share));
    const tip = (row) =>
        (row.layers.has(device) ? layerTip(device, row.layers.get(device)) : {text: "This device has no such layer."});
    const shared = {group: device, colour: () => device.colour, tip};
    const ms = of((layer) => median(layer.running_ms));
    const ratio = (row) => (ms(row) === null ? null : ms(row) / row.best), whole = (value) => percent(value, 0);
    const columns = [{...shared, title: "ms", term: "running", value: ms, bar: of((layer) => layer.share / longest)}];
    if (measured.length > 1) columns.push({...shared, title: "\u00d7 best", term: "ratio", format: fixed(2), value: ratio});
    if (measured.length <= 2)
        columns.push({...shared, title: "GFLOP/s", term: "gflops", format: fixed(1), value: of((layer) => layer.gflops)});
    if (device.data.peaks.fma_gflops)
        columns.push({...shared, title: "of limit", term: "limit_share", format: whole, value: of(limitShare)});
    return columns;
}

function drawLayers() {
    drawScales();
    drawBreakdown("share");
    new ResizeObserver(fitLabels).observe($("breakdown"));
    const rows = layerNames.map((name) => {
        const layers = new Map(measured.map((device) => [device, layerOf(device, name)]).filter(([, layer]) => layer));
        const any = [...layers.values()][0];
        return {name, layers, any, best: d3.min(layers.values(), (layer) => median(layer.running_ms))};
    });
    const about = (row) => ({title: row.name, rows: [["operators", row.any.operators], ["output", sizes(row.any.shape)]]});
    table($("layer-table"), {
        caption: "Layers by device; a bar is the layer\u2019s share of its device\u2019s run",
        rows,
        columns: [
            {title: "Layer", text: true, value: (row) => row.name, tip: about},
            {title: "Useful GFLOP", term: "useful", value: (row) => row.any.useful_flops / 1e9},
            ...measured.flatMap(columnsOf),
        ],
    });
}
