/* SPDX-License-Identifier: Apache-2.0 */
/* The model: initial parameters, metadata, and a file that holds all of it or is refused. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <math.h>

#include "maskcl/version.h"
#include "model/model.h"
#include "support/sizes.h"

static const mcl_architecture reference = SIZES(784, 1, 64, MCL_ACTIVATION_RELU, 128);
static const mcl_architecture small = SIZES(5, 2, 2, MCL_ACTIVATION_GELU, 4, 3);

static mcl_model *create(const mcl_architecture *architecture, uint64_t seed)
{
    mcl_model *model = NULL;
    ck_assert_msg(
        mcl_model_create(&model, architecture, seed) == MCL_OK, "%s", mcl_error_message());
    return model;
}

static void assert_message(const char *part)
{
    ck_assert_msg(
        strstr(mcl_error_message(), part) != NULL, "'%s' lacks '%s'", mcl_error_message(), part);
    ck_assert_msg(
        strchr(mcl_error_message(), '\n') == NULL, "more than a line: '%s'", mcl_error_message());
}

static uint32_t bits(float x)
{
    uint32_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

/* FNV-1a. */
static uint64_t digest(const void *data, size_t count)
{
    const unsigned char *byte = data;
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ byte[i]) * 0x100000001B3u;
    return hash;
}

/* Computed with NumPy from the numeric contract, not with this library: see model/test_model.py,
 * which does it again wherever NumPy is. */
static const struct {
    mcl_architecture architecture;
    uint64_t seed, count, digest;
    uint32_t first[3], last;
} initial[] = {
    {SIZES(784, 1, 64, MCL_ACTIVATION_RELU, 128), 0, 218192, 0x46B80691CAC74353u,
        {0xBBEC4A01u, 0x3CDEA89Eu, 0x3C89ECF7u}, 0x3B5BF234u},
    {SIZES(784, 1, 64, MCL_ACTIVATION_TANH, 128), 4294967301u, 218192, 0x0FC8CA8E5A293A46u,
        {0xBD119767u, 0x3C32500Au, 0x3CB1DC77u}, 0x3CE1F82Fu},
    {SIZES(5, 0, 3, MCL_ACTIVATION_NONE, 0), 1, 38, 0xE37A7264D6B7B70Au,
        {0x3EB2B7C8u, 0x3EB4BE9Bu, 0x3D9D0816u}, 0x3D6C974Au},
    {SIZES(7, 2, 129, MCL_ACTIVATION_GELU, 37, 2), UINT64_MAX, 1396, 0xF376C5015F66F2ACu,
        {0xBD218ECFu, 0xBEA1590Du, 0x3DBD05A8u}, 0x3E10C99Au},
};

START_TEST(test_initial_parameters_have_the_contract_s_bits)
{
    mcl_model *model = create(&initial[_i].architecture, initial[_i].seed);
    uint64_t count;
    const float *parameters = mcl_model_parameters(model, &count, NULL);
    ck_assert_uint_eq(count, initial[_i].count);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(bits(parameters[i]), initial[_i].first[i]);
    ck_assert_uint_eq(bits(parameters[count - 1]), initial[_i].last);
    ck_assert_uint_eq(digest(parameters, count * sizeof *parameters), initial[_i].digest);
    mcl_model_free(model);
}
END_TEST

/* Uniform in ±1/√fan_in: inside, close to both ends, with the mean and the variance of that. */
START_TEST(test_initial_parameters_are_uniform)
{
    mcl_model *model = create(&reference, 3);
    for (size_t t = 0; t < mcl_model_tensor_count(model); t++) {
        const mcl_tensor tensor = mcl_model_tensor(model, t);
        if (tensor.dimensions < 2)
            continue;
        const double bound = 1 / sqrt((double)tensor.shape[1]);
        const uint64_t count = tensor.shape[0] * tensor.shape[1];
        double sum = 0, squares = 0, least = 1, most = -1;
        for (uint64_t i = 0; i < count; i++) {
            const double x = tensor.values[i] / bound;
            sum += x;
            squares += x * x;
            least = fmin(least, x);
            most = fmax(most, x);
        }
        ck_assert_double_ge(least, -1 - 1e-7);
        ck_assert_double_lt(least, -0.998);
        ck_assert_double_lt(most, 1 + 1e-7);
        ck_assert_double_gt(most, 0.998);
        /* five standard errors: of x 1/√3, of x² √(4/45) */
        ck_assert_double_lt(fabs(sum / (double)count), 5 / sqrt(3.0 * (double)count));
        ck_assert_double_lt(
            fabs(squares / (double)count - 1 / 3.0), 5 * sqrt(4 / 45.0 / (double)count));
    }
    mcl_model_free(model);
}
END_TEST

