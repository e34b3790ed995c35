#include "failure_report.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lipcl/npy.h>

#include "document.h"
#include "layer_checks.h"
#include "messages.h"

bool failure_folder_is_free(const char *folder) {
    DIR *entries = opendir(folder);
    size_t count = 0;
    if (!entries && errno == ENOENT) return true;
    if (!entries) {
        complain("--save-failure %s: no folder can be made there: %s", folder, strerror(errno));
        return false;
    }
    while (readdir(entries)) count++;
    closedir(entries);
    if (count <= 2) return true; /* "." and ".." */
    complain("--save-failure %s: the folder is not empty; name a new one", folder);
    return false;
}

static json_t *sizes(const size_t size[3]) {
    json_t *array = document_array();
    for (size_t i = 0; i < 3; i++) document_append(array, document_count(size[i]));
    return array;
}

static json_t *launches(const struct failure *failure, size_t count) {
    json_t *array = document_array();
    for (size_t i = 0; i < count; i++) {
        struct lipcl_launch_info info;
        if (lipcl_plan_launch_info(failure->ctx, failure->plan, failure->layer, i, &info) != LIPCL_OK) break;
        json_t *object = document_object();
        document_set(object, "file", document_text(info.file));
        document_set(object, "kernel", document_text(info.kernel));
        document_set(object, "options", document_text(info.options));
        if (info.file) {
            document_set(object, "global", sizes(info.global));
            document_set(object, "local", sizes(info.local));
        } else {
            document_set(object, "matrix_product", sizes((size_t[3]){info.m, info.n, info.k}));
        }
        document_append(array, object);
    }
    return array;
}

/* The element with the largest share of the bound: where it is, and what it is here and there. */
static json_t *worst_element(const struct lipcl_layer_check *check, const struct lipcl_shape *shape) {
    json_t *object = document_object(), *position = document_array();
    struct lipcl_shape at = *shape;
    size_t rest = check->worst;
    for (size_t i = at.rank; i-- > 0;) {
        at.dims[i] = shape->dims[i] ? rest % shape->dims[i] : 0;
        rest /= shape->dims[i] ? shape->dims[i] : 1;
    }
    for (size_t i = 0; i < at.rank; i++) document_append(position, document_count(at.dims[i]));
    document_set(object, "index", document_count(check->worst));
    document_set(object, "position", position);
    document_set(object, "device", document_number((double)check->got));
    document_set(object, "reference", document_number((double)check->wanted));
    return object;
}

static json_t *describe(const struct failure *failure, const struct lipcl_tensor_set *set) {
    struct lipcl_layer_info info = {0};
    json_t *object = document_object(), *tensors = document_array();
    document_set(object, "lipcl", document_text(lipcl_version()));
    document_set(object, "model", document_text(failure->model));
    document_set(object, "clip", document_text(failure->clip));
    document_set(object, "device", document_device(failure->device));
    document_set(object, "kernel_folder", document_text(getenv("LIPCL_KERNEL_DIR")));
    document_set(object, "mode", document_text(failure->mode));
    if (lipcl_plan_layer_info(failure->ctx, failure->plan, failure->layer, &info) == LIPCL_OK) {
        document_set(object, "layer", document_text(info.name));
        document_set(object, "operators", document_text(info.op));
        document_set(object, "lowering", document_text(info.lowering));
        document_set(object, "shape", document_shape(&info.shape));
        document_set(object, "launches", launches(failure, info.launches));
    }
    layer_check_fill(object, failure->check);
    document_set(object, "worst", worst_element(failure->check, &info.shape));
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        json_t *tensor = document_object();
        const char *name = lipcl_tensor_set_name(set, i);
        char *file = format_text("%s.npy", name);
        document_set(tensor, "file", document_text(file));
        document_set(tensor, "shape", document_shape(&lipcl_tensor_set_tensor(set, i)->shape));
        document_append(tensors, tensor);
        free(file);
    }
    document_set(object, "tensors", tensors);
    return object;
}

static bool write_files(const char *folder, const struct failure *failure, const struct lipcl_tensor_set *set) {
    for (size_t i = 0; i < lipcl_tensor_set_count(set); i++) {
        char *path = format_text("%s/%s.npy", folder, lipcl_tensor_set_name(set, i));
        enum lipcl_status status = lipcl_npy_save(failure->ctx, path, lipcl_tensor_set_tensor(set, i));
        free(path);
        if (status != LIPCL_OK) return false;
    }
    json_t *report = describe(failure, set);
    char *path = format_text("%s/report.json", folder);
    bool written = json_dump_file(report, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
    if (!written) complain("%s: cannot write: %s", path, strerror(errno));
    free(path);
    json_decref(report);
    return written;
}

/* A folder that this file made: it holds files only. */
static void remove_folder(const char *folder) {
    DIR *entries = opendir(folder);
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *path = format_text("%s/%s", folder, entry->d_name);
        unlink(path);
        free(path);
    }
    if (entries) closedir(entries);
    rmdir(folder);
}

bool failure_report_save(const char *folder, const struct failure *failure) {
    struct lipcl_tensor_set *set = NULL;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    char *temporary = format_text("%.*s.XXXXXX", (int)length, folder);
    bool made = false, saved = false;
    if (lipcl_plan_layer_tensors(failure->ctx, failure->plan, failure->layer, &set) != LIPCL_OK) goto fail;
    made = mkdtemp(temporary) != NULL;
    mode_t mask = umask(0);
    umask(mask);
    if (!made || chmod(temporary, 0777 & ~mask) != 0) {
        complain("--save-failure %s: no folder can be made there: %s", folder, strerror(errno));
        goto fail;
    }
    if (!write_files(temporary, failure, set)) goto fail;
    saved = rename(temporary, folder) == 0;
    if (!saved) complain("--save-failure %s: no folder can be made there: %s", folder, strerror(errno));

fail:
    if (made && !saved) remove_folder(temporary);
    lipcl_tensor_set_destroy(&set);
    free(temporary);
    return saved;
}
