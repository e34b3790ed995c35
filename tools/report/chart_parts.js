// What the charts share: SVG in the page's own colours, which a style sheet changes for dark screens and for print.

const textWidth = (text, size = 11) => text.length * size * 0.58;

// Draws again when the width changes, not when anything else does.
function drawToWidth(container, draw) {
    let width = 0;
    const update = () => {
        const now = Math.round(container.clientWidth);
        if (now < 50 || now === width) return;
        width = now;
        draw(width);
    };
    new ResizeObserver(update).observe(container);
    update();
}

// Attributes by name; `fill`, `stroke` and custom properties are styles, so that they can be variables of the style sheet.
function set(selection, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith("--") || name === "fill" || name === "stroke")
            selection.style(name, value);
        else
            selection.attr(name, value);
    }
    return selection;
}

// A new element, with text if there is any.
function put(parent, tag, attributes, text) {
    const node = set(parent.append(tag), attributes);
    return text === undefined ? node : node.text(text);
}

// A new group with an element for each of `data`; attributes may be functions of the datum.
const putAll = (parent, tag, data, attributes) => set(parent.append("g").selectAll(tag).data(data).join(tag), attributes);

function svgIn(container, width, height, label) {
    container.replaceChildren();
    return put(
        d3.select(container), "svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label});
}

const gridOfX = (svg, ticks, x, top, bottom) => putAll(svg, "line", ticks, {class: "grid", x1: x, x2: x, y1: top, y2: bottom});
const gridOfY = (svg, ticks, y, left, right) => putAll(svg, "line", ticks, {class: "grid", x1: left, x2: right, y1: y, y2: y});
const axisBelow = (svg, y, axis) => put(svg, "g", {class: "axis", transform: `translate(0,${y})`}).call(axis);
const axisLeft = (svg, x, axis) => put(svg, "g", {class: "axis", transform: `translate(${x},0)`}).call(axis);
const titleBelow = (svg, x, y, text) => put(svg, "text", {class: "axis-title", x, y, "text-anchor": "middle"}, text);

function drawBadge(svg, device, x, y) {
    const group = put(svg, "g", {transform: `translate(${x},${y})`});
    put(group, "rect", {y: -8, width: 16, height: 16, rx: 3, fill: device.colour});
    put(group, "text", {class: "badge-text", x: 8, y: 4, "text-anchor": "middle"}, device.letter);
    return group;
}

const runningTimes =
    (times) => [["running", milliseconds(median(times.running_ms))], ["p95", milliseconds(p95(times.running_ms))]];

function kernelTip(row) {
    const {kernel, device} = row;
    return {
        title: `${device.letter} \u00b7 ${row.layer} \u00b7 ${kernel.kernel}`,
        rows: [
            ...runningTimes(kernel),
            ["of run", percent(row.share)],
            ["speed", `${significant(kernel.gflops)} GFLOP/s, ${significant(kernel.gbps)} GB/s`],
            ["intensity", `${significant(kernel.intensity)} FLOP/byte`],
            ["of limit", `${percent(kernel.limit_share)}, limited by ${limitOf(kernel) ?? UNKNOWN}`],
            ["queued, submitted", `${milliseconds(median(kernel.queued_ms))}, ${milliseconds(median(kernel.submitted_ms))}`],
            ["tuning", kernel.tuning || UNKNOWN],
            ["work-items", `${sizes(kernel.global)} in groups of ${sizes(kernel.local)}`],
            kernel.problem && ["invalid times", `${kernel.invalid} of ${kernel.calls}: ${kernel.problem}`],
        ],
    };
}
