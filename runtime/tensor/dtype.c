#include "tensor/dtype.h"

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

/* Without branches, so that compilers make vectors of it. The exponent's bias is 15 in one and 127 in the other. */
float f16_to_f32(uint16_t bits) {
    const uint32_t infinity = 0x1fu << 23, one = 1u << 23;
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, magnitude = (uint32_t)(bits & 0x7fffu) << 13;
    uint32_t normal = magnitude + (127 - 15) * one, special = magnitude + (255 - 31) * one;
    /* zero or denormal: as if 2^-14 had been added, which is subtracted again */
    float tiny = float_from_bits(magnitude + (127 - 14) * one) - float_from_bits((127 - 14) * one);
    uint32_t tiny_bits;
    memcpy(&tiny_bits, &tiny, sizeof tiny_bits);
    uint32_t is_tiny = 0 - (uint32_t)(magnitude < one), is_special = 0 - (uint32_t)(magnitude >= infinity);
    return float_from_bits(sign | (tiny_bits & is_tiny) | (special & is_special) | (normal & ~is_tiny & ~is_special));
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
