/* The same as headers_c.c in C++: links only where the headers say extern "C". */
#include <cstring>

#include <lipcl/lipcl.h>

int main() {
    return std::strcmp(lipcl_version(), EXPECTED_VERSION) != 0;
}
