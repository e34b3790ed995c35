#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages.h"
#include "timing.h"

extern char **environ;

/* lipcl's own cache, and those of PoCL, NVIDIA's, Intel's, AMD's and Mesa's drivers. */
static const char *const cache_variables[] = {"XDG_CACHE_HOME", "POCL_CACHE_DIR",      "CUDA_CACHE_PATH",
                                              "NEO_CACHE_DIR",  "AMD_COMGR_CACHE_DIR", "MESA_SHADER_CACHE_DIR"};
enum { CACHE_VARIABLES = sizeof cache_variables / sizeof *cache_variables };

static bool is_cache_variable(const char *entry) {
    for (size_t i = 0; i < CACHE_VARIABLES; i++) {
        size_t length = strlen(cache_variables[i]);
        if (strncmp(entry, cache_variables[i], length) == 0 && entry[length] == '=') return true;
    }
    return false;
}

/* The first CACHE_VARIABLES entries are ours to free, the others `environ`'s. */
static char **make_environment(const char *caches) {
    size_t count = 0, used = 0;
    while (environ[count]) count++;
    char **environment = allocate(count + CACHE_VARIABLES + 1, sizeof *environment);
    for (size_t i = 0; i < CACHE_VARIABLES; i++) environment[used++] = format_text("%s=%s", cache_variables[i], caches);
    for (size_t i = 0; i < count; i++)
        if (!is_cache_variable(environ[i])) environment[used++] = environ[i];
    return environment;
}

static void free_environment(char **environment) {
    for (size_t i = 0; environment && i < CACHE_VARIABLES; i++) free(environment[i]);
    free(environment);
}

/* Starts the child with `output` as its stdout. */
static bool start(pid_t *process, const char *const *arguments, char **environment, int output) {
    posix_spawn_file_actions_t actions;
    size_t count = 0;
    while (arguments[count]) count++;
    char **argv = allocate(count + 2, sizeof *argv);
    argv[0] = format_text("lipcl");
    for (size_t i = 0; i < count; i++) argv[i + 1] = format_text("%s", arguments[i]);
    bool ok = posix_spawn_file_actions_init(&actions) == 0;
    if (ok) {
        ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
             posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) == 0 &&
             posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
             posix_spawn(process, "/proc/self/exe", &actions, NULL, argv, environment) == 0;
        posix_spawn_file_actions_destroy(&actions);
    }
    for (size_t i = 0; argv[i]; i++) free(argv[i]);
    free(argv);
    return ok;
}

/* Reads to the end; how many bytes there were. */
static size_t drain(int descriptor, uint64_t *first_ns) {
    char bytes[4096];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(descriptor, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return total;
        if (!total) *first_ns = now_ns();
        total += (size_t)got;
    }
}

bool child_run(const char *const *arguments, const char *caches, struct child_usage *usage) {
    char **environment = caches ? make_environment(caches) : NULL;
    int ends[2], status;
    pid_t process;
    struct rusage resources;
    *usage = (struct child_usage){0};
    bool ok = pipe2(ends, O_CLOEXEC) == 0;
    if (ok) {
        uint64_t begin = now_ns(), first = begin;
        ok = start(&process, arguments, environment ? environment : environ, ends[1]);
        close(ends[1]);
        size_t bytes = drain(ends[0], &first);
        close(ends[0]);
        ok = ok && wait4(process, &status, 0, &resources) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0 && bytes;
        if (ok) *usage = (struct child_usage){(double)(first - begin) / 1e6, (double)resources.ru_maxrss / 1024};
    }
    free_environment(environment);
    return ok;
}

char *caches_make(void) {
    const char *place = getenv("TMPDIR");
    char *folder = format_text("%s/lipcl-bench-XXXXXX", place && *place ? place : "/tmp");
    if (mkdtemp(folder)) return folder;
    free(folder);
    return NULL;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
    (void)info, (void)type, (void)place;
    remove(path); /* what stays is in the folder for temporary files */
    return 0;
}

void caches_remove(char **folder) {
    if (*folder) nftw(*folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*folder);
    *folder = NULL;
}
