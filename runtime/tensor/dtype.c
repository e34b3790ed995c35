#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

const char *lipcl_dtype_name(enum lipcl_dtype dtype) {
    switch (dtype) {
    case LIPCL_F32: return "f32";
    case LIPCL_F16: return "f16";
    case LIPCL_BF16: return "bf16";
    case LIPCL_F64: return "f64";
    case LIPCL_U8: return "u8";
    case LIPCL_I64: return "i64";
    }
    return "?";
}

size_t lipcl_dtype_bytes(enum lipcl_dtype dtype) {
    switch (dtype) {
    case LIPCL_F32: return 4;
    case LIPCL_F16: return 2;
    case LIPCL_BF16: return 2;
    case LIPCL_F64: return 8;
    case LIPCL_U8: return 1;
    case LIPCL_I64: return 8;
    }
    return 0;
}

static float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float f16_to_f32(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu;
    uint32_t mantissa = bits & 0x3ffu;
    if (exponent == 0) { /* zero or denormal: mantissa * 2^-24 */
        float magnitude = ldexpf((float)mantissa, -24);
        return sign ? -magnitude : magnitude;
    }
    if (exponent == 31) return float_from_bits(sign | 0x7f800000u | mantissa << 13);
    return float_from_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

float bf16_to_f32(uint16_t bits) {
    return float_from_bits((uint32_t)bits << 16);
}

void tensor_read_f32(float *out, const struct lipcl_tensor *tensor, size_t first, size_t count) {
    if (count == 0) return;
    const void *data = (const unsigned char *)tensor->data + first * lipcl_dtype_bytes(tensor->dtype);
    const uint16_t *half = data;
    const double *wide = data;
    switch (tensor->dtype) {
    case LIPCL_F16:
        for (size_t i = 0; i < count; i++) out[i] = f16_to_f32(half[i]);
        break;
    case LIPCL_BF16:
        for (size_t i = 0; i < count; i++) out[i] = bf16_to_f32(half[i]);
        break;
    case LIPCL_F64:
        for (size_t i = 0; i < count; i++) out[i] = (float)wide[i];
        break;
    default: memcpy(out, data, count * sizeof *out); break;
    }
}
