/* fuzz.h: what the fuzz targets share: bytes become files, readers are held to their contract, a breach aborts.
 *
 * The contract is that of every reader of files: a bad one gets an error whose sentence names the file and holds nothing that
 * a terminal would obey; at most twice the file's size and 16 MiB are taken on the way; nothing is left behind. Leaks, bad
 * memory accesses and undefined behaviour are the sanitizers' part, time that of whoever calls fuzz_one().
 */
#ifndef LIPCL_TESTS_FUZZ_H
#define LIPCL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lipcl/context.h>

/* libFuzzer's entry, and replay.c's: each target is one function of this name. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts with a message unless `holds`. */
void require(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A path in the folder that this process has for its files; valid for the next few calls. The folder goes with the process. */
const char *fuzz_path(const char *name);

/* Writes the input to fuzz_path("input"), which it returns. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Makes the input a folder of files and returns its path. It is a row of: a line "NAME BYTES", then that many bytes (or what
 * is left). Names with a '/' and what comes behind 32 files is dropped. */
const char *fuzz_folder(const uint8_t *data, size_t size);

/* A context whose messages are all composed, of every level, and checked for control characters if they are `clean`. */
struct lipcl_context *fuzz_context(bool clean);

/* Around a reader: what it took at most, where a sanitizer's allocator tells (otherwise nothing is checked). */
void fuzz_watch_memory(void);
void fuzz_check_memory(size_t file_bytes);

/* What holds of a reader's status. */
void fuzz_check_status(const struct lipcl_context *ctx, enum lipcl_status status, bool made, const char *path);

#endif
