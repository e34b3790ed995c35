/* document.h: pieces of the JSON document that --json prints. README.md lists its keys. Out of memory ends the program. */
#ifndef LIPCL_TOOLS_DOCUMENT_H
#define LIPCL_TOOLS_DOCUMENT_H

#include <stddef.h>

#include <jansson.h>

#include <lipcl/device.h>
#include <lipcl/tensor.h>

/* Takes `value` over. */
void document_set(json_t *object, const char *key, json_t *value);
void document_append(json_t *array, json_t *value);

/* New values: NULL becomes null; text that is no UTF-8 gets '?' for its bytes above ASCII; a number that is not finite becomes
 * null, for JSON has none. */
json_t *document_text(const char *text);
json_t *document_number(double number);
json_t *document_count(size_t count);
json_t *document_object(void);
json_t *document_array(void);

/* [1,3,75,64,128] */
json_t *document_shape(const struct lipcl_shape *shape);

/* A device as `lipcl devices` lists it. */
json_t *document_device(const struct lipcl_device_info *info);

#endif
