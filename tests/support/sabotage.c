#include "support/sabotage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/program.h"

void sabotage(const char *folder, const char *file, const char *from, const char *to) {
    char source[512];
    snprintf(source, sizeof source, SOURCE_DIR "/cl_kernels/%s", file);
    char *text = get_file(source), *rest = text, *found;
    cr_assert_not_null(text, "%s", source);
    FILE *out = fopen(in_folder(folder, file), "w");
    cr_assert_not_null(out);
    cr_assert_not_null(strstr(text, from), "%s does not hold \"%s\" any more: find another place to spoil", file, from);
    while ((found = strstr(rest, from))) {
        fprintf(out, "%.*s%s", (int)(found - rest), rest, to);
        rest = found + strlen(from);
    }
    fputs(rest, out);
    cr_assert_eq(fclose(out), 0);
    free(text);
}
