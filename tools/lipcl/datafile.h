/* datafile.h: files that ship with lipcl, wherever it is installed or built. */
#ifndef LIPCL_TOOLS_DATAFILE_H
#define LIPCL_TOOLS_DATAFILE_H

/* The paths of LipNet's trained weights and of a clip to try them on; the caller frees them. NULL when there is none, after
 * a message that tells where they were looked for. */
char *datafile_model(void);
char *datafile_clip(void);

#endif
