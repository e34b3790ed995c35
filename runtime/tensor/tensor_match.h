/* tensor_match.h: does a set hold the tensors that a model wants, and are their values numbers? */
#ifndef LIPCL_TENSOR_TENSOR_MATCH_H
#define LIPCL_TENSOR_TENSOR_MATCH_H

#include <lipcl/tensor.h>

/* Another owner of the set, whose lipcl_tensor_set_destroy() then has to be called once more. Thread-safe. */
struct lipcl_tensor_set *tensor_set_share(const struct lipcl_tensor_set *set);

struct tensor_wanted {
    const char *name;
    struct lipcl_shape shape;
};

/* Finds each wanted tensor: found[i], owned by the set, is the one named wanted[i].name or "module." + that, has the wanted
 * shape, and a floating dtype (which lipcl_tensor_to_f32() widens). `source` names the set's origin in messages.
 *
 * LIPCL_ERROR_NOT_FOUND: a tensor is missing; LIPCL_ERROR_SHAPE: none is missing, but shapes or dtypes are not as wanted. The
 * sentence lists everything that is wrong, wanted and found. */
enum lipcl_status tensor_set_find_all(struct lipcl_context *ctx, const struct lipcl_tensor **found,
                                      const struct lipcl_tensor_set *set, const char *source,
                                      const struct tensor_wanted *wanted, size_t count);

/* The same for a set that comes from outside; also warns of tensors that nobody wants, of NaN and of infinities. */
enum lipcl_status tensor_set_match(struct lipcl_context *ctx, const struct lipcl_tensor **found,
                                   const struct lipcl_tensor_set *set, const char *source, const struct tensor_wanted *wanted,
                                   size_t count);

/* True, and *index = its first place, when the tensor holds a NaN or an infinity. */
bool tensor_find_nonfinite(size_t *index, const struct lipcl_tensor *tensor);

#endif
