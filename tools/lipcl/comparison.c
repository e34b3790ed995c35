#include "comparison.h"

#include "messages.h"

bool takes_longer(double before, double now, double percent) {
    return now > before * (1 + percent / 100);
}

json_t *comparison_load(const char *what, const char *path) {
    json_error_t error;
    json_t *document = json_load_file(path, 0, &error);
    if (!document && error.line > 0)
        complain("%s%s: line %d: %s", what, path, error.line, error.text);
    else if (!document)
        complain("%s%s: %s", what, path, error.text);
    return document;
}
