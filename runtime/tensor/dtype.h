/* dtype.h: exact conversions between the floating formats. */
#ifndef LIPCL_TENSOR_DTYPE_H
#define LIPCL_TENSOR_DTYPE_H

#include <stdint.h>

#include <lipcl/tensor.h>

float f16_to_f32(uint16_t bits);  /* exact, denormals, infinities and NaN included */
float bf16_to_f32(uint16_t bits); /* exact */

/* Elements first .. first + count - 1 of a tensor of a floating dtype. */
void tensor_read_f32(float *out, const struct lipcl_tensor *tensor, size_t first, size_t count);

#endif
