/* SPDX-License-Identifier: Apache-2.0 */
/* Which device is taken, over lists of devices that no machine has together. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/device.h"

#define UNTOUCHED 77

static mcl_device_info make(uint32_t platform_index, const char *platform, uint32_t device_index,
    const char *name, mcl_device_type type, uint32_t units)
{
    mcl_device_info info = {.platform_index = platform_index,
        .device_index = device_index,
        .type = type,
        .compute_units = units,
        .usable = true};
    strcpy(info.platform, platform);
    strcpy(info.name, name);
    return info;
}

/* Platform 1 has no device and is missing here, as in mcl_devices_list(). */
static mcl_device_info devices[6];
#define COUNT (sizeof devices / sizeof *devices)
#define POCL_CPU 0
#define IRIS 1
#define ARC 2
#define INTEL_CPU 3
#define RTX 4
#define FPGA 5

static void setup(void)
{
    devices[POCL_CPU] =
        make(0, "Portable Computing Language", 0, "cpu-haswell", MCL_DEVICE_CPU, 64);
    devices[IRIS] = make(2, "Intel(R) OpenCL", 0, "Iris Xe", MCL_DEVICE_GPU, 96);
    devices[ARC] = make(2, "Intel(R) OpenCL", 1, "Arc A770", MCL_DEVICE_GPU, 512);
    devices[INTEL_CPU] = make(2, "Intel(R) OpenCL", 2, "Core i7", MCL_DEVICE_CPU, 16);
    devices[RTX] = make(3, "NVIDIA CUDA", 0, "RTX 4090", MCL_DEVICE_GPU, 128);
    devices[FPGA] = make(4, "Intel(R) FPGA", 0, "Stratix", MCL_DEVICE_ACCELERATOR, 1000);
    unsetenv("MASKCL_PLATFORM");
    unsetenv("MASKCL_DEVICE");
}

/* The list's place of what is chosen; *reason and the index are set. */
static size_t selected(const char *platform, const char *device)
{
    size_t index = UNTOUCHED;
    const char *reason = NULL;
    const mcl_status status = mcl_device_select(&index, &reason, devices, COUNT, platform, device);
    ck_assert_msg(status == MCL_OK, "%s", mcl_error_message());
    ck_assert_ptr_nonnull(reason);
    ck_assert_uint_lt(index, COUNT);
    return index;
}

static void assert_refused(const char *platform, const char *device, const char *message)
{
    size_t index = UNTOUCHED;
    const char *reason = NULL;
    ck_assert_int_eq(
        mcl_device_select(&index, &reason, devices, COUNT, platform, device), MCL_ERROR_NO_DEVICE);
    ck_assert_uint_eq(index, UNTOUCHED);
    ck_assert_ptr_null(reason);
    ck_assert_str_eq(mcl_error_message(), message);
}

START_TEST(test_best_is_the_gpu_with_most_units)
{
    ck_assert_uint_eq(selected(NULL, NULL), ARC);
    ck_assert_uint_eq(selected("", ""), ARC);
}
END_TEST

START_TEST(test_types_rank_before_units)
{
    devices[IRIS].usable = devices[ARC].usable = devices[RTX].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
    devices[FPGA].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), POCL_CPU);
    devices[FPGA].usable = true;
    devices[FPGA].compute_units = 1;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
    devices[FPGA].type = MCL_DEVICE_OTHER;
    devices[FPGA].compute_units = 5000;
    ck_assert_uint_eq(selected(NULL, NULL), POCL_CPU);
    devices[POCL_CPU].usable = devices[INTEL_CPU].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
}
END_TEST

/* The products are chains of fma, which a device without it emulates a hundred times slower. */
START_TEST(test_fma_ranks_between_type_and_units)
{
    devices[IRIS].fma = devices[INTEL_CPU].fma = true;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
    devices[ARC].fma = true;
    ck_assert_uint_eq(selected(NULL, NULL), ARC);
    devices[ARC].fma = devices[IRIS].fma = false;
    ck_assert_uint_eq(selected(NULL, NULL), ARC);
    for (size_t i = 0; i < COUNT; i++)
        devices[i].usable = devices[i].type == MCL_DEVICE_CPU;
    ck_assert_uint_eq(selected(NULL, NULL), INTEL_CPU);
}
END_TEST

