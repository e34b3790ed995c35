/* npy_header.h: the dictionary in front of a .npy file's data. */
#ifndef LIPCL_FORMATS_NPY_HEADER_H
#define LIPCL_FORMATS_NPY_HEADER_H

#include <stdbool.h>

#include <lipcl/tensor.h>

struct npy_header {
    enum lipcl_dtype dtype;
    bool fortran_order;
    struct lipcl_shape shape;
};

/* Parses `size` bytes of text that lie at byte `offset` of `path`: a Python dictionary of exactly 'descr', 'fortran_order' and
 * 'shape'. LIPCL_ERROR_FORMAT; LIPCL_ERROR_UNSUPPORTED: a dtype or rank that lipcl does not read. */
enum lipcl_status npy_header_parse(struct lipcl_context *ctx, struct npy_header *header, const char *path, const char *text,
                                   size_t size, size_t offset);

/* NumPy's name of a dtype ("<f4"), or NULL where it has none (bf16). */
const char *npy_dtype_text(enum lipcl_dtype dtype);

#endif
