/* safetensors.h: named tensors in and out of .safetensors files.
 *
 * The format: https://github.com/huggingface/safetensors#format. A file is taken as hostile: every length, offset and name is
 * checked before memory is allocated for it, and nothing of a bad file is kept.
 */
#ifndef LIPCL_SAFETENSORS_H
#define LIPCL_SAFETENSORS_H

#include <lipcl/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a whole file into a new set that the caller destroys: its tensors in the header's order, its __metadata__ as the set's
 * metadata. On failure *set is NULL, and the sentence names the file, the byte and the reason.
 *
 * Read are F32, F16, BF16, F64, U8 and I64 of up to LIPCL_MAX_RANK dimensions; at most 16,384 tensors with names of up to
 * 256 bytes, and 4,096 metadata pairs of up to 2 MiB of JSON each, 16 MiB in all.
 *
 * LIPCL_ERROR_NOT_FOUND, LIPCL_ERROR_IO, LIPCL_ERROR_ARGUMENT (not a regular file), LIPCL_ERROR_MEMORY;
 * LIPCL_ERROR_FORMAT: the file breaks the format; LIPCL_ERROR_UNSUPPORTED: it is well formed but beyond the limits above. */
LIPCL_API enum lipcl_status lipcl_safetensors_load(struct lipcl_context *ctx, struct lipcl_tensor_set **set, const char *path);

/* Writes a set with its metadata. `path` holds the complete new file or, on failure, what it held before: the bytes go to a
 * temporary file beside it, which is flushed to disk and renamed. Tensors with wider elements come first, so that each is
 * aligned to its elements from the file's beginning.
 *
 * LIPCL_ERROR_IO; LIPCL_ERROR_MEMORY; LIPCL_ERROR_ARGUMENT: a name is not UTF-8, "__metadata__", or beyond the limits that
 * lipcl_safetensors_load() has (metadata: as if each byte took six in JSON). */
LIPCL_API enum lipcl_status lipcl_safetensors_save(struct lipcl_context *ctx, const char *path,
                                                   const struct lipcl_tensor_set *set);

#ifdef __cplusplus
}
#endif
#endif
