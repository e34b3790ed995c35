/* sabotage.h: kernels that compute wrong numbers. */
#ifndef LIPCL_TESTS_SUPPORT_SABOTAGE_H
#define LIPCL_TESTS_SUPPORT_SABOTAGE_H

/* Puts a copy of cl_kernels/`file` into `folder` in which `from`, which must be there, has become `to` everywhere. For
 * LIPCL_KERNEL_DIR. */
void sabotage(const char *folder, const char *file, const char *from, const char *to);

#endif
