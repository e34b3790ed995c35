#include "document.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "messages.h"

static json_t *checked(json_t *value) {
    if (!value) die_of_memory();
    return value;
}

void document_set(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) die_of_memory();
}

void document_append(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) die_of_memory();
}

json_t *document_text(const char *text) {
    if (!text) return json_null();
    json_t *value = json_string(text);
    if (value) return value;
    char *ascii = format_text("%s", text);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    value = checked(json_string(ascii));
    free(ascii);
    return value;
}

json_t *document_number(double number) {
    return isfinite(number) ? checked(json_real(number)) : json_null();
}

json_t *document_count(size_t count) {
    return checked(json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count));
}

json_t *document_object(void) {
    return checked(json_object());
}

json_t *document_array(void) {
    return checked(json_array());
}

json_t *document_shape(const struct lipcl_shape *shape) {
    json_t *array = document_array();
    for (size_t i = 0; i < shape->rank; i++) document_append(array, document_count(shape->dims[i]));
    return array;
}

json_t *document_device(const struct lipcl_device_info *info) {
    json_t *object = document_object();
    char *selector = device_selector(info);
    document_set(object, "select", document_text(selector));
    free(selector);
    document_set(object, "type", document_text(device_type_name(info->type)));
    document_set(object, "name", document_text(info->name));
    document_set(object, "vendor", document_text(info->vendor));
    document_set(object, "platform", document_text(info->platform));
    document_set(object, "opencl", document_text(info->version));
    document_set(object, "opencl_c", document_text(info->c_version));
    document_set(object, "driver", document_text(info->driver));
    document_set(object, "compute_units", document_count(info->compute_units));
    document_set(object, "clock_mhz", document_count(info->clock_mhz));
    document_set(object, "memory_bytes", document_count(info->global_bytes));
    document_set(object, "largest_allocation_bytes", document_count(info->max_alloc_bytes));
    document_set(object, "local_memory_bytes", document_count(info->local_bytes));
    document_set(object, "local_memory_dedicated", json_boolean(info->local_is_dedicated));
    document_set(object, "largest_work_group", document_count(info->max_work_group));
    document_set(object, "fp16", json_boolean(info->fp16));
    document_set(object, "fp64", json_boolean(info->fp64));
    document_set(object, "subgroups", json_boolean(info->subgroups));
    document_set(object, "denormals", json_boolean(info->denormals));
    document_set(object, "usable", json_boolean(info->usable));
    if (!info->usable) document_set(object, "problem", document_text(info->problem));
    return object;
}
