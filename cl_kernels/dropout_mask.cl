/* dropout_mask: dropout while training, by element or by channel.
 *
 *   y[i] = x[i] * (keep(i / RUN) ? SCALE : 0),   keep(j) = (word j of Philox4x32-10 >> 8) 2^-24 >= P
 *
 * Word j is word j % 4 of the block with counter j / 4 (64 bits, low word first, upper words 0) under the key (SEED_LOW,
 * SEED_HIGH): Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11. Integers only, so that the mask
 * is the same on every device.
 *
 * x, y [COUNT], row-major. A work-item takes every n-th element, n being the number of work-items.
 *
 *   semantic   COUNT                 elements
 *              RUN                   neighbours that share one mask bit: 1 for dropout, T H W for dropout3d
 *              P, SCALE              probability of dropping; 1 / (1 - P)
 *              SEED_LOW, SEED_HIGH   the key
 */
#if !defined COUNT || !defined RUN || !defined P || !defined SCALE || !defined SEED_LOW || !defined SEED_HIGH
#error "COUNT, RUN, P, SCALE, SEED_LOW and SEED_HIGH describe the mask"
#endif

static uint philox_word(ulong index) {
    uint4 w = (uint4)((uint)(index >> 2), (uint)(index >> 34), 0u, 0u);
    uint key0 = SEED_LOW, key1 = SEED_HIGH;
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, w.x), low0 = 0xD2511F53u * w.x;
        uint high1 = mul_hi(0xCD9E8D57u, w.z), low1 = 0xCD9E8D57u * w.z;
        w = (uint4)(high1 ^ w.y ^ key0, low1, high0 ^ w.w ^ key1, low0);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    const uint2 pair = index & 2u ? w.zw : w.xy; /* Oclgrind 21.10 mistakes a chain of four choices */
    return index & 1u ? pair.y : pair.x;
}

__kernel void dropout_mask(__global const float *restrict x, __global float *restrict y) {
    for (ulong i = get_global_id(0); i < COUNT; i += get_global_size(0)) {
        float uniform = (float)(philox_word(i / RUN) >> 8) * 0x1p-24f;
        y[i] = x[i] * (uniform >= P ? SCALE : 0.0f); /* a dropped NaN stays one */
    }
}
