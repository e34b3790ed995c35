/* Compiled with a file a public header, each of which includes just that one; linked against the shared library. */
#include <string.h>

#include <lipcl/lipcl.h>

int main(void) {
    return strcmp(lipcl_version(), EXPECTED_VERSION) != 0;
}
