/* fault_layer.h: what a test sets in, and reads from, fault_layer.c. Both are the same variables: the layer's. A program takes
 * its stamps from FAULT_STAMPS, a number of enum fault_stamps. */
#ifndef LIPCL_TESTS_FAULT_LAYER_H
#define LIPCL_TESTS_FAULT_LAYER_H

#include <stddef.h>

enum fault_call {
    FAULT_CREATE_CONTEXT,
    FAULT_CREATE_QUEUE,
    FAULT_CREATE_BUFFER,
    FAULT_FILL,
    FAULT_CREATE_PROGRAM, /* from source */
    FAULT_CREATE_BINARY,  /* a program from a binary */
    FAULT_BUILD,
    FAULT_CREATE_KERNEL,
    FAULT_SET_ARG,
    FAULT_WRITE,
    FAULT_LAUNCH,
    FAULT_READ,
    FAULT_FINISH,
    FAULT_RELEASE, /* of a context, queue, buffer, program, kernel or event */
    FAULT_PROFILING_INFO,
    FAULT_CALLS,
};

/* What a driver may say of when a command ran. */
enum fault_stamps {
    STAMPS_TRUE,
    STAMPS_MISSING,   /* CL_PROFILING_INFO_NOT_AVAILABLE */
    STAMPS_ZERO,      /* 0 for the start */
    STAMPS_BACKWARDS, /* the end before the start */
    STAMPS_EARLY,     /* the end before it was submitted */
    STAMPS_INSTANT,   /* the end with the start */
    STAMPS_ENDLESS,   /* the end an hour late */
    STAMPS_ELSEWHEN,  /* all of them an hour late */
};

struct fault_state {
    int count[FAULT_CALLS]; /* calls so far */
    enum fault_call call;   /* this call ... */
    int at;                 /* ... fails from its at-th time on (1 = the first); 0 = never */
    int times;              /* how often it fails; 0 = from then on always */
    int code;               /* with this OpenCL code */
    int after_failure;      /* calls of any kind since the first failure */

    int profiling_queues;     /* created with CL_QUEUE_PROFILING_ENABLE */
    int events, events_freed; /* asked for by commands, and released */
    enum fault_stamps stamps; /* told of ... */
    int stamps_at;            /* ... the command with an event of this number (1 = the first), or of all (0) */
    int borrowed;             /* transfers that were still to use the host's memory when their call returned */
    int programs;             /* that have been created, or ought to have been, and not yet released */
    size_t bytes;             /* of buffers that have been created and not yet released */
    size_t peak_bytes;        /* the most that these have been */
};

#endif
