#include "datafile.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "messages.h"

/* The folder that the program lies in, or NULL where the system does not tell. */
static char *program_folder(void) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return NULL;
    path[length] = '\0';
    return format_text("%s", dirname(path));
}

/* `name` in the places of an installation, else in `source_folder` of the tree that lipcl was built from. */
static char *find(const char *what, const char *name, const char *source_folder, const char *source_name) {
    char *folder = program_folder();
    const char *data_dir = getenv("LIPCL_DATA_DIR");
    char *places[] = {
        data_dir && *data_dir ? format_text("%s/%s", data_dir, name) : NULL,
        folder ? format_text("%s/../share/lipcl/%s", folder, name) : NULL,
        format_text("%s/%s", LIPCL_INSTALL_DATA_DIR, name),
        format_text("%s/%s", source_folder, source_name),
    };
    enum { PLACES = sizeof places / sizeof *places };
    char *found = NULL, *looked = format_text("%s", "");
    for (size_t i = 0; i < PLACES; i++) {
        if (!places[i]) continue;
        if (!found && access(places[i], R_OK) == 0) {
            found = places[i];
            continue;
        }
        char *longer = format_text("%s\n    %s", looked, places[i]);
        free(looked);
        looked = longer;
        free(places[i]);
    }
    if (!found) complain("%s not found; name one, or set LIPCL_DATA_DIR to the folder of %s. Looked at:%s", what, name, looked);
    free(looked);
    free(folder);
    char *resolved = found ? realpath(found, NULL) : NULL; /* no "bin/../share" in what is shown */
    if (!resolved) return found;
    free(found);
    return resolved;
}

char *datafile_model(void) {
    return find("the weights that ship with lipcl were", "lipnet-grid-s1.safetensors", LIPCL_SOURCE_DATA_DIR,
                "lipnet-grid-s1.safetensors");
}

char *datafile_clip(void) {
    return find("the clip that ships with lipcl was", "clips/bbaf5a.mp4", LIPCL_SOURCE_CLIPS_DIR, "bbaf5a.mp4");
}