START_TEST(test_first_of_equals)
{
    devices[IRIS].compute_units = devices[RTX].compute_units = devices[ARC].compute_units;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
}
END_TEST

START_TEST(test_platform_by_index_is_the_loaders)
{
    ck_assert_uint_eq(selected("0", NULL), POCL_CPU);
    ck_assert_uint_eq(selected("2", NULL), ARC);
    ck_assert_uint_eq(selected("3", NULL), RTX);
    assert_refused("1", NULL,
        "no platform with a device has the number '1'; available: 0 Portable Computing Language, "
        "2 Intel(R) OpenCL, 3 NVIDIA CUDA, 4 Intel(R) FPGA");
    size_t index;
    ck_assert_int_eq(
        mcl_device_select(&index, NULL, devices, COUNT, "5", NULL), MCL_ERROR_NO_DEVICE);
    /* 2^32 is not 0, and neither is what no integer holds */
    ck_assert_int_eq(
        mcl_device_select(&index, NULL, devices, COUNT, "4294967296", NULL), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(
        mcl_device_select(&index, NULL, devices, COUNT, "99999999999999999999999999", NULL),
        MCL_ERROR_NO_DEVICE);
}
END_TEST

START_TEST(test_platform_by_part_of_name_in_any_case)
{
    ck_assert_uint_eq(selected("portable", NULL), POCL_CPU);
    ck_assert_uint_eq(selected("NVIDIA", NULL), RTX);
    ck_assert_uint_eq(selected("nvidia", NULL), RTX);
    ck_assert_uint_eq(selected("cUdA", NULL), RTX);
    ck_assert_uint_eq(selected("fpga", NULL), FPGA);
    assert_refused("amd", NULL,
        "no platform with a device is called 'amd'; available: 0 Portable Computing Language, "
        "2 Intel(R) OpenCL, 3 NVIDIA CUDA, 4 Intel(R) FPGA");
    assert_refused("NVIDIA CUDA ", NULL,
        "no platform with a device is called 'NVIDIA CUDA '; available: 0 Portable Computing "
        "Language, 2 Intel(R) OpenCL, 3 NVIDIA CUDA, 4 Intel(R) FPGA");
}
END_TEST

START_TEST(test_platform_name_that_fits_several)
{
    assert_refused("intel", NULL,
        "'intel' fits 2 platforms: 2 Intel(R) OpenCL, 4 Intel(R) FPGA; say which by its number");
    /* a whole name wins, wherever it stands */
    strcpy(devices[FPGA].platform, "Intel");
    ck_assert_uint_eq(selected("intel", NULL), FPGA);
    strcpy(devices[FPGA].platform, "Intel(R) OpenCL for FPGA");
    ck_assert_uint_eq(selected("intel(r) opencl", NULL), ARC);
    /* unless two have it */
    strcpy(devices[FPGA].platform, "Intel(R) OpenCL");
    assert_refused("intel(r) opencl", NULL,
        "'intel(r) opencl' fits 2 platforms: 2 Intel(R) OpenCL, 4 Intel(R) OpenCL; say which by "
        "its number");
}
END_TEST

START_TEST(test_device_by_index)
{
    /* within the platform that is asked for, else over all */
    ck_assert_uint_eq(selected("2", "0"), IRIS);
    ck_assert_uint_eq(selected("2", "2"), INTEL_CPU);
    ck_assert_uint_eq(selected(NULL, "4"), RTX);
    assert_refused(
        "2", "3", "no device has the number '3'; available: 0 Iris Xe, 1 Arc A770, 2 Core i7");
    size_t index;
    ck_assert_int_eq(
        mcl_device_select(&index, NULL, devices, COUNT, NULL, "6"), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(
        mcl_device_select(&index, NULL, devices, COUNT, NULL, "4294967296"), MCL_ERROR_NO_DEVICE);
}
END_TEST

START_TEST(test_device_by_part_of_name_in_any_case)
{
    ck_assert_uint_eq(selected(NULL, "HASWELL"), POCL_CPU);
    ck_assert_uint_eq(selected(NULL, "x 4"), RTX);
    ck_assert_uint_eq(selected("intel(r) opencl", "core"), INTEL_CPU);
    assert_refused("nvidia", "core", "no device is called 'core'; available: 0 RTX 4090");
}
END_TEST

START_TEST(test_device_name_that_fits_several)
{
    strcpy(devices[IRIS].name, "RTX 4090 Ti");
    assert_refused(NULL, "rtx",
        "'rtx' fits 2 devices: 1 RTX 4090 Ti, 4 RTX 4090; use `platform`, or the number");
    ck_assert_uint_eq(selected(NULL, "rtx 4090"), RTX);
    ck_assert_uint_eq(selected("nvidia", "rtx"), RTX);
    strcpy(devices[IRIS].name, "RTX 4090");
    assert_refused(NULL, "rtx 4090",
        "'rtx 4090' fits 2 devices: 1 RTX 4090, 4 RTX 4090; use `platform`, or the number");
    ck_assert_uint_eq(selected(NULL, "1"), IRIS);
}
END_TEST

/* A number that is no device's must not silently mean another one, whose name has its digits. */
START_TEST(test_digits_are_an_index_alone)
{
    assert_refused(NULL, "4090",
        "no device has the number '4090'; available: 0 cpu-haswell, 1 Iris Xe, 2 Arc A770, 3 Core "
        "i7, 4 RTX 4090, 5 Stratix");
    assert_refused("nvidia", "4", "no device has the number '4'; available: 0 RTX 4090");
    assert_refused(
        "2", "7", "no device has the number '7'; available: 0 Iris Xe, 1 Arc A770, 2 Core i7");
    assert_refused("2", "99999999999999999999",
        "no device has the number '99999999999999999999'; available: 0 Iris Xe, 1 Arc A770, 2 Core "
        "i7");
    ck_assert_uint_eq(selected(NULL, "rtx 4090"), RTX);
    ck_assert_uint_eq(selected(NULL, "a770"), ARC);
    strcpy(devices[IRIS].name, "4");
    ck_assert_uint_eq(selected(NULL, "4"), RTX);
    strcpy(devices[FPGA].platform, "FPGA 1");
    assert_refused("1", NULL,
        "no platform with a device has the number '1'; available: 0 Portable Computing Language, 2 "
        "Intel(R) OpenCL, 3 NVIDIA CUDA, 4 FPGA 1");
}
END_TEST

START_TEST(test_platform_and_device_together)
{
    ck_assert_uint_eq(selected(NULL, "2:1"), ARC);
    ck_assert_uint_eq(selected(NULL, "nvidia:0"), RTX);
    ck_assert_uint_eq(selected(NULL, "opencl:iris"), IRIS);
    ck_assert_uint_eq(selected("2", "2:2"), INTEL_CPU);
    assert_refused(
        NULL, "2:3", "no device has the number '3'; available: 0 Iris Xe, 1 Arc A770, 2 Core i7");
    assert_refused(NULL, "1:0",
        "no platform with a device has the number '1'; available: 0 Portable Computing Language, 2 "
        "Intel(R) OpenCL, 3 NVIDIA CUDA, 4 Intel(R) FPGA");
    assert_refused("3", "2:0", "no device has the number '0'; available: none");
    assert_refused(NULL, ":1", "':1' is not PLATFORM:DEVICE, such as 0:1");
    assert_refused(NULL, "2:", "'2:' is not PLATFORM:DEVICE, such as 0:1");
    assert_refused(NULL, ":", "':' is not PLATFORM:DEVICE, such as 0:1");
    /* a name may have a colon */
    strcpy(devices[ARC].name, "Device 2:0");
    ck_assert_uint_eq(selected(NULL, "device 2:0"), ARC);
    ck_assert_uint_eq(selected(NULL, "2:0"), ARC);
}
END_TEST

START_TEST(test_kinds)
{
    ck_assert_uint_eq(selected(NULL, "gpu"), ARC);
    ck_assert_uint_eq(selected(NULL, "cpu"), POCL_CPU);
    ck_assert_uint_eq(selected("2", "CPU"), INTEL_CPU);
    ck_assert_uint_eq(selected(NULL, "Accelerator"), FPGA);
    assert_refused("3", "cpu", "no device is a CPU; available: 0 RTX 4090");
    assert_refused("3", "accelerator", "no device is an accelerator; available: 0 RTX 4090");
    ck_assert_uint_eq(selected(NULL, "2:gpu"), ARC);
    ck_assert_uint_eq(selected(NULL, "intel(r) opencl:CPU"), INTEL_CPU);
    ck_assert_uint_eq(selected("2", "2:cpu"), INTEL_CPU);
    assert_refused(NULL, "3:cpu", "no device is a CPU; available: 0 RTX 4090");
    assert_refused("3", "2:cpu", "no device is a CPU; available: none");
    /* rather than a part of a name */
    strcpy(devices[RTX].name, "RTX 4090 Laptop GPU");
    ck_assert_uint_eq(selected(NULL, "gpu"), ARC);
    ck_assert_uint_eq(selected(NULL, "laptop gpu"), RTX);
}
END_TEST

/* An Iris Xe counts 96 units, a laptop's RTX 4060 24. */
START_TEST(test_memory_of_its_own_and_then_arithmetic)
{
    devices[ARC].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    devices[RTX].compute_units = 24;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
    devices[RTX].lanes = 128;
    devices[IRIS].lanes = 8;
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    devices[IRIS].clock = 1500;
    devices[RTX].clock = 300;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
    devices[IRIS].host_memory = true;
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    devices[IRIS].fma = true;
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    devices[RTX].host_memory = true;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
}
END_TEST

START_TEST(test_before_opencl_1_2_comes_last)
{
    devices[ARC].too_old = devices[IRIS].too_old = devices[RTX].too_old = true;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
    devices[FPGA].too_old = true;
    ck_assert_uint_eq(selected(NULL, NULL), POCL_CPU);
    devices[POCL_CPU].too_old = devices[INTEL_CPU].too_old = true;
    ck_assert_uint_eq(selected(NULL, NULL), ARC);
}
END_TEST

static void assert_preferred(size_t index, size_t preferred)
{
    ck_assert_uint_eq(mcl_device_preferred(devices, COUNT, index), preferred);
}

/* One card by two drivers: IRIS and ARC are AMD's own driver with two cards, FPGA is rusticl. */
START_TEST(test_one_card_on_two_platforms)
{
    devices[FPGA].type = MCL_DEVICE_GPU;
    strcpy(devices[FPGA].platform, "rusticl");
    for (size_t i = 0; i < COUNT; i++)
        assert_preferred(i, i);
    devices[ARC].has_pci = devices[IRIS].has_pci = devices[FPGA].has_pci = true;
    devices[IRIS].pci[1] = 3;
    devices[ARC].pci[1] = devices[FPGA].pci[1] = 4;
    assert_preferred(FPGA, ARC);
    assert_preferred(ARC, ARC);
    assert_preferred(IRIS, IRIS);
    devices[FPGA].pci[0] = 1;
    assert_preferred(FPGA, FPGA);
    devices[IRIS].has_uuid = devices[FPGA].has_uuid = true; /* all zeros: not told */
    assert_preferred(FPGA, FPGA);
    devices[IRIS].uuid[15] = devices[FPGA].uuid[15] = 7;
    assert_preferred(FPGA, IRIS);
    /* the vendor's own, unless it cannot be used or is too old */
    ck_assert_uint_eq(selected(NULL, NULL), ARC);
    devices[ARC].usable = devices[RTX].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
    ck_assert_uint_eq(selected("rusticl", NULL), FPGA);
    devices[IRIS].too_old = true;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
    devices[IRIS].too_old = devices[IRIS].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), FPGA);
    assert_preferred(IRIS, FPGA);
}
END_TEST