START_TEST(test_seeds_differ)
{
    static const uint64_t seeds[] = {0, 1, (uint64_t)1 << 32, UINT64_MAX};
    mcl_model *models[4];
    for (int i = 0; i < 4; i++)
        models[i] = create(&small, seeds[i]);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++)
            ck_assert_mem_ne(mcl_model_parameters(models[i], NULL, NULL),
                mcl_model_parameters(models[k], NULL, NULL), 8 * sizeof(float));
    }
    for (int i = 0; i < 4; i++)
        mcl_model_free(models[i]);
}
END_TEST

START_TEST(test_tensors_are_views_into_one_vector)
{
    mcl_model *model = create(&small, 1);
    uint64_t count, encoder, offset = 0;
    float *parameters = mcl_model_parameters(model, &count, &encoder);
    ck_assert_uint_eq(mcl_model_tensor_count(model), 12);
    for (size_t t = 0; t < 12; t++) {
        const mcl_tensor tensor = mcl_model_tensor(model, t);
        ck_assert_uint_eq(tensor.offset, offset);
        ck_assert_ptr_eq(tensor.values, parameters + offset);
        if (t == 6) {
            ck_assert_str_eq(tensor.name, "decoder.0.weight");
            ck_assert_uint_eq(offset, encoder);
            ck_assert_uint_eq(tensor.shape[0], 3);
            ck_assert_uint_eq(tensor.shape[1], 2);
        }
        offset += tensor.shape[0] * (tensor.dimensions == 2 ? tensor.shape[1] : 1);
    }
    ck_assert_uint_eq(offset, count);
    ck_assert_ptr_eq(mcl_model_parameters(model, NULL, NULL), parameters);
    mcl_model_free(model);
}
END_TEST

START_TEST(test_an_unusable_architecture)
{
    mcl_model *model = NULL;
    const mcl_architecture none = SIZES(0, 0, 3, MCL_ACTIVATION_NONE, 0);
    ck_assert_int_eq(mcl_model_create(&model, &none, 0), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_null(model);
    assert_message("0 columns");
    mcl_model_free(NULL);
}
END_TEST

static void assert_metadata(
    const mcl_model *model, size_t index, const char *expected_key, const char *expected_value)
{
    const char *key, *value;
    mcl_model_metadata_at(model, index, &key, &value);
    ck_assert_str_eq(key, expected_key);
    ck_assert_str_eq(value, expected_value);
    ck_assert_ptr_eq(mcl_model_metadata_get(model, expected_key), value);
}

START_TEST(test_metadata_of_the_model_itself)
{
    mcl_model *model = create(&small, 1);
    ck_assert_uint_eq(mcl_model_metadata_count(model), 6);
    assert_metadata(model, 0, "maskcl_format", "1");
    assert_metadata(model, 1, "maskcl_version", mcl_version());
    assert_metadata(model, 2, "input", "5");
    assert_metadata(model, 3, "hidden", "4,3");
    assert_metadata(model, 4, "embedding", "2");
    assert_metadata(model, 5, "activation", "gelu");
    mcl_model_free(model);
}
END_TEST

START_TEST(test_metadata_keep_their_order)
{
    mcl_model *model = create(&small, 1);
    ck_assert_ptr_null(mcl_model_metadata_get(model, "zebra"));
    ck_assert_int_eq(mcl_model_metadata_set(model, "zebra", "1"), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "apple", "two\nlines \"ü\""), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "zebra", "3"), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "empty", ""), MCL_OK);
    ck_assert_uint_eq(mcl_model_metadata_count(model), 9);
    assert_metadata(model, 6, "zebra", "3");
    assert_metadata(model, 7, "apple", "two\nlines \"ü\"");
    assert_metadata(model, 8, "empty", "");
    mcl_model_free(model);
}
END_TEST

START_TEST(test_many_metadata)
{
    mcl_model *model = create(&small, 1);
    char key[32], value[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        snprintf(value, sizeof value, "value %d", i);
        ck_assert_int_eq(mcl_model_metadata_set(model, key, value), MCL_OK);
    }
    ck_assert_uint_eq(mcl_model_metadata_count(model), 1006);
    assert_metadata(model, 6, "key 0", "value 0");
    assert_metadata(model, 1005, "key 999", "value 999");
    mcl_model_free(model);
}
END_TEST

