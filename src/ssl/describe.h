/* What a model's metadata say of how it was made. */
#ifndef MASKCL_SSL_DESCRIBE_H
#define MASKCL_SSL_DESCRIBE_H

#include "maskcl/data.h"
#include "maskcl/model.h"

/* Sets how the model's input was made of the data. */
mcl_status mcl_describe_input(mcl_model *model, const mcl_data *data);

#endif
