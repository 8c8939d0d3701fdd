/* SPDX-License-Identifier: Apache-2.0 */
/* Labels in IDX and .npy files, and in text. */
#include "arrays.h"

#include "data/labelling.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int pipe = 0; pipe < 2; pipe++) {
        int32_t *labels = NULL;
        uint64_t count = 0;
        mcl_source *source = fuzz_source(data, size, pipe);
        if (!source)
            return 0;
        const mcl_status status = mcl_labels_read(&labels, &count, source);
        mcl_source_close(source);
        FUZZ_ASSERT((status == MCL_OK) == (labels != NULL));
        if (!labels)
            fuzz_check_refusal(status, FUZZ_NAME);
        FUZZ_ASSERT((count > 0) == (status == MCL_OK));
        for (uint64_t i = 0; i < count; i++)
            FUZZ_ASSERT(labels[i] >= 0);
        mcl_labels_free(labels);
        mcl_labelling labelling = {NULL, 0, NULL};
        source = fuzz_source(data, size, pipe);
        if (!source)
            return 0;
        const mcl_status taken = mcl_labelling_read(&labelling, source, 3, NULL);
        mcl_source_close(source);
        if (taken != MCL_OK)
            fuzz_check_refusal(taken, FUZZ_NAME);
        const int64_t classes = (int64_t)mcl_strings_count(labelling.classes);
        for (uint64_t i = 0; i < labelling.count; i++)
            FUZZ_ASSERT(
                labelling.labels[i] >= -1 && (!labelling.classes || labelling.labels[i] < classes));
        mcl_labelling_release(&labelling);
    }
    return 0;
}
