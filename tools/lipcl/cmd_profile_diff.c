/* cmd_profile_diff.c: two profiles beside each other: what is slower in the second, and is it more than noise? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "messages.h"
#include "options.h"
#include "profile_diff.h"

static double fail_above = INFINITY;
static char *devices;

/* "A" or "A,B": the selector of the side; NULL: none was given. The caller frees it. */
static char *selector_of(size_t side) {
    if (!devices) return NULL;
    const char *comma = strchr(devices, ',');
    if (!comma) return format_text("%s", devices);
    return side == SIDE_A ? format_text("%.*s", (int)(comma - devices), devices) : format_text("%s", comma + 1);
}

static bool load(struct diff_side *sides, const char *const *paths) {
    bool ok = true;
    for (size_t s = 0; ok && s < SIDES; s++) ok = diff_side_load(&sides[s], paths[s]);
    for (size_t s = 0; ok && s < SIDES; s++) {
        char *selector = selector_of(s);
        ok = diff_side_choose(&sides[s], selector, s == SIDE_A ? NULL : &sides[SIDE_A]);
        free(selector);
    }
    return ok && diff_sides_fit(sides);
}

static enum exit_code run_diff(struct invocation *invocation) {
    struct diff_side sides[SIDES] = {{0}};
    struct profile_diff diff = {0};
    enum exit_code code = EXIT_FAILED;
    if (isnan(fail_above) || fail_above < 0)
        return usage_error(&command_profile_diff, "--fail-above takes a percentage of at least 0");
    if (load(sides, invocation->arguments)) {
        profile_diff_init(&diff, sides, fail_above);
        code = diff.fails ? EXIT_MISMATCH : EXIT_DONE;
        if (options.json)
            profile_diff_fill(&diff, invocation->document);
        else
            profile_diff_print(&diff);
    }
    profile_diff_finish(&diff);
    for (size_t s = 0; s < SIDES; s++) diff_side_finish(&sides[s]);
    return code;
}

static struct poptOption diff_options[] = {
    {"device", 'd', POPT_ARG_STRING, &devices, 0,
     "of files of several devices: index, kind or part of the name, one for both or one each (default: the first, and in B the "
     "one of the same name)",
     "SEL[,SEL]"},
    {"fail-above", '\0', POPT_ARG_DOUBLE, &fail_above, 0,
     "exit with 3 when the run, or what is 5 % of it, takes over PCT percent longer in B, and noise does not explain it",
     "PCT"},
    POPT_TABLEEND};

const struct command command_profile_diff = {
    .name = "profile diff",
    .summary = "compare two profiles, of two devices, drivers or versions",
    .usage = "A.json B.json [OPTIONS]",
    .description = "Compares what `lipcl profile --json` told of the same clip on two devices, with two drivers\n"
                   "or by two versions of lipcl: the run, its layers and what lies between them, then the\n"
                   "kernels; slower ones first.\n"
                   "  RATIO    B's median over A's\n"
                   "  NOISE    where the ratio lies if each median lies between its file's quartiles or,\n"
                   "           where that is wider, in its 95 % confidence interval\n"
                   "  VERDICT  slower, faster; noise: that band holds 1; too few runs: of fewer than 6,\n"
                   "           nothing tells the noise. SLOWER is what --fail-above means\n"
                   "Layers are the same that have the same name and operators, kernels that have the same\n"
                   "name in the same layer. Noise is what each file knows of its own runs: what else changed\n"
                   "between the two, such as a busier machine, shows in the peaks of the first lines.\n",
    .examples = "  lipcl profile diff before.json after.json --fail-above 5\n"
                "  lipcl profile diff all.json all.json --device gpu,cpu\n",
    .min_arguments = 2,
    .max_arguments = 2,
    .options = diff_options,
    .run = run_diff,
};
