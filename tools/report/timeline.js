// One run, event by event, and memory over time.

const onQueue = (event) => ["kernel", "upload", "download", "reference"].includes(event.kind);
const isTransfer = (event) => event.kind === "upload" || event.kind === "download";
const byStart = (events) =>
    events.filter((event) => onQueue(event) && event.started_ns !== null).sort((a, b) => a.started_ns - b.started_ns);
const nameOf = (event) => (isTransfer(event) ? `${event.kind} of ${event.name}` : event.name);

// Between what ran on the queue, from the run's start to its end: the JSON's breakdown has the means of the same gaps.
function gapsOf(timeline) {
    const run = timeline.find((event) => event.kind === "run");
    const gaps = [];
    let end = 0;
    for (const event of byStart(timeline)) {
        if (event.started_ns > end)
            gaps.push({from: end, to: event.started_ns, name: `before ${event.layer || nameOf(event)}`});
        end = Math.max(end, event.ended_ns);
    }
    if (run && run.ended_ns > end) gaps.push({from: end, to: run.ended_ns, name: "after the last command"});
    return gaps;
}

function eventTip(device, event) {
    const between = (from, to) => microseconds(from === null || to === null ? null : (to - from) / 1e3);
    const title = [device.letter, event.layer, nameOf(event)].filter(Boolean).join(" \u00b7 ");
    const call = between(event.host_start_ns, event.host_end_ns);
    if (!onQueue(event)) return {title, rows: [["took", call], ["started at", between(0, event.host_start_ns)]]};
    return {
        title,
        rows: [
            ["running", between(event.started_ns, event.ended_ns)],
            ["started at", between(0, event.started_ns)],
            ["queued", between(event.queued_ns, event.submitted_ns)],
            ["submitted", between(event.submitted_ns, event.started_ns)],
            ["the host\u2019s call", call],
            event.live_bytes !== null && ["live memory", bytes(event.live_bytes)],
            event.problem && ["invalid times", event.problem],
        ],
    };
}

// From top to bottom: what the host did, when it enqueued, what ran.
function tracksOf(device) {
    const {timeline} = device.data;
    const byHost = (event) => ({event, from: event.host_start_ns, to: event.host_end_ns});
    const byDevice = (event) => ({event, from: event.started_ns, to: event.ended_ns});
    const stages = timeline.filter((event) => event.kind === "stage").map(byHost);
    const calls = timeline.filter((event) => onQueue(event) && event.kind !== "reference").map(byHost);
    const ran = timeline.filter((event) => onQueue(event) && event.started_ns !== null).map(byDevice);
    const tracks = [
        {name: "host", height: 20, spans: stages, gaps: []},
        {name: "calls", height: 14, spans: calls, gaps: []},
        {name: device.host ? "references" : "queue", height: 34, spans: ran, gaps: gapsOf(timeline)},
    ].filter((track) => track.spans.length > 0);
    let top = 4;
    for (const track of tracks) {
        track.top = top;
        top += track.height + 6;
    }
    return {tracks, bottom: top};
}

// Text in the middle of what is seen of a bar, if it fits.
function putInside(body, area, track, [left, right], text, kind) {
    const from = Math.max(left, area.left), to = Math.min(right, area.right);
    if (!text || to - from < textWidth(text) + 6) return;
    put(body, "text",
        {class: `label ${kind}`, x: (from + to) / 2, y: track.top + track.height / 2 + 4, "text-anchor": "middle"}, text);
}

function drawTrack(body, device, track, x, area) {
    const at = ({from, to}) => [x(from / 1e6), x(to / 1e6)];
    for (const gap of track.gaps) {
        const [left, right] = at(gap), time = microseconds((gap.to - gap.from) / 1e3);
        const place = {x: left, y: track.top, width: Math.max(0.5, right - left), height: track.height};
        const mark = put(body, "rect", {...place, class: "gap", fill: `url(#hatch-${device.i})`});
        explain(mark.node(), {title: `${device.letter} \u00b7 idle ${gap.name}`, rows: [["took", time]]});
        putInside(body, area, track, [left, right], `idle ${time}`, "halo");
    }
    track.spans.forEach((span, i) => {
        const [left, right] = at(span), {event} = span, width = Math.max(1, right - left);
        const plain = isTransfer(event) ? "transfer" : event.kind === "stage" ? "stage" : i % 2 ? "even" : "odd";
        const kind = event.problem ? "invalid" : plain;
        const place = {x: left, y: track.top, width, height: track.height, rx: Math.min(2, width / 3)};
        const mark = put(body, "rect", {...place, class: `span ${kind}`, "--device": device.colour});
        explain(mark.node(), () => eventTip(device, event));
        if (track.height >= 18) putInside(body, area, track, [left, right], event.layer || event.name, `on-${kind}`);
    });
}

