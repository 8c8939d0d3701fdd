/* SPDX-License-Identifier: Apache-2.0 */
/* Trains the same model on two devices at once, a context and a thread for each, and compares the
 * digests: by the native product they are the same. Where there is one device, both contexts are
 * on it. */
#include <maskcl/maskcl.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct job {
    const mcl_device_info *device;
    const mcl_data *data; /* read by both threads */
    mcl_status status;
    char message[256]; /* of a failure: the library keeps it for the thread that failed */
    char digest[MCL_DIGEST_SIZE];
};

static void *train(void *user)
{
    struct job *job = user;
    char platform[16], device[16];
    snprintf(platform, sizeof(platform), "%u", job->device->platform_index);
    snprintf(device, sizeof(device), "%u", job->device->device_index);
    const mcl_context_options where = {
        .platform = platform, .device = device, .gemm = MCL_GEMM_NATIVE};
    mcl_pretrain_options options;
    mcl_context *context = NULL;
    mcl_model *model = NULL;
    job->status = mcl_pretrain_options_init(&options);
    options.train.epochs = 2;
    if (job->status == MCL_OK)
        job->status = mcl_context_open(&context, &where);
    if (job->status == MCL_OK)
        job->status = mcl_pretrain(&model, context, job->data, &options);
    if (job->status == MCL_OK)
        mcl_model_digest(job->digest, model);
    else
        snprintf(job->message, sizeof(job->message), "%s", mcl_error_message());
    mcl_model_free(model);
    mcl_context_close(context);
    return NULL;
}

int main(void)
{
    mcl_device_info *devices = NULL;
    size_t count = 0;
    mcl_data *data = NULL;
    if (mcl_devices_list(&devices, &count) || mcl_data_synthetic(&data, 1024, 64, 1)) {
        fprintf(stderr, "%s\n", mcl_error_message());
        return 1;
    }
    struct job jobs[2] = {
        {.device = &devices[0], .data = data}, {.device = &devices[count - 1], .data = data}};
    pthread_t threads[2];
    int failed = 0;
    for (int i = 0; i < 2; i++)
        failed |= pthread_create(&threads[i], NULL, train, &jobs[i]) != 0;
    for (int i = 0; i < 2 && !failed; i++)
        failed |= pthread_join(threads[i], NULL) != 0;
    for (int i = 0; i < 2; i++) {
        printf("%s: %s\n", jobs[i].device->name, jobs[i].status ? jobs[i].message : jobs[i].digest);
        failed |= jobs[i].status != MCL_OK;
    }
    mcl_data_free(data);
    mcl_devices_free(devices);
    return failed || strcmp(jobs[0].digest, jobs[1].digest) != 0;
}
