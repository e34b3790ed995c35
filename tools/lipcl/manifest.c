#include "manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

/* Whatever has longer lines is no manifest. */
enum { LONGEST_LINE = 65536 };

static bool add_line(struct manifest *manifest, const char *path, size_t number, char *line, size_t length) {
    if (strlen(line) != length) {
        complain("%s:%zu: a NUL byte: this is not a text file", path, number);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (*line == '\0' || *line == '#') return true;
    char *tab = strchr(line, '\t');
    if (!tab || tab == line || strchr(tab + 1, '\t')) {
        complain("%s:%zu: %s; a line is a path, a tab and the text", path, number,
                 !tab          ? "no tab"
                 : tab == line ? "no path"
                               : "more than one tab");
        return false;
    }
    *tab = '\0';
    struct manifest_entry *entries = realloc(manifest->entries, (manifest->count + 1) * sizeof *entries);
    if (!entries) die_of_memory();
    manifest->entries = entries;
    const char *slash = strrchr(path, '/');
    int folder_length = slash && *line != '/' ? (int)(slash - path + 1) : 0;
    entries[manifest->count++] = (struct manifest_entry){
        .name = format_text("%s", line),
        .path = format_text("%.*s%s", folder_length, path, line),
        .text = format_text("%s", tab + 1),
    };
    return true;
}

bool manifest_load(struct manifest *manifest, const char *path) {
    *manifest = (struct manifest){0};
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length;
    bool ok = file != NULL;
    if (!ok) complain("%s: cannot be opened: %s", path, strerror(errno));
    while (ok && (length = getline(&line, &room, file)) >= 0) {
        number++;
        ok = length <= LONGEST_LINE;
        if (!ok) complain("%s:%zu: a line of %zd bytes: this is not a manifest", path, number, length);
        ok = ok && add_line(manifest, path, number, line, (size_t)length);
    }
    if (ok && ferror(file)) {
        complain("%s: cannot be read: %s", path, strerror(errno));
        ok = false;
    }
    if (ok && manifest->count == 0) {
        complain("%s: there is no clip in it; a line is a path, a tab and the text", path);
        ok = false;
    }
    free(line);
    if (file) fclose(file);
    return ok;
}

void manifest_finish(struct manifest *manifest) {
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->entries[i].name);
        free(manifest->entries[i].path);
        free(manifest->entries[i].text);
    }
    free(manifest->entries);
    *manifest = (struct manifest){0};
}
