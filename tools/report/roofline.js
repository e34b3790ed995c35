// The roofline: kernels by intensity and speed, under the peaks of their devices (Williams, Waterman, Patterson, 2009).

// What is drawn: kernels, and the layers of devices that have none.
function rooflinePoints() {
    const isKnown = (each) => each.gflops && each.intensity;
    const points =
        kernelRows.filter((row) => isKnown(row.kernel)).map((row) => ({
                                                                device: row.device,
                                                                x: row.kernel.intensity,
                                                                y: row.kernel.gflops,
                                                                share: row.share ?? 0,
                                                                label: row.sole ? row.layer :
                                                                                  `${row.layer} ${row.kernel.kernel}`,
                                                                tip: () => kernelTip(row),
                                                            }));
    for (const device of measured.filter((each) => each.data.layers.every((layer) => layer.kernels.length === 0))) {
        for (const layer of device.data.layers.filter(isKnown)) {
            const tip = () => layerTip(device, layer);
            points.push({device, x: layer.intensity, y: layer.gflops, share: layer.share ?? 0, label: layer.layer, tip});
        }
    }
    return points.sort((a, b) => b.share - a.share);  // small marks lie on large ones
}

// The same kernel with the same intensity on several devices, fastest first: one label for all, and a line that joins them.
function joined(points) {
    const groups = d3.groups(points, (p) => `${p.label} ${p.x.toPrecision(3)}`).map(([, same]) => d3.sort(same, (p) => -p.y));
    return groups.map((same) => ({same, top: same[0], bottom: same[same.length - 1], share: d3.max(same, (p) => p.share)}))
        .sort((a, b) => b.share - a.share);
}

const overlaps = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const isInside = (a, area) => a[0] >= area[0] && a[1] >= area[1] && a[2] <= area[2] && a[3] <= area[3];

// Where a label may stand around a mark of radius r, the best place first.
function placesAround(cx, cy, r) {
    return [
        [cx, cy - r - 5, "middle"],
        [cx + r, cy, "start"],
        [cx - r, cy, "end"],
        [cx, cy + r + 6, "middle"],
        ...[-11, 11].flatMap((dy) => [[cx + r, cy + dy, "start"], [cx - r, cy + dy, "end"]]),
        ...[24, 40, 56].flatMap((away) => [[cx, cy + r + away, "middle"], [cx, cy - r - away, "middle"]]),
    ];
}

// Labels of the marks that matter, the largest first, where there is room around them. Boxes are [left, top, right, bottom].
function placeLabels(groups, taken, {x, y, radius, area}) {
    const placed = [];
    for (const {top, share} of groups) {
        if (share < 0.02) continue;
        const width = textWidth(top.label), r = radius(top) + 4, cy = y(top.y);
        for (const [px, py, anchor] of placesAround(x(top.x), cy, r)) {
            const left = px - {start: 0, middle: width / 2, end: width}[anchor];
            const box = [left, py - 7, left + width, py + 7];
            if (!isInside(box, area) || taken.some((each) => overlaps(each, box))) continue;
            taken.push(box);
            placed.push({point: top, px, py, anchor, far: Math.abs(py - cy) > r + 16});
            break;
        }
    }
    return placed;
}

function drawRoofs(svg, roofs, x, y) {
    const [x0, x1] = x.domain();
    const line = d3.line(([intensity]) => x(intensity), ([, gflops]) => y(gflops));
    const dashes = [null, "14 10", "5 12", "2 8"];  // roofs that lie on each other show through
    roofs.forEach(({device, peak, slope}, i) => {
        const corners = [x0, Math.min(x1, peak / slope), x1].map((intensity) => [intensity, Math.min(peak, slope * intensity)]);
        const clipped = put(svg, "g", {"clip-path": "url(#roofline-area)"});
        const roof =
            put(clipped, "path", {class: "roof", d: line(corners), stroke: device.colour, "stroke-dasharray": dashes[i % 4]});
        explain(roof.node(), {
            title: `${device.letter} \u00b7 roof of ${device.name}`,
            rows: [
                ["multiply-adds", `${significant(peak)} GFLOP/s`],
                ["copying", `${significant(slope)} GB/s`],
                ["ridge", `${significant(peak / slope)} FLOP/byte`],
            ],
        });
    });
}