START_TEST(test_metadata_that_are_refused)
{
    static const struct {
        const char *key, *value, *message;
    } refused[] = {
        {"maskcl_format", "2", "'maskcl_format' is the model's own"},
        {"maskcl_version", "9", "'maskcl_version' is the model's own"},
        {"input", "9", "'input' is the model's own"},
        {"hidden", "9", "'hidden' is the model's own"},
        {"embedding", "9", "'embedding' is the model's own"},
        {"activation", "tanh", "'activation' is the model's own"},
        {"", "x", "key is empty"},
        {"a\nb", "x", "control character"},
        {"\xFF", "x", "not UTF-8"},
        {"key", "\xC3", "value of metadata 'key' is not UTF-8"},
    };
    mcl_model *model = create(&small, 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ck_assert_int_eq(
            mcl_model_metadata_set(model, refused[i].key, refused[i].value), MCL_ERROR_ARGUMENT);
        assert_message(refused[i].message);
    }
    ck_assert_uint_eq(mcl_model_metadata_count(model), 6);
    assert_metadata(model, 5, "activation", "gelu");
    mcl_model_free(model);
}
END_TEST

static void save(const mcl_model *model, const char *path)
{
    ck_assert_msg(mcl_model_save(model, path) == MCL_OK, "%s", mcl_error_message());
}

static mcl_model *load(const char *path)
{
    mcl_model *model = NULL;
    ck_assert_msg(mcl_model_load(&model, path) == MCL_OK, "%s", mcl_error_message());
    return model;
}

START_TEST(test_what_is_saved_is_loaded)
{
    static const mcl_architecture architectures[] = {
        SIZES(784, 1, 64, MCL_ACTIVATION_RELU, 128),
        SIZES(5, 2, 2, MCL_ACTIVATION_GELU, 4, 3),
        SIZES(1, 0, 1, MCL_ACTIVATION_NONE, 0),
        SIZES(3, 16, 2, MCL_ACTIVATION_TANH, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2),
    };
    mcl_architecture heads = SIZES(3, 1, 4, MCL_ACTIVATION_RELU, 5);
    heads.normalization = MCL_NORMALIZATION_BATCH;
    heads.activated_embedding = heads.mask_head = true;
    heads.projector_count = 2;
    heads.projector[0] = heads.projector[1] = 6;
    heads.predictor_count = 1;
    heads.predictor[0] = 7;
    heads.own_decoder = true;
    heads.decoder_count = 1;
    heads.decoder[0] = 8;
    heads.classes = 9;
    const mcl_architecture *architecture = _i < 4 ? &architectures[_i] : &heads;
    const char *path = scratch("model"), *again = scratch("again");
    mcl_model *saved = create(architecture, 9);
    ck_assert_int_eq(mcl_model_metadata_set(saved, "recipe", "réference\n"), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(saved, "input_shape", "28,28"), MCL_OK);
    save(saved, path);
    mcl_model *loaded = load(path);
    const mcl_architecture *read = mcl_model_architecture(loaded);
    ck_assert_uint_eq(read->input, architecture->input);
    ck_assert_uint_eq(read->hidden_count, architecture->hidden_count);
    ck_assert_mem_eq(read->hidden, architecture->hidden, sizeof read->hidden);
    ck_assert_uint_eq(read->embedding, architecture->embedding);
    ck_assert_int_eq(read->activation, architecture->activation);
    ck_assert_int_eq(read->normalization, architecture->normalization);
    ck_assert_int_eq(read->activated_embedding, architecture->activated_embedding);
    ck_assert_int_eq(read->mask_head, architecture->mask_head);
    ck_assert_uint_eq(read->projector_count, architecture->projector_count);
    ck_assert_mem_eq(read->projector, architecture->projector, sizeof read->projector);
    ck_assert_uint_eq(read->predictor_count, architecture->predictor_count);
    ck_assert_mem_eq(read->predictor, architecture->predictor, sizeof read->predictor);
    ck_assert_uint_eq(read->classes, architecture->classes);
    ck_assert_int_eq(read->own_decoder, architecture->own_decoder);
    ck_assert_uint_eq(read->decoder_count, architecture->decoder_count);
    ck_assert_mem_eq(read->decoder, architecture->decoder, sizeof read->decoder);
    uint64_t count, encoder, loaded_count, loaded_encoder;
    const float *a = mcl_model_parameters(saved, &count, &encoder);
    const float *b = mcl_model_parameters(loaded, &loaded_count, &loaded_encoder);
    ck_assert_uint_eq(loaded_count, count);
    ck_assert_uint_eq(loaded_encoder, encoder);
    ck_assert_mem_eq(a, b, count * sizeof *a);
    ck_assert_uint_eq(mcl_model_metadata_count(loaded), mcl_model_metadata_count(saved));
    for (size_t i = 0; i < mcl_model_metadata_count(saved); i++) {
        const char *key, *value;
        mcl_model_metadata_at(saved, i, &key, &value);
        assert_metadata(loaded, i, key, value);
    }
    save(loaded, again);
    assert_same_files(path, again);
    mcl_model_free(saved);
    mcl_model_free(loaded);
}
END_TEST

