/* blast.c: which of those parameters a device can have. */
#include "device/blast.h"

#include "base/hash.h"

/* Places in the rows of blast_tables.c. */
enum { KWG = 2, MDIMC = 5, MWG, NDIMC = 8, NWG, SA, SB };
enum { MDIMCD = 2, NDIMCD = 4, PADA, PADB, WGD = 9 };

bool blast_fits(const struct blast_kernel *kernel, size_t row, const struct device_caps *caps) {
    const size_t *values = kernel->rows[row - 1];
    bool direct = kernel == &blast_direct;
    size_t m = values[direct ? MDIMCD : MDIMC], n = values[direct ? NDIMCD : NDIMC];
    size_t floats = direct ? values[WGD] * (2 * values[WGD] + values[PADA] + values[PADB])
                           : values[KWG] * (values[SA] * values[MWG] + values[SB] * values[NWG]);
    return m * n <= caps->max_work_group && m <= caps->max_work_items[0] && n <= caps->max_work_items[1] &&
           floats * sizeof(float) <= caps->local_bytes;
}

bool blast_choice_is_valid(const struct blast_choice *choice, const struct device_caps *caps) {
    return choice->xgemm >= 1 && choice->xgemm <= blast_xgemm.row_count && choice->direct >= 1 &&
           choice->direct <= blast_direct.row_count && choice->min_indirect >= 1 &&
           choice->min_indirect <= BLAST_MAX_MIN_INDIRECT && blast_fits(&blast_xgemm, choice->xgemm, caps) &&
           blast_fits(&blast_direct, choice->direct, caps);
}

uint64_t blast_choice_hash(const struct blast_choice *choice) {
    uint64_t hash = hash_bytes(HASH_START, blast_xgemm.rows[choice->xgemm - 1], sizeof *blast_xgemm.rows);
    hash = hash_bytes(hash, blast_direct.rows[choice->direct - 1], sizeof *blast_direct.rows);
    return hash_bytes(hash, &choice->min_indirect, sizeof choice->min_indirect);
}
