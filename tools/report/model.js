// The documents, as one list of devices, and how numbers are written. Nothing here touches the page, but for reading the
// documents.

const documents = Array.from(document.querySelectorAll("script.profile"), (element) => JSON.parse(element.textContent));

const SHAPES = [d3.symbolSquare, d3.symbolTriangle, d3.symbolDiamond, d3.symbolStar, d3.symbolCross, d3.symbolWye];

const devices = documents.flatMap((doc, index) => doc.devices.map((data) => ({doc, index, data}))).map((entry, i) => {
    const {data} = entry;
    const info = data.device;
    const host = info !== null && info.type === "host";
    const letter = String.fromCharCode(65 + (i % 26));
    return {
        ...entry,
        i,
        info,
        host,
        letter,
        ok: data.problem === null && Boolean(data.run_ms),
        name: info ? (host ? "host, plain C" : info.name) : data.select || "the default device",
        where: info ? (host ? info.driver : `${info.select} \u00b7 ${info.platform}`) : "did not open",
        // `host` is the reference, not a competitor: grey. The others have a colour and a shape each.
        colour: host ? "var(--device-host)" : `var(--device-${i % SHAPES.length})`,
        shape: host ? d3.symbolCircle : SHAPES[i % SHAPES.length],
    };
});
const measured = devices.filter((device) => device.ok);

// Every layer of any device. Where fusion differs, devices lack some: the order is that of the one with the most.
const layerNames = [...new Set(d3.sort(measured, (device) => -device.data.layers.length)
                                   .flatMap((device) => device.data.layers.map((layer) => layer.layer)))];
const layerOf = (device, name) => device.data.layers.find((layer) => layer.layer === name);

const kernelRows =
    measured
        .flatMap(
            (device) =>
                [...device.data.layers.flatMap(
                     (layer) =>
                         layer.kernels.map((kernel) => ({device, layer: layer.layer, lowering: layer.lowering, kernel}))),
                 ...device.data.output_kernels.map((kernel) => ({device, layer: "output", lowering: "copy", kernel})),
]).map((row) => {
            const {kernel, device} = row;
            const ms = kernel.running_ms ? kernel.running_ms.median : null;
            return {
                ...row,
                ms,
                p95: kernel.running_ms ? kernel.running_ms.p95 : null,
                share: kernel.running_ms ? kernel.running_ms.mean / device.data.run_ms.mean : null,
                above: ms === null || kernel.limit_share === null ? null : ms * Math.max(0, 1 - kernel.limit_share),
                sole: device.data.layers.some((layer) => layer.layer === row.layer && layer.kernels.length === 1),
            };
        });

// Of an object of times, which is null where there are none.
const median = (times) => (times ? times.median : null);
const p95 = (times) => (times ? times.p95 : null);
// Of a kernel or a layer; documents of before have `bound` only.
const limitOf = (work) => work.limited_by ?? work.bound ?? null;

// -- numbers, as they are written. null is unknown. -----------------------------------------------------------------------
const UNKNOWN = "\u2013";
const fixed = (digits) => (value) => (value === null || value === undefined ? UNKNOWN : value.toFixed(digits));
const grouped = (value, digits = 0) => value === null || value === undefined ?
    UNKNOWN :
    value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
const significant = (value, digits = 3) => {
    if (value === null || value === undefined) return UNKNOWN;
    if (value === 0) return "0";
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
    return decimals > 9 ? value.toExponential(digits - 1) : grouped(value, decimals);
};
const milliseconds = (value) =>
    (value === null || value === undefined ? UNKNOWN : `${significant(value, value >= 100 ? 4 : 3)} ms`);
const microseconds = (value) =>
    (value === null || value === undefined ? UNKNOWN :
         Math.abs(value) >= 1000           ? milliseconds(value / 1000) :
                                             `${significant(value)} \u00b5s`);
const percent = (value, digits = 1) => (value === null || value === undefined ? UNKNOWN : `${(100 * value).toFixed(digits)} %`);
const bytes = (value) => {
    if (value === null || value === undefined) return UNKNOWN;
    for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]])
        if (value >= size) return `${significant(value / size)} ${unit}`;
    return `${value} B`;
};
// As many digits as let the largest of a column show four, so that the points of a column stand below each other.
const columnDigits = (values) => {
    const max = d3.max(values, (value) => Math.abs(value ?? 0)) || 0;
    return max >= 1000 ? 1 : max >= 10 ? 2 : max >= 1 ? 3 : 4;
};
const sizes = (list) => (list.length ? list.join(" \u00d7 ") : UNKNOWN);
const baseName = (path) => (path ? path.split("/").pop() : UNKNOWN);
