/* kernel_source.h: the text of the files in cl_kernels/, embedded or from the folder that the user named. */
#ifndef LIPCL_DEVICE_KERNEL_SOURCE_H
#define LIPCL_DEVICE_KERNEL_SOURCE_H

#include "base/log.h"

/* The source of kernel file `name` with every `#include "file"` line replaced by that file's text; freed with free().
 * LIPCL_ERROR_FORMAT: the includes nest more than four deep, are more than 256 or make more than 4 MiB; a NUL byte.
 * LIPCL_ERROR_NOT_FOUND: neither embedded nor (for a file that is not embedded) in the folder. */
enum lipcl_status kernel_source(struct lipcl_context *ctx, char **source, const char *name);

#endif
