/* A user's program: prints the library's version. Its own `fail` must not meet an internal one of lipcl. */
#include <stdio.h>

#include <lipcl/lipcl.h>

int fail(void);

int fail(void) {
    fputs("no context\n", stderr);
    return 1;
}

int main(void) {
    struct lipcl_context *ctx = NULL;
    if (lipcl_context_create(&ctx, NULL) != LIPCL_OK) return fail();
    puts(lipcl_version());
    lipcl_context_destroy(&ctx);
    return 0;
}
