/* blast_tables.c: the parameters of CLBlast's kernels that are worth trying. */
#include "device/blast.h"

/* Rows are entries of CLBlast's database (src/database/kernels/xgemm*_32.hpp of CLBlast 1.5, Apache License 2.0), chosen to be
 * unlike each other, and points of the grids and constraints of its tuners (src/tuning/kernels/xgemm*.hpp): tiles are multiples
 * of work-group times vector. Those that won on a CPU come first, because compilers of CPU devices take seconds for each. */
static const size_t xgemm_rows[][BLAST_MAX_PARAMETERS] = {
    /* GEMMK KREG KWG KWI MDIMA MDIMC MWG NDIMB NDIMC NWG SA SB STRM STRN VWM VWN */
    {1, 4, 1, 1, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 8, 4},     {1, 2, 1, 1, 8, 8, 32, 8, 8, 32, 0, 0, 0, 0, 4, 2},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},  /* the default of AMD, Intel and NVIDIA's newer GPUs */
    {0, 1, 16, 2, 8, 16, 128, 8, 8, 128, 1, 1, 1, 1, 4, 8}, /* GeForce GTX TITAN X */
    {0, 1, 32, 2, 16, 8, 64, 8, 8, 64, 1, 1, 1, 1, 4, 8},   /* GeForce GTX 1080 */
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 64, 0, 0, 0, 0, 4, 4},    /* Radeon Pro 580, Intel CPUs */
    {0, 1, 32, 2, 8, 8, 32, 16, 16, 32, 1, 1, 0, 0, 4, 2},  /* the default of devices that CLBlast does not know */
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 32, 1, 1, 0, 0, 4, 2},  /* Mali */
    {0, 1, 16, 2, 4, 4, 64, 8, 8, 64, 0, 0, 0, 0, 8, 8},
};
static const size_t direct_rows[][BLAST_MAX_PARAMETERS] = {
    /* KWID MDIMAD MDIMCD NDIMBD NDIMCD PADA PADB VWMD VWND WGD */
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},   /* GeForce 920MX, Intel CPUs */
    {2, 8, 8, 16, 16, 1, 1, 4, 2, 32}, /* the default of NVIDIA's GPUs */
    {2, 16, 16, 8, 8, 1, 1, 1, 1, 16}, /* the default of AMD's GPUs */
    {2, 16, 16, 8, 8, 1, 1, 2, 1, 32}, /* Intel HD Graphics 620 */
    {2, 8, 8, 8, 8, 1, 1, 1, 2, 16},   /* the default of devices that CLBlast does not know */
    {8, 8, 8, 8, 8, 0, 0, 8, 4, 64},   /* Intel Core i5-4590S */
    {2, 8, 8, 8, 8, 1, 1, 1, 1, 8},    /* the default of Intel's GPUs */
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct blast_kernel blast_xgemm = {
    .name = "Xgemm",
    .parameter_count = 16,
    .row_count = COUNT(xgemm_rows),
    .parameters = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA", "SB", "STRM", "STRN",
                   "VWM", "VWN"},
    .rows = xgemm_rows,
};

const struct blast_kernel blast_direct = {
    .name = "XgemmDirect",
    .parameter_count = 10,
    .row_count = COUNT(direct_rows),
    .parameters = {"KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD"},
    .rows = direct_rows,
};
