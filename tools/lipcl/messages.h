/* messages.h: results go to stdout, messages to stderr, and neither ever meets the progress bar. */
#ifndef LIPCL_TOOLS_MESSAGES_H
#define LIPCL_TOOLS_MESSAGES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <lipcl/context.h>

#define LIKE_PRINTF_1 __attribute__((format(printf, 1, 2)))

enum colour { COLOUR_NONE = 0, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* The escape sequence that starts a colour (COLOUR_NONE: that ends it), or "" where `stream` is no terminal, where it is a dumb
 * one, or where NO_COLOR is set (https://no-color.org). */
const char *colour(FILE *stream, enum colour colour);

/* Messages above that level are dropped. */
void messages_set_level(enum lipcl_log_level level);

/* A lipcl_log_fn. */
void message_log(void *user, enum lipcl_log_level level, const char *message);

/* An error, a warning, and a plain line on stderr. */
void complain(const char *format, ...) LIKE_PRINTF_1;
void caution(const char *format, ...) LIKE_PRINTF_1;
void say(const char *format, ...) LIKE_PRINTF_1;

/* The latest error's sentence, the library's or complain()'s; "" when there was none. */
const char *latest_error(void);

/* Text on stdout, at once. */
void print(const char *format, ...) LIKE_PRINTF_1;

/* New strings that the caller frees. Here as below, out of memory ends the program with a message. */
char *format_text(const char *format, ...) LIKE_PRINTF_1;
char *format_text_va(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Replaces control characters by '?': names and texts from files must not drive the terminal. Returns `text`. */
char *make_printable(char *text);

void *allocate(size_t count, size_t bytes); /* zeros */
_Noreturn void die_of_memory(void);

#endif
