/* What a user sees on a terminal: colours, and a progress bar that leaves no trace. */
#include <criterion/criterion.h>

#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/program.h"

enum { FRAMES = 24, COLUMNS = 80 };

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Runs lipcl on a terminal of its own and returns all that it wrote there. The program is held again and again while it works,
 * so that its work takes over a second on a fast machine, too. */
static char *run_on_terminal(const char *const *arguments, const char *no_color, int *exit_status) {
    char *output = NULL;
    size_t bytes = 0;
    int terminal, status;
    struct winsize size = {.ws_row = 24, .ws_col = COLUMNS};
    pid_t process = forkpty(&terminal, NULL, NULL, &size);
    cr_assert_geq(process, 0);
    if (process == 0) {
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", no_color, 1);
        execv(LIPCL_PROGRAM, (char *const *)arguments);
        _exit(127);
    }
    for (size_t i = 0; i < 5; i++) {
        sleep_ms(40);
        kill(process, SIGSTOP);
        sleep_ms(400);
        kill(process, SIGCONT);
    }
    FILE *stream = open_memstream(&output, &bytes);
    cr_assert_not_null(stream);
    char buffer[4096];
    ssize_t got;
    while ((got = read(terminal, buffer, sizeof buffer)) > 0) fwrite(buffer, 1, (size_t)got, stream); /* EIO at the end */
    fclose(stream);
    close(terminal);
    cr_assert_eq(waitpid(process, &status, 0), process);
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return output;
}

/* What is on the screen's last lines when the terminal has done what it was told: "\r" goes to the line's beginning, "\033[K"
 * clears its rest, other sequences only colour. Rewrites `output` in place. */
static void render(char *output) {
    char *line = output, *end = output, *pen = output;
    for (const char *c = output; *c; c++) {
        if (c[0] == '\r' && c[1] != '\n') {
            pen = line;
        } else if (c[0] == '\r') {
            continue;
        } else if (c[0] == '\n') {
            *end++ = '\n';
            line = pen = end;
        } else if (strncmp(c, "\033[K", 3) == 0) {
            end = pen;
            c += 2;
        } else if (c[0] == '\033') {
            c += strcspn(c, "m");
        } else {
            *pen++ = *c;
            if (pen > end) end = pen;
        }
    }
    *end = '\0';
}

/* One clip is missing, so that a message has to get past the bar. */
Test(program_terminal, the_bar_erases_itself) {
    char *folder = test_folder_make();
    const char *clip = in_folder(folder, "clip.npy");
    int status;
    put_clip(clip, 0, FRAMES);
    const char *const arguments[] = {"lipcl", "read", "--device", "host", clip, "/nonexistent.mp4", NULL};
    char *output = run_on_terminal(arguments, "", &status);
    cr_expect_eq(status, 1);
    cr_expect_not_null(strstr(output, "\r[="), "no bar:\n%s", output);
    cr_expect_not_null(strstr(output, " %  1 s  reading clip.npy, 1 of 2"), "no bar that counts seconds:\n%s", output);
    cr_expect_not_null(strstr(output, "\033[1m"), "no colour:\n%s", output);
    cr_expect_not_null(strstr(output, "\033[1;31merror: \033[0m/nonexistent.mp4"), "no red error:\n%s", output);
    for (char *bar = output; (bar = strstr(bar, "\r[")); bar++)
        cr_expect_lt(strcspn(bar + 1, "\033\r\n"), COLUMNS, "the bar breaks the line:\n%s", output);
    render(output);
    cr_expect_null(strchr(output, '['), "something is left of the bar:\n%s", output);
    cr_expect_eq(strncmp(output, "clip.npy  ", 10), 0, "%s", output);
    const char *second = strchr(output, '\n');
    cr_assert_not_null(second);
    cr_expect_eq(strncmp(second, "\nlipcl: error: /nonexistent.mp4", 31), 0, "%s", output);
    cr_expect_eq(output[strlen(output) - 1], '\n');
    free(output);
    test_folder_remove(&folder);
}

Test(program_terminal, quiet_and_colourless) {
    char *folder = test_folder_make();
    const char *clip = in_folder(folder, "clip.npy");
    int status;
    put_clip(clip, 0, FRAMES);
    const char *const arguments[] = {"lipcl", "read", "--device", "host", "--quiet", clip, NULL};
    char *output = run_on_terminal(arguments, "1", &status);
    cr_expect_eq(status, 0);
    cr_expect_null(strchr(output, '\033'), "a bar or a colour:\n%s", output);
    cr_expect_eq(strncmp(output, "clip.npy  ", 10), 0, "%s", output);
    free(output);
    test_folder_remove(&folder);
}
