/* faults.h: the layer between lipcl and OpenCL that counts calls and makes them fail. */
#ifndef LIPCL_TESTS_SUPPORT_FAULTS_H
#define LIPCL_TESTS_SUPPORT_FAULTS_H

#include "faults/fault_layer.h"

/* Puts the layer in front of every driver, and returns its state. To be called before the loader is first, as it reads the
 * layers' names only once; every test is a process of its own. */
struct fault_state *fault_layer(void);

#endif
