#include "support/kept_messages.h"

#include <stdio.h>
#include <string.h>

char messages[65536];

void keep_message(void *user, enum lipcl_log_level level, const char *message) {
    (void)user;
    (void)level;
    size_t used = strlen(messages);
    snprintf(messages + used, sizeof messages - used, "%s\n", message);
}
