/* profile_log.h: one device under `lipcl profile`: all that was seen while a clip ran on it. */
#ifndef LIPCL_TOOLS_PROFILE_LOG_H
#define LIPCL_TOOLS_PROFILE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/device.h>
#include <lipcl/plan.h>
#include <lipcl/profile.h>
#include <lipcl/tensor.h>

/* What the program did on the host before, between and after the profiled runs. Times on the host's clock. */
struct profile_phase {
    const char *name; /* "open", "plan", "peaks", "warm-up", "runs", "layers alone" */
    uint64_t start_ns, end_ns;
    size_t resident_bytes; /* of the process, at its end; 0: the system does not tell */
};
enum { PROFILE_MAX_PHASES = 8 };

/* What is run: lent. */
struct profile_job {
    struct lipcl_context *ctx;
    const struct lipcl_tensor_set *weights;
    const struct lipcl_tensor *frames; /* F32 [N,3,T,64,128] */
    size_t runs;
};

/* One device. Events and layers point to strings of the plan, which lives as long. */
struct profile_log {
    char *problem; /* NULL: it went well; else the sentence that says what did not */
    char *selector;
    struct lipcl_device *device;
    struct lipcl_graph *graph;
    struct lipcl_plan *plan;
    struct lipcl_tensor *logits;
    struct lipcl_device_peaks peaks; /* zeros on `host`, which has none */
    size_t phase_count;
    struct profile_phase phases[PROFILE_MAX_PHASES];
    size_t runs; /* how many were profiled: on `host` maybe fewer than asked for */
    size_t event_count, event_capacity;
    struct lipcl_profile_event *events;
    size_t layer_count;
    struct lipcl_layer_info *layers;
    uint64_t *alone_ns; /* [layer][run]: a layer alone, from its first enqueue to the end of its work; 0 where not measured */
};

/* Opens the device, plans, runs and measures. A device that fails leaves its `problem`, after a message. */
void profile_log_init(struct profile_log *log, const struct profile_job *job, const char *selector);
void profile_log_finish(struct profile_log *log);

/* NULL where the device did not open. */
const struct lipcl_device_info *profile_log_device(const struct profile_log *log);

#endif
