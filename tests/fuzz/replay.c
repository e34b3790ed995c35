/* replay.c: a main for the fuzz targets where there is no libFuzzer: runs files, and folders of files, once each.
 *     fuzz_npy_replay corpus/npy [FILE...] */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_BYTES = 1 << 28, MAX_SECONDS = 5 };

static size_t count;

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    require(file && fstat(fileno(file), &info) == 0 && info.st_size <= MAX_BYTES, "%s: cannot be read", path);
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size ? size : 1); /* of the exact size, so that a read behind the end is seen */
    require(data && fread(data, 1, size, file) == size, "%s: cannot be read", path);
    fclose(file);
    printf("%s\n", path);
    fflush(stdout); /* if it crashes, this was it */
    clock_t start = clock();
    LLVMFuzzerTestOneInput(data, size);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    require(seconds <= MAX_SECONDS, "%s: took %.1f s of processor time", path, seconds);
    free(data);
    count++;
}

static int is_shown(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static void run_folder(const char *path) {
    struct dirent **entries = NULL;
    int files = scandir(path, &entries, is_shown, alphasort);
    require(files > 0, "%s: is no folder with files in it", path);
    for (int i = 0; i < files; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        run_file(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode))
            run_folder(argv[i]);
        else
            run_file(argv[i]);
    }
    printf("%zu files, nothing found\n", count);
    return count == 0;
}
