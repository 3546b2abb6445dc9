/* What the harness and the program around it share. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include <stddef.h>
#include <stdio.h>

/* Where a failed check writes: stdout and stderr are watched for what the library must not write. */
extern FILE *case_report;

const char *where_file(void);
int where_line(void);

/* Zeroed memory, freed at the end of the case. */
void *own_memory(size_t size);

#endif
