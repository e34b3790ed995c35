/* fault_layer.h: what a test sets in, and reads from, fault_layer.c. Both are the same variables: the layer's. */
#ifndef LIPCL_TESTS_FAULT_LAYER_H
#define LIPCL_TESTS_FAULT_LAYER_H

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
    FAULT_RELEASE, /* of a context, queue, buffer, program or kernel */
    FAULT_CALLS,
};

struct fault_state {
    int count[FAULT_CALLS]; /* calls so far */
    enum fault_call call;   /* this call ... */
    int at;                 /* ... fails from its at-th time on (1 = the first); 0 = never */
    int times;              /* how often it fails; 0 = from then on always */
    int code;               /* with this OpenCL code */
    int after_failure;      /* calls of any kind since the first failure */
};

#endif
