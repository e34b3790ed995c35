/* progress.h: one bar on stderr for work that takes over a second, where stderr is a terminal.
 *
 * A piece of work consists of tasks (clips, say), a task of steps (layers, as the library reports them). The bar appears after
 * a second, counts the seconds, and erases itself. Without progress_begin() everything here does nothing.
 */
#ifndef LIPCL_TOOLS_PROGRESS_H
#define LIPCL_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* Begins a piece of work of that many tasks; does nothing where there is no terminal to draw on, or with --quiet. */
void progress_begin(size_t tasks);

/* The next task, number 0 being the first, and what to call it: "reading bbaf5a.mp4, 1 of 8". */
void progress_task(size_t task, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A lipcl_progress_fn: steps within the task. */
void progress_step(void *user, size_t done, size_t total, const char *what);

/* Ends the piece of work and erases the bar. */
void progress_end(void);

/* Takes the bar off the screen, and lets it come back: around every other output. */
void progress_hide(void);
void progress_show(void);

#endif