/* Drivers that tell neither: the first of a name is the first of that name elsewhere. */
START_TEST(test_one_card_by_its_name)
{
    strcpy(devices[IRIS].name, "Twin");
    strcpy(devices[ARC].name, "Twin");
    strcpy(devices[RTX].name, "Twin");
    assert_preferred(RTX, IRIS);
    assert_preferred(IRIS, IRIS);
    assert_preferred(ARC, ARC);
    devices[RTX].vendor_id = 1;
    assert_preferred(RTX, RTX);
    devices[RTX].vendor_id = 0;
    strcpy(devices[IRIS].platform, "Clover");
    assert_preferred(IRIS, RTX);
    strcpy(devices[RTX].platform, "Intel Gen OCL Driver");
    assert_preferred(RTX, IRIS);
    strcpy(devices[RTX].opencl_version, "OpenCL 2.0 beignet");
    strcpy(devices[IRIS].opencl_version, "OpenCL 1.2 Mesa");
    assert_preferred(IRIS, RTX);
}
END_TEST

START_TEST(test_environment_is_the_default)
{
    setenv("MASKCL_PLATFORM", "nvidia", 1);
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    ck_assert_uint_eq(selected("", NULL), RTX);
    ck_assert_uint_eq(selected("portable", NULL), POCL_CPU);
    setenv("MASKCL_PLATFORM", "", 1);
    setenv("MASKCL_DEVICE", "iris", 1);
    ck_assert_uint_eq(selected(NULL, NULL), IRIS);
    ck_assert_uint_eq(selected(NULL, "arc"), ARC);
    setenv("MASKCL_PLATFORM", "2", 1);
    setenv("MASKCL_DEVICE", "2", 1);
    ck_assert_uint_eq(selected(NULL, NULL), INTEL_CPU);
    setenv("MASKCL_DEVICE", "voodoo", 1);
    assert_refused(NULL, NULL,
        "no device is called 'voodoo' (MASKCL_DEVICE); available: 0 Iris Xe, 1 Arc A770, 2 Core "
        "i7");
    setenv("MASKCL_DEVICE", "5", 1);
    assert_refused(NULL, NULL,
        "no device has the number '5' (MASKCL_DEVICE); available: 0 Iris Xe, 1 Arc A770, 2 Core "
        "i7");
    setenv("MASKCL_PLATFORM", "voodoo", 1);
    assert_refused(NULL, NULL,
        "no platform with a device is called 'voodoo' (MASKCL_PLATFORM); available: 0 Portable "
        "Computing Language, 2 Intel(R) OpenCL, 3 NVIDIA CUDA, 4 Intel(R) FPGA");
    /* an option with a platform of its own counts more than the environment's platform */
    ck_assert_uint_eq(selected(NULL, "3:0"), RTX);
}
END_TEST

