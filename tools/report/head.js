// The top of the page: what was run, on what, and what to look at.

const $ = (id) => document.getElementById(id);

// Of the whole run: "useful_flops" or "actual_flops" over its time.
const runGflops = (device, key) => d3.sum(device.data.layers, (layer) => layer[key] ?? 0) / device.data.run_ms.median / 1e6;

function verdictOf(device) {
    const {verification} = device.data;
    if (!device.ok) return ["bad", "failed"];
    if (device.host) return ["plain", "the reference"];
    if (!verification) return ["plain", "not verified"];
    const known = {
        ok: ["good", "verified"],
        unproven: ["warn", "unproven"],
        failed: ["bad", "verification failed"],
        mismatch: ["bad", "wrong results"],
    };
    return known[verification.verdict] || ["warn", verification.verdict];
}

function timeOf(device) {
    const {run_ms: run, runs} = device.data;
    const short = significant(run.median, run.median >= 100 ? 4 : 3);
    const time = element("p", {class: "time", tabindex: 0}, short, element("span", {}, " ms a run"));
    const rows = ["median", "p95", "min", "mean"].map((key) => [key, milliseconds(run[key])]);
    return explain(time, {title: TERMS.run[0], text: TERMS.run[1], rows: [...rows, ["runs", runs]]});
}

function card(device) {
    const {data} = device;
    const place = element("div", {}, element("h3", {}, device.name), element("p", {class: "muted"}, device.where));
    const whole =
        element("article", {class: "card", style: `--device: ${device.colour}`}, element("header", {}, badge(device), place));
    if (!device.ok) {
        whole.append(element("p", {class: "notice bad"}, data.problem || "There is no run of it."));
        return whole;
    }
    const fastest = d3.min(measured.filter((each) => each.index === device.index), (each) => each.data.run_ms.median);
    const ratio = data.run_ms.median / fastest, peak = data.peaks.fma_gflops;
    const line = (text, term) =>
        element("p", {class: "muted"}, term ? explainTerm(element("span", {tabindex: 0}, text), term) : text);
    whole.append(timeOf(device));
    whole.append(line(`p95 ${milliseconds(data.run_ms.p95)} \u00b7 ${
        ratio > 1.0005 ? `${significant(ratio)}\u00d7 the fastest` : "the fastest"}`));
    whole.append(line(`${significant(runGflops(device, "useful_flops"))} useful GFLOP/s`, "useful"));
    if (peak) {
        const actual = runGflops(device, "actual_flops");
        whole.append(line(`${significant(actual)} actual, ${percent(actual / peak, 0)} of the peak`, "actual"));
    }
    const [tone, verdict] = verdictOf(device);
    const pills = element("p", {class: "pills"}, element("span", {class: `pill ${tone}`}, verdict));
    if (data.clock.invalid)
        pills.append(
            explainTerm(element("span", {class: "pill warn", tabindex: 0}, `${data.clock.invalid} invalid times`), "invalid"));
    whole.append(pills);
    return whole;
}

// -- sentences to act on, each from numbers that are further below --------------------------------------------------------

const finding = (tone, some, ...text) => element("li", {class: tone}, ...some.map(badge), element("span", {}, ...text));
const strong = (text) => element("strong", {}, text);

// The kernel that takes most of the time, and the one with most of it above its limit.
function slowestKernel(device) {
    const own = kernelRows.filter((row) => row.device === device && row.ms !== null);
    if (own.length === 0) return [];
    const called = ({sole, layer, kernel}) => strong(sole ? layer : `${layer}\u2019s ${kernel.kernel}`);
    const slowest = d3.greatest(own, (row) => row.share), room = d3.greatest(own, (row) => row.above ?? -1);
    const text = [
        called(slowest),
        ` takes ${percent(slowest.share, 0)} of the run, at ${percent(slowest.kernel.limit_share, 0)} of its limit`,
        ` (${limitOf(slowest.kernel) ?? "unknown"}).`
    ];
    if (room.above > 0 && room === slowest)
        text.push(` It also has the most to gain: ${milliseconds(room.above)} above the limit.`);
    if (room.above > 0 && room !== slowest)
        text.push(
            " The most to gain is in ", called(room),
            `: ${milliseconds(room.above)} above its limit (${limitOf(room.kernel)}).`);
    return [finding("", [device], ...text)];
}

function warnings(device) {
    const {breakdown, clock, verification} = device.data;
    const idle = d3.sum(breakdown.filter((part) => part.kind === "idle"), (part) => part.share);
    const list = [];
    if (idle > 0.05)
        list.push(finding("warn", [device], `The queue is idle for ${percent(idle, 0)} of the run: see the gaps by name.`));
    if (clock.invalid)
        list.push(
            finding("warn", [device], `${clock.invalid} of ${clock.events} times cannot be true and are used for nothing.`));
    if (verification && !verification.ok) {
        const where = verification.first_mismatch ? `, first at ${verification.first_mismatch}` : "";
        const why = verification.error ? `: ${verification.error}` : "";
        list.push(finding(
            "bad", [device], `Verification: ${verification.verdict}${where}${why}. Mend that before anything is made faster.`));
    }
    return list;
}

// Devices whose times vary, together: the machine is the same.
function restlessness(doc, index) {
    const spread = (device) => device.data.run_ms.p95 / device.data.run_ms.median - 1;
    const some = measured.filter((device) => device.index === index && spread(device) > 0.15);
    if (some.length === 0) return [];
    const {load, processors} = doc.environment;
    return [finding(
        "warn", some, `Times vary: p95 is up to ${percent(d3.max(some, spread), 0)} above the median. Was the machine busy? `,
        `Its load before the first run was ${fixed(1)(load)}, with ${processors} processors.`)];
}

function drawHead() {
    const first = documents[0], shapeOf = (doc) => doc.shape.join(" \u00d7 ");
    const clips = [...new Set(documents.map((doc) => `${baseName(doc.clip)} (${shapeOf(doc)})`))];
    $("subject").textContent = documents.length > 1 ? `${documents.length} profiles side by side \u00b7 ${clips.join(", ")}` : [
        `${baseName(first.model)} reading ${clips[0]}`, first.environment.date.replace("T", " ").replace("Z", " UTC"),
        `lipcl ${first.lipcl}`
    ].join(" \u00b7 ");
    document.title = `lipcl profile: ${devices.map((device) => device.name).join(", ")}`;
    for (const heading of document.querySelectorAll("main section[id] > h2"))
        $("contents").append(element("a", {href: `#${heading.parentNode.id}`}, heading.textContent));
    $("cards").append(...devices.map(card));
    $("findings")
        .append(
            ...measured.flatMap((device) => [...slowestKernel(device), ...warnings(device)]),
            ...documents.flatMap(restlessness));
}
