#include "profile_verify.h"

#include <stdlib.h>

#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "progress.h"
#include "verification.h"

/* What the profile's own object of the device has as well goes. */
static json_t *result_of(const struct verification *v, const struct clip *host) {
    json_t *object = verification_document(v, host, MODE_BOTH);
    json_object_del(object, "device");
    json_object_del(object, "milliseconds");
    return object;
}

static bool is_verifiable(const struct profile_log *log) {
    const struct lipcl_device_info *info = profile_log_device(log);
    return !log->problem && info && info->type != LIPCL_DEVICE_HOST;
}

static bool run_host(const struct profile_verify_job *job, struct reading *host) {
    progress_task(job->count, "running the clip on host");
    return reading_open(host, "host", &(struct lipcl_plan_params){.no_fusion = true, .keep_values = true}) &&
           clip_run(host, job->clip) && clip_decode(host, job->clip);
}

static enum exit_code verify_device(const struct verification_base *base, const struct profile_log *log, json_t **result) {
    struct verification verification;
    char *selector = device_selector(profile_log_device(log));
    verification_run(&verification, base, selector);
    *result = result_of(&verification, base->clip);
    enum exit_code code = verification.verdict == VERDICT_OK         ? EXIT_DONE
                          : verification.verdict == VERDICT_MISMATCH ? EXIT_MISMATCH
                                                                     : EXIT_FAILED;
    verification_finish(&verification);
    free(selector);
    return code;
}

enum exit_code profile_verify(const struct profile_verify_job *job, json_t **results) {
    size_t verifiable = 0;
    for (size_t i = 0; i < job->count; i++) {
        results[i] = json_null();
        verifiable += is_verifiable(&job->logs[i]);
    }
    if (!verifiable) return EXIT_DONE;
    /* The weights are lent to both, each has a reader of its own. */
    struct reading host = *job->reading, reading = *job->reading;
    host.reader = reading.reader = NULL;
    bool ready = run_host(job, &host);
    enum exit_code code = ready ? EXIT_DONE : EXIT_FAILED;
    struct verification_base base = {.reading = &reading, .host = &host, .clip = job->clip, .clip_path = job->clip_path};
    base.mode = MODE_BOTH;
    for (size_t i = 0; i < job->count && ready; i++) {
        if (!is_verifiable(&job->logs[i])) continue;
        char *label = device_label(profile_log_device(&job->logs[i])), *prefix = format_text("%s: ", label);
        base.prefix = prefix;
        progress_task(job->count + 1 + i, "verifying %s", label);
        enum exit_code one = verify_device(&base, &job->logs[i], &results[i]);
        if (one == EXIT_MISMATCH || code == EXIT_DONE) code = one;
        free(prefix);
        free(label);
    }
    lipcl_lipnet_reader_destroy(&reading.reader);
    lipcl_lipnet_reader_destroy(&host.reader);
    return code;
}
