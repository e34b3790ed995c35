/* cl_program.c: building kernels. A program is built once for each pair of file and options, or taken from the cache
 * (cl_cache.h). A device keeps those used last for plans to come; kernels keep their own programs alive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/cl_api.h"
#include "device/cl_cache.h"
#include "device/kernel_source.h"

/* In front of every build's options: the language that each kernel is written in, and silence of compilers that print their
 * warnings (PoCL's: of its own vector ABI) to the user's terminal. */
#define COMMON_OPTIONS "-cl-std=CL1.2 -w "

/* Several plans of LipNet for clips of several lengths; drivers take up to 2 MB for each. */
enum { MAX_PROGRAMS = 64 };

struct cl_program_entry {
    struct cl_program_entry *next; /* used longer ago */
    char *file, *options;
    cl_program program;
    struct cl_cache_key key;
    uint64_t binary; /* the digest of the cached binary that it was made of; 0: compiled here */
    bool is_kept;    /* the cache has it, or does not want it */
};

static void entry_destroy(struct lipcl_device *device, struct cl_program_entry *entry) {
    if (!entry) return;
    if (entry->program && !device->lost) cl_state(device)->cl->clReleaseProgram(entry->program);
    cl_cache_key_finish(&entry->key);
    free(entry->file);
    free(entry->options);
    free(entry);
}

void cl_programs_destroy(struct lipcl_device *device) {
    struct cl_state *state = cl_state(device);
    while (state->programs) {
        struct cl_program_entry *next = state->programs->next;
        entry_destroy(device, state->programs);
        state->programs = next;
    }
}

