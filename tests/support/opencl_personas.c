/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program (LD_PRELOAD), makes PoCL's device look like another one, with that one's
 * limits. The arithmetic stays PoCL's, so that results must stay the same bit by bit.
 *   PERSONA=NAME            which one: a row of the table in opencl_personas.h
 *   PERSONA_MEMORY=BYTES    the device has so much memory, and its largest buffer is in proportion
 *   PERSONA_FREE=BYTES      others hold all of the memory but so much
 *   PERSONA_WATCHDOG_MS=N   a launch that takes longer loses the device; 0: times are taken only.
 *                           Launches then run one by one
 *   PERSONA_REPORT=FILE     gets a line of what happened, when the program ends
 * What the personas do alike: new buffers are full of a quiet NaN, which is a large number too; so
 * are those that are mapped to be overwritten. A launch is refused where its work-group is larger
 * than the device or the kernel can have, where the work-groups are not all of one size, or where
 * they have not the local memory. A binary is the source with a mark, so that PoCL, which makes
 * binaries by compiling every kernel once more, is as quick with them as others are. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl_personas.h"

static struct persona persona; /* as it is told and imposed */
static cl_ulong available;     /* bytes of its memory that others do not hold */
static cl_ulong taken, peak;   /* bytes of buffers, or of those that were used where that is lazy */
static bool has_watchdog, lost;
static double limit_ms, longest_ms;
static char longest_name[64];
static unsigned long launches, chosen, refused, poisoned;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static cl_ulong number_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("PERSONA");
    size_t i = 0;
    while (i < sizeof personas / sizeof *personas && (!name || strcmp(personas[i].name, name) != 0))
        i++;
    if (i == sizeof personas / sizeof *personas) {
        fprintf(stderr, "personas: there is no persona '%s'\n", name ? name : "");
        abort();
    }
    persona = personas[i];
    const cl_ulong memory = number_of("PERSONA_MEMORY"), held = number_of("PERSONA_FREE");
    if (memory) {
        persona.largest =
            (cl_ulong)((double)persona.largest * (double)memory / (double)persona.memory);
        persona.memory = memory;
    }
    available = held ? held : persona.memory;
    has_watchdog = getenv("PERSONA_WATCHDOG_MS") != NULL;
    limit_ms = (double)number_of("PERSONA_WATCHDOG_MS");
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("PERSONA_REPORT");
    FILE *report = path && launches ? fopen(path, "a") : NULL;
    if (!report)
        return;
    fprintf(report,
        "persona %s launches %lu chosen %lu refused %lu poisoned %lu peak %llu longest %.1f %s\n",
        persona.name, launches, chosen, refused, poisoned, (unsigned long long)peak, longest_ms,
        *longest_name ? longest_name : "-");
    fclose(report);
}

