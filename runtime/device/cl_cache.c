#include "device/cl_cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache.h"
#include "base/hash.h"
#include "device/identity.h"

/* A program of ours takes some 100 KiB. */
enum { MAX_FILE_BYTES = 32 << 20, MAX_TOTAL_BYTES = 128 << 20 };

static const char prefix[] = "program-";
static const char magic[] = "lipcl program 1\n";
static const char binary_format[] = "binary %zu %016" PRIx64 "\n"; /* its bytes; the digest of the text above and of them */

bool cl_cache_key_init(struct cl_cache_key *key, const struct lipcl_device_info *info, const char *file, const char *options,
                       const char *source) {
    struct device_identity identity = device_identity(info);
    size_t bytes = sizeof magic + strlen(identity.text) + strlen(file) + strlen(options) + 64;
    *key = (struct cl_cache_key){.text = malloc(bytes)};
    if (!key->text) return false;
    snprintf(key->text, bytes, "%s%sfile %s\noptions %s\nsource %zu %016" PRIx64 "\n", magic, identity.text, file, options,
             strlen(source), hash_text(HASH_START, source));
    snprintf(key->name, sizeof key->name, "%s%016" PRIx64 ".bin", prefix, hash_text(HASH_START, key->text));
    return true;
}

void cl_cache_key_finish(struct cl_cache_key *key) {
    free(key->text);
    *key = (struct cl_cache_key){0};
}

/* Finds the binary in a file's bytes: what is wrong with them, or NULL. */
static const char *parse(const struct cl_cache_key *key, const char *data, size_t bytes, const unsigned char **binary,
                         size_t *binary_bytes, uint64_t *digest) {
    size_t text = strlen(key->text);
    int line = 0;
    if (bytes < text || memcmp(data, key->text, text) != 0) return "it is another program's or not one at all";
    if (sscanf(data + text, "binary %zu %16" SCNx64 "%n", binary_bytes, digest, &line) != 2 ||
        data[text + (size_t)line] != '\n')
        return "its head is broken";
    size_t head = text + (size_t)line + 1;
    if (*binary_bytes == 0 || bytes - head != *binary_bytes) return "its length is wrong";
    *binary = (const unsigned char *)data + head;
    if (hash_words(hash_bytes(HASH_START, data, text), *binary, *binary_bytes) != *digest) return "its digest is wrong";
    return NULL;
}

/* What the driver makes of a binary, or NULL. */
static cl_program build_binary(struct lipcl_device *device, const unsigned char *binary, size_t bytes) {
    const struct cl_state *state = cl_state(device);
    cl_int code, binary_code = CL_SUCCESS;
    cl_program program =
        state->cl->clCreateProgramWithBinary(state->context, 1, &state->device, &bytes, &binary, &binary_code, &code);
    if (code == CL_SUCCESS) code = binary_code;
    if (code == CL_SUCCESS) code = state->cl->clBuildProgram(program, 1, &state->device, "", NULL, NULL);
    if (code == CL_SUCCESS) return program;
    if (cl_kills_context(code)) cl_check(device, code, "a program's binary");
    if (program && !device->lost) state->cl->clReleaseProgram(program);
    return NULL;
}

cl_program cl_cache_load(struct lipcl_device *device, const struct cl_cache_key *key, uint64_t *digest) {
    char *data;
    size_t bytes, binary_bytes;
    const unsigned char *binary;
    cl_program program = NULL;
    if (!cache_read(&data, &bytes, key->name, MAX_FILE_BYTES)) return NULL;
    const char *problem = parse(key, data, bytes, &binary, &binary_bytes, digest);
    if (!problem && !(program = build_binary(device, binary, binary_bytes))) problem = "the driver does not take it";
    if (problem)
        log_message(device->ctx, LIPCL_LOG_INFO, "cache: %s: %s; compiling anew", key->name, problem);
    else
        cache_touch(key->name);
    free(data);
    return program;
}

/* The file's bytes, for free(), or NULL. */
static char *compose(const struct cl_state *state, const struct cl_cache_key *key, cl_program program, size_t *bytes) {
    size_t binary_bytes = 0, text = strlen(key->text);
    char line[64];
    if (state->cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof binary_bytes, &binary_bytes, NULL) != CL_SUCCESS ||
        binary_bytes == 0 || binary_bytes > MAX_FILE_BYTES - text - sizeof line)
        return NULL;
    size_t head = text + (size_t)snprintf(line, sizeof line, binary_format, binary_bytes, (uint64_t)0);
    char *data = calloc(1, head + binary_bytes + 1);
    if (!data) return NULL;
    unsigned char *binary = (unsigned char *)data + head;
    if (state->cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) != CL_SUCCESS) {
        free(data);
        return NULL;
    }
    uint64_t digest = hash_words(hash_bytes(HASH_START, key->text, text), binary, binary_bytes);
    snprintf(line, sizeof line, binary_format, binary_bytes, digest);
    memcpy(data, key->text, text);
    memcpy(data + text, line, strlen(line));
    *bytes = head + binary_bytes;
    return data;
}

bool cl_cache_save(struct lipcl_device *device, const struct cl_cache_key *key, cl_program program) {
    size_t bytes;
    char *data = compose(cl_state(device), key, program, &bytes);
    bool saved = data && cache_write(key->name, data, bytes);
    if (!data)
        log_message(device->ctx, LIPCL_LOG_DEBUG, "cache: %s: the driver gives no binary", device->info.name);
    else if (!saved)
        log_message(device->ctx, LIPCL_LOG_DEBUG, "cache: %s: not written", key->name);
    else
        cache_trim(prefix, MAX_TOTAL_BYTES);
    free(data);
    return saved;
}

void cl_cache_remove(const struct cl_cache_key *key) {
    cache_remove(key->name);
}
