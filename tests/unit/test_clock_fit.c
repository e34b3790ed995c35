/* A driver's stamps against the host's clock. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "plan/profiling.h"

enum { COUNT = 9 };
#define RUN_NS 50000000u
#define HOST_START 7000000000u

static struct device_record records[COUNT];
static const char *problems[COUNT];

/* A run on a device whose clock is `offset` behind the host's: each call takes 4 us, in whose middle the command is queued; the
 * last one is a read that ends 1 us before its call does. */
static void make_run(int64_t offset) {
    uint64_t device_now = HOST_START - (uint64_t)offset;
    for (uint64_t i = 0; i < COUNT; i++) {
        bool read = i + 1 == COUNT;
        uint64_t queued = device_now + 10000 * i + 2000, started = device_now + 100000 + 5000000 * i;
        records[i] = (struct device_record){
            .command = read ? DEVICE_READ : DEVICE_LAUNCH,
            .host_start_ns = HOST_START + 10000 * i,
            .host_end_ns = HOST_START + (read ? 100000 + 5000000 * i + 3001000 : 10000 * i + 4000),
            .has_stamps = true,
            .stamps = {queued, queued + 500, started, started + 3000000},
        };
    }
}

static struct clock_fit fit(void) {
    return clock_fit(records, COUNT, RUN_NS, problems);
}

static void expect_fit(int64_t offset, uint64_t error) {
    struct clock_fit found = fit();
    cr_expect(llabs(found.offset_ns - offset) <= (int64_t)found.error_ns, "%lld, wanted %lld within %llu",
              (long long)found.offset_ns, (long long)offset, (unsigned long long)found.error_ns);
    cr_expect_leq(found.error_ns, error, "%llu", (unsigned long long)found.error_ns);
}

Test(clock_fit, any_offset_is_found) {
    static const int64_t offsets[] = {0, 1, -1, 6999000000, -6999000000, 1000000000000000, -1000000000000000};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        make_run(offsets[i]);
        expect_fit(offsets[i], 2000);
        for (size_t k = 0; k < COUNT; k++) cr_expect_null(problems[k], "%zu: %s", k, problems[k]);
    }
}

Test(clock_fit, the_narrowest_call_decides) {
    make_run(12345);
    records[4].host_start_ns += 1900;
    records[4].host_end_ns -= 1900;
    expect_fit(12345, 100);
}

Test(clock_fit, a_read_has_ended_before_it_returns) {
    make_run(12345);
    for (size_t i = 0; i + 1 < COUNT; i++) records[i].host_end_ns += 400000; /* calls that tell little */
    expect_fit(12345, 1500);
}

/* Whatever a few commands say, the others place the clock. */
Test(clock_fit, commands_that_say_something_else_are_marked) {
    make_run(12345);
    for (size_t stamp = 0; stamp < STAMPS; stamp++) {
        records[2].stamps[stamp] += 2000000000;
        records[7].stamps[stamp] -= 2000000;
    }
    expect_fit(12345, 2000);
    for (size_t i = 0; i < COUNT; i++) cr_expect_eq(problems[i] != NULL, i == 2 || i == 7, "%zu", i);
}

Test(clock_fit, times_that_cannot_be_true_are_marked) {
    make_run(12345);
    records[0].has_stamps = false;
    for (size_t i = 1; i < STAMPS + 1; i++) records[i].stamps[i - 1] = 0;
    records[5].stamps[STAMP_ENDED] = records[5].stamps[STAMP_STARTED];
    records[6].stamps[STAMP_ENDED] = records[6].stamps[STAMP_SUBMITTED];
    records[7].stamps[STAMP_ENDED] = records[7].stamps[STAMP_QUEUED] + RUN_NS + 1000001;
    expect_fit(12345, 30000000);
    for (size_t i = 0; i < COUNT; i++) cr_expect_eq(problems[i] != NULL, i < 8, "%zu", i);
}

Test(clock_fit, a_transfer_may_take_no_time) {
    make_run(12345);
    records[3].command = DEVICE_WRITE;
    records[3].stamps[STAMP_STARTED] = records[3].stamps[STAMP_ENDED];
    fit();
    cr_expect_null(problems[3]);
}

/* A clock that ticks in steps contradicts itself a little. */
Test(clock_fit, contradictions_widen_the_error) {
    make_run(0);
    records[1].stamps[STAMP_QUEUED] -= 5000;
    records[2].stamps[STAMP_QUEUED] += 5000;
    for (size_t i = 0; i < STAMPS; i++) records[2].stamps[i] += i ? 10000 : 0;
    struct clock_fit found = fit();
    for (size_t i = 0; i < COUNT; i++) cr_expect_null(problems[i], "%zu: %s", i, problems[i]);
    cr_expect(llabs(found.offset_ns) < 10000);
    cr_expect_geq(found.error_ns, 1000, "%llu", (unsigned long long)found.error_ns);
}

Test(clock_fit, nothing_good_is_no_fit) {
    make_run(12345);
    for (size_t i = 0; i < COUNT; i++) records[i].has_stamps = false;
    struct clock_fit found = fit();
    cr_expect_eq(found.offset_ns, 0);
    cr_expect_eq(found.error_ns, 0);
    found = clock_fit(records, 0, 0, problems);
    cr_expect_eq(found.offset_ns, 0);
}