static void *find(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "personas: the loader has no %s\n", name);
        abort();
    }
    return function;
}

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = find(#name)

/* Objects that something is known of: buffers, kernels and programs. */

#define ARGUMENTS_MAX 40
#define BUCKETS 1024

struct object {
    struct object *next;
    const void *handle;
    int references;
    cl_ulong bytes;                       /* of a buffer that takes memory … */
    bool is_taken;                        /* … which it has */
    char *source;                         /* of a program */
    bool is_refused;                      /* … that is not to build */
    const void *arguments[ARGUMENTS_MAX]; /* of a kernel: the buffers */
};
static struct object *buckets[BUCKETS];

static struct object **place_of(const void *handle)
{
    struct object **place = &buckets[((uintptr_t)handle >> 4) % BUCKETS];
    while (*place && (*place)->handle != handle)
        place = &(*place)->next;
    return place;
}

static struct object *look_up(const void *handle)
{
    return *place_of(handle);
}

/* A new one; one of the same address has been released by something that is not listened to. */
static struct object *enter(const void *handle)
{
    struct object **place = place_of(handle);
    if (*place) {
        struct object *next = (*place)->next;
        free((*place)->source);
        **place = (struct object){.next = next, .handle = handle, .references = 1};
        return *place;
    }
    struct object *object = calloc(1, sizeof *object);
    if (!object)
        abort();
    object->handle = handle;
    object->references = 1;
    *place = object;
    return object;
}

static void change(const void *handle, int by)
{
    pthread_mutex_lock(&lock);
    struct object **place = place_of(handle), *object = *place;
    if (object && (object->references += by) <= 0) {
        if (object->is_taken)
            taken -= object->bytes;
        *place = object->next;
        free(object->source);
        free(object);
    }
    pthread_mutex_unlock(&lock);
}

#define REFERENCE(type, name, by)                                                                  \
    cl_int name(type object)                                                                       \
    {                                                                                              \
        REAL(name);                                                                                \
        change(object, by);                                                                        \
        return real(object);                                                                       \
    }

REFERENCE(cl_mem, clRetainMemObject, 1)
REFERENCE(cl_mem, clReleaseMemObject, -1)
REFERENCE(cl_program, clRetainProgram, 1)
REFERENCE(cl_program, clReleaseProgram, -1)
REFERENCE(cl_kernel, clRetainKernel, 1)
REFERENCE(cl_kernel, clReleaseKernel, -1)

/* Answers to questions. */

static cl_int give(const void *answer, size_t count, size_t size, void *value, size_t *written)
{
    if (written)
        *written = count;
    if (!value)
        return CL_SUCCESS;
    if (size < count)
        return CL_INVALID_VALUE;
    memcpy(value, answer, count);
    return CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t size, void *value, size_t *written)
{
    return give(text, strlen(text) + 1, size, value, written);
}

#define GIVE(type, x) give(&(type){(type)(x)}, sizeof(type), size, value, written)

/* "1.2" of "OpenCL 1.2 …" as a text for programs that ask which C it is. */
static cl_int give_c_version(size_t size, void *value, size_t *written)
{
    char text[32];
    snprintf(text, sizeof text, "OpenCL C %.3s ", persona.version + strlen("OpenCL "));
    return give_text(text, size, value, written);
}

static bool is_older_than_3(void)
{
    return persona.version[strlen("OpenCL ")] < '3';
}

cl_int clGetPlatformInfo(
    cl_platform_id platform, cl_platform_info what, size_t size, void *value, size_t *written)
{
    REAL(clGetPlatformInfo);
    switch (what) {
    case CL_PLATFORM_NAME:
        return give_text(persona.platform, size, value, written);
    case CL_PLATFORM_VENDOR:
        return give_text(persona.vendor, size, value, written);
    case CL_PLATFORM_VERSION:
        return give_text(persona.version, size, value, written);
    case CL_PLATFORM_EXTENSIONS:
        return give_text("cl_khr_icd", size, value, written);
    default:
        return real(platform, what, size, value, written);
    }
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint most,
    cl_device_id *devices, cl_uint *count)
{
    REAL(clGetDeviceIDs);
    if (!(type & (CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_DEFAULT)))
        return CL_DEVICE_NOT_FOUND;
    return real(platform, CL_DEVICE_TYPE_ALL, most, devices, count);
}

static cl_int give_limits(
    cl_int *code, cl_device_info what, size_t size, void *value, size_t *written)
{
    switch (what) {
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return *code = GIVE(size_t, persona.group);
    case CL_DEVICE_MAX_WORK_ITEM_SIZES: {
        const size_t most[3] = {persona.group, persona.group, persona.group < 64 ? 1 : 64};
        return *code = give(most, sizeof most, size, value, written);
    }
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return *code = GIVE(cl_ulong, persona.local);
    case CL_DEVICE_LOCAL_MEM_TYPE:
        return *code = GIVE(cl_device_local_mem_type, persona.local_type);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return *code = GIVE(cl_ulong, persona.memory);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return *code = GIVE(cl_ulong, persona.largest);
    case CL_DEVICE_PARTITION_MAX_SUB_DEVICES:
        return *code = GIVE(cl_uint, 0);
    case CL_DEVICE_PARTITION_PROPERTIES:
        return *code = GIVE(cl_device_partition_property, 0);
    default:
        return CL_INVALID_VALUE;
    }
}

cl_int clGetDeviceInfo(
    cl_device_id device, cl_device_info what, size_t size, void *value, size_t *written)
{
    REAL(clGetDeviceInfo);
    cl_int code = CL_INVALID_VALUE;
    switch (what) {
    case CL_DEVICE_TYPE:
        return GIVE(cl_device_type, CL_DEVICE_TYPE_GPU);
    case CL_DEVICE_NAME:
        return give_text(persona.device, size, value, written);
    case BOARD_NAME_AMD:
        return persona.board ? give_text(persona.board, size, value, written) : code;
    case CL_DEVICE_VENDOR:
        return give_text(persona.vendor, size, value, written);
    case CL_DEVICE_VERSION:
        return give_text(persona.version, size, value, written);
    case CL_DRIVER_VERSION:
        return give_text(persona.driver, size, value, written);
    case CL_DEVICE_OPENCL_C_VERSION:
        return give_c_version(size, value, written);
    case CL_DEVICE_EXTENSIONS:
        return give_text(persona.extensions, size, value, written);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return GIVE(cl_uint, persona.units);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
        return GIVE(cl_uint, persona.clock);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
        return GIVE(cl_bool, persona.unified);
    case CL_DEVICE_SINGLE_FP_CONFIG:
        return GIVE(cl_device_fp_config, persona.single);
    case CL_DEVICE_DOUBLE_FP_CONFIG:
        return GIVE(
            cl_device_fp_config, persona.fp64 ? FP_ALL & ~CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT : 0);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
        return GIVE(cl_uint, persona.float_width);
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_DOUBLE:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_DOUBLE:
        return GIVE(cl_uint, persona.fp64);
    case CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT:
    case CL_DEVICE_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
        if (is_older_than_3())
            return CL_INVALID_VALUE;
        if (what == CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT)
            return GIVE(cl_bool, CL_FALSE);
        return GIVE(size_t, persona.warp);
    default:
        give_limits(&code, what, size, value, written);
        return code == CL_SUCCESS ? code : real(device, what, size, value, written);
    }
}

cl_int clCreateSubDevices(cl_device_id device, const cl_device_partition_property *parts,
    cl_uint capacity, cl_device_id *devices, cl_uint *count)
{
    (void)device, (void)parts, (void)capacity, (void)devices, (void)count;
    return persona.no_part;
}

/* Calls of later versions than 1.2, which the drivers of that have not. */

static bool is_older_than_2(void)
{
    return persona.version[strlen("OpenCL ")] < '2';
}

cl_command_queue clCreateCommandQueueWithProperties(
    cl_context context, cl_device_id device, const cl_queue_properties *properties, cl_int *code)
{
    REAL(clCreateCommandQueueWithProperties);
    if (!is_older_than_2())
        return real(context, device, properties, code);
    if (code)
        *code = CL_INVALID_OPERATION;
    return NULL;
}

void *clSVMAlloc(cl_context context, cl_svm_mem_flags flags, size_t size, cl_uint alignment)
{
    (void)context, (void)flags, (void)size, (void)alignment;
    return NULL; /* on any of them: nothing here needs it */
}

/* Memory. */

/* Whether there is memory for a buffer, which then has it. Needs the lock. */
static bool take(struct object *buffer)
{
    if (!buffer || buffer->is_taken)
        return true;
    if (taken + buffer->bytes > available)
        return false;
    buffer->is_taken = true;
    taken += buffer->bytes;
    if (taken > peak)
        peak = taken;
    return true;
}

#define POISON 0x7fc0deadU
#define POISON_MOST ((size_t)256 << 20) /* larger ones take too long */

static void poison(void *memory, size_t size)
{
    const uint32_t word = POISON;
    for (size_t i = 0; i < size; i += sizeof word)
        memcpy((char *)memory + i, &word, size - i < sizeof word ? size - i : sizeof word);
}

static cl_mem no_buffer(cl_int *code, cl_int why)
{
    if (code)
        *code = why;
    return NULL;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *host, cl_int *code)
{
    REAL(clCreateBuffer);
    if (size > persona.largest)
        return no_buffer(code, CL_INVALID_BUFFER_SIZE);
    const bool in_place = (flags & CL_MEM_USE_HOST_PTR) && persona.unified;
    struct object made = {.bytes = in_place ? 0 : size};
    pthread_mutex_lock(&lock);
    const bool fits = persona.lazy || take(&made);
    pthread_mutex_unlock(&lock);
    if (!fits)
        return no_buffer(code, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    void *filling = NULL;
    if (!host && size <= POISON_MOST && (filling = malloc(size))) {
        poison(filling, size);
        host = filling;
        flags |= CL_MEM_COPY_HOST_PTR;
    }
    cl_mem buffer = real(context, flags, size, host, code);
    free(filling);
    pthread_mutex_lock(&lock);
    if (buffer) {
        struct object *object = enter(buffer);
        object->bytes = made.bytes;
        object->is_taken = made.is_taken;
        poisoned += filling != NULL;
    } else if (made.is_taken) {
        taken -= made.bytes;
    }
    pthread_mutex_unlock(&lock);
    return buffer;
}

/* What a command returns that uses these buffers, instead of being enqueued; CL_SUCCESS: it is. */
static cl_int use(cl_mem first, cl_mem second)
{
    pthread_mutex_lock(&lock);
    const bool fits = take(look_up(first)) && take(second ? look_up(second) : NULL);
    const bool gone = lost;
    pthread_mutex_unlock(&lock);
    if (gone)
        return CL_OUT_OF_RESOURCES;
    return fits ? CL_SUCCESS : CL_MEM_OBJECT_ALLOCATION_FAILURE;
}

#define COMMAND(name, first, second, parameters, arguments)                                        \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        const cl_int code = use(first, second);                                                    \
        return code == CL_SUCCESS ? real arguments : code;                                         \
    }

COMMAND(clEnqueueReadBuffer, buffer, NULL,
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
        void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, offset, size, host, count, events, event))
