// The rest of the page, and the order in which all is drawn.

// -- timelines ------------------------------------------------------------------------------------------------------------

function drawTimelineOf(device) {
    const {timeline, typical_run: run, runs} = device.data;
    const chart = element("div", {class: "chart"});
    const reset = element("button", {type: "button", class: "screen-only", hidden: true}, "whole run");
    const number = element("span", {class: "muted"}, `run ${run + 1} of ${runs}`);
    const head = element("header", {}, badge(device), element("span", {}, device.name), number, reset);
    const invalid =
        timeline.filter((event) => event.problem).map((event) => `${event.layer ?? ""} ${event.name} (${event.problem})`);
    const caption = `Not drawn on the queue, for their times cannot be true: ${invalid.join("; ")}`;
    const notice = invalid.length ? element("figcaption", {class: "notice warn"}, caption) : null;
    $("timeline-charts").append(element("figure", {}, head, chart, notice));
    let width = 0;
    const draw = (transform) => {
        reset.hidden = transform.k === 1;
        tip.hide();
        drawTimeline(chart, device, width, transform, draw);
    };
    reset.addEventListener("click", () => draw(d3.zoomIdentity));
    drawToWidth(chart, (now) => {
        width = now;
        draw(d3.zoomIdentity);
    });
}

// -- memory ---------------------------------------------------------------------------------------------------------------

const PHASES = {
    open: "open the device",
    plan: "plan and compile",
    peaks: "measure its peaks",
    "warm-up": "warm up",
    runs: "run",
    "layers alone": "run layers alone",
};

function drawMemory() {
    drawToWidth($("memory-chart"), (width) => drawPhases($("memory-chart"), width));
    const names = [...new Set(measured.flatMap((device) => device.data.phases.map((phase) => phase.phase)))];
    const of = (get) => measured.map((device) => get(device.data));
    const took = (name) => (data) => {
        const phases = data.phases.filter((phase) => phase.phase === name);
        return phases.length ? milliseconds(d3.sum(phases, (phase) => phase.ms)) : null;
    };
    const rows = [
        ["allocated on the device", of((data) => bytes(data.memory.allocated_bytes)), "allocated"],
        ["most of it live at a time", of((data) => bytes(data.memory.peak_live_bytes)), "live"],
        ["most resident", of((data) => bytes(d3.max(data.phases, (phase) => phase.resident_bytes))), "resident"],
        ...names.map((name) => [`time to ${PHASES[name] ?? name}`, of(took(name))]),
    ];
    facts($("memory-table"), measured.map(titleOf), rows, "Memory, and the phases");
}

// -- what is no layer -----------------------------------------------------------------------------------------------------

function drawParts() {
    const shareOf = (device, times) => (times ? times.mean / device.data.run_ms.mean : null);
    const rows = measured.flatMap(
        (device) =>
            [...device.data.breakdown.filter((part) => part.kind !== "layer")
                 .map(({part, kind, ms, share}) => ({device, part, kind, ms, share})),
             ...device.data.stages.map(
                 ({stage, ms}) => ({device, part: stage, kind: "host stage", ms, share: shareOf(device, ms)})),
    ]);
    const share = (row) => row.share;
    table($("overhead-table"), {
        caption: "Parts of a run beside its layers, of at least 0.2 %, and the host\u2019s stages",
        rows: rows.filter((row) => row.kind === "host stage" || row.share >= 0.002),
        sort: 3,
        columns: [
            deviceColumn,
            textColumn("kind", (row) => row.kind),
            textColumn("part", (row) => row.part),
            numberColumn("mean ms", (row) => (row.ms ? row.ms.mean : null), 4),
            numberColumn("median ms", (row) => median(row.ms), 4),
            numberColumn("p95 ms", (row) => p95(row.ms), 4),
            percentColumn("of run", share, 2, {term: "share", bar: share, colour: colourOf}),
        ],
    });
}

function drawTransfers() {
    const all = measured.flatMap((device) => device.data.transfers.map((transfer) => ({device, transfer})));
    const rows = all.filter((row) => !row.device.host || row.transfer.layer === null);  // on `host`, each layer copies
    if (rows.length === 0) return;
    table($("transfer-table"), {
        caption: "Transfers of each run",
        rows,
        columns: [
            deviceColumn,
            textColumn("direction", (row) => row.transfer.direction),
            textColumn("what", (row) => row.transfer.layer || row.transfer.name),
            numberColumn("MB", (row) => row.transfer.bytes / 1e6),
            numberColumn("running ms", (row) => median(row.transfer.running_ms), 4, {term: "running", mark: markInvalid}),
            numberColumn("queued ms", (row) => median(row.transfer.queued_ms), 4, {term: "queued"}),
            numberColumn("submitted ms", (row) => median(row.transfer.submitted_ms), 4, {term: "submitted"}),
            numberColumn("GB/s", (row) => row.transfer.gbps, 2, {term: "gbps"}),
            countColumn("invalid", (row) => row.transfer.invalid, {term: "invalid", mark: markInvalid}),
        ],
    });
}

