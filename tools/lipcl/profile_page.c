/* The page of --html. What it shows lies in tools/report/ and was put into the program by the build; here the parts are joined,
 * with the documents in between, from which the page's own script draws everything. So page and JSON cannot disagree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "document.h"
#include "messages.h"
#include "profile_output.h"
#include "whole_file.h"

extern const struct embedded_file report_files[]; /* tools/report/ */

static const char TEMPLATE[] = "report.html", DOCUMENTS[] = "documents";

static const struct embedded_file *find_part(const char *name, size_t length) {
    const struct embedded_file *part = report_files;
    while (part->name && !(strlen(part->name) == length && strncmp(part->name, name, length) == 0)) part++;
    return part->name ? part : NULL;
}

/* `<` is found in strings only, and written so that none of them can end the element or begin a comment. */
static void put_document(FILE *page, const json_t *document) {
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text) die_of_memory();
    fputs("<script type=\"application/json\" class=\"profile\">", page);
    for (const char *c = text; *c;) {
        size_t plain = strcspn(c, "<");
        fwrite(c, 1, plain, page);
        c += plain;
        if (*c == '<') fputs("\\u003c", page), c++;
    }
    fputs("</script>\n", page);
    free(text);
}

/* The template, with {{NAME}} replaced by the file of that name, and {{documents}} by the documents. */
static void put_page(FILE *page, json_t *const *documents, size_t count) {
    const char *rest = find_part(TEMPLATE, sizeof TEMPLATE - 1)->text;
    for (const char *open; (open = strstr(rest, "{{")); rest = strstr(open, "}}") + 2) {
        const char *name = open + 2;
        size_t length = strcspn(name, "}");
        const struct embedded_file *part = find_part(name, length);
        fwrite(rest, 1, (size_t)(open - rest), page);
        if (part) fwrite(part->text, 1, part->bytes, page);
        for (size_t i = 0; i < count && strncmp(name, DOCUMENTS, sizeof DOCUMENTS - 1) == 0; i++)
            put_document(page, documents[i]);
    }
    fputs(rest, page);
}

bool profile_write_page(const char *path, json_t *const *documents, size_t count) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *page = open_memstream(&text, &bytes);
    if (!page) die_of_memory();
    put_page(page, documents, count);
    bool ok = !ferror(page);
    if (fclose(page) != 0 || !ok) die_of_memory();
    ok = whole_file_put("--html", path, text);
    free(text);
    return ok;
}

json_t *profile_read_document(const char *path) {
    json_error_t error;
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!document) {
        complain("--from %s: line %d: %s", path, error.line, error.text);
        return NULL;
    }
    const char *command = json_string_value(json_object_get(document, "command"));
    bool ours = command && strcmp(command, "profile") == 0;
    if (ours && json_integer_value(json_object_get(document, "format")) == 1 &&
        json_is_array(json_object_get(document, "devices")))
        return document;
    complain("--from %s: it is no profile: it has to be what `lipcl profile --json` printed%s", path,
             ours ? ", of a run that worked, by a version whose `format` is 1" : "");
    json_decref(document);
    return NULL;
}