COMMAND(clEnqueueReadBufferRect, buffer, NULL,
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, const size_t *from, const size_t *to,
        const size_t *region, size_t row, size_t slice, size_t host_row, size_t host_slice,
        void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, from, to, region, row, slice, host_row, host_slice, host, count,
        events, event))
COMMAND(clEnqueueWriteBuffer, buffer, NULL,
    (cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
        const void *host, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, blocking, offset, size, host, count, events, event))
COMMAND(clEnqueueFillBuffer, buffer, NULL,
    (cl_command_queue queue, cl_mem buffer, const void *pattern, size_t pattern_size, size_t offset,
        size_t size, cl_uint count, const cl_event *events, cl_event *event),
    (queue, buffer, pattern, pattern_size, offset, size, count, events, event))
COMMAND(clEnqueueCopyBuffer, from, to,
    (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
        size_t size, cl_uint count, const cl_event *events, cl_event *event),
    (queue, from, to, from_offset, to_offset, size, count, events, event))

void *clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
    cl_map_flags flags, size_t offset, size_t size, cl_uint count, const cl_event *events,
    cl_event *event, cl_int *code)
{
    REAL(clEnqueueMapBuffer);
    const cl_int failed = use(buffer, NULL);
    if (failed != CL_SUCCESS)
        return no_buffer(code, failed);
    void *memory = real(queue, buffer, blocking, flags, offset, size, count, events, event, code);
    if (memory && blocking && (flags & CL_MAP_WRITE_INVALIDATE_REGION))
        poison(memory, size);
    return memory;
}

