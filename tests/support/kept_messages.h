/* kept_messages.h: what a context says, kept to be looked at. */
#ifndef LIPCL_TESTS_SUPPORT_KEPT_MESSAGES_H
#define LIPCL_TESTS_SUPPORT_KEPT_MESSAGES_H

#include <lipcl/context.h>

/* All messages so far, a line each; a test empties it by messages[0] = '\0'. */
extern char messages[65536];

/* A lipcl_context_params.log that appends to `messages`. */
void keep_message(void *user, enum lipcl_log_level level, const char *message);

#endif
