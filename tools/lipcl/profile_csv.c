#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "messages.h"
#include "profile_output.h"

/* Text as RFC 4180 wants it. */
static void put_text(const char *text) {
    if (!text) text = "";
    if (!strpbrk(text, ",\"\r\n")) {
        print("%s,", text);
        return;
    }
    print("\"");
    for (; *text; text++) print(*text == '"' ? "\"\"" : "%c", *text);
    print("\",");
}

static void put_number(double number, bool is_known) {
    if (is_known)
        print("%.9g,", number);
    else
        print(",");
}

static void put_spread(const struct spread *spread) {
    put_number(spread->median, spread->count > 0);
    put_number(spread->p95, spread->count > 0);
}

static void put_sizes(const size_t sizes[3]) {
    if (sizes[0])
        print("%zux%zux%zu,", sizes[0], sizes[1], sizes[2]);
    else
        print(",");
}

static void put_device(const struct profile_log *log) {
    const struct lipcl_device_info *info = profile_log_device(log);
    char *selector = device_selector(info);
    put_text(selector);
    put_text(info->name);
    put_text(info->driver);
    free(selector);
}

static void put_rates(const struct rates *rates) {
    put_number(rates->flops, rates->flops > 0);
    put_number(rates->bytes, rates->bytes > 0);
    put_number(rates->gflops, rates->gflops > 0);
    put_number(rates->gbps, rates->gbps > 0);
    put_number(rates->limit_share, rates->limit_share > 0);
}

static void put_layer(const struct profile_summary *summary, const struct layer_summary *layer) {
    static const struct spread none = {0};
    put_device(summary->log);
    put_text(layer->info->name);
    put_text(layer->info->lowering);
    put_text("");
    print("%zu,0,", layer->running.count);
    put_spread(&none);
    put_spread(&none);
    put_spread(&layer->running);
    put_rates(&layer->rates);
    print(",,0,0,0,\n");
}

static void put_kernel(const struct profile_summary *summary, const struct kernel_summary *kernel) {
    const struct lipcl_profile_event *event = &kernel->event;
    put_device(summary->log);
    put_text(event->layer_name);
    put_text(event->lowering);
    put_text(event->name);
    print("%zu,%zu,", kernel->calls, kernel->invalid);
    put_spread(&kernel->queued);
    put_spread(&kernel->submitted);
    put_spread(&kernel->running);
    put_rates(&kernel->rates);
    put_sizes(event->global);
    put_sizes(event->local);
    print("%zu,%zu,%zu,%s\n", event->work_group, event->private_bytes, event->local_bytes, event->tuning ? event->tuning : "");
}

void profile_print_csv(const struct profile_summary *summaries, size_t count) {
    print("select,device,driver,layer,lowering,kernel,calls,invalid,queued_ms,queued_p95_ms,submitted_ms,submitted_p95_ms,"
          "running_ms,running_p95_ms,flops,bytes,gflops,gbps,limit_share,global,local,work_group,private_bytes,local_bytes,"
          "tuning\n");
    for (size_t d = 0; d < count; d++) {
        const struct profile_summary *summary = &summaries[d];
        if (!summary->log) continue;
        for (size_t i = 0; i < summary->layer_count; i++)
            if (summary->layers[i].kernel_count == 0) put_layer(summary, &summary->layers[i]);
        for (size_t i = 0; i < summary->kernel_count; i++) put_kernel(summary, &summary->kernels[i]);
    }
}