START_TEST(test_unusable_devices)
{
    devices[ARC].usable = false;
    ck_assert_uint_eq(selected(NULL, NULL), RTX);
    ck_assert_uint_eq(selected("2", NULL), IRIS);
    /* asked for by name, it is chosen: mcl_context_open() says what is wrong with it */
    ck_assert_uint_eq(selected(NULL, "arc"), ARC);
    for (size_t i = 0; i < COUNT; i++)
        devices[i].usable = false;
    assert_refused(NULL, NULL, "none of the OpenCL devices is available and has a compiler");
    assert_refused("3", NULL, "none of the OpenCL devices is available and has a compiler");
}
END_TEST

static const char *reason_for(const char *platform, const char *device)
{
    size_t index;
    const char *reason = "";
    ck_assert_int_eq(mcl_device_select(&index, &reason, devices, COUNT, platform, device), MCL_OK);
    return reason;
}

START_TEST(test_reasons)
{
#define ORDER                                                                                      \
    "OpenCL 1.2, then GPU before accelerator before CPU, then memory of its own, then fma, then "  \
    "most compute units x clock x lanes, then first"
    ck_assert_str_eq(reason_for(NULL, NULL), "best of 6: " ORDER);
    ck_assert_str_eq(reason_for("2", NULL), "best of 3: " ORDER);
    ck_assert_str_eq(reason_for(NULL, "gpu"), "best of 3: " ORDER);
    ck_assert_str_eq(reason_for("2", "CPU"), "the only CPU of '2'");
    ck_assert_str_eq(reason_for(NULL, "2:1"), "asked for: '2:1'");
    ck_assert_str_eq(reason_for("nvidia", NULL), "the only device of 'nvidia'");
    ck_assert_str_eq(reason_for(NULL, "Arc"), "asked for: 'Arc'");
    for (size_t i = 1; i < COUNT; i++)
        devices[i].usable = false;
    ck_assert_str_eq(reason_for(NULL, NULL), "the only device");
}
END_TEST