function drawHost() {
    drawParts();
    drawTransfers();
}

// -- environment, terms ---------------------------------------------------------------------------------------------------

const yesNo = (flag) => (flag ? "yes" : "no");
const withUnit = (number, unit) => (number ? `${significant(number, 4)} ${unit}` : null);

function drawDeviceFacts() {
    const info = (get) => devices.map((device) => (device.info ? get(device.info) : null));
    const of = (get) => devices.map((device) => (device.ok ? get(device.data) : null));
    const size = (key) => info((i) => (i[key] ? bytes(i[key]) : null));
    const local = (i) => `${bytes(i.local_memory_bytes)}, ${i.local_memory_dedicated ? "dedicated" : "emulated"}`;
    const rows = [
        ["selector", devices.map((device) => (device.info ? device.info.select : device.data.select))],
        ...["type", "vendor", "platform", "driver"].map((key) => [key, info((i) => i[key])]),
        ["OpenCL", info((i) => i.opencl)],
        ["OpenCL C", info((i) => i.opencl_c)],
        ["compute units", info((i) => i.compute_units)],
        ["clock", info((i) => withUnit(i.clock_mhz, "MHz"))],
        ["memory", size("memory_bytes")],
        ["largest allocation", size("largest_allocation_bytes")],
        ["local memory", info((i) => (i.local_memory_bytes ? local(i) : null))],
        ["largest work-group", info((i) => i.largest_work_group || null)],
        ["fp16, fp64, sub-groups", info((i) => [i.fp16, i.fp64, i.subgroups].map(yesNo).join(", "))],
        ["denormals", info((i) => yesNo(i.denormals))],
        ["peak of multiply-adds", of((data) => withUnit(data.peaks.fma_gflops, "GFLOP/s")), "roofline"],
        ["copying", of((data) => withUnit(data.peaks.copy_gbps, "GB/s")), "roofline"],
        ["runs profiled", of((data) => data.runs)],
        ["events, invalid", of((data) => `${data.clock.events}, ${data.clock.invalid}`), "invalid"],
        ["clock error", of((data) => microseconds(data.clock.error_ns / 1e3)), "clock"],
    ];
    facts($("device-facts"), devices.map(titleOf), rows, "Devices");
}

function drawRunFacts() {
    const of = (get) => documents.map(get), where = (get) => documents.map((doc) => get(doc.environment));
    const lettersOf = (index) => devices.filter((device) => device.index === index).map((device) => device.letter).join(", ");
    const titles = documents.map((doc, i) => (documents.length === 1 ? "" : `profile ${i + 1}: ${lettersOf(i)}`));
    const rows = [
        ...["lipcl", "model", "clip"].map((key) => [key, of((doc) => doc[key])]),
        ["input", of((doc) => sizes(doc.shape))],
        ["runs asked for", of((doc) => doc.runs)],
        ["layers fused", of((doc) => yesNo(doc.fusion))],
        ["precision, gemm", of(({options}) => (options ? `${options.precision}, ${options.gemm}` : null))],
        ["crop", of(({options}) => (options ? options.crop.join(", ") : null))],
        ["date", where((here) => here.date)],
        ["processor", where((here) => `${here.processor ?? "unknown"}, ${here.processors} of them`)],
        ["memory", where((here) => bytes(here.memory_bytes))],
        ["system", where((here) => here.system)],
        ["load before the first run", where((here) => fixed(2)(here.load))],
    ];
    facts($("run-facts"), titles, rows, "What was run, and where");
}

function drawEnvironment() {
    drawDeviceFacts();
    drawRunFacts();
}

function drawTerms() {
    const entries =
        Object.values(TERMS).map(([title, text]) => element("div", {}, element("dt", {}, title), element("dd", {}, text)));
    $("glossary").append(...entries);
    for (const node of document.querySelectorAll("[data-term]")) {
        node.tabIndex = 0;
        explainTerm(node, node.dataset.term);
    }
}

// -- all of it ------------------------------------------------------------------------------------------------------------

const SECTIONS = {
    devices: drawHead,
    layers: drawLayers,
    roofline: () => drawToWidth($("roofline-chart"), (width) => drawRoofline($("roofline-chart"), width)),
    kernels: drawKernels,
    timeline: () => measured.forEach(drawTimelineOf),
    memory: drawMemory,
    host: drawHost,
    verification: drawVerification,
    environment: drawEnvironment,
    terms: drawTerms,
};

// A document that somebody has edited may lack what a section needs: the others are drawn all the same.
for (const [id, draw] of Object.entries(SECTIONS)) {
    try {
        draw();
    } catch (error) {
        const text = `This section cannot be drawn from the JSON that the page holds: ${error.message}`;
        console.error(error);
        $(id).append(element("p", {class: "notice bad"}, text));
    }
}

// A printed page shows all.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));
window.addEventListener("scroll", () => tip.follow(), {passive: true});
document.addEventListener("keydown", (event) => event.key === "Escape" && tip.hide());
document.documentElement.dataset.ready = "true";
