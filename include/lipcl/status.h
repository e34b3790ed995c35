/* status.h: what every function of lipcl returns.
 *
 * The library never prints, exits or aborts. A function that can fail returns a status; the sentence that says what, where,
 * why and what to do goes to the context's log callback and stays readable through lipcl_context_error().
 */
#ifndef LIPCL_STATUS_H
#define LIPCL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(LIPCL_STATIC) || !defined(__GNUC__)
#define LIPCL_API
#else
#define LIPCL_API __attribute__((visibility("default")))
#endif

enum lipcl_status {
    LIPCL_OK = 0,
    LIPCL_ERROR_ARGUMENT,    /* a parameter is outside what the function accepts */
    LIPCL_ERROR_SHAPE,       /* shapes or dtypes do not fit together */
    LIPCL_ERROR_MEMORY,      /* host memory could not be had */
    LIPCL_ERROR_IO,          /* the operating system refused a read or a write */
    LIPCL_ERROR_FORMAT,      /* a file is not what it claims to be */
    LIPCL_ERROR_UNSUPPORTED, /* well formed, but outside what lipcl does */
    LIPCL_ERROR_NOT_FOUND,   /* a name, file or device does not exist */
    LIPCL_ERROR_BUILD,       /* the device's compiler refused a kernel */
    LIPCL_ERROR_DEVICE,      /* an OpenCL call failed; other work on the device may still succeed */
    LIPCL_ERROR_DEVICE_LOST, /* the device's context is dead: destroy what uses it, go on elsewhere */
    LIPCL_ERROR_MISMATCH,    /* a device computed something else than the reference */
};

/* A short name for a status, such as "bad format". Never NULL, static, thread-safe. */
LIPCL_API const char *lipcl_status_name(enum lipcl_status status);

#ifdef __cplusplus
}
#endif
#endif
