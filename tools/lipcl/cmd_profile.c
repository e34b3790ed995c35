/* cmd_profile.c: where the time goes, on each device, and what the limit is. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "datafile.h"
#include "devices.h"
#include "document.h"
#include "messages.h"
#include "options.h"
#include "profile_output.h"
#include "profile_verify.h"
#include "progress.h"
#include "reading.h"

static int runs = 20, csv, no_verify;
static char *trace_path, *html_path, *from_path;

/* What was asked for, and what came of it. */
struct session {
    struct invocation *invocation;
    const char *model;
    char *in;
    struct reading reading; /* owns the weights */
    struct clip clip;
    struct device_selection devices;
    struct profile_log *logs;
    struct profile_summary *summaries; /* without a log where a device failed */
    json_t *environment;               /* before anything ran, so that the load is that of others */
    json_t **verifications;            /* an object a device or null; NULL: not asked for */
};

/* [MODEL] [CLIP]; a single argument is the model when it ends like one, else the clip. False after a message. */
static bool take_arguments(struct session *session) {
    const struct invocation *invocation = session->invocation;
    const char *first = invocation->argument_count > 0 ? invocation->arguments[0] : NULL;
    const char *ending = first ? strrchr(first, '.') : NULL;
    bool is_model = invocation->argument_count == 2 || (ending && strcmp(ending, ".safetensors") == 0);
    if (is_model && options.model) {
        usage_error(&command_profile, "there are two models, %s and --model %s", first, options.model);
        return false;
    }
    if (runs < 1 || runs > 100000) {
        usage_error(&command_profile, "--runs %d: it is a number from 1 to 100000", runs);
        return false;
    }
    if (csv && options.json) {
        usage_error(&command_profile, "--csv and --json both want stdout");
        return false;
    }
    if (no_verify && !html_path) {
        usage_error(&command_profile, "--no-verify: without --html nothing is verified");
        return false;
    }
    if (invocation->argument_count > 2) {
        usage_error(&command_profile, "%s is one argument too many", invocation->arguments[2]);
        return false;
    }
    const char *clip = invocation->argument_count == 2 ? invocation->arguments[1] : is_model ? NULL : first;
    session->model = is_model ? first : options.model;
    session->in = clip ? format_text("%s", clip) : datafile_clip();
    return true;
}

static enum exit_code profile_devices(struct session *session) {
    enum exit_code code = EXIT_DONE;
    const struct profile_job job = {
        .ctx = session->invocation->ctx,
        .weights = session->reading.weights,
        .frames = session->clip.frames,
        .runs = (size_t)runs,
    };
    for (size_t i = 0; i < session->devices.count; i++) {
        const char *selector = session->devices.selectors[i];
        progress_task(i, "profiling %s", selector ? selector : "the device");
        profile_log_init(&session->logs[i], &job, selector);
        if (session->logs[i].problem)
            code = EXIT_FAILED;
        else
            profile_summary_init(&session->summaries[i], &session->logs[i]);
    }
    return code;
}

static void print_all(const struct session *session) {
    size_t count = session->devices.count;
    if (csv) {
        profile_print_csv(session->summaries, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!session->summaries[i].log) continue;
        profile_print(&session->summaries[i]);
        if (count > 1) print("\n");
    }
    if (count > 1) profile_print_matrix(session->logs, session->summaries, count);
}

/* Once the runs are over, so that they stay undisturbed. */
static enum exit_code verify_devices(struct session *session) {
    const struct profile_verify_job job = {
        .reading = &session->reading,
        .clip = &session->clip,
        .clip_path = session->in,
        .logs = session->logs,
        .count = session->devices.count,
    };
    session->verifications = allocate(job.count, sizeof *session->verifications);
    return profile_verify(&job, session->verifications);
}

static void fill_document(struct session *session, json_t *document) {
    json_t *devices = document_array();
    for (size_t i = 0; i < session->devices.count; i++) {
        json_t *device = profile_document(&session->logs[i], session->summaries[i].log ? &session->summaries[i] : NULL);
        document_set(device, "verification", session->verifications ? session->verifications[i] : json_null());
        document_append(devices, device);
    }
    free(session->verifications); /* the document has them */
    session->verifications = NULL;
    document_set(document, "format", document_count(1));
    document_set(document, "model", document_text(session->reading.model));
    document_set(document, "clip", document_text(session->in));
    document_set(document, "shape", document_shape(&session->clip.frames->shape));
    document_set(document, "runs", document_count((size_t)runs));
    document_set(document, "fusion", json_boolean(!options.no_fusion));
    document_set(document, "options", profile_document_options());
    document_set(document, "environment", session->environment);
    session->environment = NULL;
    document_set(document, "devices", devices);
}