START_TEST(test_same_model_same_bytes)
{
    mcl_model *first = create(&reference, 5), *second = create(&reference, 5);
    const char *a = scratch("a"), *b = scratch("b");
    save(first, a);
    save(second, b);
    assert_same_files(a, b);
    mcl_model_free(first);
    mcl_model_free(second);
}
END_TEST

START_TEST(test_subnormals_and_signed_zeros_are_kept)
{
    mcl_model *model = create(&small, 5);
    float *parameters = mcl_model_parameters(model, NULL, NULL);
    parameters[0] = -0.0f;
    parameters[1] = 0x1p-149f;
    parameters[2] = -0x1.FFFFFEp127f;
    save(model, scratch("m"));
    mcl_model *loaded = load(scratch("m"));
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(bits(mcl_model_parameters(loaded, NULL, NULL)[i]), bits(parameters[i]));
    mcl_model_free(model);
    mcl_model_free(loaded);
}
END_TEST

START_TEST(test_parameters_that_are_not_finite_are_not_saved)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    mcl_model *model = create(&small, 5);
    mcl_model_tensor(model, 2).values[7] = values[_i];
    ck_assert_int_eq(mcl_model_save(model, scratch("m")), MCL_ERROR_DATA);
    assert_message("value 7 of tensor 'encoder.2.weight' is ");
    ck_assert_uint_eq(scratch_files(NULL), 0);
    mcl_model_free(model);
}
END_TEST

static void put_byte(FILE *file, size_t at, unsigned char byte)
{
    fseek(file, (long)at, SEEK_SET);
    fputc(byte, file);
    fflush(file);
}

static mcl_status load_again(const char *path)
{
    mcl_model *model = NULL;
    const mcl_status status = mcl_model_load(&model, path);
    mcl_model_free(model);
    return status;
}

START_TEST(test_any_flipped_bit_is_noticed)
{
    mcl_architecture architecture = SIZES(3, 1, 2, MCL_ACTIVATION_RELU, 2);
    architecture.normalization = MCL_NORMALIZATION_BATCH; /* with running statistics */
    mcl_model *model = create(&architecture, 1);
    size_t count;
    ck_assert_int_eq(mcl_model_metadata_set(model, "note", "kept, and \"quoted\""), MCL_OK);
    ck_assert_int_eq(mcl_model_save(model, scratch("model")), MCL_OK);
    unsigned char *bytes = read_file(scratch("model"), &count);
    FILE *file = fopen(scratch("model"), "r+b");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < count; i++) {
        for (int bit = 0; bit < 8; bit++) {
            put_byte(file, i, (unsigned char)(bytes[i] ^ 1u << bit));
            if (load_again(scratch("model")) != MCL_ERROR_FORMAT)
                ck_abort_msg("bit %d of byte %zu of %zu goes unnoticed", bit, i, count);
        }
        put_byte(file, i, bytes[i]);
    }
    ck_assert_int_eq(load_again(scratch("model")), MCL_OK);
    fclose(file);
    free(bytes);
    mcl_model_free(model);
}
END_TEST

