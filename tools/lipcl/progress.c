#include "progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "messages.h"
#include "options.h"

enum { FIRST_SHOWN_MS = 1000, REDRAW_MS = 200, BAR_CELLS = 24 };

/* A thread of its own draws, so that the bar also lives while a kernel compiles. `mutex` guards everything below, and
 * progress_hide() keeps it until progress_show(). */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;
static pthread_t thread;
static struct {
    bool running, drawn;
    struct timespec begin;
    size_t task, tasks, step, steps;
    char text[256], what[64];
} state;

static long milliseconds_since(const struct timespec *begin) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000;
}

static size_t terminal_columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void erase(void) {
    if (state.drawn) fputs("\r\033[K", stderr);
    state.drawn = false;
}

static void draw(void) {
    long elapsed = milliseconds_since(&state.begin);
    if (elapsed < FIRST_SHOWN_MS) return;
    double inner = state.steps ? (double)state.step / (double)state.steps : 0;
    double done = ((double)state.task + inner) / (double)state.tasks;
    if (done > 1) done = 1;
    char bar[BAR_CELLS + 1], line[512];
    size_t filled = (size_t)(done * BAR_CELLS);
    memset(bar, ' ', BAR_CELLS);
    memset(bar, '=', filled);
    if (filled < BAR_CELLS) bar[filled] = '>';
    bar[BAR_CELLS] = '\0';
    snprintf(line, sizeof line, "[%s] %3.0f %%  %ld s  %s%s%s", bar, done * 100, elapsed / 1000, state.text,
             *state.what ? ": " : "", state.what);
    /* One column stays free, or the terminal would break the line. A cut inside a character is drawn as a stray mark. */
    fprintf(stderr, "\r%.*s\033[K", (int)terminal_columns() - 1, line);
    fflush(stderr);
    state.drawn = true;
}

static void *redraw(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (state.running) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REDRAW_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&wake, &mutex, &until);
        if (state.running) draw();
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Ctrl-C leaves a clean line behind. */
static void erase_and_die(int number) {
    static const char sequence[] = "\r\033[K";
    if (write(STDERR_FILENO, sequence, sizeof sequence - 1) < 0) _exit(128 + number);
    signal(number, SIG_DFL);
    raise(number);
}

void progress_begin(size_t tasks) {
    const char *terminal = getenv("TERM");
    if (!isatty(STDERR_FILENO) || !terminal || strcmp(terminal, "dumb") == 0 || state.running) return;
    if (options.log_level == LIPCL_LOG_ERROR) return; /* --quiet */
    memset(&state, 0, sizeof state);
    state.tasks = tasks ? tasks : 1;
    snprintf(state.text, sizeof state.text, "getting ready");
    clock_gettime(CLOCK_MONOTONIC, &state.begin);
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return;
    bool ready = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&wake, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (!ready) return;
    state.running = true;
    if (pthread_create(&thread, NULL, redraw, NULL) != 0) state.running = false;
    struct sigaction previous;
    if (state.running && sigaction(SIGINT, NULL, &previous) == 0 && previous.sa_handler == SIG_DFL)
        signal(SIGINT, erase_and_die);
}

void progress_task(size_t task, const char *format, ...) {
    va_list args;
    pthread_mutex_lock(&mutex);
    state.task = task;
    state.step = state.steps = 0;
    state.what[0] = '\0';
    va_start(args, format);
    vsnprintf(state.text, sizeof state.text, format, args);
    va_end(args);
    make_printable(state.text);
    pthread_mutex_unlock(&mutex);
}

void progress_step(void *user, size_t done, size_t total, const char *what) {
    (void)user;
    pthread_mutex_lock(&mutex);
    state.step = done;
    state.steps = total;
    snprintf(state.what, sizeof state.what, "%s", what);
    pthread_mutex_unlock(&mutex);
}

void progress_end(void) {
    pthread_mutex_lock(&mutex);
    bool running = state.running;
    state.running = false;
    if (running) pthread_cond_signal(&wake);
    pthread_mutex_unlock(&mutex);
    if (!running) return;
    pthread_join(thread, NULL);
    pthread_cond_destroy(&wake);
    erase();
    fflush(stderr);
}

void progress_hide(void) {
    pthread_mutex_lock(&mutex);
    erase();
    fflush(stderr);
}

void progress_show(void) {
    pthread_mutex_unlock(&mutex);
}
