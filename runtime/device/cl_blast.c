/* cl_blast.c: matrix products by CLBlast, the only file that knows it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/library.h"
#include "device/cl_api.h"

#include <clblast_c.h>

static struct {
    __typeof__(&CLBlastSgemmWithTempBuffer) gemm;
    __typeof__(&CLBlastSGemmTempBufferSize) temporary;
    __typeof__(&CLBlastClearCache) clear; /* NULL: there is none */
} blast;

static atomic_size_t users;    /* devices that exist and have computed a product */
static atomic_bool lost_users; /* one of them was lost: its programs, which CLBlast keeps, must not be touched any more */

static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const char *const names[] = {"libclblast.so.1", "libclblast.so", "libclblast.dylib", NULL};
    void *library = open_library(names);
    if (!library) return;
    void *gemm = dlsym(library, "CLBlastSgemmWithTempBuffer"), *temporary = dlsym(library, "CLBlastSGemmTempBufferSize");
    void *clear = dlsym(library, "CLBlastClearCache");
    if (!gemm || !temporary) return;
    memcpy(&blast.clear, &clear, sizeof clear);
    memcpy(&blast.gemm, &gemm, sizeof gemm);
    memcpy(&blast.temporary, &temporary, sizeof temporary);
}

bool cl_blast_is_available(void) {
    pthread_once(&load_once, load);
    return blast.gemm != NULL;
}

static CLBlastTranspose transposed(bool yes) {
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static enum lipcl_status check(struct lipcl_device *device, CLBlastStatusCode code, const char *call) {
    if (code == CLBlastSuccess) return LIPCL_OK;
    if (code > -64 && code < 0) return cl_check(device, (cl_int)code, call); /* CLBlast passes OpenCL's own codes on */
    return fail(device->ctx, LIPCL_ERROR_DEVICE, "device %s: CLBlast error %d from %s", device->info.name, (int)code, call);
}

enum lipcl_status cl_blast_temporary_bytes(struct lipcl_device *device, size_t *bytes, const struct device_gemm *g) {
    struct cl_state *state = cl_state(device);
    *bytes = 0;
    return check(device,
                 blast.temporary(CLBlastLayoutRowMajor, CLBlastTransposeNo, transposed(g->b_transposed), g->m, g->n, g->k,
                                 g->a_offset, g->a_ld, g->b_offset, g->b_ld, g->c_offset, g->c_ld, &state->queue, bytes),
                 "CLBlastSGemmTempBufferSize");
}

enum lipcl_status cl_blast_gemm(struct lipcl_device *device, const struct device_gemm *g) {
    struct cl_state *state = cl_state(device);
    cl_mem temporary = g->temporary ? g->temporary->handle : NULL;
    cl_event event = NULL;
    if (!state->uses_blast) atomic_fetch_add(&users, 1);
    state->uses_blast = true;
    cl_record_before(device);
    CLBlastStatusCode code =
        blast.gemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, transposed(g->b_transposed), g->m, g->n, g->k, 1.0f, g->a->handle,
                   g->a_offset, g->a_ld, g->b->handle, g->b_offset, g->b_ld, g->beta, g->c->handle, g->c_offset, g->c_ld,
                   &state->queue, device->record ? &event : NULL, temporary);
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
