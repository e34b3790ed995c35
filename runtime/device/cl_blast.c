/* cl_blast.c: matrix products by CLBlast, the only file that knows it. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/library.h"
#include "device/cl_api.h"

#include <clblast_c.h>

static struct {
    __typeof__(&CLBlastSgemmWithTempBuffer) gemm;
    __typeof__(&CLBlastSGemmTempBufferSize) temporary;
} blast;

static pthread_once_t load_once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const char *const names[] = {"libclblast.so.1", "libclblast.so", "libclblast.dylib", NULL};
    void *library = open_library(names);
    if (!library) return;
    void *gemm = dlsym(library, "CLBlastSgemmWithTempBuffer"), *temporary = dlsym(library, "CLBlastSGemmTempBufferSize");
    if (!gemm || !temporary) return;
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
    cl_record_before(device);
    CLBlastStatusCode code =
        blast.gemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, transposed(g->b_transposed), g->m, g->n, g->k, 1.0f, g->a->handle,
                   g->a_offset, g->a_ld, g->b->handle, g->b_offset, g->b_ld, g->beta, g->c->handle, g->c_offset, g->c_ld,
                   &state->queue, device->record ? &event : NULL, temporary);
    cl_recorded(device, code == CLBlastSuccess ? CL_SUCCESS : (cl_int)code, event);
    return check(device, code, "CLBlastSgemmWithTempBuffer");
}
