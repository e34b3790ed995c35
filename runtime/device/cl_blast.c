/* cl_blast.c: matrix products by CLBlast, the only file that knows it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/library.h"
#include "base/memory.h"
#include "device/blast.h"
#include "device/cl_api.h"

#include <clblast_c.h>

static struct {
    __typeof__(&CLBlastSgemmWithTempBuffer) gemm;
    __typeof__(&CLBlastSGemmTempBufferSize) temporary;
    __typeof__(&CLBlastClearCache) clear;              /* NULL: there is none */
    __typeof__(&CLBlastOverrideParameters) parameters; /* NULL: there is none */
    char name[64];
} blast;

/* What CLBlast has been told, which it keeps for each device (not context) until the process ends. */
static struct {
    pthread_mutex_t lock;
    size_t count;
    struct told {
        cl_device_id device;
        struct blast_choice choice;
    } devices[32];
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_size_t users;    /* devices that exist and have computed a product */
static atomic_bool lost_users; /* one of them was lost: its programs, which CLBlast keeps, must not be touched any more */

static pthread_once_t load_once = PTHREAD_ONCE_INIT;

/* Its file's name, links followed: CLBlast has no call that tells its version. */
static void find_name(void *symbol) {
    Dl_info info;
    char *path = dladdr(symbol, &info) && info.dli_fname ? realpath(info.dli_fname, NULL) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    snprintf(blast.name, sizeof blast.name, "%s", slash ? slash + 1 : "CLBlast");
    for (char *c = blast.name; *c; c++)
        if (*c <= ' ' || *c > '~') *c = '?';
    free(path);
}

static void load(void) {
    static const char *const names[] = {"libclblast.so.1", "libclblast.so", "libclblast.dylib", NULL};
    void *library = open_library(names);
    if (!library) return;
    void *gemm = dlsym(library, "CLBlastSgemmWithTempBuffer"), *temporary = dlsym(library, "CLBlastSGemmTempBufferSize");
    void *clear = dlsym(library, "CLBlastClearCache"), *parameters = dlsym(library, "CLBlastOverrideParameters");
    if (!gemm || !temporary) return;
    find_name(gemm);
    memcpy(&blast.clear, &clear, sizeof clear);
    memcpy(&blast.parameters, &parameters, sizeof parameters);
    memcpy(&blast.gemm, &gemm, sizeof gemm);
    memcpy(&blast.temporary, &temporary, sizeof temporary);
}

bool cl_blast_is_available(void) {
    pthread_once(&load_once, load);
    return blast.gemm != NULL;
}

const char *cl_blast_name(void) {
    return blast.name;
}

static CLBlastTranspose transposed(bool yes) {
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static enum lipcl_status check(struct lipcl_device *device, CLBlastStatusCode code, const char *call) {
    if (code == CLBlastSuccess) return LIPCL_OK;
    if (code > -64 && code < 0) return cl_check(device, (cl_int)code, call); /* CLBlast passes OpenCL's own codes on */
    return fail(device->ctx, LIPCL_ERROR_DEVICE, "device %s: CLBlast error %d from %s", device->info.name, (int)code, call);
}

static enum lipcl_status tell(struct lipcl_device *device, const char *kernel, size_t count, const char *const *names,
                              const size_t *values) {
    const char *copies[BLAST_MAX_PARAMETERS]; /* CLBlast's prototype would let it change them */
    memcpy(copies, names, count * sizeof *names);
    CLBlastStatusCode code = blast.parameters(cl_state(device)->device, kernel, CLBlastPrecisionSingle, count, copies, values);
    if (code == CLBlastSuccess) return LIPCL_OK;
    return fail(device->ctx, LIPCL_ERROR_UNSUPPORTED, "device %s: %s refuses the parameters of its %s (error %d)",
                device->info.name, blast.name, kernel, (int)code);
}

/* Makes the choice CLBlast's, if it is not: in `told.lock`. Programs stay: CLBlast keeps them by their parameters. */
static enum lipcl_status choose(struct lipcl_device *device, const struct blast_choice *choice) {
    enum lipcl_status status = LIPCL_OK;
    const char *threshold = "XGEMM_MIN_INDIRECT_SIZE";
    cl_device_id id = cl_state(device)->device;
    size_t i = 0;
    if (!blast.parameters)
        return fail(device->ctx, LIPCL_ERROR_UNSUPPORTED, "device %s: %s takes no parameters", device->info.name, blast.name);
    while (i < told.count && told.devices[i].device != id) i++;
    if (i < told.count && memcmp(&told.devices[i].choice, choice, sizeof *choice) == 0) return LIPCL_OK;
    if (i < sizeof told.devices / sizeof *told.devices) {
        told.devices[i] = (struct told){.device = id}; /* until all is told */
        told.count = size_max(told.count, i + 1);
    }
    TRY(tell(device, blast_xgemm.name, blast_xgemm.parameter_count, blast_xgemm.parameters,
             blast_xgemm.rows[choice->xgemm - 1]));
    TRY(tell(device, blast_direct.name, blast_direct.parameter_count, blast_direct.parameters,
             blast_direct.rows[choice->direct - 1]));
    TRY(tell(device, "GemmRoutine", 1, &threshold, &choice->min_indirect));
    if (i < sizeof told.devices / sizeof *told.devices) told.devices[i].choice = *choice;

fail:
    return status;
}

static enum lipcl_status begin(struct lipcl_device *device, const struct device_gemm *g) {
    if (!g->blast) return LIPCL_OK;
    pthread_mutex_lock(&told.lock);
    enum lipcl_status status = choose(device, g->blast);
    if (status != LIPCL_OK) pthread_mutex_unlock(&told.lock);
    return status;
}

static void end(const struct device_gemm *g) {
    if (g->blast) pthread_mutex_unlock(&told.lock);
}

enum lipcl_status cl_blast_temporary_bytes(struct lipcl_device *device, size_t *bytes, const struct device_gemm *g) {
    struct cl_state *state = cl_state(device);
    *bytes = 0;
    enum lipcl_status status = begin(device, g);
    if (status != LIPCL_OK) return status;
    CLBlastStatusCode code =
        blast.temporary(CLBlastLayoutRowMajor, CLBlastTransposeNo, transposed(g->b_transposed), g->m, g->n, g->k, g->a_offset,
                        g->a_ld, g->b_offset, g->b_ld, g->c_offset, g->c_ld, &state->queue, bytes);
    end(g);
    return check(device, code, "CLBlastSGemmTempBufferSize");
}

static CLBlastStatusCode multiply(struct lipcl_device *device, const struct device_gemm *g, cl_mem temporary, cl_event *event) {
    struct cl_state *state = cl_state(device);
    return blast.gemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, transposed(g->b_transposed), g->m, g->n, g->k, 1.0f,
                      g->a->handle, g->a_offset, g->a_ld, g->b->handle, g->b_offset, g->b_ld, g->beta, g->c->handle,
                      g->c_offset, g->c_ld, &state->queue, event, temporary);
}

enum lipcl_status cl_blast_gemm(struct lipcl_device *device, const struct device_gemm *g) {
    struct cl_state *state = cl_state(device);
    cl_mem temporary = g->temporary ? g->temporary->handle : NULL;
    cl_event event = NULL, *wanted = device->record ? &event : NULL;
    enum lipcl_status status = begin(device, g);
    if (status != LIPCL_OK) return status;
    if (!state->uses_blast) atomic_fetch_add(&users, 1);
    state->uses_blast = true;
    cl_record_before(device);
    CLBlastStatusCode code = multiply(device, g, temporary, wanted);
    /* Planned with other parameters than another plan of this process has set since: nothing has been enqueued. */
    if (temporary && code == CLBlastInsufficientMemoryTemp) code = multiply(device, g, NULL, wanted);
    end(g);
    cl_recorded(device, code == CLBlastSuccess ? CL_SUCCESS : (cl_int)code, event);
    return check(device, code, "CLBlastSgemmWithTempBuffer");
}

/* CLBlast keeps programs, and with them their contexts, until the process ends, when some drivers are no longer there to
 * release them. It can only forget those of all devices at once. */
void cl_blast_leave(struct lipcl_device *device) {
    struct cl_state *state = cl_state(device);
    if (!state->uses_blast) return;
    state->uses_blast = false;
    if (device->lost) atomic_store(&lost_users, true);
    if (atomic_fetch_sub(&users, 1) == 1 && !atomic_load(&lost_users) && blast.clear) blast.clear();
}