// A step whenever a command starts, up to the run's end.
function drawLive(svg, body, device, x, area, end) {
    const {timeline, memory} = device.data;
    const steps = byStart(timeline)
                      .filter((event) => event.live_bytes !== null)
                      .map((event) => [event.started_ns / 1e6, event.live_bytes]);
    if (steps.length === 0) return;
    const highest = d3.max(steps, ([, live]) => live), last = steps[steps.length - 1];
    const y = d3.scaleLinear([0, Math.max(memory.allocated_bytes ?? 0, highest)], [area.bottom, area.top]);
    const shape = d3.area(([ms]) => x(ms), y(0), ([, live]) => y(live)).curve(d3.curveStepAfter);
    const filled = put(body, "path", {class: "live", d: shape([...steps, [end, last[1]]]), "--device": device.colour});
    explain(filled.node(), {
        title: `${device.letter} \u00b7 memory on the device`,
        rows: [["most live at a time", bytes(memory.peak_live_bytes)], ["allocated", bytes(memory.allocated_bytes)]],
    });
    if (memory.allocated_bytes) {
        const height = y(memory.allocated_bytes);
        put(body, "line", {class: "allocated", x1: area.left, x2: area.right, y1: height, y2: height});
    }
    put(svg, "text", {class: "label muted", x: area.left - 10, y: area.top + 12, "text-anchor": "end"}, "live");
    put(svg, "text", {class: "label muted", x: area.left - 10, y: area.top + 26, "text-anchor": "end"}, bytes(highest));
}

// `transform` is D3's of the zoom; `zoomed` gets the next one.
function drawTimeline(container, device, width, transform, zoomed) {
    const {timeline} = device.data;
    const {tracks, bottom} = tracksOf(device);
    const end = d3.max(timeline, (event) => Math.max(event.ended_ns ?? 0, event.host_end_ns ?? 0)) / 1e6;
    const area = {left: 78, right: width - 16, top: bottom + 4, bottom: bottom + 50}, axis = area.bottom + 4,
          height = axis + 24;
    const x = transform.rescaleX(d3.scaleLinear([0, end], [area.left, area.right]));
    const svg = svgIn(container, width, height, `Timeline of one run on ${device.name}`);
    const clip = put(svg, "clipPath", {id: `timeline-area-${device.i}`});
    put(clip, "rect", {x: area.left, y: 0, width: area.right - area.left, height});
    const hatch =
        put(svg, "pattern",
            {id: `hatch-${device.i}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"});
    put(hatch, "line", {class: "hatch", y2: 6});
    const ticks = x.ticks(Math.max(3, width / 110)), written = d3.format("~g");
    gridOfX(svg, ticks, x, 0, axis);
    axisBelow(svg, axis, d3.axisBottom(x).tickValues(ticks).tickFormat((tick) => written(+tick.toFixed(6))));
    put(svg, "text", {class: "axis-title", x: area.left - 10, y: axis + 17, "text-anchor": "end"}, "ms");
    const body = put(svg, "g", {"clip-path": `url(#timeline-area-${device.i})`});
    put(body, "rect", {class: "catch", x: area.left, width: area.right - area.left, height: axis});
    for (const track of tracks) {
        const middle = track.top + track.height / 2 + 4;
        put(svg, "text", {class: "label muted", x: area.left - 10, y: middle, "text-anchor": "end"}, track.name);
        drawTrack(body, device, track, x, area);
    }
    const run = timeline.find((event) => event.kind === "run");
    drawLive(svg, body, device, x, area, run ? run.ended_ns / 1e6 : end);
    const extent = [[area.left, 0], [area.right, height]];
    const wanted = (event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button);
    const zoom = d3.zoom().scaleExtent([1, 2000]).extent(extent).translateExtent(extent).filter(wanted);
    svg.call(zoom.on("zoom", (event) => event.sourceEvent && zoomed(event.transform))).property("__zoom", transform);
}

// -- memory of the process, phase by phase --------------------------------------------------------------------------------

function drawPhases(container, width) {
    const shown = measured.filter((device) => device.data.phases.some((phase) => phase.resident_bytes));
    if (shown.length === 0) {
        container.replaceChildren(element("p", {class: "muted"}, "The system did not tell how much memory the process held."));
        return;
    }
    const height = 220, left = 78, right = width - 36, top = 14, bottom = height - 40;
    const seconds = (phase) => (phase.start_ms + phase.ms) / 1e3, mebibytes = (phase) => phase.resident_bytes / 2 ** 20;
    const all = shown.flatMap((device) => device.data.phases);
    const x = d3.scaleLinear([0, d3.max(all, seconds)], [left, right]).nice();
    const y = d3.scaleLinear([0, d3.max(all, mebibytes)], [bottom, top]).nice();
    const svg = svgIn(container, width, height, "Memory of the process over time, a line a device");
    gridOfY(svg, y.ticks(5), y, left, right);
    axisBelow(svg, bottom, d3.axisBottom(x).ticks(Math.max(3, width / 120)));
    axisLeft(svg, left, d3.axisLeft(y).ticks(5).tickFormat((tick) => `${d3.format("~g")(tick)} MiB`));
    titleBelow(svg, (left + right) / 2, height - 6, "seconds since the device was opened");
    for (const device of shown) {
        const phases = device.data.phases.filter((phase) => phase.resident_bytes), last = phases[phases.length - 1];
        const line = d3.line((phase) => x(seconds(phase)), (phase) => y(mebibytes(phase)));
        put(svg, "path", {class: "line", d: line(phases), stroke: device.colour});
        const points = putAll(svg, "path", phases, {
            class: "point",
            d: d3.symbol(device.shape, 44)(),
            transform: (phase) => `translate(${x(seconds(phase))},${y(mebibytes(phase))})`,
            fill: device.colour,
            tabindex: 0,
        });
        points.each(function(phase) {
            const rows = [["resident", bytes(phase.resident_bytes)], ["phase took", milliseconds(phase.ms)]];
            explain(this, {title: `${device.letter} \u00b7 at the end of ${phase.phase}`, rows});
        });
        device.end = [x(seconds(last)) + 10, y(mebibytes(last))];
    }
    for (const device of shown) drawBadge(svg, device, ...device.end);
}