/* A file that was changed on purpose, or has never had a digest. */
START_TEST(test_digests_are_checked_where_they_are)
{
    static const char *const keys[] = {MCL_KEY_DIGEST, MCL_KEY_FILE_DIGEST};
    for (int left_out = 0; left_out < 4; left_out++) {
        mcl_model *model = create(&small, 1), *loaded = NULL;
        mcl_safetensors *file;
        mcl_text_pair pairs[32];
        mcl_stored_tensor tensors[32];
        size_t pair_count = 0;
        ck_assert_int_eq(mcl_model_save(model, scratch("model")), MCL_OK);
        ck_assert_int_eq(mcl_safetensors_open(&file, scratch("model")), MCL_OK);
        const size_t count = mcl_safetensors_count(file);
        for (size_t i = 0; i < count; i++)
            tensors[i] = *mcl_safetensors_tensor(file, i);
        for (size_t i = 0; i < mcl_safetensors_metadata_count(file); i++) {
            const mcl_text_pair *pair = mcl_safetensors_metadata_at(file, i);
            if (!((left_out & 1) && strcmp(pair->key, keys[0]) == 0) &&
                !((left_out & 2) && strcmp(pair->key, keys[1]) == 0))
                pairs[pair_count++] = *pair;
        }
        pairs[pair_count++] = (mcl_text_pair){"edited", "yes"};
        ck_assert_int_eq(mcl_safetensors_write(scratch("model"), MCL_OUTPUT_RESULT, tensors, count,
                             pairs, pair_count),
            MCL_OK);
        const mcl_status status = mcl_model_load(&loaded, scratch("model"));
        ck_assert_int_eq(status, left_out == 3 ? MCL_OK : MCL_ERROR_FORMAT);
        if (status == MCL_OK) /* and they are there again when it is saved */
            ck_assert_ptr_null(mcl_model_metadata_get(loaded, MCL_KEY_DIGEST));
        else
            assert_message("is damaged: metadata 'maskcl_file_digest' is not the digest");
        mcl_safetensors_close(file);
        mcl_model_free(loaded);
        mcl_model_free(model);
    }
}
END_TEST

/* The digest that info prints is in the file for others to read. */
START_TEST(test_the_digest_is_in_the_file)
{
    mcl_model *model = create(&small, 1);
    mcl_safetensors *file;
    char expected[MCL_DIGEST_SIZE];
    mcl_model_digest(expected, model);
    ck_assert_int_eq(mcl_model_save(model, scratch("model")), MCL_OK);
    ck_assert_int_eq(mcl_safetensors_open(&file, scratch("model")), MCL_OK);
    ck_assert_str_eq(mcl_safetensors_metadata_get(file, MCL_KEY_DIGEST), expected);
    ck_assert_int_eq(mcl_model_metadata_set(model, MCL_KEY_DIGEST, expected), MCL_ERROR_ARGUMENT);
    mcl_safetensors_close(file);
    mcl_model_free(model);
}
END_TEST

/* The folder has gone, or there is no room: what was trained goes elsewhere. */
START_TEST(test_a_model_that_is_saved_anywhere)
{
    mcl_model *model = create(&small, 1), *loaded;
    char path[128], name[256] = "";
    snprintf(path, sizeof path, "%s/gone/model", scratch_folder);
    setenv("TMPDIR", scratch_folder, 1);
    ck_assert_int_eq(mcl_model_save_anywhere(model, path), MCL_ERROR_FILE);
    assert_message("/gone does not exist; the model is in ");
    ck_assert_int_eq(sscanf(strstr(mcl_error_message(), "is in "), "is in %250[^:]:", name), 1);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    ck_assert_int_eq(mcl_model_load(&loaded, name), MCL_OK);
    ck_assert_int_eq(mcl_model_save_anywhere(model, scratch("model")), MCL_OK);
    mcl_model_free(loaded);
    mcl_model_free(model);
}
END_TEST

START_TEST(test_a_failed_save_keeps_the_old_file)
{
    const char *path = scratch("m");
    mcl_model *old = create(&small, 5), *new = create(&reference, 5);
    save(old, path);
    save(old, scratch("copy"));
    limit_file_size(100000);
    ck_assert_int_eq(mcl_model_save(new, path), MCL_ERROR_FILE);
    assert_message("cannot write: File too large");
    assert_same_files(path, scratch("copy"));
    ck_assert_uint_eq(scratch_files(NULL), 2);
    mcl_model_free(old);
    mcl_model_free(new);
}
END_TEST

START_TEST(test_saving_replaces_a_file)
{
    const char *path = scratch("m");
    mcl_model *old = create(&reference, 5), *new = create(&small, 6);
    save(old, path);
    save(new, path);
    mcl_model *loaded = load(path);
    ck_assert_uint_eq(mcl_model_architecture(loaded)->input, 5);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    mcl_model_free(old);
    mcl_model_free(new);
    mcl_model_free(loaded);
}
END_TEST

/* A file like small's, of which a test changes something. */
struct content {
    mcl_stored_tensor tensors[16];
    size_t tensor_count;
    mcl_text_pair metadata[16];
    size_t metadata_count;
};

