/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate: what a verification found out about a device, in a file that anybody can send. It
 * names no user, no machine and no path. */
#ifndef MASKCL_CLI_CERTIFICATE_H
#define MASKCL_CLI_CERTIFICATE_H

#include <cjson/cJSON.h>

#include "maskcl/verify.h"
#include "message.h"

typedef struct mcl_certificate {
    cJSON *root; /* NULL: none is wanted, and the functions do nothing */
    cJSON *digests, *differing;
    uint64_t agree;
    double results; /* that were compared */
    double start;
} mcl_certificate;

void mcl_certificate_begin(mcl_certificate *certificate, const mcl_device_info *device);

/* Takes a check. */
void mcl_certificate_add(mcl_certificate *certificate, const mcl_check *check);

/* Measures the device's peak rates and writes the certificate to path. */
mcl_exit mcl_certificate_write(mcl_certificate *certificate, const mcl_verdict *verdict,
    mcl_context *context, const char *path);

void mcl_certificate_free(mcl_certificate *certificate);

#endif
