/* SPDX-License-Identifier: Apache-2.0 */
/* From what mcl_devices_list() tells back to OpenCL's own handles. */
#ifndef MASKCL_DEVICE_DEVICES_H
#define MASKCL_DEVICE_DEVICES_H

#include "device/opencl.h"
#include "maskcl/device.h"

/* Finds the device again that was listed with these indices. */
mcl_status mcl_device_find(
    cl_platform_id *platform, cl_device_id *device, const mcl_device_info *info);

#endif