#define WAIT(name, parameters, arguments)                                                          \
    cl_int name parameters                                                                         \
    {                                                                                              \
        REAL(name);                                                                                \
        const cl_int code = real arguments;                                                        \
        return lost ? CL_OUT_OF_RESOURCES : code;                                                  \
    }

WAIT(clFinish, (cl_command_queue queue), (queue))
WAIT(clFlush, (cl_command_queue queue), (queue))
WAIT(clWaitForEvents, (cl_uint count, const cl_event *events), (count, events))

/* A watchdog sees how long launches take. */
cl_command_queue clCreateCommandQueue(
    cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code)
{
    REAL(clCreateCommandQueue);
    if (has_watchdog)
        properties |= CL_QUEUE_PROFILING_ENABLE;
    return real(context, device, properties, code);
}

/* Programs and their binaries. */

static const char mark[] = "a persona's binary\n";

/* CLBlast writes assembler into its kernels for NVIDIA's devices, and calls functions that only
 * Intel's have, where it shuffles within sub-groups; PoCL has neither. */
static void forget_shuffling(char *source)
{
    static const char on[] = "#define USE_SUBGROUP_SHUFFLING 1";
    for (char *at = source; (at = strstr(at, on)); at += sizeof on - 1)
        at[sizeof on - 2] = '0';
}

/* One text of several; to be freed. */
static char *join(cl_uint count, const char **texts, const size_t *lengths)
{
    size_t size = 1;
    for (cl_uint i = 0; i < count; i++)
        size += lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
    char *joined = malloc(size), *end = joined;
    if (!joined)
        abort();
    for (cl_uint i = 0; i < count; i++) {
        const size_t length = lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
        memcpy(end, texts[i], length);
        end += length;
    }
    *end = '\0';
    forget_shuffling(joined);
    return joined;
}

