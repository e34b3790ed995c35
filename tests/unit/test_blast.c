/* The parameters that CLBlast may be given: what its kernels demand of them, and what a device does. */
#include <criterion/criterion.h>
#include <string.h>

#include "device/blast.h"

static const struct device_caps large = {.max_work_group = 1024, .max_work_items = {1024, 1024, 64}, .local_bytes = 64 << 10};

static size_t value(const struct blast_kernel *kernel, size_t row, const char *name) {
    for (size_t i = 0; i < kernel->parameter_count; i++)
        if (strcmp(kernel->parameters[i], name) == 0) return kernel->rows[row - 1][i];
    cr_assert(false, "%s has no %s", kernel->name, name);
    return 0;
}

#define X(name) value(&blast_xgemm, row, name)
#define D(name) value(&blast_direct, row, name)

/* The constraints of CLBlast's tuner (src/tuning/kernels/xgemm.hpp): without them tiles are not covered. */
Test(blast, rows_of_xgemm_cover_their_tiles) {
    cr_expect_geq(blast_xgemm.row_count, 8);
    for (size_t row = 1; row <= blast_xgemm.row_count; row++) {
        cr_expect_eq(X("MWG") % (X("MDIMC") * X("VWM")), 0, "row %zu", row);
        cr_expect_eq(X("NWG") % (X("NDIMC") * X("VWN")), 0, "row %zu", row);
        cr_expect_eq(X("MWG") % (X("MDIMA") * X("VWM")), 0, "row %zu", row);
        cr_expect_eq(X("NWG") % (X("NDIMB") * X("VWN")), 0, "row %zu", row);
        if (X("GEMMK") == 1) {
            cr_expect(X("MDIMA") == X("MDIMC") && X("NDIMB") == X("NDIMC"), "row %zu", row);
            cr_expect(X("MWG") == X("NWG") && X("MDIMC") == X("NDIMC"), "row %zu", row); /* others gave wrong numbers */
            cr_expect(X("KWG") == 1 && X("KWI") == 1 && !X("SA") && !X("SB"), "row %zu", row);
            cr_expect_eq(X("KREG") % X("VWN"), 0, "row %zu", row);
        } else {
            cr_expect_eq(X("KREG"), 1, "row %zu", row);
            cr_expect_eq(X("KWG") % X("KWI"), 0, "row %zu", row);
            cr_expect_eq(X("KWG") % (X("MDIMC") * X("NDIMC") / X("MDIMA")), 0, "row %zu", row);
            cr_expect_eq(X("KWG") % (X("MDIMC") * X("NDIMC") / X("NDIMB")), 0, "row %zu", row);
        }
    }
}

/* src/tuning/kernels/xgemm_direct.hpp */
Test(blast, rows_of_xgemm_direct_cover_their_tiles) {
    cr_expect_geq(blast_direct.row_count, 5);
    for (size_t row = 1; row <= blast_direct.row_count; row++) {
        cr_expect_eq(D("WGD") % D("KWID"), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("MDIMCD") * D("VWMD")), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("NDIMCD") * D("VWND")), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("MDIMAD") * D("VWMD")), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("NDIMBD") * D("VWND")), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("MDIMCD") * D("NDIMCD") / D("MDIMAD")), 0, "row %zu", row);
        cr_expect_eq(D("WGD") % (D("MDIMCD") * D("NDIMCD") / D("NDIMBD")), 0, "row %zu", row);
    }
}

Test(blast, a_large_device_can_have_all) {
    for (size_t row = 1; row <= blast_xgemm.row_count; row++) cr_expect(blast_fits(&blast_xgemm, row, &large), "%zu", row);
    for (size_t row = 1; row <= blast_direct.row_count; row++) cr_expect(blast_fits(&blast_direct, row, &large), "%zu", row);
}

Test(blast, small_devices_can_have_less) {
    for (size_t row = 1; row <= blast_xgemm.row_count; row++) {
        struct device_caps caps = large;
        caps.max_work_group = X("MDIMC") * X("NDIMC");
        caps.max_work_items[0] = X("MDIMC");
        caps.max_work_items[1] = X("NDIMC");
        caps.local_bytes = 4 * X("KWG") * (X("SA") * X("MWG") + X("SB") * X("NWG"));
        cr_expect(blast_fits(&blast_xgemm, row, &caps), "%zu", row);
        caps.max_work_group--;
        cr_expect_not(blast_fits(&blast_xgemm, row, &caps), "%zu", row);
        caps.max_work_group++, caps.max_work_items[0]--;
        cr_expect_not(blast_fits(&blast_xgemm, row, &caps), "%zu", row);
        caps.max_work_items[0]++, caps.max_work_items[1]--;
        cr_expect_not(blast_fits(&blast_xgemm, row, &caps), "%zu", row);
        caps.max_work_items[1]++;
        if (caps.local_bytes) caps.local_bytes--;
        cr_expect_eq(blast_fits(&blast_xgemm, row, &caps), !X("SA") && !X("SB"), "%zu", row);
    }
    for (size_t row = 1; row <= blast_direct.row_count; row++) {
        struct device_caps caps = large;
        caps.local_bytes = 4 * D("WGD") * (2 * D("WGD") + D("PADA") + D("PADB"));
        caps.max_work_group = D("MDIMCD") * D("NDIMCD");
        cr_expect(blast_fits(&blast_direct, row, &caps), "%zu", row);
        caps.local_bytes--;
        cr_expect_not(blast_fits(&blast_direct, row, &caps), "%zu", row);
        caps.local_bytes++, caps.max_work_group--;
        cr_expect_not(blast_fits(&blast_direct, row, &caps), "%zu", row);
    }
}

Test(blast, choices_name_rows_that_there_are) {
    const struct blast_choice good = {blast_xgemm.row_count, blast_direct.row_count, BLAST_MAX_MIN_INDIRECT};
    const struct blast_choice wrong[] = {{0, 1, 1},
                                         {1, 0, 1},
                                         {1, 1, 0},
                                         {blast_xgemm.row_count + 1, 1, 1},
                                         {1, blast_direct.row_count + 1, 1},
                                         {SIZE_MAX, 1, 1},
                                         {1, 1, BLAST_MAX_MIN_INDIRECT + 1}};
    cr_expect(blast_choice_is_valid(&good, &large));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) cr_expect_not(blast_choice_is_valid(&wrong[i], &large), "%zu", i);
    cr_expect_not(blast_choice_is_valid(&good, &(struct device_caps){.max_work_group = 1, .max_work_items = {1, 1, 1}}));
}

Test(blast, other_choices_have_other_hashes) {
    uint64_t hash = blast_choice_hash(&(struct blast_choice){1, 1, 1});
    cr_expect_eq(hash, blast_choice_hash(&(struct blast_choice){1, 1, 1}));
    cr_expect_neq(hash, blast_choice_hash(&(struct blast_choice){2, 1, 1}));
    cr_expect_neq(hash, blast_choice_hash(&(struct blast_choice){1, 2, 1}));
    cr_expect_neq(hash, blast_choice_hash(&(struct blast_choice){1, 1, 2}));
}
