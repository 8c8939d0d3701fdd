/* SPDX-License-Identifier: Apache-2.0 */
/* Accuracy, and what does not count classes by their rows. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/classes.h"
#include "maskcl/evaluate.h"

/* Rows of a class. */
struct count {
    uint64_t rows, told, right;
};

static mcl_scores score(const struct count *counts, uint32_t classes, uint64_t rows)
{
    uint64_t right = 0;
    uint32_t present = 0;
    double recall = 0.0, f1 = 0.0;
    for (uint32_t c = 0; c < classes; c++) {
        const struct count *count = &counts[c];
        right += count->right;
        present += count->rows > 0;
        recall += count->rows ? (double)count->right / (double)count->rows : 0.0;
        f1 += 2.0 * (double)count->right / (double)(count->rows + count->told);
    }
    return (mcl_scores){(double)right / (double)rows, recall / present, f1 / classes};
}

mcl_status mcl_scores_of(
    mcl_scores *scores, const int32_t *labels, const int32_t *told, uint64_t rows)
{
    MCL_NEED(scores);
    MCL_NEED(labels);
    MCL_NEED(told);
    if (rows == 0)
        return mcl_fail(MCL_ERROR_DATA, "there are no rows to score");
    mcl_classes classes;
    struct count *counts = NULL;
    int32_t *both;
    MCL_TRY(mcl_allocate(&both, rows, 2 * sizeof *both));
    memcpy(both, labels, (size_t)rows * sizeof *both);
    memcpy(both + rows, told, (size_t)rows * sizeof *both);
    mcl_status status = mcl_classes_find(&classes, both, 2 * rows);
    free(both);
    MCL_TRY(status);
    status = mcl_allocate(&counts, classes.count, sizeof *counts);
    for (uint64_t i = 0; i < rows && status == MCL_OK; i++) {
        const uint32_t place = mcl_classes_place(&classes, labels[i]);
        counts[place].rows++;
        counts[place].right += labels[i] == told[i];
        counts[mcl_classes_place(&classes, told[i])].told++;
    }
    if (status == MCL_OK)
        *scores = score(counts, classes.count, rows);
    free(counts);
    mcl_classes_release(&classes);
    return status;
}
