/* test_devices.h: the devices that a suite runs on, one parameter each. */
#ifndef LIPCL_TESTS_SUPPORT_TEST_DEVICES_H
#define LIPCL_TESTS_SUPPORT_TEST_DEVICES_H

#include <stdbool.h>

#include <criterion/parameterized.h>

#include <lipcl/device.h>

struct device_parameter {
    char selector[32]; /* "0:0", "host" */
    char name[128];
};

/* Every usable OpenCL device; fails the suite when there is none. `with_host`: and the device that needs no OpenCL. */
struct criterion_test_params devices_as_parameters(bool with_host);

/* A context whose warnings and errors go to stderr. */
struct lipcl_context *test_context(void);

#endif