static void set(struct content *content, const char *key, const char *value)
{
    for (size_t i = 0; i < content->metadata_count; i++) {
        if (strcmp(content->metadata[i].key, key) != 0)
            continue;
        if (value)
            content->metadata[i].value = value;
        else
            content->metadata[i] = content->metadata[--content->metadata_count];
        return;
    }
    content->metadata[content->metadata_count++] = (mcl_text_pair){key, value};
}

static struct content content_of(const mcl_model *model)
{
    struct content content = {.tensor_count = mcl_model_tensor_count(model)};
    for (size_t i = 0; i < content.tensor_count; i++) {
        const mcl_tensor tensor = mcl_model_tensor(model, i);
        content.tensors[i] = (mcl_stored_tensor){tensor.name, MCL_DTYPE_F32,
            {tensor.shape[0], tensor.shape[1]}, tensor.dimensions, tensor.values};
    }
    content.metadata_count = mcl_model_metadata_count(model);
    for (size_t i = 0; i < content.metadata_count; i++)
        mcl_model_metadata_at(model, i, &content.metadata[i].key, &content.metadata[i].value);
    return content;
}

static const char *write_content(const struct content *content)
{
    const char *path = scratch("changed");
    ck_assert_int_eq(mcl_safetensors_write(path, MCL_OUTPUT_RESULT, content->tensors,
                         content->tensor_count, content->metadata, content->metadata_count),
        MCL_OK);
    return path;
}

static void assert_refused(const struct content *content, const char *message)
{
    const char *path = write_content(content);
    mcl_model *model = NULL;
    ck_assert_int_eq(mcl_model_load(&model, path), MCL_ERROR_FORMAT);
    ck_assert_ptr_null(model);
    assert_message(message);
    ck_assert_ptr_eq(strstr(mcl_error_message(), path), mcl_error_message());
}

#define SIXTEEN "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"
#define HUNDRED "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"

static const struct {
    const char *key, *value; /* NULL: the key is not there */
    const char *message;
} changes[] = {
    {"maskcl_format", NULL, "is a safetensors file, but not a maskcl model"},
    {"maskcl_format", "3", "made by a newer version of maskcl: model format 3, and this one reads"},
    {"maskcl_format", "4294967297", "made by a newer version"},
    {"maskcl_format", "0", "'maskcl_format' is '0', not a whole number from 1"},
    {"maskcl_format", "one", "'maskcl_format' is 'one'"},
    {"maskcl_format", "1x", "'maskcl_format' is '1x'"},
    {"maskcl_format", "", "'maskcl_format' is ''"},
    {"maskcl_version", NULL, "lacks metadata 'maskcl_version'"},
    {"input", NULL, "lacks metadata 'input'"},
    {"input", "", "'input' is ''"},
    {"input", "0", "'input' is '0'"},
    {"input", "-5", "'input' is '-5'"},
    {"input", "+5", "'input' is '+5'"},
    {"input", "05", "'input' is '05'"},
    {"input", " 5", "'input' is ' 5'"},
    {"input", "5.0", "'input' is '5.0'"},
    {"input", "5\n", "'input' is '—'"},
    {"input", "4294967296", "'input' is '4294967296'"},
    {"input", "18446744073709551621", "'input' is '18446744073709551621'"},
    {"input", HUNDRED HUNDRED HUNDRED, "'input' is '—'"},
    {"input", "6", "'encoder.0.weight' has the shape [4, 5]; its architecture needs [4, 6]"},
    {"input", "4294967295", "too large"},
    {"input", "100000000", "'encoder.0.weight' has the shape [4, 5]"}, /* and no such memory used */
    {"hidden", NULL, "lacks metadata 'hidden'"},
    {"hidden", "", "'encoder.0.weight' has the shape [4, 5]; its architecture needs [2, 5]"},
    {"hidden", "4", "'encoder.2.weight' has the shape [3, 4]; its architecture needs [2, 4]"},
    {"hidden", "4,3,2", "'encoder.6.weight'"},
    {"hidden", "4,3,", "'hidden' is '4,3,'"},
    {"hidden", ",4,3", "'hidden' is ',4,3'"},
    {"hidden", "4,,3", "'hidden' is '4,,3'"},
    {"hidden", "4, 3", "'hidden' is '4, 3'"},
    {"hidden", "4;3", "'hidden' is '4;3'"},
    {"hidden", "4,0", "'hidden' is '4,0'"},
    {"hidden", "4,4294967296", "'hidden' is '4,4294967296'"},
    {"hidden", SIXTEEN, "'encoder.0.weight' has the shape"},
    {"hidden", SIXTEEN ",1", "'hidden' is '1,1,"},
    {"embedding", NULL, "lacks metadata 'embedding'"},
    {"embedding", "0", "'embedding' is '0'"},
    {"embedding", "4294967296", "'embedding' is '4294967296'"},
    {"embedding", "3", "'encoder.4.weight' has the shape [2, 3]; its architecture needs [3, 3]"},
    {"activation", NULL, "lacks metadata 'activation'"},
    {"activation", "swish", "unknown activation 'swish': it is none, relu, gelu or tanh"},
    {"activation", "relu\n", "unknown activation '—'"},
};