/* source becomes the program's, or is freed. */
static cl_program create_program(cl_context context, char *source, bool refuses, cl_int *code)
{
    static __typeof__(clCreateProgramWithSource) *real;
    if (!real)
        *(void **)&real = find("clCreateProgramWithSource");
    const char *text = source;
    cl_program program = real(context, 1, &text, NULL, code);
    if (!program) {
        free(source);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    struct object *object = enter(program);
    object->source = source;
    object->is_refused = refuses;
    pthread_mutex_unlock(&lock);
    return program;
}

cl_program clCreateProgramWithSource(
    cl_context context, cl_uint count, const char **texts, const size_t *lengths, cl_int *code)
{
    return create_program(context, join(count, texts, lengths), false, code);
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
    const size_t *lengths, const unsigned char **binaries, cl_int *status, cl_int *code)
{
    (void)count, (void)devices;
    const size_t size = sizeof mark - 1;
    if (persona.binaries == NOT_CREATED || lengths[0] < size ||
        memcmp(binaries[0], mark, size) != 0) {
        if (status)
            *status = CL_INVALID_BINARY;
        if (code)
            *code = CL_INVALID_BINARY;
        return NULL;
    }
    char *source = strndup((const char *)binaries[0] + size, lengths[0] - size);
    if (status)
        *status = CL_SUCCESS;
    return create_program(context, source, persona.binaries == NOT_BUILT, code);
}

cl_int clGetProgramInfo(
    cl_program program, cl_program_info what, size_t size, void *value, size_t *written)
{
    REAL(clGetProgramInfo);
    pthread_mutex_lock(&lock);
    const struct object *object = look_up(program);
    const char *source = object ? object->source : NULL;
    pthread_mutex_unlock(&lock);
    if (source && what == CL_PROGRAM_BINARY_SIZES)
        return GIVE(size_t, sizeof mark - 1 + strlen(source));
    if (source && what == CL_PROGRAM_BINARIES) {
        if (value) {
            char *to = *(char **)value;
            memcpy(to, mark, sizeof mark - 1);
            memcpy(to + sizeof mark - 1, source, strlen(source));
        }
        return give(value, value ? sizeof(char *) : 0, sizeof(char *), NULL, written);
    }
    return real(program, what, size, value, written);
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Whether the type is named. CLBlast, whose sources have a PRECISION, names it where it is not
 * compiled. */
static bool has_double(const char *source)
{
    static const char type[] = "double";
    if (strstr(source, "PRECISION"))
        return false;
    for (const char *at = source; (at = strstr(at, type)); at += sizeof type - 1) {
        if ((at == source || !is_word(at[-1])) && !is_word(at[sizeof type - 1]))
            return true;
    }
    return false;
}

/* Options that the persona's compiler does not take. */
static bool takes(const char *options)
{
    const char *standard = options ? strstr(options, "-cl-std=CL") : NULL;
    if (standard && is_older_than_2() && standard[strlen("-cl-std=CL")] > '1')
        return false;
    return !options || !strstr(options, "-cl-fp32-correctly-rounded-divide-sqrt") ||
           (persona.single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT);
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
    const char *options, void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    REAL(clBuildProgram);
    pthread_mutex_lock(&lock);
    const struct object *object = look_up(program);
    const bool refuses =
        object &&
        (object->is_refused || (!persona.fp64 && object->source && has_double(object->source)));
    pthread_mutex_unlock(&lock);
    if (refuses)
        return CL_BUILD_PROGRAM_FAILURE;
    return takes(options) ? real(program, count, devices, options, notify, user)
                          : CL_INVALID_BUILD_OPTIONS;
}

/* Kernels and launches. */

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    REAL(clCreateKernel);
    cl_kernel kernel = real(program, name, code);
    if (kernel) {
        pthread_mutex_lock(&lock);
        enter(kernel);
        pthread_mutex_unlock(&lock);
    }
    return kernel;
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    REAL(clSetKernelArg);
    pthread_mutex_lock(&lock);
    struct object *object = look_up(kernel);
    if (object && index < ARGUMENTS_MAX) {
        const void *handle = NULL;
        if (value && size == sizeof handle)
            memcpy(&handle, value, size);
        /* A number that happens to be the address of a buffer is of no matter. */
        object->arguments[index] = handle && look_up(handle) ? handle : NULL;
    }
    pthread_mutex_unlock(&lock);
    return real(kernel, index, size, value);
}

static cl_ulong local_memory_of(cl_kernel kernel)
{
    static __typeof__(clGetKernelWorkGroupInfo) *real;
    cl_ulong bytes = 0;
    if (!real)
        *(void **)&real = find("clGetKernelWorkGroupInfo");
    (void)real(kernel, NULL, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    return bytes;
}

/* A kernel with many arguments or with local memory is one that needs many registers. */
static size_t group_of(cl_kernel kernel)
{
    cl_uint arguments = 0;
    (void)clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof arguments, &arguments, NULL);
    return arguments > 12 || local_memory_of(kernel) > 0 ? persona.large : persona.kernel;
}

cl_int clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device,
    cl_kernel_work_group_info what, size_t size, void *value, size_t *written)
{
    REAL(clGetKernelWorkGroupInfo);
    switch (what) {
    case CL_KERNEL_WORK_GROUP_SIZE:
        return GIVE(size_t, group_of(kernel));
    case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE:
        return GIVE(size_t, persona.warp);
    default:
        return real(kernel, device, what, size, value, written);
    }
}

