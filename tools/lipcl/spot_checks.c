#include "spot_checks.h"

#include <time.h>
#include <unistd.h>

#include "document.h"
#include "messages.h"
#include "options.h"

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct spot_checks spot_checks_init(void) {
    return (struct spot_checks){.every = options.check_every, .seed = now_ns() ^ (uint64_t)getpid() << 40};
}

static void report(struct spot_checks *checks, struct reading *reading, const struct lipcl_spot_check *spot) {
    struct lipcl_layer_info info;
    if (lipcl_plan_layer_info(reading->ctx, lipcl_lipnet_reader_plan(reading->reader), spot->layer, &info) != LIPCL_OK) return;
    const struct lipcl_device_info *device = lipcl_lipnet_reader_device(reading->reader);
    checks->mismatches++;
    complain(
        "spot check: layer %s (%s) on %s (driver %s): element %zu is %.9g, the reference says %.9g; `lipcl verify` looks at "
        "all of them",
        info.name, info.lowering, device->name, device->driver, spot->check.worst, (double)spot->check.got,
        (double)spot->check.wanted);
}

bool spot_checks_run(struct spot_checks *checks, struct reading *reading, const struct clip *clip) {
    struct lipcl_spot_check spot;
    checks->run_milliseconds += clip->milliseconds;
    if (checks->every == 0 || checks->runs++ % checks->every != 0) return true;
    uint64_t begin = now_ns();
    if (lipcl_plan_spot_check(reading->ctx, lipcl_lipnet_reader_plan(reading->reader), checks->seed + checks->blocks, &spot) !=
        LIPCL_OK)
        return false;
    checks->milliseconds += 1e-6 * (double)(now_ns() - begin);
    checks->blocks++;
    if (!(spot.check.bound_share <= checks->worst_share)) checks->worst_share = spot.check.bound_share;
    if (!spot.check.ok) report(checks, reading, &spot);
    return true;
}

void spot_checks_print(const struct spot_checks *checks) {
    if (checks->every == 0 || checks->runs == 0) return;
    print("spot checks: %zu block%s in %zu run%s, ", checks->blocks, checks->blocks == 1 ? "" : "s", checks->runs,
          checks->runs == 1 ? "" : "s");
    if (checks->mismatches)
        print("%s%zu MISMATCH%s%s", colour(stdout, COLOUR_RED), checks->mismatches, checks->mismatches == 1 ? "" : "ES",
              colour(stdout, COLOUR_NONE));
    else
        print("at most %.2f %% of the bound", 100 * checks->worst_share);
    print("; they took %.1f ms beside %.1f ms of runs\n", checks->milliseconds, checks->run_milliseconds);
}

void spot_checks_fill(const struct spot_checks *checks, json_t *document) {
    if (checks->every == 0) return;
    json_t *object = document_object();
    document_set(object, "every", document_count(checks->every));
    document_set(object, "runs", document_count(checks->runs));
    document_set(object, "blocks", document_count(checks->blocks));
    document_set(object, "mismatches", document_count(checks->mismatches));
    document_set(object, "worst_bound_share", document_number(checks->worst_share));
    document_set(object, "milliseconds", document_number(checks->milliseconds));
    document_set(document, "spot_checks", object);
}