START_TEST(test_long_names_are_cut)
{
    static mcl_device_info many[40];
    static char request[2000];
    for (uint32_t i = 0; i < 40; i++) {
        many[i] = make(i, "", i, "", MCL_DEVICE_CPU, 1);
        memset(many[i].platform, 'p', sizeof many[i].platform - 1);
        memset(many[i].name, 'd', sizeof many[i].name - 1);
    }
    memset(request, 'x', sizeof request - 1);
    size_t index = UNTOUCHED;
    const char *reason;
    ck_assert_int_eq(mcl_device_select(&index, NULL, many, 40, "p", NULL), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(mcl_device_select(&index, NULL, many, 40, NULL, "d"), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(mcl_device_select(&index, NULL, many, 40, request, NULL), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(mcl_device_select(&index, NULL, many, 40, NULL, request), MCL_ERROR_NO_DEVICE);
    ck_assert_uint_eq(index, UNTOUCHED);
    ck_assert_int_eq(mcl_device_select(&index, &reason, many, 40, "39", "0"), MCL_OK);
    ck_assert_uint_eq(index, 39);
}
END_TEST

START_TEST(test_type_names)
{
    ck_assert_str_eq(mcl_device_type_name(MCL_DEVICE_CPU), "CPU");
    ck_assert_str_eq(mcl_device_type_name(MCL_DEVICE_GPU), "GPU");
    ck_assert_str_eq(mcl_device_type_name(MCL_DEVICE_ACCELERATOR), "accelerator");
    ck_assert_str_eq(mcl_device_type_name(MCL_DEVICE_OTHER), "other");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("select");
    TCase *tcase = tcase_create("select");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_best_is_the_gpu_with_most_units);
    tcase_add_test(tcase, test_types_rank_before_units);
    tcase_add_test(tcase, test_fma_ranks_between_type_and_units);
    tcase_add_test(tcase, test_first_of_equals);
    tcase_add_test(tcase, test_platform_by_index_is_the_loaders);
    tcase_add_test(tcase, test_platform_by_part_of_name_in_any_case);
    tcase_add_test(tcase, test_platform_name_that_fits_several);
    tcase_add_test(tcase, test_device_by_index);
    tcase_add_test(tcase, test_device_by_part_of_name_in_any_case);
    tcase_add_test(tcase, test_device_name_that_fits_several);
    tcase_add_test(tcase, test_digits_are_an_index_alone);
    tcase_add_test(tcase, test_platform_and_device_together);
    tcase_add_test(tcase, test_kinds);
    tcase_add_test(tcase, test_memory_of_its_own_and_then_arithmetic);
    tcase_add_test(tcase, test_before_opencl_1_2_comes_last);
    tcase_add_test(tcase, test_one_card_on_two_platforms);
    tcase_add_test(tcase, test_one_card_by_its_name);
    tcase_add_test(tcase, test_environment_is_the_default);
    tcase_add_test(tcase, test_unusable_devices);
    tcase_add_test(tcase, test_reasons);
    tcase_add_test(tcase, test_long_names_are_cut);
    tcase_add_test(tcase, test_type_names);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