/* The compiler's log, or NULL; freed with free(). */
static char *build_log(const struct cl_state *state, cl_program program) {
    size_t bytes = 0;
    if (state->cl->clGetProgramBuildInfo(program, state->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) != CL_SUCCESS)
        return NULL;
    char *text = calloc(1, bytes + 1);
    if (text && state->cl->clGetProgramBuildInfo(program, state->device, CL_PROGRAM_BUILD_LOG, bytes, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    return text;
}

static char *number_lines(const char *source) {
    size_t lines = 1, bytes = strlen(source) + 1;
    for (const char *c = source; *c; c++) lines += *c == '\n';
    char *text = malloc(bytes + 8 * lines), *out = text;
    if (!text) return NULL;
    for (size_t line = 1; *source; line++) {
        size_t length = strcspn(source, "\n");
        out += sprintf(out, "%5zu  ", line % 100000);
        memcpy(out, source, length);
        out += length;
        source += length;
        if (*source) *out++ = *source++;
    }
    *out = '\0';
    return text;
}

/* A failed build says everything that a bug report needs: device, driver, options, the compiler's log, the numbered source. */
static void report_failure(struct lipcl_device *device, const struct cl_program_entry *entry, const char *source, cl_int code) {
    char *log = build_log(cl_state(device), entry->program), *numbered = number_lines(source);
    log_message(device->ctx, LIPCL_LOG_DEBUG, "source of %s:\n%s", entry->file, numbered ? numbered : source);
    fail(device->ctx, LIPCL_ERROR_BUILD,
         "device %s (driver %s): %s (%d) building %s with options\n  " COMMON_OPTIONS "%s\ncompiler log:\n%s",
         device->info.name, device->info.driver, cl_error_name(code), code, entry->file, entry->options,
         log && *log ? log : "(empty)");
    free(log);
    free(numbered);
}

static void log_warnings(struct lipcl_device *device, const struct cl_program_entry *entry) {
    if (!log_wants(device->ctx, LIPCL_LOG_DEBUG)) return;
    char *log = build_log(cl_state(device), entry->program);
    if (log && *log) log_message(device->ctx, LIPCL_LOG_DEBUG, "compiler log of %s:\n%s", entry->file, log);
    free(log);
}

static enum lipcl_status compile(struct lipcl_device *device, struct cl_program_entry *entry, const char *source,
                                 const char *all_options) {
    enum lipcl_status status = LIPCL_OK;
    const struct cl_state *state = cl_state(device);
    cl_int code;
    entry->program = state->cl->clCreateProgramWithSource(state->context, 1, &source, NULL, &code);
    TRY(cl_check(device, code, "clCreateProgramWithSource"));
    log_message(device->ctx, LIPCL_LOG_DEBUG, "building %s %s", entry->file, entry->options);
    code = state->cl->clBuildProgram(entry->program, 1, &state->device, all_options, NULL, NULL);
    if (code != CL_SUCCESS) {
        report_failure(device, entry, source, code);
        TRY(LIPCL_ERROR_BUILD);
    }
    log_warnings(device, entry);

fail:
    return status;
}

static void take_out(struct cl_state *state, struct cl_program_entry *entry) {
    struct cl_program_entry **link = &state->programs;
    while (*link && *link != entry) link = &(*link)->next;
    if (*link) *link = entry->next;
}

/* Puts an entry that is in no list in front; the last of too many goes. */
static void put_first(struct lipcl_device *device, struct cl_program_entry *entry) {
    struct cl_state *state = cl_state(device);
    struct cl_program_entry **link = &state->programs;
    entry->next = state->programs;
    state->programs = entry;
    for (size_t i = 0; i < MAX_PROGRAMS && *link; i++) link = &(*link)->next;
    entry_destroy(device, *link); /* there is at most one too many */
    *link = NULL;
}

static enum lipcl_status make(struct lipcl_device *device, struct cl_program_entry **entry, const char *file,
                              const char *options, bool may_be_cached) {
    enum lipcl_status status = LIPCL_OK;
    char *source = NULL, *all_options = NULL;
    struct cl_program_entry *made = calloc(1, sizeof *made);
    if (!made) TRY(fail_memory(device->ctx, sizeof *made));
    made->file = string_copy(file);
    made->options = string_copy(options);
    all_options = malloc(sizeof COMMON_OPTIONS + strlen(options));
    if (!made->file || !made->options || !all_options) TRY(fail_memory(device->ctx, strlen(file) + 2 * strlen(options)));
    strcat(strcpy(all_options, COMMON_OPTIONS), options);
    TRY(kernel_source(device->ctx, &source, file));
    if (!cl_cache_key_init(&made->key, &device->info, file, all_options, source))
        TRY(fail_memory(device->ctx, strlen(options)));
    if (may_be_cached) made->program = cl_cache_load(device, &made->key, &made->binary);
    if (device->lost) TRY(LIPCL_ERROR_DEVICE_LOST);
    made->is_kept = made->program != NULL;
    if (made->program)
        log_message(device->ctx, LIPCL_LOG_DEBUG, "from the cache: %s %s", file, options);
    else
        TRY(compile(device, made, source, all_options));
    put_first(device, made);
    *entry = made;
    free(source);
    free(all_options);
    return LIPCL_OK;

fail:
    free(source);
    free(all_options);
    entry_destroy(device, made);
    return status;
}

static struct cl_program_entry *find(struct lipcl_device *device, const char *file, const char *options) {
    struct cl_program_entry *entry = cl_state(device)->programs;
    while (entry && (strcmp(entry->file, file) != 0 || strcmp(entry->options, options) != 0)) entry = entry->next;
    if (!entry) return NULL;
    take_out(cl_state(device), entry);
    put_first(device, entry);
    return entry;
}

/* What asks for it next compiles it. Kernels made of its program keep it alive. */
static void forget(struct lipcl_device *device, struct cl_program_entry *entry) {
    take_out(cl_state(device), entry);
    entry_destroy(device, entry);
}

bool cl_kernel_distrust(struct lipcl_device *device, struct device_kernel *kernel) {
    struct cl_program_entry *entry = cl_state(device)->programs;
    while (entry && entry->program != kernel->program) entry = entry->next;
    if (!entry) return true; /* another kernel of the program was faster */
    cl_cache_remove(&entry->key);
    forget(device, entry);
    return true;
}

bool cl_programs_keep(struct lipcl_device *device) {
    bool any = false;
    for (struct cl_program_entry *entry = cl_state(device)->programs; entry && !device->lost; entry = entry->next) {
        uint64_t binary;
        if (entry->is_kept) continue;
        entry->is_kept = true;
        if (!cl_cache_save(device, &entry->key, entry->program)) continue;
        cl_program kept = cl_cache_load(device, &entry->key, &binary);
        if (!kept) continue; /* what was compiled stays, and no process will get more out of the file than this one did */
        cl_state(device)->cl->clReleaseProgram(entry->program);
        entry->program = kept;
        entry->binary = binary;
        any = true;
    }
    return any;
}

enum lipcl_status cl_kernel_create(struct lipcl_device *device, struct device_kernel *kernel, const char *file,
                                   const char *options) {
    enum lipcl_status status = LIPCL_OK;
    struct cl_state *state = cl_state(device);
    struct cl_program_entry *entry = find(device, file, options);
    cl_kernel made = NULL;
    cl_int code;
    if (!entry) TRY(make(device, &entry, file, options, true));
    made = state->cl->clCreateKernel(entry->program, kernel->name, &code);
    if (code != CL_SUCCESS && entry->binary && !cl_kills_context(code)) {
        log_message(device->ctx, LIPCL_LOG_INFO, "cache: %s: no kernel comes out of it; compiling anew", entry->key.name);
        forget(device, entry);
        TRY(make(device, &entry, file, options, false));
        made = state->cl->clCreateKernel(entry->program, kernel->name, &code);
    }
    TRY(cl_check(device, code, "clCreateKernel"));
    CL_TRY(device, state->cl->clGetKernelWorkGroupInfo(made, state->device, CL_KERNEL_WORK_GROUP_SIZE,
                                                       sizeof kernel->work_group, &kernel->work_group, NULL));
    kernel->handle = made;
    kernel->program = entry->program;
    kernel->binary = entry->binary;
    return LIPCL_OK;

fail:
    if (made && !device->lost) state->cl->clReleaseKernel(made);
    return status;
}

void cl_kernel_destroy(struct lipcl_device *device, struct device_kernel *kernel) {
    if (!device->lost) cl_state(device)->cl->clReleaseKernel(kernel->handle);
}

enum lipcl_status cl_kernel_argument(struct lipcl_device *device, struct device_kernel *kernel, size_t index,
                                     struct device_buffer *buffer) {
    cl_mem memory = buffer->handle;
    return cl_check(device, cl_state(device)->cl->clSetKernelArg(kernel->handle, (cl_uint)index, sizeof memory, &memory),
                    kernel->name);
}