START_TEST(test_metadata_that_do_not_fit_are_refused)
{
    mcl_model *model = create(&small, 1);
    struct content content = content_of(model);
    set(&content, changes[_i].key, changes[_i].value);
    assert_refused(&content, changes[_i].message);
    mcl_model_free(model);
}
END_TEST

START_TEST(test_tensors_that_do_not_fit_are_refused)
{
    mcl_model *model = create(&small, 1);
    const struct content whole = content_of(model);
    struct content content = whole;
    content.tensor_count--;
    assert_refused(&content, "lacks tensor 'decoder.4.bias'");

    content = whole;
    content.tensors[3] = content.tensors[--content.tensor_count];
    assert_refused(&content, "lacks tensor 'encoder.2.bias'");

    content = whole;
    content.tensors[5].name = "encoder.4.Bias";
    assert_refused(&content, "lacks tensor 'encoder.4.bias'");

    content = whole;
    content.tensors[content.tensor_count++] =
        (mcl_stored_tensor){"head.bias", MCL_DTYPE_F32, {1}, 1, whole.tensors[0].values};
    assert_refused(&content, "tensor 'head.bias' has no place");

    content = whole;
    content.tensors[1].shape[0] = 3;
    assert_refused(&content, "'encoder.0.bias' has the shape [3]; its architecture needs [4]");

    content = whole; /* transposed */
    content.tensors[0].shape[0] = 5;
    content.tensors[0].shape[1] = 4;
    assert_refused(&content, "'encoder.0.weight' has the shape [5, 4]");

    content = whole;
    content.tensors[0].dimensions = 1;
    content.tensors[0].shape[0] = 20;
    assert_refused(&content, "'encoder.0.weight' has the shape [20]");

    content = whole;
    content.tensors[1].dimensions = 2;
    content.tensors[1].shape[1] = 1;
    assert_refused(&content, "'encoder.0.bias' has the shape [4, 1]");

    content = whole;
    content.tensors[1].dimensions = 0;
    assert_refused(&content, "'encoder.0.bias' has the shape []");

    content = whole;
    content.tensors[1].dtype = MCL_DTYPE_I32;
    assert_refused(&content, "'encoder.0.bias' is of dtype I32, not F32");
    mcl_model_free(model);
}
END_TEST

START_TEST(test_a_loaded_parameter_must_be_finite)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    static const char *const names[] = {"nan", "inf", "-inf"};
    mcl_model *model = create(&small, 1);
    const struct content content = content_of(model);
    mcl_model_tensor(model, 11).values[4] = values[_i];
    char message[64];
    snprintf(message, sizeof message, "value 4 of tensor 'decoder.4.bias' is %s", names[_i]);
    assert_refused(&content, message);
    mcl_model_free(model);
}
END_TEST

/* As a file looks after another program has loaded and saved it. */
START_TEST(test_any_order_is_read)
{
    mcl_model *model = create(&small, 1);
    ck_assert_int_eq(mcl_model_metadata_set(model, "a", "1"), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "b", "2"), MCL_OK);
    const struct content content = content_of(model);
    struct content turned = content;
    for (size_t i = 0; i < content.tensor_count; i++)
        turned.tensors[i] = content.tensors[content.tensor_count - 1 - i];
    for (size_t i = 0; i < content.metadata_count; i++)
        turned.metadata[i] = content.metadata[content.metadata_count - 1 - i];
    set(&turned, "maskcl_version", "0.0.7");
    mcl_model *loaded = load(write_content(&turned));
    uint64_t count;
    const float *parameters = mcl_model_parameters(model, &count, NULL);
    ck_assert_mem_eq(
        mcl_model_parameters(loaded, NULL, NULL), parameters, count * sizeof *parameters);
    assert_metadata(loaded, 0, "maskcl_format", "1");
    assert_metadata(loaded, 1, "maskcl_version", "0.0.7");
    assert_metadata(loaded, 6, "b", "2");
    assert_metadata(loaded, 7, "a", "1");
    mcl_model_free(model);
    mcl_model_free(loaded);
}
END_TEST