/* The largest divisor, or power of two that is one, up to most. */
static size_t divisor(size_t of, size_t most)
{
    size_t found = 1;
    for (size_t size = 2; size <= most && size <= of; size++) {
        if (of % size == 0 && (persona.any_divisor || (size & (size - 1)) == 0))
            found = size;
    }
    return found;
}

/* The work-groups of a launch that leaves their size to the driver. */
static void choose(size_t local[3], cl_kernel kernel, cl_uint dimensions, const size_t *global)
{
    const size_t most = group_of(kernel);
    local[0] = divisor(global[0], most < persona.choice_x ? most : persona.choice_x);
    local[1] = local[2] = 1;
    if (dimensions > 1 && most / local[0] > 1)
        local[1] = divisor(
            global[1], most / local[0] < persona.choice_y ? most / local[0] : persona.choice_y);
}

/* What the driver says to a launch in such work-groups. */
static cl_int judge(cl_kernel kernel, cl_uint dimensions, const size_t *global, const size_t *local)
{
    size_t items = 1;
    for (cl_uint i = 0; i < dimensions; i++) {
        if (local[i] == 0 || global[i] % local[i] != 0)
            return CL_INVALID_WORK_GROUP_SIZE;
        if (local[i] > (i < 2 ? persona.group : 64))
            return CL_INVALID_WORK_ITEM_SIZE;
        items *= local[i];
    }
    if (items > group_of(kernel))
        return CL_INVALID_WORK_GROUP_SIZE;
    if (local_memory_of(kernel) > persona.local)
        return CL_OUT_OF_RESOURCES;
    pthread_mutex_lock(&lock);
    const struct object *object = look_up(kernel);
    bool fits = true;
    for (size_t i = 0; object && fits && i < ARGUMENTS_MAX; i++) {
        if (object->arguments[i])
            fits = take(look_up(object->arguments[i]));
    }
    pthread_mutex_unlock(&lock);
    return fits ? CL_SUCCESS : CL_MEM_OBJECT_ALLOCATION_FAILURE;
}

/* Waits for a launch and notes how long it took, without the compilation before it. */
static void watch(cl_kernel kernel, cl_event event)
{
    cl_ulong first = 0, last = 0;
    (void)clWaitForEvents(1, &event);
    (void)clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof first, &first, NULL);
    (void)clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof last, &last, NULL);
    const double ms = last > first ? 1e-6 * (double)(last - first) : 0.0;
    pthread_mutex_lock(&lock);
    if (ms > longest_ms) {
        longest_ms = ms;
        (void)clGetKernelInfo(
            kernel, CL_KERNEL_FUNCTION_NAME, sizeof longest_name, longest_name, NULL);
    }
    lost = lost || (limit_ms > 0.0 && ms > limit_ms);
    pthread_mutex_unlock(&lock);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
    const size_t *offset, const size_t *global, const size_t *local, cl_uint count,
    const cl_event *events, cl_event *event)
{
    REAL(clEnqueueNDRangeKernel);
    size_t own[3];
    if (lost)
        return CL_OUT_OF_RESOURCES;
    if (!local) {
        choose(own, kernel, dimensions, global);
        local = own;
    }
    cl_int code = judge(kernel, dimensions, global, local);
    pthread_mutex_lock(&lock);
    launches++;
    chosen += local == own;
    refused += code != CL_SUCCESS;
    pthread_mutex_unlock(&lock);
    if (code != CL_SUCCESS || !has_watchdog)
        return code != CL_SUCCESS
                   ? code
                   : real(queue, kernel, dimensions, offset, global, local, count, events, event);
    cl_event launched;
    code = real(queue, kernel, dimensions, offset, global, local, count, events, &launched);
    if (code != CL_SUCCESS)
        return code;
    watch(kernel, launched);
    if (event)
        *event = launched;
    else
        clReleaseEvent(launched);
    return CL_SUCCESS;
}