/* A page of what was measured before: nothing runs. */
static enum exit_code show_saved(const struct invocation *invocation) {
    if (!html_path) return usage_error(&command_profile, "--from %s: it needs --html", from_path);
    if (options.json || csv || trace_path) return usage_error(&command_profile, "--from makes a page, and nothing else");
    size_t count = 1 + invocation->argument_count, read = 0;
    json_t **documents = allocate(count, sizeof *documents);
    for (; read < count; read++)
        if (!(documents[read] = profile_read_document(read ? invocation->arguments[read - 1] : from_path))) break;
    bool ok = read == count && profile_write_page(html_path, documents, count);
    while (read-- > 0) json_decref(documents[read]);
    free(documents);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code profile_run(struct invocation *invocation) {
    struct session session = {.invocation = invocation};
    enum exit_code code = EXIT_FAILED;
    if (from_path) return show_saved(invocation);
    if (!take_arguments(&session)) return EXIT_USAGE;
    const char *selector = options.device ? options.device : getenv("LIPCL_DEVICE");
    if (!session.in) goto fail;
    if (!device_selection_init(&session.devices, invocation->ctx, selector && *selector ? selector : NULL)) goto fail;
    bool verified = html_path && !no_verify;
    progress_begin(verified ? 2 * session.devices.count + 1 : session.devices.count);
    if (!reading_load(&session.reading, invocation->ctx, session.model)) goto fail;
    if (!clip_load(invocation->ctx, &session.clip, session.in)) goto fail;
    session.logs = allocate(session.devices.count, sizeof *session.logs);
    session.summaries = allocate(session.devices.count, sizeof *session.summaries);
    session.environment = profile_environment();
    code = profile_devices(&session);
    if (verified) {
        enum exit_code verdict = verify_devices(&session);
        if (verdict == EXIT_MISMATCH || code == EXIT_DONE) code = verdict;
    }
    progress_end();
    if (trace_path && !profile_write_trace(trace_path, session.logs, session.devices.count)) code = EXIT_FAILED;
    if (options.json || html_path) fill_document(&session, invocation->document);
    /* As they will be printed, for page and document to be the same. */
    document_set(invocation->document, "exit_status", document_count(code));
    if (code == EXIT_FAILED) document_set(invocation->document, "error", document_text(latest_error()));
    if (html_path && !profile_write_page(html_path, &invocation->document, 1)) code = EXIT_FAILED;
    if (!options.json) print_all(&session);

fail:
    progress_end();
    for (size_t i = 0; session.summaries && i < session.devices.count; i++) profile_summary_finish(&session.summaries[i]);
    for (size_t i = 0; session.logs && i < session.devices.count; i++) profile_log_finish(&session.logs[i]);
    json_decref(session.environment);
    free(session.summaries);
    free(session.logs);
    device_selection_finish(&session.devices);
    clip_finish(&session.clip);
    reading_finish(&session.reading);
    free(session.in);
    return code;
}

static struct poptOption profile_options[] = {
    {"runs", '\0', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &runs, 0,
     "how many runs to profile; on host as many of them as 10 seconds hold", "N"},
    {"csv", '\0', POPT_ARG_NONE, &csv, 0, "rows of all that the tables tell, and more", NULL},
    {"trace", '\0', POPT_ARG_STRING, &trace_path, 0, "write a timeline of every run, for ui.perfetto.dev or chrome://tracing",
     "FILE.json"},
    {"html", '\0', POPT_ARG_STRING, &html_path, 0, "write a page with charts and tables; verifies each device, too",
     "FILE.html"},
    {"no-verify", '\0', POPT_ARG_NONE, &no_verify, 0, "no verification for the page", NULL},
    {"from", '\0', POPT_ARG_STRING, &from_path, 0, "run nothing: the page of these documents of --json, side by side",
     "FILE.json..."},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, model_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, device_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, gemm_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, fusion_options, 0, NULL, NULL},
    {NULL, '\0', POPT_ARG_INCLUDE_TABLE, crop_options, 0, NULL, NULL},
    POPT_TABLEEND};

const struct command command_profile = {
    .name = "profile",
    .summary = "see where the time goes, layer by layer and kernel by kernel",
    .usage = "[MODEL.safetensors] [CLIP] [OPTIONS]",
    .description = "Runs a clip again and again and tells, by the drivers' own times, what each kernel took:\n"
                   "  RUNNING    from its start to its end on the device (median), P95 the same of the\n"
                   "             slowest twentieth\n"
                   "  QUEUED     from the call on the host until the driver submitted it\n"
                   "  SUBMITTED  from then until it started\n"
                   "  WALL       the layer alone: from its first enqueue to the end of its work, and P95\n"
                   "  MFLOP      millions of operations of the layer's definition; ACTUAL those really done\n"
                   "  MB         inputs, parameters and outputs once each; of a kernel, its arguments\n"
                   "  OF LIMIT   the time that the nearer of the device's two peaks, multiply-adds and\n"
                   "             copying, would allow over the time it took; BOUND says which peak\n"
                   "A layer's FLOPs are those of its definition, a kernel's those that it really does. Every\n"
                   "part of a run has a name, gaps are named by what ended them, and all of them together\n"
                   "are the run. Times that cannot be true are marked and never used.\n"
                   "\n"
                   "--device takes a list, too, such as all,host: `all` is every OpenCL device. --html writes a\n"
                   "page that needs no network; for it each device is verified, too: exit status 3 when one\n"
                   "computes something else than the references.\n",
    .examples = "  lipcl profile\n"
                "  lipcl profile --device all,host --json >profile.json\n"
                "  lipcl profile --device all,host --html report.html\n"
                "  lipcl profile clip.mp4 --device gpu --runs 100 --trace trace.json\n"
                "  lipcl profile --html report.html --from yesterday.json today.json\n",
    .max_arguments = SIZE_MAX,
    .options = profile_options,
    .run = profile_run,
};