START_TEST(test_foreign_files)
{
    mcl_model *model = NULL;
    ck_assert_int_eq(mcl_model_load(&model, scratch("none")), MCL_ERROR_FILE);
    assert_message("cannot open");
    write_file(scratch("text"), "these are not the tensors you are looking for", 45);
    ck_assert_int_eq(mcl_model_load(&model, scratch("text")), MCL_ERROR_FORMAT);
    assert_message("is no model (no safetensors file, or cut off)");
    ck_assert_ptr_null(model);
}
END_TEST

#if MASKCL_FAILING_MEMORY
static int create_and_describe(void)
{
    mcl_model *model = NULL;
    mcl_status status = mcl_model_create(&model, &small, 1);
    const bool untouched = (model != NULL) == (status == MCL_OK);
    if (status == MCL_OK)
        status = mcl_model_metadata_set(model, "a", "1");
    if (status == MCL_OK)
        status = mcl_model_metadata_set(model, "a", "2");
    for (int i = 0; status == MCL_OK && i < 12; i++) /* until the list grows */
        status = mcl_model_metadata_set(model, (const char[]){(char)('b' + i), 0}, "x");
    mcl_model_free(model);
    return untouched ? status != MCL_OK : -1;
}

static mcl_model *model_to_save;

static int save_it(void)
{
    return mcl_model_save(model_to_save, scratch("memory")) != MCL_OK;
}

static int load_it(void)
{
    mcl_model *loaded = NULL;
    const mcl_status status = mcl_model_load(&loaded, scratch("memory"));
    const bool untouched = (loaded != NULL) == (status == MCL_OK);
    mcl_model_free(loaded);
    return untouched ? status != MCL_OK : -1;
}

START_TEST(test_every_failing_allocation_is_survived)
{
    model_to_save = create(&small, 1);
    ck_assert_uint_gt(fail_each_allocation(create_and_describe), 40);
    ck_assert_uint_gt(fail_each_allocation(save_it), 100);
    ck_assert_uint_gt(fail_each_allocation(load_it), 100);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    mcl_model_free(model_to_save);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tcase = tcase_create("model");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_loop_test(tcase, test_initial_parameters_have_the_contract_s_bits, 0,
        sizeof initial / sizeof *initial);
    tcase_add_test(tcase, test_initial_parameters_are_uniform);
    tcase_add_test(tcase, test_seeds_differ);
    tcase_add_test(tcase, test_tensors_are_views_into_one_vector);
    tcase_add_test(tcase, test_an_unusable_architecture);
    tcase_add_test(tcase, test_metadata_of_the_model_itself);
    tcase_add_test(tcase, test_metadata_keep_their_order);
    tcase_add_test(tcase, test_many_metadata);
    tcase_add_test(tcase, test_metadata_that_are_refused);
    tcase_add_loop_test(tcase, test_what_is_saved_is_loaded, 0, 5);
    tcase_add_test(tcase, test_same_model_same_bytes);
    tcase_add_test(tcase, test_subnormals_and_signed_zeros_are_kept);
    tcase_add_loop_test(tcase, test_parameters_that_are_not_finite_are_not_saved, 0, 3);
    tcase_add_test(tcase, test_any_flipped_bit_is_noticed);
    tcase_add_test(tcase, test_digests_are_checked_where_they_are);
    tcase_add_test(tcase, test_the_digest_is_in_the_file);
    tcase_add_test(tcase, test_a_model_that_is_saved_anywhere);
    tcase_add_test(tcase, test_a_failed_save_keeps_the_old_file);
    tcase_add_test(tcase, test_saving_replaces_a_file);
    tcase_add_loop_test(
        tcase, test_metadata_that_do_not_fit_are_refused, 0, sizeof changes / sizeof *changes);
    tcase_add_test(tcase, test_tensors_that_do_not_fit_are_refused);
    tcase_add_loop_test(tcase, test_a_loaded_parameter_must_be_finite, 0, 3);
    tcase_add_test(tcase, test_any_order_is_read);
    tcase_add_test(tcase, test_foreign_files);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_every_failing_allocation_is_survived);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
