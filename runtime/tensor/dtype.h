/* dtype.h: exact conversions between the floating formats. */
#ifndef LIPCL_TENSOR_DTYPE_H
#define LIPCL_TENSOR_DTYPE_H

#include <stdint.h>

#include <lipcl/tensor.h>

float f16_to_f32(uint16_t bits);  /* exact, denormals, infinities and NaN included */
float bf16_to_f32(uint16_t bits); /* exact */

#endif
