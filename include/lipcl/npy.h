/* npy.h: one tensor in and out of NumPy's .npy files.
 *
 * The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0, 2.0 and 3.0.
 */
#ifndef LIPCL_NPY_H
#define LIPCL_NPY_H

#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a file into a new tensor that the caller destroys. On failure *tensor is NULL, and the sentence names the file and the
 * reason. Read are '<f4', '<f2', '<f8', '|u1' and '<i8' in C order or Fortran order (which is put into C order) with up to
 * LIPCL_MAX_RANK dimensions and a header of up to 10,000 bytes.
 *
 * LIPCL_ERROR_NOT_FOUND, LIPCL_ERROR_IO, LIPCL_ERROR_ARGUMENT (not a regular file), LIPCL_ERROR_MEMORY;
 * LIPCL_ERROR_FORMAT: the file breaks the format; LIPCL_ERROR_UNSUPPORTED: another version, dtype or rank. */
LIPCL_API enum lipcl_status lipcl_npy_load(struct lipcl_context *ctx, struct lipcl_tensor **tensor, const char *path);

/* Writes a tensor as version 1.0. `path` holds the complete new file or, on failure, what it held before.
 *
 * LIPCL_ERROR_IO, LIPCL_ERROR_MEMORY; LIPCL_ERROR_UNSUPPORTED: NumPy has no bf16. */
LIPCL_API enum lipcl_status lipcl_npy_save(struct lipcl_context *ctx, const char *path, const struct lipcl_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
