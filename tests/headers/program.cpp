// SPDX-License-Identifier: Apache-2.0
// The library from C++11: trains, saves, loads and embeds, with every handle in a unique_ptr.
#include <maskcl/maskcl.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

namespace
{
void check(mcl_status status)
{
    if (status != MCL_OK)
        throw std::runtime_error(mcl_error_message());
}

template <typename T> using Handle = std::unique_ptr<T, void (*)(T *)>;

int report_count = 0;

void report(const mcl_step *step, void *user)
{
    if (step->epoch_end)
        ++*static_cast<int *>(user);
}

Handle<mcl_data> synthetic(uint64_t rows, uint64_t columns)
{
    mcl_data *data = nullptr;
    check(mcl_data_synthetic(&data, rows, columns, 1));
    return {data, mcl_data_free};
}

Handle<mcl_model> pretrain(mcl_context *context, const mcl_data *data)
{
    mcl_pretrain_options options;
    check(mcl_pretrain_options_init(&options));
    check(mcl_options_set(&options.base, "learning_rate", "0.002"));
    options.hidden[0] = 16;
    options.embedding = 8;
    options.train.epochs = 2;
    options.train.report = report;
    options.train.user = &report_count;
    mcl_model *model = nullptr;
    check(mcl_pretrain(&model, context, data, &options));
    return {model, mcl_model_free};
}

void run()
{
    mcl_context *opened = nullptr;
    check(mcl_context_open(&opened, nullptr));
    const Handle<mcl_context> context(opened, mcl_context_close);
    const auto data = synthetic(256, 32);
    const auto trained = pretrain(context.get(), data.get());
    if (report_count != 2)
        throw std::runtime_error("not every epoch was reported");

    check(mcl_model_save(trained.get(), "model.safetensors"));
    mcl_model *loaded = nullptr;
    check(mcl_model_load(&loaded, "model.safetensors"));
    const Handle<mcl_model> model(loaded, mcl_model_free);
    std::vector<float> embeddings(256 * mcl_model_architecture(loaded)->embedding);
    check(mcl_embed(embeddings.data(), context.get(), loaded, data.get()));

    mcl_data *missing = nullptr;
    if (mcl_data_open(&missing, "missing.npy") != MCL_ERROR_FILE || missing)
        throw std::runtime_error("a file that is not there can be opened");
}
} // namespace

int main()
{
    try {
        run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return 0;
}