// At the right, kept apart.
function labelRoofs(svg, roofs, left, top, y) {
    const byHeight = d3.sort(roofs, (a, b) => Math.round((y(a.peak) - y(b.peak)) / 4) || a.device.i - b.device.i);
    let next = top + 6;
    for (const {device, peak, slope} of byHeight) {
        const at = Math.max(next, y(peak));
        const label = drawBadge(svg, device, left, at);
        put(label, "text", {class: "label strong", x: 22, y: -1}, `${significant(peak)} GFLOP/s`);
        put(label, "text", {class: "label muted", x: 22, y: 12}, `${significant(slope)} GB/s`);
        next = at + 30;
    }
}

function drawMarks(svg, points, roofs, scales) {
    const {x, y, radius, area} = scales;
    const groups = joined(points);
    const vertical = (of) => ({class: "join", x1: (each) => x(of(each)), x2: (each) => x(of(each))});
    set(putAll(svg, "line", groups.filter((group) => group.same.length > 1), vertical((group) => group.top.x)),
        {y1: (group) => y(group.top.y), y2: (group) => y(group.bottom.y)});
    const marks = putAll(svg, "path", points, {
        class: "point",
        d: (p) => d3.symbol(p.device.shape, areaOf(p))(),
        transform: (p) => `translate(${x(p.x)},${y(p.y)})`,
        fill: (p) => p.device.colour,
        tabindex: 0,
        "data-gflops": (p) => p.y,
        "data-intensity": (p) => p.x,
    });
    marks.each(function(p) {
        explain(this, p.tip);
    });
    const around = (p) => [x(p.x) - radius(p), y(p.y) - radius(p), x(p.x) + radius(p), y(p.y) + radius(p)];
    const along = ({peak, slope}) => [x(peak / slope), y(peak) - 2, area[2], y(peak) + 2];
    const labels = placeLabels(groups, [...points.map(around), ...roofs.map(along)], scales);
    const side = (label) => Math.sign(label.py - y(label.point.y));
    set(putAll(svg, "line", labels.filter((label) => label.far), vertical((label) => label.point.x)),
        {y1: (label) => y(label.point.y) + side(label) * radius(label.point), y2: (label) => label.py - side(label) * 8});
    const text =
        {class: "label halo", x: (label) => label.px, y: (label) => label.py + 4, "text-anchor": (label) => label.anchor};
    putAll(svg, "text", labels, text).text((label) => label.point.label);
}

// In square pixels.
const areaOf = (point) => 36 + 420 * point.share;

function drawRoofline(container, width) {
    const points = rooflinePoints();
    const roofs = measured.filter((device) => device.data.peaks.fma_gflops && device.data.peaks.copy_gbps)
                      .map((device) => ({device, peak: device.data.peaks.fma_gflops, slope: device.data.peaks.copy_gbps}));
    if (points.length === 0) {
        container.replaceChildren(element("p", {class: "muted"}, "There is no kernel whose speed is known."));
        return;
    }
    const narrow = width < 560, height = narrow ? 340 : 460;
    const left = 56, top = 16, right = width - (narrow ? 14 : 150), bottom = height - 44;
    const xs = [...points.map((p) => p.x), ...roofs.map((roof) => roof.peak / roof.slope)];
    const ys = [...points.map((p) => p.y), ...roofs.map((roof) => roof.peak)];
    const x = d3.scaleLog([d3.min(xs) / 2.5, d3.max(xs) * 2.5], [left, right]);
    const y = d3.scaleLog([d3.min(ys) / 2, d3.max(ys) * 1.8], [bottom, top]);
    const decades = (scale) => scale.ticks().filter((tick) => Number.isInteger(+Math.log10(tick).toFixed(9)));
    const svg =
        svgIn(container, width, height, "Roofline: each kernel\u2019s speed over its intensity, below its device\u2019s peaks");
    gridOfX(svg, decades(x), x, top, bottom);
    gridOfY(svg, decades(y), y, left, right);
    axisBelow(svg, bottom, d3.axisBottom(x).ticks(narrow ? 4 : 8, "~g"));
    axisLeft(svg, left, d3.axisLeft(y).ticks(narrow ? 4 : 8, "~g"));
    titleBelow(svg, (left + right) / 2, height - 8, "intensity, FLOP/byte");
    titleBelow(svg, 0, 0, "GFLOP/s").attr("transform", `translate(14,${(top + bottom) / 2}) rotate(-90)`);
    const clip = put(svg, "clipPath", {id: "roofline-area"});
    put(clip, "rect", {x: left, y: top, width: right - left, height: bottom - top});
    drawRoofs(svg, roofs, x, y);
    if (!narrow) labelRoofs(svg, roofs, right + 8, top, y);
    const radius = (p) => Math.sqrt(areaOf(p) / Math.PI) + 1;
    drawMarks(svg, points, roofs, {x, y, radius, area: [left, top, right, bottom]});
}
