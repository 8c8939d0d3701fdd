/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include <string.h>

void mcl_csv_value(FILE *stream, const char *text)
{
    if (!*text || !text[strcspn(text, ",\"\r\n")]) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            fputc('"', stream);
        fputc(*c, stream);
    }
    fputc('"', stream);
}

void mcl_csv_comma(FILE *stream, bool *begun)
{
    if (*begun)
        fputc(',', stream);
    *begun = true;
}
