#include "messages.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "progress.h"

static enum lipcl_log_level threshold = LIPCL_LOG_WARN;
static char *latest;

const char *colour(FILE *stream, enum colour which) {
    static const char *const sequences[] = {
        [COLOUR_NONE] = "\033[0m",   [COLOUR_BOLD] = "\033[1m",    [COLOUR_RED] = "\033[1;31m",
        [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
    };
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool plain = (no_color && *no_color) || !terminal || strcmp(terminal, "dumb") == 0 || !isatty(fileno(stream));
    return plain ? "" : sequences[which];
}

void messages_set_level(enum lipcl_log_level level) {
    threshold = level;
}

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

char *make_printable(char *text) {
    for (char *c = text; *c; c++)
        if (is_control(*c)) *c = '?';
    return text;
}

/* The same for messages, in which line breaks and tabs of a compiler's log stay. */
static void put_clean(const char *text) {
    for (; *text; text++) fputc(is_control(*text) && *text != '\n' && *text != '\t' ? '?' : *text, stderr);
}

void message_log(void *user, enum lipcl_log_level level, const char *message) {
    (void)user;
    static const struct {
        const char *text;
        enum colour colour;
    } labels[] = {
        [LIPCL_LOG_DEFAULT] = {"", COLOUR_NONE},         [LIPCL_LOG_ERROR] = {"error: ", COLOUR_RED},
        [LIPCL_LOG_WARN] = {"warning: ", COLOUR_YELLOW}, [LIPCL_LOG_INFO] = {"", COLOUR_NONE},
        [LIPCL_LOG_DEBUG] = {"debug: ", COLOUR_NONE},
    };
    if (level == LIPCL_LOG_ERROR) {
        free(latest);
        latest = format_text("%s", message);
    }
    if (level > threshold) return;
    progress_hide();
    fflush(stdout);
    fprintf(stderr, "lipcl: %s%s%s", colour(stderr, labels[level].colour), labels[level].text, colour(stderr, COLOUR_NONE));
    put_clean(message);
    fputc('\n', stderr);
    progress_show();
}

#define PASS_ON(level)                                                                                                         \
    va_list args;                                                                                                              \
    va_start(args, format);                                                                                                    \
    char *message = format_text_va(format, args);                                                                              \
    va_end(args);                                                                                                              \
    message_log(NULL, level, message);                                                                                         \
    free(message)

void complain(const char *format, ...) {
    PASS_ON(LIPCL_LOG_ERROR);
}

void caution(const char *format, ...) {
    PASS_ON(LIPCL_LOG_WARN);
}

void say(const char *format, ...) {
    PASS_ON(LIPCL_LOG_DEFAULT);
}

const char *latest_error(void) {
    return latest ? latest : "";
}

void print(const char *format, ...) {
    va_list args;
    progress_hide();
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout); /* a failure stays with the stream; main() looks at the end */
    progress_show();
}

char *format_text_va(const char *format, va_list args) {
    char *text;
    if (vasprintf(&text, format, args) < 0) die_of_memory();
    return text;
}

char *format_text(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = format_text_va(format, args);
    va_end(args);
    return text;
}

void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count ? count : 1, bytes);
    if (!memory) die_of_memory();
    return memory;
}

void die_of_memory(void) {
    fputs("lipcl: error: out of memory\n", stderr);
    exit(EXIT_FAILED);
}
