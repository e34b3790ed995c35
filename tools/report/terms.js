// What the words on the page mean: tooltips, and the list at its end. [heading, explanation]
const TERMS = {
    run: [
        "Run",
        "From the input tensor in host memory to the output tensor in host memory, everything included. Medians over the " +
            "profiled runs; p95 is what the slowest twentieth of them reaches."
    ],
    queued: [
        "Queued",
        "From the host's call until the driver handed the command to the device. Long for commands that were enqueued " +
            "ahead: the queue is in order, and they wait for their turn. That costs nothing."
    ],
    submitted: [
        "Submitted",
        "From the hand-over to the device until the command started: the cost of a launch, as far as the driver tells."
    ],
    running: ["Running", "From start to end on the device, by the driver's own clock. Median over the runs."],
    p95: [
        "p95",
        "Running time that the slowest twentieth of the runs reaches. Far above the median, the machine was disturbed, or" +
            " clocks changed."
    ],
    wall: ["Wall", "The layer alone: from its first enqueue to the end of its work, with nothing else in the queue."],
    share: ["Of run", "Mean running time over the run's mean time."],
    ratio: ["\u00d7 best", "Running time over that of the fastest device for this layer."],
    useful: [
        "Useful FLOPs",
        "What the layer's definition asks for, two for a multiply-add. Layers' rates are of these, so that devices and " +
            "algorithms compare."
    ],
    actual: [
        "Actual FLOPs",
        "What the kernels really compute: more where edges and lanes are padded, several times fewer where Winograd's " +
            "filtering does a convolution. Kernels' rates are of these."
    ],
    gflops: [
        "GFLOP/s",
        "10\u2079 floating-point operations a second of running time: useful ones for layers, actual ones for kernels."
    ],
    gbps: [
        "GB/s",
        "10\u2079 bytes a second: inputs, parameters and outputs counted once each, over the running time. Caches can " +
            "make it more than copying reaches."
    ],
    intensity: [
        "Intensity",
        "FLOPs a byte of inputs, parameters and outputs, each counted once. Low: memory is the likely limit. High: " +
            "arithmetic is."
    ],
    roofline: [
        "Roofline",
        "The most that a device allows at an intensity: the smaller of its peak of multiply-adds and its copying " +
            "bandwidth times the intensity (Williams, Waterman, Patterson, 2009). Both were measured on this device, before " +
            "and after the runs."
    ],
    limit_share: [
        "Of limit",
        "The time that the nearer of the two peaks would allow over the time it took. 100 % is the roof; above it data " +
            "came from caches, which copying does not see, or the peak was measured while the machine was busy. By actual " +
            "FLOPs: a layer\u2019s is that of its kernels together."
    ],
    limited_by: [
        "Limited by",
        "compute: the peak of multiply-adds is the nearer one. memory: the bandwidth is. latency: below 25 % of either, " +
            "so that neither is what holds it up: it waits for its own results, barriers, launches, or has too few work-items" +
            " to fill the device."
    ],
    above: [
        "Above limit",
        "Milliseconds of a run that this kernel takes beyond what its nearer peak would allow: the most that improving it" +
            " can save."
    ],
    idle: [
        "Idle",
        "Nothing ran on the device's queue. A gap is named by what ended it: \u201cbefore conv1\u201d is the time until " +
            "conv1 started."
    ],
    live: [
        "Live memory",
        "Bytes of buffers whose values are still needed. Buffers that are not live at the same time share memory."
    ],
    allocated: ["Allocated", "Bytes of all buffers that the plan made on the device, weights included."],
    resident: [
        "Resident memory",
        "Physical memory of the whole process, as the system counts it, at the end of each phase. CPU devices' buffers " +
            "are in it, and those of devices that were opened before."
    ],
    bound_share: [
        "Of bound",
        "The largest error of the layer's output over the release bound 9 \u221a(l+2) u S + u |y| (u = " +
            "2\u207b\u00b2\u2074, S the sum of magnitudes, l the longest chain of additions). Above 100 % the layer is wrong."
    ],
    rho: [
        "\u03c1 (rho)",
        "The largest error in roundings: |d| / (u S), with S the sum of the magnitudes that were added. A few are what " +
            "32-bit sums cost."
    ],
    drift: [
        "Drift",
        "How far this layer's output is from the reference's in a whole run, in roundings: errors of the layers before " +
            "are in it."
    ],
    logits: ["Logits", "The network's outputs. At most 1e-4 apart from the reference's, or the device fails."],
    invalid: [
        "Invalid times",
        "Times that cannot be true, such as an end before the start. They are counted and shown, and used for nothing."
    ],
    clock: [
        "Clock error",
        "How far the device's times may be shifted against the host's in the timeline. Differences between the device's " +
            "own times do not depend on it."
    ],
    lowering: [
        "Lowering",
        "The way in which an operator became kernels: direct or Winograd convolution, a packed matrix product, a scan " +
            "over steps."
    ],
    tuning: ["Tuning", "Values that the kernel was compiled with: vector width, tile sizes, unrolling."],
    sizes: [
        "Work sizes",
        "Work-items in all and of a work-group, along the three dimensions; the largest work-group that the driver allows" +
            " for this kernel."
    ],
    kernel_memory: [
        "Kernel memory",
        "Local memory of a work-group and private memory of a work-item, as the driver reports them. Private memory " +
            "beyond registers is spilled."
    ],
};
