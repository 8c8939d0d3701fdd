/* SPDX-License-Identifier: Apache-2.0 */
#include "certificate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "json.h"
#include "maskcl/output.h"
#include "maskcl/profile.h"
#include "maskcl/version.h"
#include "progress.h"
#include "signals.h"

#define COPY_BYTES ((size_t)64 << 20) /* of the peak: more than caches hold */

/* The kernel's major and minor version: the rest tells of a machine. */
static void add_system(cJSON *root)
{
    struct utsname names;
    char kernel[160];
    if (uname(&names) != 0)
        return;
    cJSON *system = mcl_json_object_in(root, "system");
    const size_t major = strcspn(names.release, ".");
    const size_t length =
        major + (names.release[major] ? 1 + strspn(names.release + major + 1, "0123456789") : 0);
    snprintf(kernel, sizeof kernel, "%s %.*s", names.sysname, (int)length, names.release);
    mcl_json_text(system, "kernel", kernel);
    mcl_json_text(system, "machine", names.machine);
}

static void add_date(cJSON *root)
{
    const time_t now = time(NULL);
    struct tm parts;
    char text[16] = "";
    if (gmtime_r(&now, &parts))
        (void)strftime(text, sizeof text, "%Y-%m-%d", &parts);
    mcl_json_text(root, "date", text);
}

static void add_device(cJSON *root, const mcl_device_info *device)
{
    mcl_json_device(mcl_json_object_in(root, "device"), device);
    mcl_json_text(root, "driver", device->driver_version);
}

void mcl_certificate_begin(mcl_certificate *certificate, const mcl_device_info *device)
{
    cJSON *root = mcl_json_object();
    *certificate = (mcl_certificate){.root = root, .start = mcl_seconds()};
    mcl_json_text(root, "maskcl", mcl_version());
    mcl_json_number(root, "numeric_contract", MCL_NUMERIC_CONTRACT);
    add_date(root);
    add_device(root, device);
    add_system(root);
    certificate->digests = mcl_json_object_in(root, "digests");
}

void mcl_certificate_add(mcl_certificate *certificate, const mcl_check *check)
{
    if (!certificate->root)
        return;
    certificate->agree += check->agrees;
    certificate->results += (double)check->cases;
    if (strcmp(check->stage, "training") == 0) {
        cJSON *entry = mcl_json_object_in(certificate->digests, check->kernel);
        mcl_json_text(entry, "digest", check->got);
        mcl_json_bool(entry, "agrees", check->agrees);
    }
    if (check->agrees)
        return;
    if (!certificate->differing)
        certificate->differing = mcl_json_array_in(certificate->root, "differing");
    cJSON *entry = mcl_json_object_at(certificate->differing);
    mcl_json_text(entry, "stage", check->stage);
    mcl_json_text(entry, "kernel", check->kernel);
    mcl_json_text(entry, "place", check->place);
    mcl_json_text(entry, "expected", check->expected);
    mcl_json_text(entry, "got", check->got);
}

static void add_verdict(mcl_certificate *certificate, const mcl_verdict *verdict)
{
    cJSON *entry = mcl_json_object_in(certificate->root, "verify");
    mcl_json_bool(entry, "reproduces", verdict->failed == 0);
    mcl_json_number(entry, "checks", (double)verdict->checks);
    mcl_json_number(entry, "agree", (double)certificate->agree);
    mcl_json_number(entry, "results", certificate->results);
    mcl_json_bool(entry, "flushes_subnormals", verdict->flushes_subnormals);
    mcl_json_text(entry, "reason", verdict->reason);
    mcl_json_number(entry, "seconds", (double)(int64_t)(mcl_seconds() - certificate->start + 0.5));
}

/* A number to three digits: more would only be noise. */
static void add_rate(cJSON *entry, const char *name, double rate)
{
    char text[32];
    snprintf(text, sizeof text, "%.3g", rate);
    mcl_json_number(entry, name, strtod(text, NULL));
}

/* A device without them has a certificate without them. */
static void add_speed(cJSON *root, mcl_context *context)
{
    double operations, bytes;
    if (mcl_device_peaks(&operations, &bytes, context, COPY_BYTES) != MCL_OK)
        return;
    cJSON *entry = mcl_json_object_in(root, "speed");
    add_rate(entry, "fma_gflops", 1e-9 * operations);
    add_rate(entry, "copy_gb_per_s", 1e-9 * bytes);
}

mcl_exit mcl_certificate_write(mcl_certificate *certificate, const mcl_verdict *verdict,
    mcl_context *context, const char *path)
{
    if (!certificate->root)
        return MCL_EXIT_DONE;
    add_verdict(certificate, verdict);
    add_speed(certificate->root, context);
    char *text = cJSON_Print(certificate->root);
    if (!text)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for the certificate");
    (void)mcl_signals_defer();
    const mcl_status status = mcl_write_text(path, text);
    free(text);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_keep("the certificate is in %s", path);
    mcl_signals_at_once();
    return MCL_EXIT_DONE;
}

void mcl_certificate_free(mcl_certificate *certificate)
{
    cJSON_Delete(certificate->root);
    certificate->root = NULL;
}
